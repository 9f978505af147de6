"""Compensations that fail, are tried again, or are cut short by the end of their process."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.conformance.apps import OwnTime, Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import ask, fail, lost, recorded
from tests.conformance.waiting import a_timer, in_time
from waystation import Retry, RunCancelled, RunFailed, StepContext, step, workflow
from waystation.core.entries import StepSucceeded

pytestmark = pytest.mark.anyio


@behaviour("retry", "A compensation is tried again by its own retry policy.", verdict="new")
async def test_a_compensation_is_tried_again(place: Place) -> None:
    clock = OwnTime()
    attempts: list[int] = []

    @step(retry=Retry(attempts=3, backoff="fixed", initial=timedelta(hours=1)))
    async def unbook(number: int, ctx: StepContext) -> None:
        attempts.append(ctx.attempt)
        if ctx.attempt < 3:
            raise ConnectionError

    @step(undo=unbook)
    async def book(number: int) -> int:
        return number

    flow = workflow("flow", input=int, output=int).then(book).then(fail).commit()
    async with in_time(), place.app(flow, clock=clock) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(1)
        for _ in range(2):
            await a_timer(clock)
            clock.move(timedelta(hours=1))
        result = await run.wait()
    assert lost(result).address == "fail"
    assert attempts == [1, 2, 3]


@pytest.mark.parametrize("ending", ["failed", "cancelled"])
@behaviour(
    "retry",
    "A compensation that fails stops none of the others; the result tells of it in `undo_errors`.",
    verdict="new",
)
async def test_a_compensation_that_fails_stops_no_other(ending: str, place: Place) -> None:
    undone: list[int] = []

    @step
    async def unbook(number: int) -> None:
        if number == 2:
            raise ConnectionError("no answer")
        undone.append(number)

    @step(undo=unbook)
    async def book(number: int) -> int:
        return number + 1

    three = [book.clone(id=name) for name in "abc"]
    flow = (
        workflow("flow", input=int, output=int)
        .then(three[0])
        .then(three[1])
        .then(three[2])
        .then(fail if ending == "failed" else ask)
        .commit()
    )
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        result = await run.start(0)
        if ending == "cancelled":
            result = await run.cancel()
        again = await run.result()
    for told in (result, again):
        assert told.status == ending
        assert isinstance(told, (RunFailed, RunCancelled))
        assert [(error.address, error.type, error.message) for error in told.undo_errors] == [
            ("b~undo", "ConnectionError", "no answer")
        ]
    assert undone == [3, 1]


@pytest.mark.parametrize("how", ["abort", "bail"])
@behaviour(
    "retry",
    "A compensation cannot abort or bail: it fails by that, and the others go on.",
    verdict="new",
)
async def test_a_compensation_that_aborts_or_bails_fails_and_the_others_go_on(how: str, place: Place) -> None:
    undone: list[int] = []

    @step
    async def unbook(number: int, ctx: StepContext) -> None:
        if number == 2:
            await (ctx.abort("enough") if how == "abort" else ctx.bail(7))
        undone.append(number)

    @step(undo=unbook)
    async def book(number: int) -> int:
        return number + 1

    three = [book.clone(id=name) for name in "abc"]
    flow = workflow("flow", input=int, output=int).then(three[0]).then(three[1]).then(three[2]).then(fail).commit()
    async with in_time(), place.app(flow) as app:
        result = await app.get_workflow(flow).start(0)
        assert lost(result).address == "fail"
        assert result.status == "failed"
        (error,) = result.undo_errors
    assert error.address == "b~undo"
    assert how in error.message
    assert undone == [3, 1]


@behaviour(
    "retry",
    "A process that ends in the middle of undoing: another goes on undoing, and undoes nothing twice.",
    verdict="new",
)
async def test_undoing_goes_on_after_a_restart_and_undoes_nothing_twice(place: Place) -> None:
    began = asyncio.Event()
    hang = True
    undone: list[int] = []

    @step
    async def unbook(number: int) -> None:
        undone.append(number)
        if hang and number == 2:
            began.set()
            await asyncio.Event().wait()

    @step(undo=unbook)
    async def book(number: int) -> int:
        return number + 1

    three = [book.clone(id=name) for name in "abc"]
    flow = workflow("flow", input=int, output=int).then(three[0]).then(three[1]).then(three[2]).then(fail).commit()
    async with in_time():
        async with place.app(flow, grace=timedelta(0)) as app:
            run = await app.get_workflow(flow).create_run(run_id="r1")
            await run.start_async(0)
            await began.wait()
        assert undone == [3, 2]
        hang = False
        async with place.app(flow) as app:
            again = await app.get_run("r1")
            assert lost(await again.wait()).address == "fail"
            assert [entry.address for entry in await recorded(again, StepSucceeded)][3:] == [
                "c~undo",
                "b~undo",
                "a~undo",
            ]
    assert undone == [3, 2, 2, 1], "the one in flight runs again, the one before does not"


@behaviour(
    "retry",
    "A compensation has a context of its own: its idempotency key, `once`, the outputs of the run's steps.",
    verdict="new",
)
async def test_a_compensation_sees_its_run(place: Place) -> None:
    seen: list[object] = []

    @step(retry=Retry(attempts=2, initial=timedelta(0)))
    async def unbook(number: int, ctx: StepContext) -> None:
        seen.append(await ctx.once("mail", lambda: len(seen), returns=int))
        seen.append((ctx.idempotency_key, ctx.attempt, await ctx.get_step_result("first"), ctx.step_id))
        if ctx.attempt == 1:
            raise ConnectionError

    @step(id="first")
    async def first(number: int) -> int:
        return number + 5

    @step(undo=unbook)
    async def book(number: int, ctx: StepContext) -> int:
        return number + 1

    flow = workflow("flow", input=int, output=int).then(first).then(book).then(fail).commit()
    async with place.app(flow) as app:
        lost(await app.get_workflow(flow).start(1, run_id="r1"))
    assert seen == [
        0,
        ("r1:book~undo", 1, 6, "unbook"),
        0,
        ("r1:book~undo", 2, 6, "unbook"),
    ]
