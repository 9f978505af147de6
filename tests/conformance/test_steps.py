"""What a step may rely on: once, retries, timeouts, the rest of its run."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta

import pytest
from pydantic import BaseModel

from tests.conformance.apps import OwnTime, Place
from tests.conformance.behaviours import behaviour
from waystation import NonRetryable, Retry, StepContext, step, workflow

pytestmark = pytest.mark.anyio


class Made(BaseModel):
    number: int


@behaviour(
    "step",
    "What ctx.once did is not done again on resume nor on a retry",
    verdict="better",
    model=(50,),
    why="side effects before suspend() happen twice",
)
async def test_what_once_did_is_not_done_again_on_resume_nor_on_a_retry(place: Place) -> None:
    done: list[str] = []

    async def send() -> Made:
        done.append("sent")
        return Made(number=len(done))

    seen: list[Made] = []
    clock = OwnTime()

    @step(suspend=str, resume=str, retry=Retry(attempts=2, initial=timedelta(seconds=1)))
    async def work(_: int, ctx: StepContext[str, str]) -> str:
        seen.append(await ctx.once("send", send))
        if ctx.resume_data is None:
            await ctx.suspend("?")
        if ctx.attempt == 1:
            raise ValueError("once more")
        return ctx.resume_data

    flow = workflow("flow", input=int, output=str).then(work).commit()
    async with place.app(flow, clock=clock) as app:
        await (await app.get_workflow(flow).create_run(run_id="r1")).start(1)
    async with place.app(flow, clock=clock) as app:
        run = await app.get_run("r1")
        await run.resume_async(data="yes")
        await waiting_for_time(clock)
        clock.move(timedelta(seconds=1))
        result = await run.wait()
    assert result.status == "success"
    assert done == ["sent"]
    assert seen == [Made(number=1)] * 3


async def waiting_for_time(clock: OwnTime) -> None:
    """Until someone has set a timer for a later time."""
    while (at := clock.next_timer()) is None or at <= clock.now():
        await clock.timer_set.wait()
        clock.timer_set.clear()


async def test_once_from_a_sync_step_and_in_a_gather_is_done_once(place: Place) -> None:
    done: list[str] = []

    @step
    def sync(_: int, ctx: StepContext) -> int:
        ctx.once_sync("a", lambda: done.append("a"))
        return ctx.once_sync("b", lambda: 7, returns=int)

    @step
    async def gathering(number: int, ctx: StepContext) -> int:
        async def effect() -> int:
            done.append("g")
            await asyncio.sleep(0)
            return number

        found = await asyncio.gather(*(ctx.once("g", effect) for _ in range(5)))
        return sum(found)

    flow = workflow("flow", input=int, output=int).then(sync).then(gathering).commit()
    async with place.app(flow) as app:
        result = await app.get_workflow(flow).start(1)
    assert result.status == "success"
    assert result.result == 35
    assert done == ["a", "g"]


@pytest.mark.parametrize(
    ("retry", "waits"),
    [
        (Retry(attempts=4, backoff="fixed", initial=timedelta(seconds=2)), [2, 2, 2]),
        (Retry(attempts=4, backoff="exponential", initial=timedelta(seconds=1)), [1, 2, 4]),
        (
            Retry(attempts=4, initial=timedelta(seconds=3), maximum=timedelta(seconds=5), backoff="exponential"),
            [3, 5, 5],
        ),
    ],
    ids=["fixed", "exponential", "bounded"],
)
async def test_a_failed_attempt_is_tried_again_after_the_back_off(retry: Retry, waits: list[int], place: Place) -> None:
    clock = OwnTime()
    at: list[int] = []
    keys: list[str] = []

    @step(retry=retry)
    async def shaky(_: int, ctx: StepContext) -> int:
        at.append(clock.now())
        keys.append(ctx.idempotency_key)
        if ctx.attempt < 4:
            raise ValueError(f"attempt {ctx.attempt}")
        return ctx.attempt

    flow = workflow("flow", input=int, output=int).then(shaky).commit()
    async with place.app(flow, clock=clock) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(1)
        for seconds in waits:
            await waiting_for_time(clock)
            assert await run.status() in ("waiting", "running")
            clock.move(timedelta(seconds=seconds))
        result = await run.wait()
        history = await run.history()
    assert result.status == "success"
    assert result.result == 4
    assert [(after - before) / 1000 for before, after in itertools.pairwise(at)] == waits
    assert len(set(keys)) == 1, "the idempotency key is the same on every attempt"
    assert [failure.message for failure in history.steps[0].failures] == ["attempt 1", "attempt 2", "attempt 3"]


async def test_attempts_are_durable_over_a_restart(place: Place) -> None:
    clock = OwnTime()
    attempts: list[int] = []
    tried = asyncio.Event()

    @step(retry=Retry(attempts=3, backoff="fixed", initial=timedelta(hours=1)))
    async def shaky(_: int, ctx: StepContext) -> int:
        attempts.append(ctx.attempt)
        tried.set()
        raise ValueError("no")

    flow = workflow("flow", input=int, output=int).then(shaky).commit()
    async with place.app(flow, clock=clock) as app:
        await (await app.get_workflow(flow).create_run(run_id="r1")).start_async(1)
        await tried.wait()
        await waiting_for_time(clock)
    for _ in range(2):
        tried.clear()
        clock.move(timedelta(hours=1))
        async with place.app(flow, clock=clock) as app:
            await tried.wait()
            run = await app.get_run("r1")
            if len(attempts) == 3:
                assert (await run.wait()).status == "failed"
            else:
                await waiting_for_time(clock)
    assert attempts == [1, 2, 3]


async def test_what_is_not_retryable_fails_at_once(place: Place) -> None:
    calls: list[str] = []

    @step(retry=Retry(attempts=5, on=(ConnectionError,)))
    async def other(_: int) -> int:
        calls.append("other")
        raise ValueError("not one of those")

    @step(retry=Retry(attempts=5))
    async def final(_: int) -> int:
        calls.append("final")
        raise NonRetryable("never")

    for each in (other, final):
        flow = workflow("flow", input=int, output=int).then(each).commit()
        async with place.app(flow) as app:
            assert (await app.get_workflow(flow).start(1)).status == "failed"
    assert calls == ["other", "final"]


async def test_an_attempt_that_runs_over_its_timeout_fails_and_may_be_tried_again(place: Place) -> None:
    @step(timeout=timedelta(milliseconds=20), retry=Retry(attempts=2, initial=timedelta(milliseconds=1)))
    async def slow(_: int, ctx: StepContext) -> int:
        if ctx.attempt == 1:
            await asyncio.Event().wait()
        return ctx.attempt

    flow = workflow("flow", input=int, output=int).then(slow).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        result = await run.start(1)
        history = await run.history()
    assert result.status == "success"
    assert [failure.code for failure in history.steps[0].failures] == ["step_timeout"]


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
    @step
    async def raising(_: int) -> int:
        raise error

    @step(id="raising")
    def raising_sync(_: int) -> int:
        raise error

    flow = workflow("flow", input=int, output=int).then(raising_sync if sync else raising).commit()
    async with place.app(flow) as app:
        result = await app.get_workflow(flow).start(1)
        assert result.status == "failed"
        assert result.error.address == "raising"
        assert (await app.get_workflow(flow).start(1)).status == "failed", "the app goes on"
