"""What histories with a faulty store met so seldom that only a kept seed showed it: each told alone, without dice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

import pytest

from tests.simulation.faulty.test_found import Unlucky, away
from waystation import StepContext, Waystation, step, workflow
from waystation.core.encoding import encode_entry
from waystation.core.entries import CancelRequested, OnceRecorded, StepSucceeded, StepWrote
from waystation.core.refs import Millis
from waystation.errors import StoreUnavailable
from waystation.store.records import RunRecord, StoredRun, WorkflowKey
from waystation.testing.store_suite.writes import commit

pytestmark = pytest.mark.anyio


class Seldom(Unlucky):
    """One that can also fail as a run is loaded, and where a look for free runs can take its time.

    Attributes:
        loads_to_fail: how many loads are not to succeed.
        believed_free: runs that the next look takes for free; who asks for the first of them is held back with the
            answer, until ``go_on``.
        looking: set when it is.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loads_to_fail = 0
        self.believed_free: list[str] = []
        self.looking, self.go_on = asyncio.Event(), asyncio.Event()
        self._held = ""

    async def load(self, run_id: str) -> StoredRun | None:
        """See ``Store``."""
        if self.loads_to_fail:
            self.loads_to_fail -= 1
            await away()
        return await super().load(run_id)

    async def claimable(self, workflows: Sequence[WorkflowKey], now: Millis, *, limit: int) -> Sequence[str]:
        """See ``Store``."""
        if not self.believed_free:
            return await super().claimable(workflows, now, limit=limit)
        found, self.believed_free = self.believed_free, []
        self._held = found[0]
        return found

    async def get_run(self, run_id: str) -> RunRecord | None:
        """See ``Store``."""
        record = await super().get_run(run_id)
        if run_id == self._held:
            self._held = ""
            self.looking.set()
            await self.go_on.wait()
        return record


async def a_while() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_who_cannot_read_what_has_moved_the_journal_writes_nothing_on_top_of_it() -> None:
    store = Seldom()
    first_is_refused, second_is_recorded = asyncio.Event(), asyncio.Event()
    told: list[bool] = []

    @step
    async def first(number: int, ctx: StepContext) -> int:
        with suppress(StoreUnavailable):
            await ctx.once("first", lambda: number)
        first_is_refused.set()
        await second_is_recorded.wait()
        return number

    @step
    async def second(number: int, ctx: StepContext) -> int:
        await first_is_refused.wait()
        await ctx.once("second", lambda: number)
        told.append(ctx.is_cancelled)
        second_is_recorded.set()
        return number

    async def someone_cancels() -> None:
        # Beside the app, which so is not told: it has one entry more, as the commit that is under way would have.
        cancel = encode_entry(CancelRequested(at=1, grace_ms=86_400_000))
        await store.commit_on_top("r1", 0, lambda record, since: commit(len(since), cancel, epoch=record.epoch))
        store.loads_to_fail = 1

    store.before[OnceRecorded] = someone_cancels
    flow = workflow("flow", input=int, output=int).parallel([first, second]).map(lambda _: 0, output=int).commit()
    async with Waystation(workflows=[flow], store=store, look_every=timedelta(days=1)) as app, asyncio.timeout(20):
        run = await app.get_workflow(flow).create_run(run_id="r1")
        assert (await run.start(1)).status == "cancelled"
        recorded = [entry.name for entry in await run.journal() if isinstance(entry, OnceRecorded)]
    assert not store.loads_to_fail
    assert told == [True], "it was recorded by who did not know of the cancel"
    assert recorded == ["second"]


async def test_after_a_fault_a_driver_begins_nothing_more() -> None:
    store = Seldom()
    ran: list[str] = []
    first_is_being_recorded = asyncio.Event()

    @step
    async def first(number: int, ctx: StepContext) -> int:
        ran.append("first")
        return await ctx.once("first", lambda: number)

    @step
    async def second(number: int, ctx: StepContext) -> int:
        ran.append("second")
        await first_is_being_recorded.wait()
        # It waits for its turn, and then reads the journal anew: by that one the first step is still to be run.
        await ctx.once("second", lambda: number)
        await asyncio.Event().wait()
        return number

    async def take_a_while() -> None:
        first_is_being_recorded.set()
        await a_while()

    store.before[OnceRecorded] = take_a_while
    store.after[OnceRecorded] = away
    flow = workflow("flow", input=int, output=int).parallel([first, second]).map(lambda _: 0, output=int).commit()
    # Nobody drives the run anew, which would be right: what is begun here is begun by the driver that met the fault.
    async with Waystation(workflows=[flow], store=store, recover_every=timedelta(hours=1)) as app, asyncio.timeout(20):
        run = await app.get_workflow(flow).create_run()
        with pytest.raises(StoreUnavailable):
            await run.start(1)
    assert ran == ["first", "second"]


async def test_a_look_that_began_before_a_run_was_left_does_not_have_it_forgotten() -> None:
    store = Seldom()
    someone_waits = asyncio.Event()

    @step
    async def add_one(number: int) -> int:
        return number + 1

    async def be_lost() -> None:
        await someone_waits.wait()
        await away()

    flow = workflow("flow", input=int, output=int).wait_for("paid", int).then(add_one).commit()
    async with (
        Waystation(workflows=[flow], store=store, recover_every=timedelta(milliseconds=1)) as app,
        asyncio.timeout(20),
    ):
        run = await app.get_workflow(flow).create_run()
        await run.start_async(1)
        while await run.status() != "waiting":
            await asyncio.sleep(0)
        store.believed_free = [run.run_id]
        await store.looking.wait()
        # By what the look has read the run waits for an event: there is nothing to do for it.
        store.before[StepSucceeded] = be_lost
        await run.send_event("paid", 2)
        waiting = asyncio.create_task(run.wait())
        await a_while()
        someone_waits.set()
        with pytest.raises(StoreUnavailable):
            await waiting
        store.go_on.set()
        result = await run.wait()
    assert result.status == "success"
    assert result.result == 3


async def test_of_what_a_step_wrote_nothing_is_lost_though_the_store_failed_beside_it() -> None:
    store = Seldom()
    has_failed = asyncio.Event()

    @step
    async def writes(number: int, ctx: StepContext) -> int:
        await ctx.write(number)
        await has_failed.wait()
        await a_while()
        return number

    async def fail() -> None:
        has_failed.set()
        await away()

    store.before[StepWrote] = fail
    flow = workflow("flow", input=int, output=int).then(writes).commit()
    async with Waystation(workflows=[flow], store=store, recover_every=timedelta(hours=1)) as app, asyncio.timeout(20):
        run = await app.get_workflow(flow).create_run()
        with pytest.raises(StoreUnavailable):
            await run.start(1)
        assert not any(isinstance(entry, StepSucceeded) for entry in await run.journal()), "without what it wrote"
