"""A run in a process of its own that is killed in the middle of it, for tests of what goes on from there.

``python restarted.py WHICH KIND FOLDER DATABASE`` starts the run ``r1`` and says each of its events. Its last step
hangs.
"""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.conformance.apps import Place
from tests.conformance.programs import program
from waystation import StepContext, Waystation, Workflow, step, workflow

RUN_ID = "r1"
SLEEP = timedelta(days=1)


def make(which: str, folder: Path, *, hang: bool) -> Workflow[Any, Any]:  # noqa: C901  (one shape after another)
    """The workflow ``flow`` of one shape. Each step counts its calls in a file; that named ``last`` may hang."""

    def called(name: str) -> None:
        with (folder / "calls").open("a", encoding="utf-8") as file:
            file.write(f"{name}\n")

    @step
    async def quick(number: int, ctx: StepContext) -> int:
        called(ctx.address)
        return number + 1

    @step
    async def last(number: int, ctx: StepContext) -> int:
        called(ctx.address)
        if hang:
            await asyncio.Event().wait()
        return number + 10

    @step
    async def third_hangs(number: int, ctx: StepContext) -> int:
        called(ctx.address)
        if hang and number == 3:
            await asyncio.Event().wait()
        return number

    @step(suspend=str, resume=int)
    async def answered(number: int, ctx: StepContext[str, int]) -> int:
        called(f"{ctx.address}={ctx.resume_data}")
        if ctx.resume_data is None:
            await ctx.suspend("?")
        if hang:
            await asyncio.Event().wait()
        return number + ctx.resume_data

    one = workflow("flow", input=int, output=int)
    match which:
        case "sequence":
            return one.then(quick).then(last).commit()
        case "parallel":
            return workflow("flow", input=int, output=dict[str, int]).parallel([quick, last]).commit()
        case "foreach":
            return (
                workflow("flow", input=int, output=list[int])
                .map(lambda number: [number, number + 1, number + 2], output=list[int])
                .foreach(third_hangs, id="items")
                .commit()
            )
        case "nested":
            inner = workflow("inner", input=int, output=int).then(quick).then(last).commit()
            return one.then(workflow("outer", input=int, output=int).then(inner).commit()).commit()
        case "answered":
            return one.then(quick).then(answered).commit()
        case "asleep":
            nap = workflow("nap", input=int, output=int).sleep(SLEEP, id="sleep").then(quick).commit()
            return workflow("flow", input=int, output=dict[str, int]).parallel([nap, last]).commit()
        case _:
            raise AssertionError(which)


def app_for(which: str, place: Place, *, hang: bool) -> Waystation:
    """An app with that workflow; it takes over nothing by itself."""
    return Waystation(
        workflows=[make(which, place.folder, hang=hang)],
        store=place.url,
        recover=False,
        recover_every=timedelta(hours=1),
        lease=timedelta(hours=1),
    )


def killed_in(which: str, place: Place, *, after: str, called: str) -> None:
    """Start the run in a process of its own, and kill that after the event ``after``, once ``called`` was called."""
    code = f"import runpy; runpy.run_path({__file__!r}, run_name='__main__')"
    with program(code, which, place.kind, str(place.folder), place.database) as process:
        while process.hear() != after:
            pass
        for _ in range(30_000):
            if called in calls(place.folder):
                return
            time.sleep(0.001)
        raise AssertionError(f"{called!r} was not called")


def calls(folder: Path) -> list[str]:
    """Which steps were called, in order, in all processes."""
    file = folder / "calls"
    return file.read_text(encoding="utf-8").split() if file.exists() else []


async def main(which: str, place: Place) -> None:
    """Start the run, and say its events."""
    async with app_for(which, place, hang=True) as app:
        run = await app.get_workflow("flow").create_run(run_id=RUN_ID)
        await run.start_async(1)
        async for event in run.events():
            print(event.type, getattr(event, "address", ""), flush=True)
            if event.type == "run-suspended":
                await run.resume_async(data=10)


if __name__ == "__main__":
    shape, kind, folder, database = sys.argv[1:]
    asyncio.run(main(shape, Place(kind, Path(folder), database)))
