"""What a run that has come to rest leaves in memory: nothing that has to wait for the garbage collector."""

from __future__ import annotations

import asyncio
import gc

import pytest

from waystation import StepContext, Waystation, step, workflow
from waystation.core.machine import Machine
from waystation.engine.driver import Driver


@step
async def add(number: int) -> int:
    return number + 1


@step(suspend=str, resume=bool)
async def ask(number: int, ctx: StepContext[str, bool]) -> int:
    await ctx.write("asked")
    if ctx.resume_data is None:
        await ctx.suspend("go on?")
    return number


@step
async def fail(number: int) -> int:
    raise ValueError(number)


chained = workflow("chained", input=int, output=int).then(add).then(add.clone(id="again")).commit()
asking = workflow("asking", input=int, output=int).then(add).then(ask).commit()
failing = workflow("failing", input=int, output=int).then(fail).commit()
side_by_side = workflow("side-by-side", input=list[int], output=list[int]).foreach(add, concurrency=3).commit()


async def left_by(flow: str, given: object) -> list[object]:
    """What is left of runs that have come to rest, as far as only the garbage collector would find it."""
    async with Waystation(workflows=[chained, asking, failing, side_by_side], store="memory://") as app:
        runnable = app.get_workflow(flow)
        await runnable.start(given)
        gc.collect()
        gc.disable()
        before = {id(kept) for kept in of_runs()}
        try:
            for _ in range(3):
                await runnable.start(given)
            await asyncio.sleep(0)  # whoever told of the last one has returned
            return [kept for kept in of_runs() if id(kept) not in before]
        finally:
            gc.enable()


def of_runs() -> list[object]:
    return [kept for kept in gc.get_objects() if isinstance(kept, (Driver, Machine))]


@pytest.mark.parametrize(
    ("flow", "given"), [("chained", 1), ("asking", 1), ("failing", 1), ("side-by-side", [1, 2, 3])]
)
def test_nothing_of_a_run_at_rest_is_left_to_the_garbage_collector(flow: str, given: object) -> None:
    assert not asyncio.run(left_by(flow, given))
