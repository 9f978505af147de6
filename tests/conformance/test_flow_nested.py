"""Workflows as steps of others, to any depth."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, ask, double, fail, lost, recorded, waits, waits_at, won
from waystation import FlowContext, StepContext, step, workflow
from waystation.core.entries import OutputChecked, StepSucceeded
from waystation.errors import AmbiguousSuspension, UnknownStep

pytestmark = pytest.mark.anyio

review = workflow("review", input=int, output=int).then(add_one).then(ask).then(double).commit()
middle = workflow("middle", input=int, output=int).then(double).then(review).then(add_one.clone(id="last")).commit()
outer = workflow("outer", input=int, output=int).then(add_one).then(middle).then(double).commit()
"""(((1 + 1) * 2 + 1 + answer) * 2 + 1) * 2, asked three workflows deep."""


@behaviour("flow", "Workflows nest as steps, to any depth", verdict="same", model=(20,))
async def test_workflows_nest_as_steps(place: Place) -> None:
    low = workflow("low", input=int, output=int).then(add_one).then(double).commit()
    mid = workflow("mid", input=int, output=int).then(low).then(add_one).commit()
    top = workflow("top", input=int, output=int).then(mid).then(double).commit()
    async with place.app(top) as app:
        run = await app.get_workflow(top).create_run()
        assert won(await run.start(1)) == 10
        ran = [entry.address for entry in await recorded(run, StepSucceeded)]
    assert ran == ["mid/low/add-one", "mid/low/double", "mid/add-one", "double"]


@behaviour(
    "suspend",
    "A step suspended in a nested workflow is named by its path, by its workflow, by its id, or not at all",
    verdict="better",
    model=(41,),
    why="the step's own id is refused",
)
@pytest.mark.parametrize(
    "named",
    [
        "middle.review.ask",
        "middle/review/ask",
        "review.ask",
        "middle.review",
        "middle",
        "review",
        "ask",
        ask,
        review,
        middle,
        None,
    ],
    ids=str,
)
async def test_a_nested_suspension_is_named_in_many_ways(named: Any, place: Place) -> None:
    async with place.app(outer) as app:
        run = await app.get_workflow(outer).create_run(run_id="r1")
        (asked,) = waits(await run.start(1))
        assert (asked.address, asked.payload, asked.workflow_id) == ("middle/review/ask", "5?", "outer")
    async with place.app(outer) as app:
        again = await app.get_run("r1")
        assert won(await again.resume(step=named, data=5)) == 42


@behaviour(
    "suspend",
    "A path that no workflow has is refused, and the error lists the steps there are",
    verdict="same",
    model=(36, 41),
)
@pytest.mark.parametrize("named", ["middle.ask", "outer.middle", "middle.review.aks", "revue"])
async def test_an_unknown_path_is_refused(named: str, place: Place) -> None:
    async with place.app(outer) as app:
        run = await app.get_workflow(outer).create_run()
        await run.start(1)
        with pytest.raises(UnknownStep, match="'middle/review/ask'"):
            await run.resume(step=named, data=5)


@behaviour(
    "flow",
    "A nested workflow sees its own input as the workflow's input, and its own earlier outputs",
    verdict="same",
    model=(28,),
)
async def test_what_a_step_asks_for_is_that_of_its_own_workflow(place: Place) -> None:
    @step
    async def look(_: int, ctx: StepContext) -> list[object]:
        return [
            await ctx.get_init_data(int),
            await ctx.get_step_result(add_one),
            await ctx.get_step_result(double),
            await ctx.get_step_result(fail),
        ]

    inner = workflow("inner", input=int, output=list[object]).then(add_one).then(look).commit()
    flow = workflow("flow", input=int, output=list[object]).then(add_one).then(double).then(inner).commit()
    async with place.app(flow) as app:
        # Of the two add-one the nearer is meant; double is found in the workflow around; fail has not run.
        assert won(await app.get_workflow(flow).start(10)) == [22, 23, 22, None]


@behaviour("flow", "What a nested workflow gave can be asked for by itself or its id", verdict="same", model=(89,))
async def test_the_output_of_a_nested_workflow_can_be_asked_for(place: Place) -> None:
    inner = workflow("inner", input=int, output=int).then(add_one).then(double).commit()

    @step
    async def look(_: int, ctx: StepContext) -> list[object]:
        return [await ctx.get_step_result(inner), await ctx.get_step_result("inner")]

    flow = workflow("flow", input=int, output=list[object]).then(inner).then(add_one).then(look).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) == [4, 4]


@behaviour("flow", "A function of a nested workflow is told that workflow's id, input and address", verdict="new")
async def test_a_function_of_a_nested_workflow_sees_that_workflow(place: Place) -> None:
    async def look(number: int, ctx: FlowContext) -> list[object]:
        return [number, ctx.workflow_id, ctx.address, await ctx.get_init_data(int), await ctx.get_step_result(add_one)]

    inner = workflow("inner", input=int, output=list[object]).then(double).map(look, id="look").commit()
    flow = workflow("flow", input=int, output=list[object]).then(add_one).then(inner).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) == [4, "inner", "inner/look", 2, 2]


@behaviour(
    "flow",
    "The output of a nested workflow is held against what it declares",
    verdict="better",
    model=(23,),
    why="the output of a workflow is not checked",
)
async def test_the_output_of_a_nested_workflow_is_checked(place: Place) -> None:
    @step
    async def anything(number: int) -> Any:
        return "no number" if number == 1 else number

    inner = workflow("inner", input=int, output=int).then(anything).commit()
    flow = workflow("flow", input=int, output=int).then(inner).then(double).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        error = lost(await run.start(1))
        assert (error.code, error.address) == ("invalid_output", "inner")
        assert "'inner'" in error.message
        good = await app.get_workflow(flow).create_run()
        assert won(await good.start(2)) == 4
        assert [entry.address for entry in await recorded(good, OutputChecked)] == ["inner"]


@behaviour(
    "flow",
    "A nested workflow that fails fails the run, with the error and the place of its step",
    verdict="same",
    model=(20,),
)
async def test_a_failing_nested_workflow_fails_the_run(place: Place) -> None:
    low = workflow("low", input=int, output=int).then(fail).commit()
    mid = workflow("mid", input=int, output=int).then(low).then(add_one).commit()
    top = workflow("top", input=int, output=int).then(mid).then(double).commit()
    async with place.app(top) as app:
        run = await app.get_workflow(top).create_run()
        error = lost(await run.start(1))
        assert (error.address, error.type, error.message) == ("mid/low/fail", "ValueError", "not 1")
        assert await recorded(run, StepSucceeded) == []


@behaviour("flow", "A workflow is used twice by a clone with another id", verdict="same")
async def test_a_clone_of_a_workflow_stands_beside_it(place: Place) -> None:
    low = workflow("low", input=int, output=int).then(add_one).then(double).commit()
    flow = workflow("flow", input=int, output=int).then(low).then(low.clone(id="low-2")).commit()
    async with place.app(flow, low, low.clone(id="low-2")) as app:
        run = await app.get_workflow(flow).create_run()
        assert won(await run.start(1)) == 10
        ran = [entry.address for entry in await recorded(run, StepSucceeded)]
        assert won(await app.get_workflow("low-2").start(4)) == 10
    assert ran == ["low/add-one", "low/double", "low-2/add-one", "low-2/double"]


@behaviour(
    "suspend",
    "Two nested workflows suspended at once are answered one by one, also after a restart",
    verdict="same",
    model=(37, 41),
)
async def test_two_nested_workflows_suspended_at_once_are_both_answered(place: Place) -> None:
    flow = (
        workflow("flow", input=int, output=dict[str, int]).parallel([review, review.clone(id="second-review")]).commit()
    )
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        assert waits_at(await run.start(1)) == ["review/ask", "second-review/ask"]
        with pytest.raises(AmbiguousSuspension):
            await run.resume(step=ask, data=1)
        assert waits_at(await run.resume(step="second-review", data=10)) == ["review/ask"]
    async with place.app(flow) as app:
        assert won(await (await app.get_run("r1")).resume(step="review", data=20)) == {
            "review": 44,
            "second-review": 24,
        }


@behaviour(
    "suspend",
    "A step suspended in a loop of a nested workflow in a foreach is answered by item",
    verdict="same",
    model=(35, 43),
)
async def test_a_suspension_in_a_loop_in_a_workflow_in_a_foreach(place: Place) -> None:
    looped = workflow("looped", input=int, output=int).do_until(ask, lambda n: n >= 10, id="loop").commit()
    flow = workflow("flow", input=list[int], output=list[int]).foreach(looped, concurrency=2, id="each").commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        assert waits_at(await run.start([1, 2])) == ["each[0]/looped/loop#1/ask", "each[1]/looped/loop#1/ask"]
        second = await run.resume(item=1, data=3)
        assert waits_at(second) == ["each[0]/looped/loop#1/ask", "each[1]/looped/loop#2/ask"]
    async with place.app(flow) as app:
        again = await app.get_run("r1")
        assert waits_at(await again.resume(item=1, data=5)) == ["each[0]/looped/loop#1/ask"]
        assert won(await again.resume(data=9)) == [10, 10]
