"""What histories with a faulty store have found, each told alone: without dice, and with what it was about."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import pytest

from waystation import Retry, RunResult, StepContext, Waystation, Workflow, step, workflow
from waystation.core.encoding import decode_entry
from waystation.core.entries import (
    CancelRequested,
    EventReceived,
    OnceRecorded,
    RunStarted,
    StepBailed,
    StepSucceeded,
)
from waystation.errors import StoreUnavailable
from waystation.store.memory import MemoryStore
from waystation.store.protocol import StoreTransaction
from waystation.store.records import Commit, MakeCommit, RunFilter, RunRecord

pytestmark = pytest.mark.anyio


class Unlucky(MemoryStore):
    """A store that does something before or after the commits of some entries.

    Attributes:
        before, after: what to do, by the kind of entry; each once.
        reads_to_fail: how many reads of the journal are not to succeed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.before: dict[type, Callable[[], Awaitable[None]]] = {}
        self.after: dict[type, Callable[[], Awaitable[None]]] = {}
        self.reads_to_fail = 0

    async def read(self, run_id: str, *, after: int = 0, limit: int | None = None) -> Sequence[bytes]:
        """See ``Store``."""
        if self.reads_to_fail:
            self.reads_to_fail -= 1
            await away()
        return await super().read(run_id, after=after, limit=limit)

    async def commit(self, commit: Commit, *, within: StoreTransaction | None = None) -> None:
        """See ``Store``."""
        kinds = {type(decode_entry(entry)) for entry in commit.entries}
        await asyncio.sleep(0)  # a disk or a server would have others go on meanwhile
        for kind in kinds & self.before.keys():
            await self.before.pop(kind)()
        await super().commit(commit, within=within)
        for kind in kinds & self.after.keys():
            await self.after.pop(kind)()


class Doubling(Unlucky):
    """One where each claim arrives twice."""

    async def claim(self, run_id: str, worker_id: str, now: int) -> RunRecord | None:
        """See ``Store``."""
        record = await super().claim(run_id, worker_id, now)
        await super().claim(run_id, worker_id, now)
        return record


class Optimistic(MemoryStore):
    """One that writes on top as one on a server does: it reads, decides, and compares as it writes.

    Attributes:
        decided, parked: set when someone has decided, and when a driver has parked a run without an entry, after that.
    """

    def __init__(self) -> None:
        super().__init__()
        self.decided, self.parked = asyncio.Event(), asyncio.Event()

    async def commit(self, commit: Commit, *, within: StoreTransaction | None = None) -> None:
        """See ``Store``."""
        if not commit.entries:
            await self.decided.wait()
        await super().commit(commit, within=within)
        if not commit.entries:
            self.parked.set()

    async def commit_on_top(self, run_id: str, after: int, make: MakeCommit) -> None:
        """See ``Store``."""
        record = await self.get_run(run_id)
        assert record is not None
        commit = make(record, await self.read(run_id, after=after))
        self.decided.set()
        await self.parked.wait()
        await self.commit(commit)


async def away() -> None:
    """The answer is lost, and nobody can find out what has become of the write."""
    raise StoreUnavailable("the answer was lost")


async def test_a_step_that_ended_while_another_was_being_recorded_is_not_run_again_as_the_journal_moves() -> None:
    store = Unlucky()
    ran: list[str] = []
    first_is_being_recorded, second_has_ended, both_are_recorded = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @step
    async def first(number: int) -> int:
        ran.append("first")
        return number

    @step
    async def second(number: int) -> int:
        ran.append("second")
        await first_is_being_recorded.wait()
        second_has_ended.set()
        return number

    @step
    async def third(number: int) -> int:
        ran.append("third")  # as long as it runs, the input of all three is at hand
        await both_are_recorded.wait()
        return number

    flow = workflow("flow", input=int, output=int).parallel([first, second, third]).wait_for("paid", int).commit()
    async with Waystation(workflows=[flow], store=store) as app:
        run = await app.get_workflow(flow).create_run()

        async def someone_comes_between() -> None:
            first_is_being_recorded.set()
            await second_has_ended.wait()
            await asyncio.sleep(0)
            await run.send_event("paid", 1)
            store.after[StepSucceeded] = the_first_is_recorded

        async def the_first_is_recorded() -> None:
            store.after[StepSucceeded] = the_second_is_recorded

        async def the_second_is_recorded() -> None:
            both_are_recorded.set()

        store.before[StepSucceeded] = someone_comes_between
        result = await _in_time(run.start(1))
        entries = await run.journal()
    assert result.status == "success"
    assert ran == ["first", "second", "third"]
    kinds = [type(entry) for entry in entries]
    assert kinds.index(EventReceived) < kinds.index(StepSucceeded), "the journal has moved under the driver"


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_run_whose_start_was_written_though_its_answer_was_lost_goes_on_in_the_process_that_has_it(
    *, at_once: bool
) -> None:
    store = Unlucky()
    flow = _short()
    async with Waystation(workflows=[flow], store=store, recover_every=timedelta(hours=1)) as app:
        run = await app.get_workflow(flow).create_run()
        store.after[RunStarted] = away
        with pytest.raises(StoreUnavailable):
            await (run.start(1) if at_once else run.start_async(1))
        result = await _in_time(run.wait())
    assert result.status == "success"


