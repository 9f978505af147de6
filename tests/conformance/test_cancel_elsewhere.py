"""A run that is cancelled by another app, as in another process, than the one that drives it, by several, or while it
is undone."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.conformance.apps import OwnTime, Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, ask, fail, recorded
from tests.conformance.test_cancel import never, reason_of
from tests.conformance.waiting import a_timer, in_time
from waystation import StepContext, step, workflow
from waystation.core.entries import CancelRequested, StepFailed, StepSucceeded

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("heeds", [True, False])
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "side by side"])
@behaviour(
    "run",
    "A run may be cancelled from any process: the one that drives it notices while its steps are in flight.",
    verdict="new",
)
async def test_a_run_is_cancelled_from_another_app_while_its_steps_are_in_flight(
    beside: bool, heeds: bool, place: Place
) -> None:
    began = asyncio.Barrier(3 if beside else 2)

    @step
    async def working(number: int, ctx: StepContext) -> int:
        await began.wait()
        await (ctx.cancelled() if heeds else asyncio.Event().wait())
        return number

    building = workflow("flow", input=int, output=int)
    flow = (
        building.parallel([working.clone(id="a"), working.clone(id="b")]).then(never_both).commit()
        if beside
        else building.then(add_one).then(working).then(never).commit()
    )
    async with in_time(), place.app(flow) as driving, place.app(flow) as other:
        run = await driving.get_workflow(flow).create_run(run_id="r1")
        waiting = asyncio.create_task(run.start(1))
        await began.wait()
        result = await (await other.get_run("r1")).cancel(reason="from afar", grace=timedelta(0 if not heeds else 1))
        assert reason_of(result) == "from afar"
        assert reason_of(await waiting) == "from afar"


@step
async def never_both(numbers: dict[str, int]) -> int:
    raise AssertionError("nothing follows in a run that is cancelled")


@behaviour(
    "run",
    "Of many who cancel at once, from several processes, one is recorded and all are given the result.",
    verdict="new",
)
async def test_many_cancel_at_once(place: Place) -> None:
    began = asyncio.Event()

    @step
    async def working(number: int, ctx: StepContext) -> int:
        began.set()
        await ctx.cancelled()
        return number

    flow = workflow("flow", input=int, output=int).then(working).commit()
    async with in_time(), place.app(flow) as driving, place.app(flow) as other:
        run = await driving.get_workflow(flow).create_run(run_id="r1")
        await run.start_async(1)
        await began.wait()
        same = await other.get_run("r1")
        cancels = [each.cancel(reason=str(number)) for number in range(5) for each in (run, same)]
        reasons = {reason_of(result) for result in await asyncio.gather(*cancels)}
        assert len(reasons) == 1
        assert len(await recorded(run, CancelRequested)) == 1


@behaviour("run", "Who cancels a run that is being undone is given the result, and changes nothing.", verdict="new")
@pytest.mark.parametrize("undone_for", ["failed", "cancelled"])
async def test_a_second_canceller_while_undoing_changes_nothing(undone_for: str, place: Place) -> None:
    undoing, go_on = asyncio.Event(), asyncio.Event()

    @step
    async def unbook(number: int) -> None:
        undoing.set()
        await go_on.wait()

    @step(undo=unbook)
    async def book(number: int) -> int:
        return number

    ending = fail if undone_for == "failed" else ask
    flow = workflow("flow", input=int, output=int).then(book).then(ending).commit()
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(1)
        if undone_for == "cancelled":
            await run.wait()
            await run.cancel_async(reason="first")
        await undoing.wait()
        second = asyncio.create_task(run.cancel(reason="second", grace=timedelta(0)))
        await asyncio.sleep(0.01)  # were the compensation cut off, it would be by now
        go_on.set()
        result = await second
        assert result.status == undone_for
        assert [entry.address for entry in await recorded(run, StepSucceeded)] == ["book", "book~undo"]
        assert len(await recorded(run, CancelRequested)) == (undone_for == "cancelled")


@behaviour(
    "run",
    "A run whose step has failed while others beside it still run has not failed yet: cancelled then, it is cancelled.",
    verdict="same",
    model=(55,),
)
async def test_a_cancel_comes_before_a_failure_that_has_not_reached_the_run(place: Place) -> None:
    began = asyncio.Event()

    @step
    async def bad(number: int) -> int:
        await began.wait()
        raise ValueError("first")

    @step
    async def slow(number: int, ctx: StepContext) -> int:
        began.set()
        await ctx.cancelled()
        return number

    flow = workflow("flow", input=int, output=dict[str, int]).parallel([bad, slow]).commit()
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(1)
        async for event in run.events():
            if event.type == "step-failed":
                break
        assert (await run.cancel()).status == "cancelled"
        assert [entry.address for entry in await recorded(run, StepFailed)] == ["bad"]


@behaviour(
    "run",
    "A process that ends between a cancel and the run's end: another ends the run.",
    verdict="new",
)
async def test_a_cancel_outlives_the_process_that_heard_it(place: Place) -> None:
    clock = OwnTime()
    began = asyncio.Event()

    @step
    async def hanging(number: int) -> int:
        began.set()
        await asyncio.Event().wait()
        return number

    flow = workflow("flow", input=int, output=int).then(hanging).commit()
    async with in_time():
        async with place.app(flow, clock=clock, grace=timedelta(0)) as app:
            run = await app.get_workflow(flow).create_run(run_id="r1")
            await run.start_async(1)
            await began.wait()
            await run.cancel_async(reason="enough", grace=timedelta(hours=1))
            await a_timer(clock)
        began.clear()
        async with place.app(flow, clock=clock) as app:
            assert reason_of(await (await app.get_run("r1")).wait()) == "enough"
    assert not began.is_set(), "the step is not begun again"
