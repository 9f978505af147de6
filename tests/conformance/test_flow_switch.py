"""``.switch``: exactly one of several steps."""

from __future__ import annotations

import asyncio
from enum import Enum

import pytest

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, ask, double, lost, recorded, waits_at, won
from waystation import FlowContext, step, workflow
from waystation.core.entries import BranchTaken, StepSucceeded

pytestmark = pytest.mark.anyio


@step
async def low(number: int) -> str:
    return f"low {number}"


@step
def high(number: int) -> str:
    return f"high {number}"


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


@step
async def other(number: int) -> str:
    return f"other {number}"


@behaviour("flow", "A switch runs exactly the step of its key, whose own output is the output", verdict="new")
async def test_a_switch_runs_one_step_and_gives_its_own_output(place: Place) -> None:
    def size(number: int) -> str:
        return "low" if number < 5 else "high"

    flow = workflow("flow", input=int, output=str).switch(size, {"low": low, "high": high}, id="size").commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert won(await run.start(9)) == "high 9"
        assert [entry.address for entry in await recorded(run, StepSucceeded)] == ["high"]
        assert [(entry.address, entry.taken) for entry in await recorded(run, BranchTaken)] == [("size", ("high",))]


@behaviour("flow", "A key without a case takes the default", verdict="new")
async def test_a_key_without_a_case_takes_the_default(place: Place) -> None:
    flow = workflow("flow", input=int, output=str).switch(lambda n: n, {1: low}, default=other).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) == "low 1"
        assert won(await app.get_workflow(flow).start(2)) == "other 2"


@behaviour("flow", "A key without a case and without a default fails the run, with an error of its own", verdict="new")
async def test_a_key_without_a_case_and_a_default_is_a_typed_error(place: Place) -> None:
    flow = workflow("flow", input=int, output=str).switch(lambda n: n, {1: low, 2: high}, id="size").commit()
    async with place.app(flow) as app:
        error = lost(await app.get_workflow(flow).start(3))
    assert (error.code, error.type, error.address) == ("no_such_case", "NoSuchCase", "size")
    assert "3" in error.message
    assert "1, 2" in error.message


@behaviour("flow", "Keys may be text, numbers, True and False, None, and Enum members; 1 is not True", verdict="new")
@pytest.mark.parametrize(
    ("case", "key", "taken"),
    [
        (1, 1, True),
        (1, True, False),
        (1, "1", False),
        (True, True, True),
        (True, 1, False),
        (0, False, False),
        (False, False, True),
        (False, 0, False),
        (None, None, True),
        (None, False, False),
        ("1", "1", True),
        ("1", 1, False),
        (Size.SMALL, Size.SMALL, True),
        (Size.SMALL, Size.LARGE, False),
        (Size.SMALL, "small", False),
        ("small", Size.SMALL, False),
    ],
)
async def test_keys_of_every_kind_are_told_apart(case: object, key: object, taken: bool, place: Place) -> None:
    def give(_: int) -> object:
        return key

    flow = workflow("flow", input=int, output=str).switch(give, {case: low}, default=other).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) == ("low 1" if taken else "other 1")


@behaviour("flow", "One step may be the case of several keys", verdict="new")
async def test_a_step_may_stand_under_several_keys(place: Place) -> None:
    flow = workflow("flow", input=int, output=str).switch(lambda n: n, {1: low, 2: low}, default=high).commit()
    async with place.app(flow) as app:
        results = [won(await app.get_workflow(flow).start(number)) for number in (1, 2, 3)]
    assert results == ["low 1", "low 2", "high 3"]


@behaviour(
    "flow", "A switch's key is asked once, also when its step suspends and is resumed after a restart", verdict="new"
)
async def test_the_key_is_asked_once(place: Place) -> None:
    asked: list[int] = []

    def key(number: int) -> str:
        asked.append(number)
        return "ask" if len(asked) == 1 else "other"

    flow = workflow("flow", input=int, output=int).switch(key, {"ask": ask, "other": double}).then(add_one).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        assert waits_at(await run.start(1)) == ["ask"]
    async with place.app(flow) as app:
        assert won(await (await app.get_run("r1")).resume(data=2)) == 4
    assert asked == [1]


@behaviour("flow", "A key that raises fails the run at the switch", verdict="new")
async def test_a_key_that_raises_fails_the_run(place: Place) -> None:
    def broken(_: int) -> str:
        raise LookupError("who knows")

    flow = workflow("flow", input=int, output=str).switch(broken, {"low": low}, default=high, id="size").commit()
    async with place.app(flow) as app:
        error = lost(await app.get_workflow(flow).start(1))
    assert (error.address, error.type) == ("size", "LookupError")


@behaviour("flow", "A key may be async and look at the run", verdict="new")
async def test_a_key_may_be_async_and_take_a_context(place: Place) -> None:
    async def by_tenant(_: int, ctx: FlowContext) -> object:
        await asyncio.sleep(0)
        return ctx.request_context["size"]

    flow = workflow("flow", input=int, output=str).switch(by_tenant, {"low": low, "high": high}, output=str).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1, request_context={"size": "high"})) == "high 1"


@behaviour("flow", "A step that fails in a switch fails the run; a workflow may be a case", verdict="new")
async def test_a_nested_workflow_may_be_a_case_and_fail(place: Place) -> None:
    @step
    async def bad(number: int) -> str:
        raise ValueError("no")

    inner = workflow("inner", input=int, output=str).then(add_one).then(bad).commit()
    flow = workflow("flow", input=int, output=str).switch(lambda _: "inner", {"inner": inner, "low": low}).commit()
    async with place.app(flow) as app:
        assert lost(await app.get_workflow(flow).start(1)).address == "inner/bad"
