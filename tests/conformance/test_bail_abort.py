"""``ctx.bail`` ends the workflow that a step is in, with a result; ``ctx.abort`` cancels the run."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.conformance.apps import OwnTime, Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, ask, double, lost, recorded, until, won
from waystation import StepContext, step, workflow
from waystation.core.entries import CancelRequested, StepBailed, StepCancelled, StepSucceeded
from waystation.errors import NotSuspended

pytestmark = pytest.mark.anyio


@step
async def enough(number: int, ctx: StepContext) -> int:
    """Bails with a hundred, unless it is given a small number."""
    if number >= 5:
        await ctx.bail(100)
    return number


@step
def enough_sync(number: int, ctx: StepContext) -> int:
    ctx.bail_sync(100)


@behaviour(
    "step", "bail ends the workflow well, with its result; what comes after does not run", verdict="same", model=(15,)
)
@pytest.mark.parametrize("how", [enough, enough_sync], ids=["async", "sync"])
async def test_bail_ends_the_run_well(how: Any, place: Place) -> None:
    flow = workflow("flow", input=int, output=int).then(add_one).then(how).then(double).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert won(await run.start(7)) == 100
        assert [entry.address for entry in await recorded(run, StepSucceeded)] == ["add-one"]
        (bailed,) = await recorded(run, StepBailed)
    assert bytes(bailed.output) == b"100"


@behaviour(
    "step",
    "bail in a nested workflow ends only that; the one around it goes on with its result",
    verdict="same",
    model=(16,),
)
async def test_bail_ends_only_the_nested_workflow(place: Place) -> None:
    inner = workflow("inner", input=int, output=int).then(enough).then(add_one).commit()
    outer = workflow("outer", input=int, output=int).then(inner).then(double).commit()
    flow = workflow("flow", input=int, output=int).then(outer).then(add_one).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(7)) == 201
        assert won(await app.get_workflow(flow).start(1)) == 5


@behaviour(
    "step",
    "bail in a parallel ends the workflow around it at once; the steps beside it are cancelled",
    verdict="better",
    model=(17,),
    why="only that branch ends, and the run goes on",
)
async def test_bail_in_a_parallel_cancels_the_siblings(place: Place) -> None:
    began, told = asyncio.Event(), asyncio.Event()

    @step
    async def endless(number: int, ctx: StepContext) -> int:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            if ctx.is_cancelled:
                told.set()
        return number

    @step
    async def bails(number: int, ctx: StepContext) -> int:
        await began.wait()
        await ctx.bail(7)

    @step
    async def after(_: dict[str, int]) -> int:
        raise AssertionError("what comes after a bail never runs")

    flow = workflow("flow", input=int, output=int).parallel([endless, bails, ask]).then(after).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert won(await run.start(1)) == 7
        assert await app.pending() == []
        with pytest.raises(NotSuspended):
            await run.resume(data=1)
        async with asyncio.timeout(20):
            await told.wait()
        assert await recorded(run, StepSucceeded) == []


@behaviour(
    "step",
    "bail in one of two nested workflows side by side ends that one; the other goes on",
    verdict="better",
    model=(17,),
    why="the run goes on with the rest of that workflow",
)
async def test_bail_leaves_a_workflow_beside_alone(place: Place) -> None:
    bailed = asyncio.Event()

    @step
    async def bails(number: int, ctx: StepContext) -> int:
        bailed.set()
        await ctx.bail(7)

    @step
    async def patient(number: int) -> int:
        await bailed.wait()
        return number

    one = workflow("one", input=int, output=int).then(bails).then(add_one).commit()
    two = workflow("two", input=int, output=int).then(patient).then(add_one).commit()
    flow = workflow("flow", input=int, output=dict[str, int]).parallel([one, two]).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) == {"one": 7, "two": 2}


@behaviour(
    "step",
    "bail in a foreach ends the workflow with a result of its type; items not begun never are",
    verdict="better",
    model=(18,),
    why="the run's result is that of the item, though it should be a list",
)
async def test_bail_in_a_foreach_ends_the_workflow(place: Place) -> None:
    began: list[int] = []

    @step
    async def bails_at_two(number: int, ctx: StepContext) -> int:
        began.append(number)
        if number == 2:
            await ctx.bail([-1, number])
        return number

    flow = workflow("flow", input=list[int], output=list[int]).foreach(bails_at_two).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start([0, 1, 2, 3, 4])) == [-1, 2]
    assert began == [0, 1, 2]


@behaviour(
    "step",
    "bail in a workflow that is an item ends that item alone",
    verdict="better",
    model=(18,),
    why="the whole run ends",
)
async def test_bail_in_an_item_that_is_a_workflow_ends_that_item(place: Place) -> None:
    inner = workflow("inner", input=int, output=int).then(enough).then(add_one).commit()
    flow = workflow("flow", input=list[int], output=list[int]).foreach(inner, concurrency=2).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start([1, 7, 2])) == [2, 100, 3]


@behaviour("step", "bail in a loop ends the workflow; there is no other turn", verdict="new")
async def test_bail_in_a_loop_ends_the_workflow(place: Place) -> None:
    @step
    async def bails_at_three(number: int, ctx: StepContext) -> int:
        if ctx.iteration == 3:
            await ctx.bail(-number)
        return number + 1

    flow = workflow("flow", input=int, output=int).do_while(bails_at_three, lambda _: True).then(double).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) == -3


@behaviour(
    "step",
    "bail with a result that is not of the workflow's output type fails the step",
    verdict="better",
    model=(23,),
    why="outputs are not checked",
)
async def test_bail_with_a_result_of_another_type_is_a_typed_error(place: Place) -> None:
    @step
    async def bails(number: int, ctx: StepContext) -> int:
        await ctx.bail("no number")

    inner = workflow("inner", input=int, output=int).then(bails).commit()
    flow = workflow("flow", input=int, output=str).then(inner).map(lambda n: f"#{n}", output=str).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        error = lost(await run.start(1))
        assert (error.code, error.type, error.address) == ("invalid_output", "InvalidOutput", "inner/bails")
        assert await recorded(run, StepBailed) == []


@behaviour("step", "A step may bail when it is answered, also after a restart", verdict="same", model=(15,))
async def test_bail_after_a_resume(place: Place) -> None:
    @step(suspend=str, resume=int)
    async def ask_and_bail(number: int, ctx: StepContext[str, int]) -> int:
        if ctx.resume_data is None:
            await ctx.suspend("?")
        await ctx.bail(number + ctx.resume_data)

    flow = workflow("flow", input=int, output=int).then(ask_and_bail).then(double).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        await run.start(1)
    async with place.app(flow) as app:
        assert won(await (await app.get_run("r1")).resume(data=2)) == 3


@behaviour("step", "A step that catches the end it asked for ends that way all the same", verdict="new")
async def test_a_swallowed_bail_is_a_bail(place: Place) -> None:
    @step
    async def swallows(number: int, ctx: StepContext) -> int:
        try:
            await ctx.bail(7)
        except BaseException:  # what a careless step may do
            return number

    flow = workflow("flow", input=int, output=int).then(swallows).then(double).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) == 7


@behaviour("step", "bail keeps what the step changed of the run state", verdict="new")
async def test_bail_keeps_what_the_step_set(place: Place) -> None:
    @step
    async def sets_and_bails(number: int, ctx: StepContext) -> int:
        await ctx.set_state(seen=number)
        await ctx.bail(number)

    @step
    async def look(_: int, ctx: StepContext) -> object:
        return ctx.state["seen"]

    inner = workflow("inner", input=int, output=int).then(sets_and_bails).then(add_one).commit()
    flow = workflow("flow", input=int, output=object, state=dict[str, object]).then(inner).then(look).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(3)) == 3


# --------------------------------------------------------------------------- abort


@behaviour("step", "abort cancels the run, for a reason; what comes after does not run", verdict="same", model=(19,))
@pytest.mark.parametrize("nested", [False, True])
async def test_abort_cancels_the_run(nested: bool, place: Place) -> None:
    @step
    async def aborts(number: int, ctx: StepContext) -> int:
        await ctx.abort("no use")

    inner = workflow("inner", input=int, output=int).then(aborts).commit()
    flow = workflow("flow", input=int, output=int).then(add_one).then(inner if nested else aborts).then(double).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        result = await run.start(1)
        assert result.status == "cancelled"
        assert result.reason == "no use"
        assert [entry.address for entry in await recorded(run, StepSucceeded)] == ["add-one"]
        (asked,) = await recorded(run, CancelRequested)
    assert (asked.address, asked.channel) == ("inner/aborts" if nested else "aborts", "step")


@behaviour(
    "step",
    "abort gives up what waits for people and times, and cuts off the steps beside it",
    verdict="same",
    model=(19,),
)
async def test_abort_gives_up_all_that_goes_on(place: Place) -> None:
    clock = OwnTime()
    opened = asyncio.Event()

    @step(suspend=str, resume=int)
    async def asks(number: int, ctx: StepContext[str, int]) -> int:
        opened.set()
        await ctx.suspend("?")

    @step
    async def endless(number: int, ctx: StepContext) -> int:
        await ctx.cancelled()
        return number

    @step
    async def aborts(number: int, ctx: StepContext) -> int:
        await opened.wait()
        await ctx.abort()

    nap = workflow("nap", input=int, output=int).sleep(timedelta(hours=1)).commit()
    flow = workflow("flow", input=int, output=dict[str, int]).parallel([asks, endless, nap, aborts]).commit()
    async with place.app(flow, clock=clock) as app:
        run = await app.get_workflow(flow).create_run()
        assert (await run.start(1)).status == "cancelled"
        assert await app.pending() == []
        assert [entry.address for entry in await recorded(run, StepSucceeded)] == ["endless"]
        assert [entry.address for entry in await recorded(run, StepCancelled)] == ["aborts"]


@behaviour("step", "abort in a step that is not async, and in one that catches its end, cancels the run", verdict="new")
@pytest.mark.parametrize("swallow", [False, True])
async def test_abort_sync(swallow: bool, place: Place) -> None:
    @step
    def aborts(number: int, ctx: StepContext) -> int:
        try:
            ctx.abort_sync("done")
        except BaseException:
            if not swallow:
                raise
        return number

    flow = workflow("flow", input=int, output=int).then(aborts).then(double).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(1)
        await until(run.events(), "run-finished")
        assert (await run.result()).status == "cancelled"
