"""Attempts of steps that are in something, or beside something: workflows, foreachs, suspensions, parked runs."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.conformance.apps import OwnTime, Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, ask, double, lost, recorded, won
from tests.conformance.waiting import a_timer, until_status
from waystation import Retry, StepContext, step, workflow
from waystation.core.entries import StepRetrying, StepSucceeded
from waystation.errors import NotSuspended

pytestmark = pytest.mark.anyio

AT_ONCE = Retry(attempts=3, backoff="fixed", initial=timedelta(0))


@pytest.mark.parametrize("own", [True, False], ids=["its own", "none"])
@behaviour(
    "retry",
    "A nested workflow's own policy is that of its steps; without one they have the policy around them.",
    verdict="new",
)
async def test_a_nested_workflow_has_its_own_policy_or_that_around_it(own: bool, place: Place) -> None:
    calls: list[int] = []

    @step
    async def shaky(_: int, ctx: StepContext) -> int:
        calls.append(ctx.attempt)
        raise ValueError

    two = Retry(attempts=2, initial=timedelta(0)) if own else None
    inner = workflow("inner", input=int, output=int, retry=two).then(shaky).commit()
    flow = workflow("flow", input=int, output=int, retry=AT_ONCE).then(inner).commit()
    async with place.app(flow) as app:
        assert lost(await app.get_workflow(flow).start(1)).address == "inner/shaky"
    assert calls == ([1, 2] if own else [1, 2, 3])


@behaviour(
    "retry",
    "An answer begins a new leg: the step has all its attempts again, each with the answer.",
    verdict="same",
    model=(77,),
)
async def test_after_an_answer_the_step_has_all_its_attempts_again(place: Place) -> None:
    seen: list[tuple[int, str | None]] = []

    @step(suspend=str, resume=str, retry=AT_ONCE)
    async def asking(_: int, ctx: StepContext[str, str]) -> str:
        seen.append((ctx.attempt, ctx.resume_data))
        if ctx.attempt < 3:
            raise ValueError
        if ctx.resume_data is None:
            await ctx.suspend("?")
        return ctx.resume_data

    flow = workflow("flow", input=int, output=str).then(asking).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start(1)
        assert won(await run.resume(data="yes")) == "yes"
    assert seen == [(1, None), (2, None), (3, None), (1, "yes"), (2, "yes"), (3, "yes")]


@behaviour(
    "retry",
    "A step that fails after its answer fails the run, and there is nothing to answer any more.",
    verdict="same",
    model=(77,),
)
async def test_a_step_that_fails_after_its_answer_cannot_be_answered_again(place: Place) -> None:
    @step(suspend=str, resume=str)
    async def asking(_: int, ctx: StepContext[str, str]) -> str:
        if ctx.resume_data is None:
            await ctx.suspend("?")
        raise ValueError(ctx.resume_data)

    flow = workflow("flow", input=int, output=str).then(asking).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start(1)
        assert lost(await run.resume(data="bad")).message == "bad"
        before = await run.journal()
        with pytest.raises(NotSuspended, match="failed"):
            await run.resume(data="better")
        assert await run.journal() == before


@behaviour("retry", "While one step waits to be tried again, those beside it go on.", verdict="same")
async def test_siblings_go_on_while_a_step_waits_to_be_tried_again(place: Place) -> None:
    clock = OwnTime()

    @step(retry=Retry(attempts=2, initial=timedelta(days=1)))
    async def shaky(number: int, ctx: StepContext) -> int:
        if ctx.attempt == 1:
            raise ValueError
        return number

    inner = workflow("inner", input=int, output=int).then(add_one).then(double).commit()
    flow = workflow("flow", input=int, output=dict[str, int]).parallel([shaky, inner]).commit()
    async with place.app(flow, clock=clock) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(1)
        await until_status(run, "waiting")
        assert [entry.address for entry in await recorded(run, StepSucceeded)] == ["inner/add-one", "inner/double"]
        clock.move(timedelta(days=1))
        assert won(await run.wait()) == {"shaky": 1, "inner": 4}


@behaviour(
    "retry",
    "Of a foreach only the item that failed is tried again.",
    verdict="same",
)
async def test_only_the_item_that_failed_is_tried_again(place: Place) -> None:
    calls: list[tuple[int, int]] = []

    @step(retry=AT_ONCE)
    async def odd(number: int, ctx: StepContext) -> int:
        calls.append((ctx.iteration, ctx.attempt))
        if number == 20 and ctx.attempt < 3:
            raise ValueError
        return number

    flow = workflow("flow", input=list[int], output=list[int]).foreach(odd).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start([10, 20, 30])) == [10, 20, 30]
    assert calls == [(0, 1), (1, 1), (1, 2), (1, 3), (2, 1)]


@behaviour(
    "retry",
    "A run that waits for its next attempt is parked: rows in the store, and nothing in memory.",
    verdict="better",
    why="The model waits in a timer of the process, and loses it with that.",
)
async def test_a_run_that_waits_for_its_next_attempt_holds_no_task(place: Place) -> None:
    clock = OwnTime()

    @step(retry=Retry(attempts=2, initial=timedelta(days=30)))
    async def shaky(_: int) -> int:
        raise ValueError

    flow = workflow("flow", input=int, output=int).then(shaky).commit()
    async with place.app(flow, clock=clock) as app:
        runs = [await app.get_workflow(flow).create_run() for _ in range(50)]
        for run in runs:
            await run.start_async(1)
        for run in runs:
            await until_status(run, "waiting")
        assert [task.get_name() for task in asyncio.all_tasks() if "run" in task.get_name().split()] == []
        assert (await runs[0].record()).wake_at == clock.now() + 30 * 86_400_000
        assert await a_timer(clock) == clock.now() + 30 * 86_400_000


@behaviour("retry", "A suspension is no failure: it takes no attempt.", verdict="same")
async def test_a_suspension_takes_no_attempt(place: Place) -> None:
    flow = workflow("flow", input=int, output=int, retry=AT_ONCE).then(ask).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start(1)
        assert won(await run.resume(data=2)) == 3
        assert await recorded(run, StepRetrying) == []
        assert [entry.attempt for entry in await recorded(run, StepSucceeded)] == [1]
