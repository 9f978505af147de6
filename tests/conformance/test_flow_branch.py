"""``.branch``: every step whose condition is true."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from typing_extensions import NotRequired, TypedDict

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, ask, double, lost, recorded, until, waits_at, won
from waystation import FlowContext, Workflow, step, workflow
from waystation.core.entries import StepSucceeded

pytestmark = pytest.mark.anyio


class Some(TypedDict):
    low: NotRequired[str]
    high: NotRequired[str]


Condition = Callable[[int], bool | Awaitable[bool]]


@step
async def low(number: int) -> str:
    return f"low {number}"


@step
def high(number: int) -> str:
    return f"high {number}"


def branching(is_low: Condition, is_high: Condition) -> Workflow[int, Some]:
    return workflow("flow", input=int, output=Some).branch([(is_low, low), (is_high, high)], id="size").commit()


async def later(answer: bool) -> bool:
    await asyncio.sleep(0)
    return answer


@behaviour(
    "flow",
    "Every step of a branch whose condition is true runs, and the output has just their ids; none is {}",
    verdict="same",
    model=(1, 2),
)
@pytest.mark.parametrize(
    ("number", "expected"),
    [(1, {"low": "low 1"}), (9, {"high": "high 9"}), (5, {"low": "low 5", "high": "high 5"}), (0, {})],
)
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_every_step_whose_condition_is_true_runs(
    number: int, expected: dict[str, str], asynchronous: bool, place: Place
) -> None:
    def is_low(n: int) -> bool | Awaitable[bool]:
        return later(0 < n <= 5) if asynchronous else 0 < n <= 5

    def is_high(n: int) -> bool | Awaitable[bool]:
        return later(n >= 5) if asynchronous else n >= 5

    flow = branching(is_low, is_high)
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(number)) == expected


@behaviour("flow", "When no condition is true the next step is given {}", verdict="same", model=(2,))
async def test_what_follows_a_branch_that_took_nothing_is_given_an_empty_object(place: Place) -> None:
    given: list[Some] = []

    @step
    async def look(some: Some) -> int:
        given.append(some)
        return len(some)

    flow = (
        workflow("flow", input=int, output=int)
        .branch([(lambda _: False, low), (lambda _: False, high)])
        .then(look)
        .commit()
    )
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) == 0
    assert given == [{}]


@behaviour("flow", "The steps that a branch takes run at the same time", verdict="same", model=(1,))
async def test_the_steps_a_branch_takes_run_side_by_side(place: Place) -> None:
    met = asyncio.Barrier(2)

    @step
    async def meet(number: int) -> int:
        await met.wait()
        return number

    flow = (
        workflow("flow", input=int, output=dict[str, int])
        .branch([(lambda _: True, meet.clone(id="a")), (lambda _: True, meet.clone(id="b"))])
        .commit()
    )
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) == {"a": 1, "b": 1}


@behaviour(
    "flow",
    "A condition that raises fails the run, and no step of the branch runs",
    verdict="better",
    model=(3,),
    why="the condition counts as false and the run goes on",
)
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_condition_that_raises_fails_the_run(asynchronous: bool, place: Place) -> None:
    async def broken_later() -> bool:
        raise LookupError("who knows")

    def broken(_: int) -> bool | Awaitable[bool]:
        if asynchronous:
            return broken_later()
        raise LookupError("who knows")

    flow = branching(lambda _: True, broken)
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        error = lost(await run.start(1))
        assert (error.address, error.type, error.message) == ("size", "LookupError", "who knows")
        assert await recorded(run, StepSucceeded) == []


@behaviour("flow", "When a step that a branch took fails, the others end and the run fails", verdict="same", model=(7,))
async def test_a_failing_step_of_a_branch_lets_the_others_end(place: Place) -> None:
    failed = asyncio.Event()

    @step
    async def bad(number: int) -> int:
        failed.set()
        raise ValueError("no")

    @step
    async def slow(number: int) -> int:
        await failed.wait()
        return number

    flow = (
        workflow("flow", input=int, output=dict[str, int])
        .branch([(lambda _: True, bad), (lambda _: True, slow)])
        .commit()
    )
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert lost(await run.start(1)).address == "bad"
        assert [entry.address for entry in await recorded(run, StepSucceeded)] == ["slow"]


@behaviour(
    "flow",
    "Conditions are asked once, also over a suspension and a restart; steps not taken leave no key",
    verdict="better",
    model=(42,),
    why="keys of steps that were not taken are there with the value undefined, until the data is stored",
)
async def test_a_branch_is_decided_once_over_suspension_and_resume(place: Place) -> None:
    asked: list[str] = []
    given: list[dict[str, int]] = []

    def once(number: int) -> bool:
        asked.append("once")
        return True

    def never(number: int) -> bool:
        asked.append("never")
        return False

    @step
    async def look(parts: dict[str, int]) -> int:
        given.append(parts)
        return sum(parts.values())

    flow = workflow("flow", input=int, output=int).branch([(once, ask), (never, add_one)]).then(look).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        assert waits_at(await run.start(1)) == ["ask"]
    async with place.app(flow) as app:
        assert won(await (await app.get_run("r1")).resume(data=2)) == 3
    assert asked == ["once", "never"]
    assert given == [{"ask": 3}]


@behaviour(
    "flow", "Conditions are not asked again when the run is taken over after a crash", verdict="same", model=(60,)
)
async def test_a_branch_is_decided_once_over_a_restart_in_the_middle(place: Place) -> None:
    asked: list[int] = []
    stuck = asyncio.Event()

    def once(number: int) -> bool:
        asked.append(number)
        return len(asked) == 1

    @step
    async def slow(number: int) -> int:
        await stuck.wait()
        return number

    flow = workflow("flow", input=int, output=dict[str, int]).branch([(once, slow)]).commit()
    async with place.app(flow, grace=timedelta(0)) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        await run.start_async(1)
        await until(run.events(), "step-started", "slow")
    stuck.set()
    async with place.app(flow) as app:
        assert won(await (await app.get_run("r1")).wait()) == {"slow": 1}
    assert asked == [1]


@behaviour(
    "flow", "A condition may look at the run: its input, earlier outputs, run state, request context", verdict="same"
)
async def test_a_condition_sees_the_run_through_its_context(place: Place) -> None:
    seen: list[object] = []

    class Count(TypedDict):
        count: NotRequired[int]

    async def look(number: int, ctx: FlowContext) -> bool:
        seen.extend([number, await ctx.get_init_data(int), await ctx.get_step_result(add_one), ctx.state])
        seen.extend([ctx.request_context, ctx.run_id, ctx.workflow_id, ctx.address])
        return True

    flow = (
        workflow("flow", input=int, output=dict[str, int], state=Count)
        .then(add_one)
        .branch([(look, double)], id="choice")
        .commit()
    )
    async with place.app(flow) as app:
        result = await app.get_workflow(flow).start(
            1, run_id="r1", state={"count": 7}, request_context={"tenant": "acme"}
        )
        assert won(result) == {"double": 4}
    assert seen == [2, 1, 2, {"count": 7}, {"tenant": "acme"}, "r1", "flow", "choice"]


@behaviour(
    "flow", "Each condition is given a value of its own", verdict="better", model=(80,), why="they share one object"
)
async def test_a_condition_cannot_change_what_others_are_given(place: Place) -> None:
    @step
    async def look(numbers: list[int]) -> list[int]:
        return numbers

    def spoil(numbers: list[int]) -> bool:
        numbers.append(7)
        return len(numbers) == 2

    flow = (
        workflow("flow", input=list[int], output=dict[str, list[int]])
        .branch([(spoil, look.clone(id="a")), (spoil, look.clone(id="b"))])
        .commit()
    )
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start([1])) == {"a": [1], "b": [1]}