async def test_a_claim_that_comes_late_and_of_which_its_process_knows_nothing_does_not_leave_the_run_to_nobody() -> (
    None
):
    store = Unlucky()
    ran: list[int] = []

    @step
    async def overtaken(number: int) -> int:
        ran.append(number)
        if len(ran) == 1:
            (record,) = (await store.list_runs(RunFilter(), limit=1)).runs
            assert record.owner is not None
            assert await store.claim(record.run_id, record.owner, record.updated_at) is not None
        return number

    flow = workflow("flow", input=int, output=int).then(overtaken).commit()
    async with Waystation(workflows=[flow], store=store, recover_every=timedelta(milliseconds=1)) as app:
        result = await _in_time(app.get_workflow(flow).start(1))
    assert result.status == "success"
    assert ran == [1, 1], "what came of the first was written under an epoch that was over"


async def test_a_claim_that_arrived_twice_is_a_claim() -> None:
    store = Doubling()
    store.after[RunStarted] = away
    flow = _short()
    async with Waystation(workflows=[flow], store=store) as app:
        run = await app.get_workflow(flow).create_run()
        with pytest.raises(StoreUnavailable):
            await run.start_async(1)
        result = await _in_time(run.wait())
    assert result.status == "success"


async def test_an_event_that_is_written_just_as_a_run_is_parked_without_an_entry_wakes_it() -> None:
    store = Optimistic()
    flow = workflow("flow", input=int, output=int).wait_for("paid", int).commit()
    async with Waystation(workflows=[flow], store=store) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(1)
        await run.send_event("paid", 2)
        result = await _in_time(run.wait())
        assert store.parked.is_set()
    assert result.status == "success"


async def test_what_was_done_once_is_not_done_again_while_the_end_of_its_workflow_is_being_recorded() -> None:
    store = Unlucky()
    done: list[int] = []
    tried_again, bail_is_being_recorded = asyncio.Event(), asyncio.Event()

    @step
    async def bails(number: int, ctx: StepContext) -> int:
        await tried_again.wait()
        await ctx.bail(number)

    @step(retry=Retry(attempts=2, initial=timedelta(milliseconds=1)))
    async def records(number: int, ctx: StepContext) -> int:
        if ctx.attempt == 2:
            tried_again.set()
            await bail_is_being_recorded.wait()
        await ctx.once("mail", lambda: done.append(number))
        raise ValueError("once more")

    async def take_a_while() -> None:
        bail_is_being_recorded.set()
        for _ in range(10):
            await asyncio.sleep(0)

    store.before[StepBailed] = take_a_while
    flow = workflow("flow", input=int, output=int).parallel([bails, records]).map(lambda _: 0, output=int).commit()
    async with Waystation(workflows=[flow], store=store) as app:
        result = await _in_time(app.get_workflow(flow).start(1))
    assert result.status == "success"
    assert done == [1]


async def test_what_is_done_once_can_be_asked_for_while_it_is_being_recorded() -> None:
    store = Unlucky()
    done: list[int] = []
    is_being_recorded = asyncio.Event()

    @step
    async def asks_twice(number: int, ctx: StepContext) -> int:
        async def mail() -> int:
            done.append(number)
            return len(done)

        async def later() -> int:
            await is_being_recorded.wait()
            return await ctx.once("mail", mail)

        async with asyncio.TaskGroup() as group:
            both = [group.create_task(ctx.once("mail", mail)), group.create_task(later())]
        return sum(each.result() for each in both)

    async def take_a_while() -> None:
        is_being_recorded.set()
        for _ in range(10):
            await asyncio.sleep(0)

    store.before[OnceRecorded] = take_a_while
    flow = workflow("flow", input=int, output=int).then(asks_twice).commit()
    async with Waystation(workflows=[flow], store=store) as app:
        result = await _in_time(app.get_workflow(flow).start(1))
    assert result.status == "success"
    assert result.result == 2
    assert done == [1]


async def test_a_look_that_the_store_does_not_allow_is_taken_again_while_the_step_runs() -> None:
    store = Unlucky()
    told = asyncio.Event()

    async def fail_two_reads() -> None:
        store.reads_to_fail = 2

    store.after[CancelRequested] = fail_two_reads

    @step
    async def patient(number: int, ctx: StepContext) -> int:
        await run.cancel_async(grace=timedelta(days=1))
        await ctx.cancelled()
        told.set()
        return number

    flow = workflow("flow", input=int, output=int).then(patient).commit()
    async with Waystation(workflows=[flow], store=store, look_every=timedelta(days=1)) as app:
        run = await app.get_workflow(flow).create_run()
        result = await _in_time(run.start(1))
    assert result.status == "cancelled"
    assert told.is_set()
    assert not store.reads_to_fail


async def _in_time(result: Awaitable[RunResult[int]]) -> RunResult[int]:
    """A run that nobody goes on with is to be told, rather than to be waited for."""
    async with asyncio.timeout(20):
        return await result


def _short() -> Workflow[int, int]:
    @step
    async def add_one(number: int) -> int:
        return number + 1

    return workflow("flow", input=int, output=int).then(add_one).commit()
