"""A run that is cancelled: whatever it is at, it ends, and nothing of it goes on."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from datetime import timedelta

import pytest

from tests.conformance.apps import OwnTime, Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import ask, recorded, waits_at, won
from tests.conformance.waiting import a_timer, in_time
from waystation import Retry, RunResult, StepContext, step, workflow
from waystation.core.entries import CancelRequested, StepCancelled, StepFailed, StepSucceeded

pytestmark = pytest.mark.anyio


class Held:
    """A step that is in flight until it is told to go on, and what became of it."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.go_on = asyncio.Event()
        self.ends: list[str] = []


@step
async def never(number: int) -> int:
    raise AssertionError("nothing follows in a run that is cancelled")


def reason_of(result: RunResult[object]) -> str:
    """Why a run was cancelled, which it must be."""
    assert result.status == "cancelled", result
    return result.reason


@behaviour(
    "run",
    "A step in flight sees `ctx.cancelled()`, and may tidy up and return: that is recorded, and nothing follows.",
    verdict="same",
    model=(55,),
)
async def test_a_step_that_heeds_the_cancel_ends_by_itself(place: Place) -> None:
    held = Held()

    @step
    async def heeding(number: int, ctx: StepContext) -> int:
        held.began.set()
        held.ends.append(f"before: {ctx.is_cancelled}")
        await ctx.cancelled()
        held.ends.append(f"after: {ctx.is_cancelled}")
        return number

    flow = workflow("flow", input=int, output=int).then(heeding).then(never).commit()
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        waiting = asyncio.create_task(run.start(1))
        await held.began.wait()
        result = await run.cancel(reason="not needed", actor="ada", channel="mail")
        assert reason_of(result) == "not needed"
        assert await waiting == result, "who waits for the run is told the same"
        assert await run.result() == result
        (asked,) = await recorded(run, CancelRequested)
        assert (asked.reason, asked.actor, asked.channel) == ("not needed", "ada", "mail")
        assert [entry.address for entry in await recorded(run, StepSucceeded)] == ["heeding"]
    assert held.ends == ["before: False", "after: True"]


@behaviour(
    "run", "A step that raises because of the cancel is failed; the run is cancelled.", verdict="same", model=(55,)
)
async def test_a_step_that_raises_when_it_is_cancelled_is_failed_and_not_tried_again(place: Place) -> None:
    began = asyncio.Event()
    calls: list[int] = []

    @step(retry=Retry(attempts=3, initial=timedelta(0)))
    async def heeding(number: int, ctx: StepContext) -> int:
        calls.append(ctx.attempt)
        began.set()
        await ctx.cancelled()
        raise ConnectionAbortedError("cancelled")

    flow = workflow("flow", input=int, output=int).then(heeding).commit()
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(1)
        await began.wait()
        assert (await run.cancel()).status == "cancelled"
        (failed,) = await recorded(run, StepFailed)
        assert failed.error.type == "ConnectionAbortedError"
    assert calls == [1]


@behaviour(
    "run",
    "A step that does not heed the cancel is cut off when its time of grace is over.",
    verdict="better",
    model=(55,),
    why="In the model a step that ignores the signal runs on, and the run waits for it.",
)
async def test_a_step_that_does_not_heed_is_cut_off_after_the_time_of_grace(place: Place) -> None:
    clock = OwnTime()
    held = Held()

    @step
    async def hanging(number: int) -> int:
        held.began.set()
        try:
            await held.go_on.wait()
        except asyncio.CancelledError:
            held.ends.append(f"cut off after {clock.now() - OwnTime().now()} ms")
            raise
        return number

    flow = workflow("flow", input=int, output=int).then(hanging).then(never).commit()
    async with in_time(), place.app(flow, clock=clock) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(1)
        await held.began.wait()
        await run.cancel_async(grace=timedelta(minutes=2))
        assert await a_timer(clock) == clock.now() + 120_000
        clock.move(timedelta(minutes=1))
        await asyncio.sleep(0)
        assert held.ends == []
        assert await run.status() == "running"
        clock.move(timedelta(minutes=1))
        assert (await run.wait()).status == "cancelled"
        assert [entry.address for entry in await recorded(run, StepCancelled)] == ["hanging"]
    assert held.ends == ["cut off after 120000 ms"]


@behaviour(
    "run",
    "A step that goes on though it was cut off, and gives a result, is recorded as done; nothing follows.",
    verdict="same",
    model=(55,),
)
async def test_a_step_that_swallows_being_cut_off_is_recorded_and_nothing_follows(place: Place) -> None:
    held = Held()

    @step
    async def stubborn(number: int) -> int:
        held.began.set()
        with suppress(asyncio.CancelledError):
            await held.go_on.wait()
        return number + 1

    flow = workflow("flow", input=int, output=int).then(stubborn).then(never).commit()
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(1)
        await held.began.wait()
        assert (await run.cancel(grace=timedelta(0))).status == "cancelled"
        assert [bytes(entry.output) for entry in await recorded(run, StepSucceeded)] == [b"2"]


