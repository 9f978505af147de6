"""The app that the workers of these tests serve. What its steps do is in a ledger outside the store."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path

from tests.crash.ledger import note
from waystation import StepContext, Waystation, step, workflow


def told(ctx: StepContext[None, None], what: str) -> None:
    """Write down which worker does what for which run."""
    note(f"{os.environ.get('WORKER', 'none')} {ctx.run_id} {ctx.step_id} {what}")


async def gate(name: str) -> None:
    """Wait until the test opens that gate."""
    while not (Path(os.environ["GATES"]) / name).exists():
        await asyncio.sleep(0.02)


@step
async def first(name: str, ctx: StepContext[None, None]) -> str:
    told(ctx, "began")
    told(ctx, "ended")
    return name


@step
async def held(name: str, ctx: StepContext[None, None]) -> str:
    """Takes until the gate of that name is open."""
    told(ctx, "began")
    await gate(name)
    told(ctx, "ended")
    return name


@step
async def last(name: str, ctx: StepContext[None, None]) -> str:
    told(ctx, "began")
    told(ctx, "ended")
    return f"{name} done"


@step(suspend=str, resume=str)
async def review(name: str, ctx: StepContext[str, str]) -> str:
    """Asks, and so parks its run."""
    if ctx.resume_data is None:
        await ctx.suspend(f"what of {name}?")
    return f"{name} {ctx.resume_data}"


@step
async def stamp(text: str, ctx: StepContext[None, None]) -> str:
    """Only the second release has it."""
    told(ctx, "began")
    told(ctx, "ended")
    return f"{text}, stamped"


holding = workflow("holding", input=str, output=str).then(first).then(held).then(last).commit()
sleeping = workflow("sleeping", input=str, output=str).then(first).sleep(timedelta(seconds=3)).then(last).commit()
_reviewing = workflow("reviewing", input=str, output=str).then(first).then(review)

RELEASES = {
    "1": [holding, sleeping, _reviewing.commit()],
    "2": [holding, sleeping, _reviewing.then(stamp).commit()],
}
WORKFLOWS = RELEASES[os.environ.get("RELEASE", "1")]

app = Waystation(workflows=WORKFLOWS, grace=timedelta(seconds=2))
calls_nothing_again = Waystation(workflows=WORKFLOWS, grace=timedelta(seconds=2), recover=False)
"""It does not look for runs that were left: who goes on with them must be told to."""
