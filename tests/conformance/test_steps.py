"""What a step sees of its run, and what its failures do to it."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import BaseModel

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from waystation import StepContext, step, workflow

pytestmark = pytest.mark.anyio


class Made(BaseModel):
    number: int


@behaviour(
    "step",
    "A step reads the typed results of others, None of one that has not run, the input, and its agents",
    verdict="same",
    model=(89,),
)
async def test_a_step_sees_the_rest_of_its_run(place: Place) -> None:
    seen: dict[str, object] = {}

    @step
    async def first(number: int) -> Made:
        return Made(number=number + 1)

    @step
    async def look(_: Made, ctx: StepContext) -> int:
        seen["first"] = await ctx.get_step_result(first)
        seen["later"] = await ctx.get_step_result(last)
        seen["input"] = await ctx.get_init_data(int)
        seen["ids"] = (ctx.run_id, ctx.workflow_id, ctx.step_id)
        seen["agent"] = ctx.agents["writer"]
        return 1

    @step
    def last(number: int, ctx: StepContext) -> int:
        seen["sync"] = ctx.get_step_result_sync(first)
        return number

    flow = workflow("flow", input=int, output=int).then(first).then(look).then(last).commit()
    async with place.app(flow, agents={"writer": "an agent"}) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        assert (await run.start(4)).status == "success"
    assert seen == {
        "first": Made(number=5),
        "later": None,
        "input": 4,
        "ids": ("r1", "flow", "look"),
        "agent": "an agent",
        "sync": Made(number=5),
    }


@behaviour(
    "step",
    "Whatever a step raises is a failed step: also SystemExit, and texts that are no UTF-8",
    verdict="same",
    model=(30,),
)
@pytest.mark.parametrize(
    "error", [SystemExit(3), asyncio.CancelledError(), StopIteration("x"), ValueError("a\0b\ud800")]
)
@pytest.mark.parametrize("sync", [False, True])
async def test_whatever_a_step_raises_is_its_failure_and_not_the_apps(
    error: BaseException, sync: bool, place: Place
) -> None:
    # A new one each time: one that outlives the test would keep all it came through.
    @step
    async def raising(_: int) -> int:
        raise type(error)(*error.args)

    @step(id="raising")
    def raising_sync(_: int) -> int:
        raise type(error)(*error.args)

    flow = workflow("flow", input=int, output=int).then(raising_sync if sync else raising).commit()
    async with place.app(flow) as app:
        result = await app.get_workflow(flow).start(1)
        assert result.status == "failed"
        assert result.error.address == "raising"
        assert (await app.get_workflow(flow).start(1)).status == "failed", "the app goes on"
