"""What a step sees of its run, and what its failures do to it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from pydantic import BaseModel

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import won
from waystation import Retry, StepContext, step, workflow

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


@step
async def listed(number: int) -> list[int]:
    return [number]


@behaviour("step", "Each attempt has its input as it was given, whatever the one before did to it", verdict="new")
async def test_each_attempt_has_its_input_as_it_was_given(place: Place) -> None:
    @step(retry=Retry(attempts=3, backoff="fixed", initial=timedelta(0)))
    async def spoil(numbers: list[int], ctx: StepContext) -> list[int]:
        numbers.append(7)
        if ctx.attempt < 3:
            raise ValueError("not yet")
        return numbers

    flow = workflow("flow", input=int, output=list[int]).then(listed).then(spoil).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) == [1, 7]


@behaviour("step", "What a step has given is as it gave it, whatever it does with that later", verdict="same")
async def test_what_a_step_does_later_to_what_it_gave_is_not_seen(place: Place) -> None:
    kept: list[list[int]] = []

    @step
    async def give(number: int) -> list[int]:
        kept.append([number])
        return kept[-1]

    @step
    async def look(numbers: list[int]) -> list[int]:
        kept[-1].append(7)
        await asyncio.sleep(0)
        return numbers

    flow = workflow("flow", input=int, output=list[int]).then(give).then(look).then(look.clone(id="again")).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) == [1]


class Named(BaseModel):
    name: str


class Titled(Named):
    pass


@behaviour("step", "A step is given its input as the type that it declares, whatever gave it", verdict="new")
async def test_a_step_has_its_input_as_the_type_that_it_declares(place: Place) -> None:
    @step
    async def give(name: str) -> Titled:
        return Titled(name=name)

    @step
    async def tell(named: Named) -> str:
        return type(named).__name__

    flow = workflow("flow", input=str, output=str).then(give).then(tell).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start("Ann")) == "Named"
