"""Sequences, steps side by side, branches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from typing_extensions import NotRequired, TypedDict

from tests.conformance.apps import Place
from waystation import StepContext, step, workflow
from waystation.core.entries import StepFailed, StepSucceeded, decode_entry

pytestmark = pytest.mark.anyio


class Both(TypedDict):
    left: int
    right: int


class Some(TypedDict):
    low: NotRequired[str]
    high: NotRequired[str]


@step
async def add_one(number: int) -> int:
    return number + 1


@step
def double(number: int) -> int:
    return number * 2


@step
async def left(number: int) -> int:
    return number + 1


@step
def right(number: int) -> int:
    return number + 2


@step
async def add(both: Both) -> int:
    return both["left"] + both["right"]


async def test_each_step_runs_on_the_output_of_the_one_before(place: Place) -> None:
    flow = workflow("flow", input=int, output=int).then(add_one).then(double).then(add_one.clone(id="again")).commit()
    async with place.app(flow) as app:
        result = await app.get_workflow(flow).start(3)
    assert result.status == "success"
    assert result.result == 9


async def test_a_sync_and_an_async_step_side_by_side_both_end(place: Place) -> None:
    flow = workflow("flow", input=int, output=int).parallel([left, right]).then(add).commit()
    async with place.app(flow) as app:
        results = await asyncio.gather(*(app.get_workflow(flow).start(number) for number in range(40)))
    assert [result.result for result in results if result.status == "success"] == [2 * n + 3 for n in range(40)]


async def test_steps_side_by_side_really_are(place: Place) -> None:
    met = asyncio.Barrier(3)

    @step
    async def wait(number: int) -> int:
        await met.wait()
        return number

    three = [wait.clone(id=name) for name in "abc"]
    flow = workflow("flow", input=int, output=dict[str, int]).parallel(three).commit()
    async with place.app(flow) as app:
        result = await app.get_workflow(flow).start(1)
    assert result.status == "success"
    assert result.result == {"a": 1, "b": 1, "c": 1}


async def test_steps_side_by_side_never_share_a_mutable_input(place: Place) -> None:
    @step
    async def spoil(numbers: list[int]) -> list[int]:
        numbers.append(7)
        await asyncio.sleep(0)
        return numbers

    flow = (
        workflow("flow", input=list[int], output=dict[str, list[int]])
        .parallel([spoil.clone(id="a"), spoil.clone(id="b")])
        .commit()
    )
    given = [1]
    async with place.app(flow) as app:
        result = await app.get_workflow(flow).start(given)
    assert result.status == "success"
    assert result.result == {"a": [1, 7], "b": [1, 7]}
    assert given == [1]


async def test_when_one_fails_its_siblings_end_and_are_recorded_and_the_run_fails(place: Place) -> None:
    failed = asyncio.Event()

    @step
    async def bad(_: int) -> int:
        failed.set()
        raise ValueError("no")

    @step
    async def slow(number: int) -> int:
        await failed.wait()
        return number

    @step
    async def after(_: dict[str, int]) -> int:
        raise AssertionError("what comes after a failed block never runs")

    flow = workflow("flow", input=int, output=int).parallel([bad, slow]).then(after).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        result = await run.start(1)
    assert result.status == "failed"
    assert (result.error.address, result.error.type, result.error.message) == ("bad", "ValueError", "no")
    entries = [decode_entry(entry) for entry in await place.journal("r1")]
    assert [e.address for e in entries if isinstance(e, StepFailed)] == ["bad"]
    assert [e.address for e in entries if isinstance(e, StepSucceeded)] == ["slow"]


def branching(
    is_low: Callable[[int], bool | Awaitable[bool]], is_high: Callable[[int], bool | Awaitable[bool]]
) -> object:
    @step
    async def low(number: int) -> str:
        return f"low {number}"

    @step
    def high(number: int) -> str:
        return f"high {number}"

    return workflow("flow", input=int, output=Some).branch([(is_low, low), (is_high, high)], id="size").commit()


async def later(answer: bool) -> bool:
    await asyncio.sleep(0)
    return answer


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

    async with place.app(branching(is_low, is_high)) as app:
        result = await app.get_workflow("flow").start(number)
    assert result.status == "success"
    assert result.result == expected


async def test_a_condition_that_raises_fails_the_run(place: Place) -> None:
    def broken(_: int) -> bool:
        raise LookupError("who knows")

    async with place.app(branching(broken, broken)) as app:
        result = await app.get_workflow("flow").start(1)
    assert result.status == "failed"
    assert (result.error.address, result.error.type) == ("size", "LookupError")


async def test_a_branch_is_decided_once_also_over_a_restart(place: Place) -> None:
    asked: list[int] = []

    @step(suspend=str, resume=str)
    async def ask(number: int, ctx: StepContext[str, str]) -> str:
        if ctx.resume_data is None:
            await ctx.suspend("?")
        return ctx.resume_data

    def once(number: int) -> bool:
        asked.append(number)
        return True

    flow = workflow("flow", input=int, output=dict[str, str]).branch([(once, ask)]).commit()
    async with place.app(flow) as app:
        await (await app.get_workflow(flow).create_run(run_id="r1")).start(1)
    async with place.app(flow) as app:
        result = await (await app.get_run("r1")).resume(data="!")
    assert result.status == "success"
    assert result.result == {"ask": "!"}
    assert asked == [1]


async def test_a_chain_of_ten_thousand_steps_ends(place: Place) -> None:
    building = workflow("long", input=int, output=int).then(add_one.clone(id="s0"))
    for number in range(1, 10_000):
        building = building.then(add_one.clone(id=f"s{number}"))
    flow = building.commit()
    async with place.app(flow) as app:
        result = await app.get_workflow(flow).start(0)
    assert result.status == "success"
    assert result.result == 10_000
