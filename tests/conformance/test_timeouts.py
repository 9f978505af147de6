"""How long an attempt may take, and how long all attempts of a step may take together."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest

from tests.conformance.apps import OwnTime, Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import lost, recorded, won
from tests.conformance.waiting import a_timer, in_time, until_status
from waystation import Retry, StepContext, step, workflow
from waystation.core.entries import StepFailed, StepRetrying
from waystation.errors import InvalidDuration

pytestmark = pytest.mark.anyio

SHORT = timedelta(milliseconds=20)


async def for_ever() -> None:
    await asyncio.Event().wait()


@behaviour(
    "retry",
    "An attempt that runs over its `timeout` fails, and may be tried again.",
    verdict="new",
    why="The model has no timeouts.",
)
async def test_an_attempt_that_hangs_fails_by_its_timeout_and_may_be_tried_again(place: Place) -> None:
    @step(timeout=SHORT, retry=Retry(attempts=2, initial=timedelta(0)))
    async def slow(_: int, ctx: StepContext) -> int:
        if ctx.attempt == 1:
            await for_ever()
        return ctx.attempt

    flow = workflow("flow", input=int, output=int).then(slow).commit()
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert won(await run.start(1)) == 2
        (failed,) = await recorded(run, StepRetrying)
    assert failed.error.code == "step_timeout"
    assert "timeout of 0:00:00.020000" in failed.error.message


@behaviour("retry", "Without a retry policy an attempt that hangs fails the run by its timeout.", verdict="new")
async def test_an_attempt_that_hangs_fails_the_run(place: Place) -> None:
    @step(timeout=SHORT)
    async def slow(_: int) -> int:
        await for_ever()
        return 1

    flow = workflow("flow", input=int, output=int).then(slow).commit()
    async with in_time(), place.app(flow) as app:
        error = lost(await app.get_workflow(flow).start(1))
    assert (error.code, error.address) == ("step_timeout", "slow")


@behaviour(
    "retry",
    "A function that is not async and hangs is left behind in its thread; its attempt has failed all the same.",
    verdict="new",
)
async def test_a_sync_attempt_that_hangs_fails_and_what_it_gives_late_does_not_count(place: Place) -> None:
    go_on = threading.Event()

    @step(timeout=SHORT, retry=Retry(attempts=2, initial=timedelta(0)))
    def slow(_: int, ctx: StepContext) -> int:
        if ctx.attempt == 1:
            go_on.wait()
        else:
            go_on.set()
        return ctx.attempt

    flow = workflow("flow", input=int, output=int).then(slow).commit()
    async with in_time(), place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) == 2


@pytest.mark.parametrize(("on", "attempts"), [((TimeoutError,), 2), ((ConnectionError,), 1)])
@behaviour("retry", "A policy that names TimeoutError means the step's own timeout too.", verdict="new")
async def test_a_policy_that_names_timeout_errors_tries_again_after_the_steps_timeout(
    on: tuple[type[Exception], ...], attempts: int, place: Place
) -> None:
    calls: list[int] = []

    @step(timeout=SHORT, retry=Retry(attempts=2, initial=timedelta(0), on=on))
    async def slow(_: int, ctx: StepContext) -> int:
        calls.append(ctx.attempt)
        await for_ever()
        return 1

    flow = workflow("flow", input=int, output=int).then(slow).commit()
    async with in_time(), place.app(flow) as app:
        assert lost(await app.get_workflow(flow).start(1)).code == "step_timeout"
    assert len(calls) == attempts


@behaviour("retry", "A step's own TimeoutError is its own failure, not that of its time.", verdict="new")
async def test_a_steps_own_timeout_error_is_not_taken_for_its_timeout(place: Place) -> None:
    @step(timeout=timedelta(hours=1))
    async def calling(_: int) -> int:
        raise TimeoutError("the service did not answer")

    flow = workflow("flow", input=int, output=int).then(calling).commit()
    async with place.app(flow) as app:
        error = lost(await app.get_workflow(flow).start(1))
    assert (error.code, error.type, error.message) == ("exception", "TimeoutError", "the service did not answer")


@behaviour(
    "retry",
    "An attempt that returns in its time is not hurt by its timeout, nor is the time it waited for an answer counted.",
    verdict="new",
)
async def test_the_time_that_a_step_waits_for_its_answer_does_not_count(place: Place) -> None:
    clock = OwnTime()

    @step(suspend=str, resume=str, timeout=timedelta(minutes=1), total_timeout=timedelta(minutes=2))
    async def asking(_: int, ctx: StepContext[str, str]) -> str:
        if ctx.resume_data is None:
            await ctx.suspend("?")
        return ctx.resume_data

    flow = workflow("flow", input=int, output=str).then(asking).commit()
    async with place.app(flow, clock=clock) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start(1)
        clock.move(timedelta(days=30))
        assert won(await run.resume(data="late")) == "late"


@behaviour(
    "retry",
    "`total_timeout` bounds all attempts and the waits between them: none is begun that would come too late.",
    verdict="new",
)
async def test_an_attempt_that_would_come_too_late_is_not_waited_for(place: Place) -> None:
    clock = OwnTime()
    calls: list[int] = []
    hour = timedelta(hours=1)

    @step(
        retry=Retry(attempts=10, backoff="fixed", initial=hour),
        total_timeout=timedelta(hours=2, minutes=30),
    )
    async def shaky(_: int, ctx: StepContext) -> int:
        calls.append(ctx.attempt)
        raise ValueError(f"attempt {ctx.attempt}")

    flow = workflow("flow", input=int, output=int).then(shaky).commit()
    async with in_time(), place.app(flow, clock=clock) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(1)
        for _ in range(2):
            await a_timer(clock)
            clock.move(hour)
        assert lost(await run.wait()).message == "attempt 3", "it fails at once, by the error that it had"
    assert calls == [1, 2, 3]
    assert clock.now() == OwnTime().now() + 7_200_000


@behaviour(
    "retry", "`total_timeout` goes on over a restart, and over the time that no process was there.", verdict="new"
)
async def test_an_attempt_whose_time_went_by_while_nobody_was_there_is_not_begun(place: Place) -> None:
    clock = OwnTime()
    calls: list[int] = []

    @step(
        retry=Retry(attempts=5, backoff="fixed", initial=timedelta(hours=1)),
        total_timeout=timedelta(hours=3),
    )
    async def shaky(_: int, ctx: StepContext) -> int:
        calls.append(ctx.attempt)
        raise ValueError

    flow = workflow("flow", input=int, output=int).then(shaky).commit()
    async with in_time():
        async with place.app(flow, clock=clock) as app:
            run = await app.get_workflow(flow).create_run(run_id="r1")
            await run.start_async(1)
            await until_status(run, "waiting")
        clock.move(timedelta(hours=4))
        async with place.app(flow, clock=clock) as app:
            error = lost(await (await app.get_run("r1")).wait())
    assert error.code == "step_timeout"
    assert "total_timeout of 3:00:00" in error.message
    assert calls == [1]


@behaviour("retry", "`total_timeout` also cuts off an attempt that hangs, at what is left of it.", verdict="new")
async def test_what_is_left_of_the_total_time_bounds_an_attempt_that_hangs(place: Place) -> None:
    clock = OwnTime()

    @step(
        retry=Retry(attempts=2, backoff="fixed", initial=timedelta(seconds=59, milliseconds=980)),
        timeout=timedelta(hours=1),
        total_timeout=timedelta(minutes=1),
    )
    async def shaky(_: int, ctx: StepContext) -> int:
        if ctx.attempt == 1:
            raise ValueError
        await for_ever()
        return 1

    flow = workflow("flow", input=int, output=int).then(shaky).commit()
    async with in_time(), place.app(flow, clock=clock) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(1)
        await a_timer(clock)
        clock.move(timedelta(seconds=59, milliseconds=980))
        assert lost(await run.wait()).code == "step_timeout"
        (failed,) = await recorded(run, StepFailed)
    assert failed.attempt == 2
    assert "total_timeout" in failed.error.message


@behaviour("retry", "A timeout that is not more than zero is refused when the step is made.", verdict="new")
@pytest.mark.parametrize("time", [timedelta(0), timedelta(seconds=-1)])
def test_a_timeout_of_nothing_is_refused(time: timedelta) -> None:
    async def work(number: int) -> int:
        return number

    with pytest.raises(InvalidDuration, match="timeout"):
        step(timeout=time)(work)
    with pytest.raises(InvalidDuration, match="total_timeout"):
        step(total_timeout=time)(work)
