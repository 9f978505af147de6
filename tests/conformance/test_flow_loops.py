"""``.do_while`` and ``.do_until``: one step again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta

import pytest

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, double, lost, recorded, waits, waits_at, won
from waystation import FlowContext, StepContext, step, workflow
from waystation.core.entries import LoopDecided, StepSucceeded

pytestmark = pytest.mark.anyio


@behaviour("flow", "A loop's body runs at least once, whatever its condition says", verdict="same", model=(5,))
async def test_the_body_runs_at_least_once(place: Place) -> None:
    flow = (
        workflow("flow", input=int, output=int)
        .do_while(add_one, lambda _: False)
        .do_until(double, lambda _: True)
        .commit()
    )
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) == 4


@behaviour("flow", "do_while goes on while its condition is true, do_until until it is", verdict="same", model=(5,))
async def test_a_loop_goes_on_as_its_condition_says(place: Place) -> None:
    flow = (
        workflow("flow", input=int, output=int)
        .do_while(add_one, lambda number: number < 5)
        .do_until(double, lambda number: number > 30)
        .commit()
    )
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(0)) == 40


@behaviour("flow", "A loop's condition is told the number of turns so far, from 1", verdict="same", model=(5,))
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_the_condition_is_told_the_turn_from_one(asynchronous: bool, place: Place) -> None:
    told: list[tuple[int, int]] = []

    async def later(answer: bool) -> bool:
        await asyncio.sleep(0)
        return answer

    def again(number: int, ctx: FlowContext) -> bool | Awaitable[bool]:
        told.append((number, ctx.iteration))
        answer = ctx.iteration < 3
        return later(answer) if asynchronous else answer

    flow = workflow("flow", input=int, output=int).do_while(double, again).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) == 8
    assert told == [(2, 1), (4, 2), (8, 3)]


@behaviour(
    "flow",
    "Every turn of a loop is recorded, under an address of its own",
    verdict="better",
    why="only the last turn's result is kept",
)
async def test_every_turn_is_recorded(place: Place) -> None:
    flow = workflow("flow", input=int, output=int).do_until(double, lambda n: n >= 8, id="grow").commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start(1)
        turns = [(entry.address, bytes(entry.output)) for entry in await recorded(run, StepSucceeded)]
        decided = [(entry.address, entry.turn, entry.again) for entry in await recorded(run, LoopDecided)]
    assert turns == [("grow#1/double", b"2"), ("grow#2/double", b"4"), ("grow#3/double", b"8")]
    assert decided == [("grow", 1, True), ("grow", 2, True), ("grow", 3, False)]


@behaviour(
    "flow",
    "A loop's condition that raises fails the run",
    verdict="better",
    model=(4,),
    why="start() raises the error, and the run has no result",
)
@pytest.mark.parametrize("until_true", [False, True])
async def test_a_condition_that_raises_fails_the_run(until_true: bool, place: Place) -> None:
    def broken(_: int, ctx: FlowContext) -> bool:
        if ctx.iteration == 2:
            raise LookupError("who knows")
        return not until_true

    building = workflow("flow", input=int, output=int)
    flow = (building.do_until if until_true else building.do_while)(add_one, broken, id="loop").commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        error = lost(await run.start(1))
        assert (error.address, error.type, error.message) == ("loop", "LookupError", "who knows")
        assert len(await recorded(run, StepSucceeded)) == 2


@behaviour("flow", "A turn that fails fails the run", verdict="same")
async def test_a_failing_turn_fails_the_run(place: Place) -> None:
    @step
    async def until_three(number: int) -> int:
        if number == 3:
            raise ValueError("three")
        return number + 1

    flow = workflow("flow", input=int, output=int).do_while(until_three, lambda _: True, id="loop").commit()
    async with place.app(flow) as app:
        assert lost(await app.get_workflow(flow).start(1)).address == "loop#3/until-three"


@behaviour(
    "flow",
    "A body that suspends asks anew in each turn; an answer is not carried on to the next turn",
    verdict="same",
    model=(43,),
)
async def test_a_suspending_body_asks_anew_in_each_turn(place: Place) -> None:
    seen: list[tuple[int, int | None, str | None]] = []

    @step(suspend=str, resume=int)
    async def ask_more(number: int, ctx: StepContext[str, int]) -> int:
        seen.append((ctx.iteration, ctx.resume_data, ctx.suspend_data))
        if ctx.resume_data is None:
            await ctx.suspend(f"more than {number}?")
        return number + ctx.resume_data

    flow = workflow("flow", input=int, output=int).do_while(ask_more, lambda n: n < 10, id="loop").commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        assert waits_at(await run.start(1)) == ["loop#1/ask-more"]
        second = await run.resume(data=4)
        assert [(each.address, each.payload) for each in waits(second)] == [("loop#2/ask-more", "more than 5?")]
    async with place.app(flow) as app:
        assert won(await (await app.get_run("r1")).resume(step=ask_more, data=5)) == 10
    assert seen == [
        (1, None, None),
        (1, 4, "more than 1?"),
        (2, None, None),
        (2, 5, "more than 5?"),
    ]


@behaviour(
    "flow",
    "A loop goes on from the turn it was in after a restart; finished turns and decisions are not repeated",
    verdict="same",
    model=(60,),
)
async def test_a_restart_in_the_middle_goes_on_from_the_same_turn(place: Place) -> None:
    ran: list[int] = []
    asked: list[int] = []
    reached, stuck = asyncio.Event(), asyncio.Event()

    @step
    async def third_is_slow(number: int, ctx: StepContext) -> int:
        ran.append(ctx.iteration)
        if ctx.iteration == 3:
            reached.set()
            await stuck.wait()
        return number + 1

    def again(_: int, ctx: FlowContext) -> bool:
        asked.append(ctx.iteration)
        return ctx.iteration < 4

    flow = workflow("flow", input=int, output=int).do_while(third_is_slow, again, id="loop").commit()
    async with place.app(flow, grace=timedelta(0)) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        await run.start_async(0)
        await reached.wait()
    stuck.set()
    async with place.app(flow) as app:
        assert won(await (await app.get_run("r1")).wait()) == 4
    assert asked == [1, 2, 3, 4]
    assert ran == [1, 2, 3, 3, 4]


@behaviour("flow", "The body of a loop may be a workflow, and may hold a loop", verdict="same")
async def test_a_loop_in_a_loop(place: Place) -> None:
    inner = workflow("inner", input=int, output=int).do_until(add_one, lambda n: n % 3 == 0).commit()
    flow = workflow("flow", input=int, output=int).do_while(inner, lambda n: n < 7, id="outer").commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert won(await run.start(0)) == 9
        addresses = [entry.address for entry in await recorded(run, StepSucceeded)]
    assert addresses == [
        f"outer#{outer}/inner/do-until-add-one#{turn}/add-one" for outer in (1, 2, 3) for turn in (1, 2, 3)
    ]


@behaviour("flow", "What comes after a loop reads the output of its last turn by the step's name", verdict="same")
async def test_the_result_of_a_step_in_a_loop_is_that_of_its_last_turn(place: Place) -> None:
    @step
    async def look(_: int, ctx: StepContext) -> int | None:
        return await ctx.get_step_result(double)

    flow = workflow("flow", input=int, output=int | None).do_until(double, lambda n: n >= 8).then(look).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) == 8


@behaviour("flow", "A loop of a thousand turns ends", verdict="new")
async def test_a_loop_of_a_thousand_turns_ends(place: Place) -> None:
    flow = workflow("flow", input=int, output=int).do_while(add_one, lambda n: n < 1000).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(0)) == 1000
