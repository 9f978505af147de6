"""What the recovery does about runs whose time has come: each is taken once, and what cannot be is no work."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from tests.conformance.apps import OwnTime
from waystation import FlowContext, StepContext, Waystation, Workflow, step, workflow
from waystation.core.refs import Millis
from waystation.store.memory import MemoryStore
from waystation.store.records import RunRecord, WorkflowKey

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)


class Looks(MemoryStore):
    """Counts how often someone looked for runs that nobody drives, and tells of each."""

    def __init__(self) -> None:
        super().__init__()
        self.times = 0
        self.looked = asyncio.Condition()

    async def claimable(self, workflows: Sequence[WorkflowKey], now: Millis, *, limit: int) -> Sequence[str]:
        found = await super().claimable(workflows, now, limit=limit)
        async with self.looked:
            self.times += 1
            self.looked.notify_all()
        return found

    async def close(self) -> None:
        """It stays open, for the next app."""


def sleeping(first: str, woken: list[int]) -> Workflow[int, int]:
    """A workflow whose first step has this id, and that sleeps as many hours as it is given."""

    @step(id=first)
    async def begin(hours: int) -> int:
        return hours

    @step
    async def wake(hours: int) -> int:
        woken.append(hours)
        return hours

    def how_long(hours: int, ctx: FlowContext) -> timedelta:
        return hours * HOUR

    return workflow("sleeping", input=int, output=int).then(begin).sleep(how_long, id="nap").then(wake).commit()


def app_of(flow: Workflow[int, int], store: Looks, clock: OwnTime) -> Waystation:
    """An app whose recovery looks when a time comes, and else as good as never."""
    return Waystation(workflows=[flow], store=store, clock=clock, recover_every=timedelta(days=1))


async def until_parked(app: Waystation, count: int) -> None:
    while len((await app.list_runs(status="waiting")).runs) < count:
        await asyncio.sleep(0)


async def test_a_due_run_that_the_code_does_not_fit_is_left_alone_and_keeps_no_other_from_waking() -> None:
    clock, store, woken = OwnTime(), Looks(), list[int]()
    old, new = sleeping("old", woken), sleeping("new", woken)
    async with app_of(old, store, clock) as app:
        await app.get_workflow(old).start_async(1, run_id="of-the-old-code")
        await until_parked(app, 1)
    store.times = 0
    async with app_of(new, store, clock) as app:
        runs = [await app.get_workflow(new).start_async(hours) for hours in (2, 3)]
        await until_parked(app, 3)
        for _run in runs:
            clock.move(timedelta(hours=1.5))  # at the first move the unfit one becomes due too, and stays so
            for _ in range(1000):
                await asyncio.sleep(0)  # whoever looks again and again has every chance to
        assert [(await run.wait()).status for run in runs] == ["success", "success"]
        assert woken == [2, 3]
        assert store.times <= 8, "a look for each time that came, not one after the other"
        assert (await app.list_runs(status="waiting")).runs[0].run_id == "of-the-old-code"


async def test_an_app_that_recovers_nothing_does_not_keep_looking_at_the_due_runs_of_others() -> None:
    clock, store, woken = OwnTime(), Looks(), list[int]()
    flow = sleeping("begin", woken)
    async with app_of(flow, store, clock) as app:
        await app.get_workflow(flow).start_async(1, run_id="r1")
        await until_parked(app, 1)
    clock.move(2 * HOUR)
    asked = 0

    class Asks(Looks):
        async def next_wake(self, workflows: Sequence[WorkflowKey], *, after: Millis | None = None) -> Millis | None:
            nonlocal asked
            asked += 1
            return await store.next_wake(workflows, after=after)

    async with Waystation(workflows=[flow], store=Asks(), clock=clock, recover=False, recover_every=timedelta(days=1)):
        for _ in range(1000):
            await asyncio.sleep(0)
    assert asked <= 2
    assert woken == []


async def test_more_due_runs_than_one_look_takes_are_taken_one_look_after_the_other() -> None:
    clock, store, woken = OwnTime(), Looks(), list[int]()
    flow = sleeping("begin", woken)
    count = 450  # a look takes 200
    async with app_of(flow, store, clock) as app:
        runs = [await app.get_workflow(flow).start_async(1) for _ in range(count)]
        while (await app.list_runs(status="running", limit=1)).runs:
            await asyncio.sleep(0)
        clock.move(HOUR)
        results = await asyncio.gather(*(run.wait() for run in runs))
    assert {result.status for result in results} == {"success"}
    assert len(woken) == count


async def test_a_run_that_met_a_fault_as_it_was_taken_over_is_woken_again_once_an_answer_had_it_driven() -> None:
    class Faulty(Looks):
        faults = 0

        async def claim(self, run_id: str, worker_id: str, now: Millis) -> RunRecord | None:
            if self.faults < 1:
                self.faults += 1
                raise ValueError("a fault")
            return await super().claim(run_id, worker_id, now)

    @step(suspend=str, resume=int)
    async def ask(hours: int, ctx: StepContext[str, int]) -> int:
        if ctx.resume_data is None:
            await ctx.suspend("how long?")
        return hours

    @step
    async def after(given: dict[str, int]) -> int:
        return given["ask"]

    nap = workflow("nap", input=int, output=int).sleep(HOUR, id="first").commit()
    flow = workflow("flow", input=int, output=int).parallel([ask, nap]).then(after).sleep(HOUR, id="second").commit()
    clock, store = OwnTime(), Faulty()
    async with app_of(flow, store, clock) as app:
        run = await app.get_workflow(flow).create_run()
        assert (await run.start(1)).status == "suspended"
        clock.move(2 * HOUR)
        while not store.faults:
            await asyncio.sleep(0)
        await run.resume_async(data=1)
        await until_parked(app, 1)
        clock.move(2 * HOUR)
        async with asyncio.timeout(5):
            assert (await run.wait()).status == "success"
