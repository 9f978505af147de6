"""The workflows of the tests of steps that are spread over worker processes, and the ledger that their steps write.

Each attempt of a step writes a line as it begins and one as it ends, both durable before it goes on: so the lines tell
in one order who ran what, and how many at once.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from pathlib import Path

from tests.crash.ledger import note
from waystation import StepContext, step, workflow

NAP = 0.02
"""How long an item takes, in seconds, where no gate holds it."""

ITEMS = 200

_numbers = itertools.count(1)


def begin(ctx: StepContext) -> str:
    """One more beginning of a step; its token, which tells the worker."""
    token = f"{os.environ['WORKER']}:{next(_numbers)}"
    note(f"began {ctx.run_id} {ctx.address} {ctx.attempt} fresh {token}")
    return token


def end(ctx: StepContext, token: str) -> None:
    """The attempt is through; what it gives is not recorded yet."""
    note(f"ended {ctx.run_id} {ctx.address} {token}")


async def gate(name: str) -> None:
    """Wait until the test opens that gate."""
    while not (Path(os.environ["GATES"]) / name).exists():
        await asyncio.sleep(0.02)


@step
async def split(count: int, ctx: StepContext) -> list[int]:
    """It runs where its run is driven, and so tells where that is."""
    end(ctx, begin(ctx))
    return list(range(count))


@step(placement="spread")
async def napped(number: int, ctx: StepContext) -> str:
    token = begin(ctx)
    await asyncio.sleep(NAP)
    end(ctx, token)
    return f"{number * 2} {token}"


@step(placement="spread")
async def held(number: int, ctx: StepContext) -> str:
    """Goes on when the gate of its run is open."""
    token = begin(ctx)
    await gate(ctx.run_id)
    end(ctx, token)
    return f"{number * 2} {token}"


@step(placement="spread")
def quick(number: int) -> int:
    return number * 2


@step
async def total(doubled: list[str]) -> int:
    return sum(int(each.partition(" ")[0]) for each in doubled)


@step
async def count(doubled: list[int]) -> int:
    return sum(doubled)


limited = workflow("limited", input=int, output=int).then(split).foreach(napped, concurrency=6).then(total).commit()
wide = workflow("wide", input=int, output=int).then(split).foreach(napped, concurrency=60).then(total).commit()
gated = workflow("gated", input=int, output=int).then(split).foreach(held, concurrency=20).then(total).commit()
many = workflow("many", input=int, output=int).then(split).foreach(quick, concurrency=100).then(count).commit()

WORKFLOWS = [limited, wide, gated, many]


def expected(items: int) -> int:
    """What a run of so many items comes to."""
    return items * (items - 1)
