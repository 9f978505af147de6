"""Attempts: when a step that failed is tried again, for how often, and that a restart goes on counting."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta

import pytest

from tests.conformance.apps import OwnTime, Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import lost, recorded, won
from tests.conformance.waiting import a_timer, in_time, until_status
from waystation import NonRetryable, Retry, StepContext, step, workflow
from waystation.core.entries import StepFailed, StepRetrying

pytestmark = pytest.mark.anyio

AT_ONCE = Retry(attempts=3, backoff="fixed", initial=timedelta(0))


@pytest.mark.parametrize(
    ("retry", "waits"),
    [
        (Retry(attempts=4, backoff="fixed", initial=timedelta(seconds=2)), [2, 2, 2]),
        (Retry(attempts=4, backoff="exponential", initial=timedelta(seconds=1)), [1, 2, 4]),
        (
            Retry(attempts=4, initial=timedelta(seconds=3), maximum=timedelta(seconds=5), backoff="exponential"),
            [3, 5, 5],
        ),
        (Retry(attempts=3, backoff="fixed", initial=timedelta(hours=1)), [3600, 3600]),
    ],
    ids=["fixed", "exponential", "bounded", "longer than the usual maximum"],
)
@behaviour(
    "retry",
    "A failed attempt is tried again after a back-off: fixed, or exponential up to a maximum.",
    verdict="better",
    model=(29,),
    why="The model has a fixed delay only.",
)
async def test_a_failed_attempt_is_tried_again_after_the_back_off(retry: Retry, waits: list[int], place: Place) -> None:
    clock = OwnTime()
    at: list[int] = []

    @step(retry=retry)
    async def shaky(_: int, ctx: StepContext) -> int:
        at.append(clock.now())
        if ctx.attempt < retry.attempts:
            raise ValueError(f"attempt {ctx.attempt}")
        return ctx.attempt

    flow = workflow("flow", input=int, output=int).then(shaky).commit()
    async with place.app(flow, clock=clock) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(1)
        for seconds in waits:
            await a_timer(clock)
            assert await run.status() in ("waiting", "running")
            clock.move(timedelta(seconds=seconds))
        result = await run.wait()
        history = await run.history()
    assert won(result) == retry.attempts
    assert [(after - before) / 1000 for before, after in itertools.pairwise(at)] == waits
    assert [failure.message for failure in history.steps[0].failures] == [
        f"attempt {number}" for number in range(1, retry.attempts)
    ]


@behaviour(
    "retry",
    "`jitter` draws a part of each wait by chance, so that runs that failed together do not come back together.",
    verdict="new",
)
async def test_jitter_draws_its_part_of_the_wait(place: Place) -> None:
    clock = OwnTime()

    @step(retry=Retry(attempts=2, backoff="fixed", initial=timedelta(hours=1), jitter=0.5))
    async def shaky(_: int) -> int:
        raise ValueError

    flow = workflow("flow", input=int, output=int).then(shaky).commit()
    waits: set[int] = set()
    async with place.app(flow, clock=clock) as app:
        for _ in range(10):
            run = await app.get_workflow(flow).create_run()
            await run.start_async(1)
            await until_status(run, "waiting")
            (retrying,) = await recorded(run, StepRetrying)
            waits.add(retrying.retry_at - retrying.at)
    hour = 3_600_000
    assert all(hour / 2 <= wait <= hour for wait in waits)
    assert len(waits) > 1, "ten draws of 1.8 million possible ones are not all the same"


@behaviour(
    "retry",
    "Attempts are durable: after a restart the step goes on with the attempt that is next, at its time.",
    verdict="better",
    model=(29,),
    why="The model counts attempts in memory: a restart begins anew.",
)
async def test_attempts_are_durable_over_a_restart(place: Place) -> None:
    clock = OwnTime()
    attempts: list[tuple[int, int]] = []
    tried = asyncio.Event()
    hour = timedelta(hours=1)

    @step(retry=Retry(attempts=3, backoff="fixed", initial=hour))
    async def shaky(_: int, ctx: StepContext) -> int:
        attempts.append((ctx.attempt, clock.now()))
        tried.set()
        raise ValueError("no")

    flow = workflow("flow", input=int, output=int).then(shaky).commit()
    began = clock.now()
    async with in_time():
        async with place.app(flow, clock=clock) as app:
            await (await app.get_workflow(flow).create_run(run_id="r1")).start_async(1)
            await a_timer(clock)
        for _ in range(2):
            tried.clear()
            async with place.app(flow, clock=clock) as app:
                await a_timer(clock)
                assert not tried.is_set(), "a restart does not shorten the wait"
                clock.move(hour)
                await tried.wait()
                run = await app.get_run("r1")
                if len(attempts) == 3:
                    assert lost(await run.wait()).message == "no"
                else:
                    await a_timer(clock)
    assert attempts == [(1, began), (2, began + 3_600_000), (3, began + 7_200_000)]


@behaviour("retry", "`on=` names the errors that are tried again; any other fails the step at once.", verdict="new")
async def test_only_the_errors_that_are_named_are_tried_again(place: Place) -> None:
    calls: list[str] = []

    @step(retry=Retry(attempts=5, initial=timedelta(0), on=(ConnectionError, TimeoutError)))
    async def calling(which: str, ctx: StepContext) -> str:
        calls.append(which)
        if which == "never":
            raise ValueError("not one of those")
        if ctx.attempt == 1:
            raise ConnectionResetError("a kind of ConnectionError")
        return which

    flow = workflow("flow", input=str, output=str).then(calling).commit()
    async with place.app(flow) as app:
        assert lost(await app.get_workflow(flow).start("never")).type == "ValueError"
        assert won(await app.get_workflow(flow).start("again")) == "again"
    assert calls == ["never", "again", "again"]


@behaviour("retry", "`NonRetryable` fails the step at once, whatever its policy.", verdict="same", model=(29,))
async def test_what_is_not_retryable_fails_at_once(place: Place) -> None:
    calls: list[int] = []

    @step(retry=Retry(attempts=5, initial=timedelta(0)))
    async def final(_: int, ctx: StepContext) -> int:
        calls.append(ctx.attempt)
        raise NonRetryable("never")

    flow = workflow("flow", input=int, output=int).then(final).commit()
    async with place.app(flow) as app:
        error = lost(await app.get_workflow(flow).start(1))
    assert (error.code, error.message, error.address) == ("non_retryable", "never", "final")
    assert calls == [1]


@behaviour(
    "retry",
    "A workflow's policy is that of its steps that have none; a step's own wins, also to be tried just once.",
    verdict="same",
    model=(29,),
)
async def test_a_steps_own_policy_wins_over_its_workflows(place: Place) -> None:
    calls: list[str] = []

    @step
    async def plain(number: int, ctx: StepContext) -> int:
        calls.append(f"plain {ctx.attempt}")
        if ctx.attempt < 3:
            raise ValueError
        return number

    @step(retry=Retry(attempts=1))
    async def once(number: int, ctx: StepContext) -> int:
        calls.append(f"once {ctx.attempt}")
        raise ValueError

    flow = workflow("flow", input=int, output=int, retry=AT_ONCE).then(plain).then(once).commit()
    async with place.app(flow) as app:
        assert lost(await app.get_workflow(flow).start(1)).address == "once"
    assert calls == ["plain 1", "plain 2", "plain 3", "once 1"]


@behaviour(
    "retry",
    "A bad input is not tried again, as it would be as bad the next time; a bad output is.",
    verdict="better",
    model=(22, 23),
    why="The model does not check outputs.",
)
async def test_a_bad_output_is_tried_again(place: Place) -> None:
    calls: list[int] = []

    @step(retry=AT_ONCE)
    async def wavering(_: int, ctx: StepContext) -> int:
        calls.append(ctx.attempt)
        return "three" if ctx.attempt < 3 else 3  # type: ignore[return-value]  # the point

    flow = workflow("flow", input=int, output=int).then(wavering).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert won(await run.start(1)) == 3
        assert [entry.error.code for entry in await recorded(run, StepRetrying)] == ["invalid_output"] * 2
    assert calls == [1, 2, 3]


@behaviour("retry", "A step function that is not async is tried again just the same.", verdict="same")
async def test_a_sync_step_is_tried_again(place: Place) -> None:
    calls: list[int] = []

    @step(retry=AT_ONCE)
    def shaky(_: int, ctx: StepContext) -> int:
        calls.append(ctx.attempt)
        if ctx.attempt < 3:
            raise OSError("disk")
        return ctx.attempt

    flow = workflow("flow", input=int, output=int).then(shaky).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) == 3
    assert calls == [1, 2, 3]


@behaviour(
    "retry",
    "When the last attempt has failed, the run fails with that attempt's error; the others are in its history.",
    verdict="same",
    model=(29,),
)
async def test_the_last_attempts_error_is_the_runs(place: Place) -> None:
    @step(retry=AT_ONCE)
    async def shaky(_: int, ctx: StepContext) -> int:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError(f"attempt {ctx.attempt}") from error

    flow = workflow("flow", input=int, output=int).then(shaky).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        error = lost(await run.start(1))
        assert (error.message, error.type) == ("attempt 3", "ValueError")
        assert error.cause is not None
        assert error.cause.type == "KeyError"
        assert [entry.error.message for entry in await recorded(run, StepRetrying)] == ["attempt 1", "attempt 2"]
        assert [(entry.attempt, entry.error.message) for entry in await recorded(run, StepFailed)] == [(3, "attempt 3")]