@behaviour(
    "run",
    "A step function that is not async is told by `ctx.is_cancelled`; one that hangs is left behind in its thread.",
    verdict="new",
)
@pytest.mark.parametrize("heeds", [True, False])
async def test_a_sync_step_heeds_the_cancel_or_is_left_behind(heeds: bool, place: Place) -> None:
    loop = asyncio.get_running_loop()
    began, ended = asyncio.Event(), asyncio.Event()
    go_on = threading.Event()

    @step
    def working(number: int, ctx: StepContext) -> int:
        loop.call_soon_threadsafe(began.set)
        while not (heeds and ctx.is_cancelled) and not go_on.wait(0.001):
            pass
        loop.call_soon_threadsafe(ended.set)
        return number

    flow = workflow("flow", input=int, output=int).then(working).then(never).commit()
    try:
        async with in_time(), place.app(flow) as app:
            run = await app.get_workflow(flow).create_run()
            await run.start_async(1)
            await began.wait()
            result = await run.cancel(grace=timedelta(hours=1) if heeds else timedelta(0))
            assert result.status == "cancelled"
            kinds = [type(entry) for entry in await run.journal()]
            assert (StepSucceeded in kinds, StepCancelled in kinds) == (heeds, not heeds)
            before = await run.journal()
            go_on.set()
            await ended.wait()
            assert await run.journal() == before, "what it gives late does not count"
    finally:
        go_on.set()


@behaviour("run", "A foreach that is cancelled begins no more items; those in flight are told.", verdict="same")
async def test_a_foreach_that_is_cancelled_begins_no_more_items(place: Place) -> None:
    began: list[int] = []
    both = asyncio.Event()

    @step
    async def working(number: int, ctx: StepContext) -> int:
        began.append(number)
        if len(began) == 2:
            both.set()
        await ctx.cancelled()
        return number

    flow = workflow("flow", input=list[int], output=list[int]).foreach(working, concurrency=2).commit()
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async([1, 2, 3, 4])
        await both.wait()
        assert (await run.cancel()).status == "cancelled"
        assert len(await recorded(run, StepSucceeded)) == 2
    assert began == [1, 2]


@behaviour(
    "run",
    "Cancelling twice is cancelling once: the first reason counts, and both are given the result.",
    verdict="same",
)
async def test_cancelling_twice_is_cancelling_once(place: Place) -> None:
    held = Held()

    @step
    async def heeding(number: int, ctx: StepContext) -> int:
        held.began.set()
        await ctx.cancelled()
        await held.go_on.wait()
        return number

    flow = workflow("flow", input=int, output=int).then(heeding).commit()
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(1)
        await held.began.wait()
        await run.cancel_async(reason="first")
        second = asyncio.create_task(run.cancel(reason="second"))
        await asyncio.sleep(0)
        held.go_on.set()
        assert reason_of(await second) == "first"
        assert reason_of(await run.cancel(reason="third")) == "first"
        assert len(await recorded(run, CancelRequested)) == 1


@pytest.mark.parametrize("number", [1, 0], ids=["success", "failed"])
@behaviour(
    "run",
    "Cancelling a run that has ended changes nothing, and gives how it ended.",
    verdict="better",
    model=(58,),
    why="The model overwrote the status of a finished run.",
)
async def test_cancelling_a_run_that_has_ended_changes_nothing(number: int, place: Place) -> None:
    @step
    async def invert(number: int) -> float:
        return 1 / number

    flow = workflow("flow", input=int, output=float).then(invert).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        ended = await run.start(number)
        before, record = await run.journal(), await run.record()
        assert await run.cancel(reason="too late") == ended
        assert (await run.journal(), await run.record()) == (before, record)


@behaviour("run", "A step that calls `ctx.abort` cancels its run, from whatever depth.", verdict="same", model=(19,))
async def test_a_step_aborts_its_run(place: Place) -> None:
    @step
    async def stop(number: int, ctx: StepContext) -> int:
        await ctx.abort("out of stock")

    deep = workflow("deep", input=int, output=int).then(stop).commit()
    flow = workflow("flow", input=list[int], output=list[int]).foreach(deep).commit()
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert reason_of(await run.start([1, 2])) == "out of stock"
        (asked,) = await recorded(run, CancelRequested)
        assert asked.address == "flow[0]/deep/stop".replace("flow", "foreach-deep")


@behaviour("run", "Cancelling one run touches no other.", verdict="same")
async def test_cancelling_one_run_touches_no_other(place: Place) -> None:
    flow = workflow("flow", input=int, output=int).then(ask).commit()
    async with place.app(flow) as app:
        first, second = [await app.get_workflow(flow).create_run() for _ in range(2)]
        assert waits_at(await first.start(1)) == ["ask"]
        assert waits_at(await second.start(1)) == ["ask"]
        await first.cancel()
        assert won(await second.resume(data=1)) == 2
