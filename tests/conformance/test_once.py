"""What a step may rely on when it runs again: ``ctx.once``, and a key that names it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from pydantic import BaseModel

from tests.conformance.apps import OwnTime, Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import lost, recorded, won
from tests.conformance.waiting import a_timer, in_time
from waystation import Retry, StepContext, step, workflow
from waystation.core.entries import OnceRecorded

pytestmark = pytest.mark.anyio

TWICE = Retry(attempts=2, backoff="fixed", initial=timedelta(0))


class Made(BaseModel):
    number: int


@behaviour(
    "step",
    "`ctx.once` does an effect once, however often its step runs: on resume, on a retry, after a restart.",
    verdict="better",
    model=(50,),
    why="In the model what a step does before it suspends happens again when it is resumed.",
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
        await a_timer(clock)
        clock.move(timedelta(seconds=1))
        result = await run.wait()
    assert result.status == "success"
    assert done == ["sent"]
    assert seen == [Made(number=1)] * 3


@behaviour(
    "step",
    "An effect that was recorded is not done again though the process ended before its step did.",
    verdict="new",
)
async def test_what_once_did_is_not_done_again_after_the_process_ended_in_the_step(place: Place) -> None:
    done: list[str] = []
    recorded_it = asyncio.Event()
    hang = True

    @step
    async def work(_: int, ctx: StepContext) -> int:
        await ctx.once("send", lambda: done.append("sent"))
        recorded_it.set()
        if hang:
            await asyncio.Event().wait()
        return await ctx.once("count", lambda: len(done), returns=int)

    flow = workflow("flow", input=int, output=int).then(work).commit()
    async with in_time():
        async with place.app(flow, grace=timedelta(0)) as app:
            await (await app.get_workflow(flow).create_run(run_id="r1")).start_async(1)
            await recorded_it.wait()
        hang = False
        async with place.app(flow) as app:
            assert won(await (await app.get_run("r1")).wait()) == 1
    assert done == ["sent"]


@behaviour(
    "step", "`once` is called once though it is asked for many times at once; sync steps have it too.", verdict="new"
)
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
    assert won(result) == 35
    assert done == ["a", "g"]


@behaviour("step", "An effect that fails is not recorded: it is done again with the next attempt.", verdict="new")
async def test_an_effect_that_fails_is_done_again(place: Place) -> None:
    done: list[int] = []

    @step(retry=TWICE)
    async def work(_: int, ctx: StepContext) -> int:
        def send() -> int:
            done.append(ctx.attempt)
            if ctx.attempt == 1:
                raise ConnectionError
            return ctx.attempt

        return await ctx.once("send", send)

    flow = workflow("flow", input=int, output=int).then(work).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert won(await run.start(1)) == 2
        assert len(await recorded(run, OnceRecorded)) == 1
    assert done == [1, 2]


@behaviour(
    "step", "An effect whose value does not fit its type fails the step, and nothing is recorded.", verdict="new"
)
async def test_a_value_that_cannot_be_recorded_fails_the_step(place: Place) -> None:
    @step
    async def work(_: int, ctx: StepContext) -> int:
        return await ctx.once("send", lambda: "seven", returns=int)

    flow = workflow("flow", input=int, output=int).then(work).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        error = lost(await run.start(1))
        assert (error.code, error.address) == ("invalid_recorded_value", "work")
        assert "once('send')" in error.message
        assert await recorded(run, OnceRecorded) == []


@behaviour(
    "step",
    "Effects of one name in different steps, items of a foreach and turns of a loop are different effects.",
    verdict="better",
    why="In the model durable operations of different turns of a loop, or legs of a run, share one id.",
)
async def test_effects_of_different_steps_items_and_turns_are_different(place: Place) -> None:
    done: list[str] = []

    @step
    async def work(number: int, ctx: StepContext) -> int:
        def send() -> int:
            done.append(ctx.address)
            return number + 1

        return await ctx.once("send", send)

    @step
    async def total(numbers: list[int]) -> int:
        return sum(numbers)

    flow = (
        workflow("flow", input=list[int], output=int)
        .foreach(work, id="items")
        .then(total)
        .do_until(work.clone(id="turn"), lambda number: number >= 7, id="loop")
        .then(work.clone(id="last"))
        .commit()
    )
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start([1, 2])) == 8
    assert done == ["items[0]/work", "items[1]/work", "loop#1/turn", "loop#2/turn", "last"]


@behaviour(
    "step",
    "`ctx.idempotency_key` is the same on every attempt, after an answer and after a restart.",
    verdict="better",
    model=(60,),
    why="The model gives a step no key to hand on to services that drop what they have seen.",
)
async def test_the_idempotency_key_is_the_same_on_every_attempt_and_after_a_restart(place: Place) -> None:
    keys: list[str] = []
    hang = True
    began = asyncio.Event()

    @step(suspend=str, resume=str, retry=TWICE)
    async def work(_: int, ctx: StepContext[str, str]) -> str:
        keys.append(ctx.idempotency_key)
        if ctx.attempt == 1:
            raise ValueError
        if ctx.resume_data is None:
            await ctx.suspend("?")
        began.set()
        if hang:
            await asyncio.Event().wait()
        return ctx.resume_data

    flow = workflow("flow", input=int, output=str).then(work).commit()
    async with in_time():
        async with place.app(flow, grace=timedelta(0)) as app:
            run = await app.get_workflow(flow).create_run(run_id="r1")
            await run.start(1)
            await run.resume_async(data="yes")
            await began.wait()
        hang = False
        async with place.app(flow) as app:
            assert (await (await app.get_run("r1")).wait()).status == "success"
    assert keys == ["r1:work"] * 5


@behaviour(
    "step", "`ctx.idempotency_key` is another for each run, step, item of a foreach and turn of a loop.", verdict="new"
)
async def test_the_idempotency_key_is_another_for_each_run_step_item_and_turn(place: Place) -> None:
    keys: list[str] = []

    @step
    async def work(number: int, ctx: StepContext) -> int:
        keys.append(ctx.idempotency_key)
        return number + 1

    @step
    async def total(numbers: list[int]) -> int:
        return sum(numbers)

    flow = (
        workflow("flow", input=list[int], output=int)
        .foreach(work, id="items")
        .then(total)
        .do_until(work.clone(id="turn"), lambda number: number >= 7, id="loop")
        .then(workflow("inner", input=int, output=int).then(work).commit())
        .commit()
    )
    async with place.app(flow) as app:
        for run_id in ("r1", "r2"):
            await app.get_workflow(flow).start([1, 2], run_id=run_id)
    assert keys == [
        f"{run_id}:{address}"
        for run_id in ("r1", "r2")
        for address in ("items[0]/work", "items[1]/work", "loop#1/turn", "loop#2/turn", "inner/work")
    ]
