"""What the context of a step can do, in workflows that are the same but for where their steps run."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from waystation import NonRetryable, Retry, StepContext, Workflow, step, workflow
from waystation.define.step import Placement

SOON = timedelta(milliseconds=20)

Flow = Workflow[Any, Any]


class Cart(BaseModel):
    """A run state."""

    left: int = 0
    right: int = 0


def flows(placement: Placement) -> Mapping[str, Flow]:
    """All of them, by the behaviour they show."""
    found = [*_of_effects(placement), *_of_ends(placement), *_of_time(placement), *_around(placement)]
    return {flow.id.removesuffix(f"-{placement}"): flow for flow in found}


def _of_effects(placement: Placement) -> list[Flow]:
    """once, write, run state, what other steps gave, request context, logs."""

    @step(placement=placement)
    async def once(number: int, ctx: StepContext[None, None]) -> list[int]:
        calls: list[int] = []

        def effect() -> int:
            calls.append(1)
            return number + len(calls)

        first = await ctx.once("first", effect)
        both = await asyncio.gather(ctx.once("second", effect), ctx.once("second", effect), ctx.once("first", effect))
        return [first, *both, len(calls)]

    @step(placement=placement, retry=Retry(attempts=2, initial=SOON))
    async def kept(given: list[int], ctx: StepContext[None, None]) -> int:
        value = await ctx.once("kept", lambda: ctx.attempt)
        if ctx.attempt == 1:
            raise ValueError("what was recorded is there at the next attempt")
        return value + len(given)

    @step(placement=placement)
    def in_thread(number: int, ctx: StepContext[None, None]) -> int:
        ctx.write_sync({"number": number})
        value = ctx.once_sync("sync", lambda: number * 2)
        return value + ctx.get_init_data_sync(int)

    @step(placement=placement, state=Cart)
    async def left(number: int, ctx: StepContext[None, None, Cart]) -> int:
        await ctx.set_state(left=ctx.state.left + number)
        return ctx.state.left

    @step(placement=placement, state=Cart)
    def right(number: int, ctx: StepContext[None, None, Cart]) -> int:
        ctx.set_state_sync(right=number * 10)
        return ctx.state.right

    @step(placement=placement, state=Cart)
    async def sum_up(given: Mapping[str, int], ctx: StepContext[None, None, Cart]) -> list[object]:
        other = await ctx.get_step_result("left")
        nothing = await ctx.get_step_result("nobody")
        start = await ctx.get_init_data(int)
        return [other, nothing, start, ctx.state.left, ctx.state.right, dict(ctx.request_context)]

    @step(placement=placement)
    async def chatty(number: int, ctx: StepContext[None, None]) -> int:
        for each in range(3):
            await ctx.write({"chunk": each})
            await asyncio.sleep(0.06)  # longer than chunks are gathered: they come one by one
        await ctx.write("last")
        ctx.logger.info("said all")
        return number

    logging.getLogger("waystation.step").setLevel("INFO")
    named = f"-{placement}"
    return [
        workflow(f"once{named}", input=int, output=int).then(once).then(kept).commit(),
        workflow(f"thread{named}", input=int, output=int).then(in_thread).commit(),
        workflow(f"state{named}", input=int, output=list[object], state=Cart)
        .parallel([left, right])
        .then(sum_up)
        .commit(),
        workflow(f"write{named}", input=int, output=int).then(chatty).commit(),
    ]


def _of_ends(placement: Placement) -> list[Flow]:
    """suspend, bail, abort, failures."""

    @step(suspend=str, resume=int, placement=placement)
    async def ask(number: int, ctx: StepContext[str, int]) -> list[object]:
        if ctx.resume_data is None:
            await ctx.suspend(f"{number}?", label=f"label-{number}")
        return [number + ctx.resume_data, ctx.suspend_data]

    @step(placement=placement)
    async def bailing(number: int, ctx: StepContext[None, None]) -> int:
        if number:
            await ctx.bail(number * 100)
        return await _for_ever(number)

    @step(placement=placement)
    def aborting(number: int, ctx: StepContext[None, None]) -> int:
        ctx.abort_sync("enough")

    @step(placement=placement)
    async def failing(number: int) -> int:
        raise NonRetryable(f"not {number}")

    @step(placement=placement)
    async def misfit(number: int) -> int:
        return "no number"  # type: ignore[return-value]  # that is what is tested

    @step(placement=placement)
    async def writes_beside(number: int, ctx: StepContext[None, None]) -> int:
        async with ctx.transaction() as tx:
            await tx.execute("SELECT 1")
        return number

    @step(placement=placement)
    async def cancels_itself(number: int) -> int:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)
        return number

    named = f"-{placement}"
    bail = workflow(f"bailed{named}", input=list[int], output=int).foreach(bailing, concurrency=2).map(len).commit()
    return [
        workflow(f"ask{named}", input=list[int], output=list[list[object]]).foreach(ask, concurrency=3).commit(),
        bail,
        workflow(f"abort{named}", input=int, output=int).then(aborting).commit(),
        workflow(f"fail{named}", input=int, output=int).then(failing).commit(),
        workflow(f"misfit{named}", input=int, output=int).then(misfit).commit(),
        workflow(f"transaction{named}", input=int, output=int).then(writes_beside).commit(),
        workflow(f"cancels-itself{named}", input=int, output=int).then(cancels_itself).commit(),
    ]


def _of_time(placement: Placement) -> list[Flow]:
    """Retries, timeouts, cancellation."""

    @step(placement=placement, retry=Retry(attempts=3, initial=SOON))
    async def stubborn(number: int, ctx: StepContext[None, None]) -> int:
        if ctx.attempt < 3:
            raise ValueError(f"attempt {ctx.attempt}")
        return number + ctx.attempt

    @step(placement=placement, timeout=SOON, retry=Retry(attempts=2, initial=SOON))
    async def slow(number: int) -> int:
        return await _for_ever(number)

    @step(placement=placement, total_timeout=timedelta(seconds=1), retry=Retry(attempts=2, initial=SOON))
    async def late(number: int, ctx: StepContext[None, None]) -> int:
        if ctx.attempt == 1:
            raise ValueError(f"not {number}")
        return await _for_ever(number)

    @step(placement=placement)
    async def heeds(number: int, ctx: StepContext[None, None]) -> int:
        await ctx.write("begun")
        await ctx.cancelled()
        await ctx.once("told", lambda: ctx.is_cancelled)
        return number

    @step(placement=placement)
    async def heedless(number: int, ctx: StepContext[None, None]) -> int:
        await ctx.write("begun")
        return await _for_ever(number)

    @step(placement=placement)
    async def undo_late(number: int, ctx: StepContext[None, None]) -> None:
        await ctx.write(f"undone {number}")

    @step(placement=placement, undo=undo_late)
    async def goes_on(number: int, ctx: StepContext[None, None]) -> int:
        await ctx.write("begun")
        with suppress(asyncio.CancelledError):
            await _for_ever(number)
        return number + 1

    @step(placement=placement)
    def heeds_in_thread(number: int, ctx: StepContext[None, None]) -> int:
        ctx.write_sync("begun")
        while not ctx.is_cancelled:
            time.sleep(0.01)
        return number

    named = f"-{placement}"
    return [
        workflow(f"stubborn{named}", input=int, output=int).then(stubborn).commit(),
        workflow(f"slow{named}", input=int, output=int).then(slow).commit(),
        *(
            workflow(f"{each.id}{named}", input=int, output=int).then(each).commit()
            for each in (late, heeds, heedless, goes_on, heeds_in_thread)
        ),
    ]


def _around(placement: Placement) -> list[Flow]:
    """Compensations, nested workflows, loops."""

    @step(placement=placement)
    async def undo(number: int, ctx: StepContext[None, None]) -> None:
        await ctx.write(f"undone {number}")

    @step(placement=placement, undo=undo)
    async def book(number: int) -> int:
        return number + 1

    @step(placement=placement)
    async def fail(number: int) -> int:
        raise ValueError(f"not {number}")

    @step(placement=placement)
    async def double(number: int, ctx: StepContext[None, None]) -> int:
        return number * 2 + await ctx.get_init_data(int)

    named = f"-{placement}"
    inner = workflow("inner", input=int, output=int).then(double).then(book).commit()
    return [
        workflow(f"undo{named}", input=int, output=int).then(book).then(inner).then(fail).commit(),
        workflow(f"nested{named}", input=list[int], output=list[int]).foreach(inner, concurrency=3).commit(),
        workflow(f"loop{named}", input=int, output=int).do_while(double, lambda number: number < 100).commit(),
    ]


async def _for_ever(number: int) -> int:
    await asyncio.Event().wait()
    return number
