"""The workflows of the fleet's crash test, and the ledger that their steps write.

Each attempt of a step writes a line as it begins and one as it ends, both durable before it goes on. A beginning has a
token of its own, and what the step gives names it: so the journal says which of several beginnings counts.

What is computed is small: each run's result follows from its number alone (``expected``).
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel

from tests.crash.ledger import note
from waystation import Retry, StepContext, Workflow, step, workflow

NAP = timedelta(seconds=5)
"""Much longer than it takes to put forty runs to sleep, and to kill a node then."""

_numbers = itertools.count(1)


class Piece(BaseModel):
    """What goes from step to step: a value, and the token of the beginning that gave it."""

    value: int
    by: str = ""


class Flaky(Exception):
    """The step is to be tried again; the message is the token."""


def begin(address: str, run_id: str, attempt: int, *, answered: bool = False) -> str:
    """One more beginning of a step; its token."""
    token = f"{os.environ['WORKER']}:{next(_numbers)}"
    note(f"began {run_id} {address} {attempt} {'answered' if answered else 'fresh'} {token}")
    return token


def end(run_id: str, token: str) -> None:
    """The attempt is through; what it gives is not recorded yet."""
    note(f"ended {run_id} {token}")


def piece(ctx: StepContext, value: int) -> Piece:
    """A step that only computes: it begins and ends at once."""
    token = begin(ctx.address, ctx.run_id, ctx.attempt)
    end(ctx.run_id, token)
    return Piece(value=value, by=token)


# ------------------------------------------------------------------ steps


@step
async def hold(number: int, ctx: StepContext) -> Piece:
    """Begins, and ends once the gate of its workflow is there: so all runs are in flight at once."""
    token = begin(ctx.address, ctx.run_id, ctx.attempt)
    gate = Path(os.environ["GATES"]) / ctx.workflow_id
    while not gate.exists():
        await asyncio.sleep(0.02)
    end(ctx.run_id, token)
    return Piece(value=number, by=token)


@step
async def add(before: Piece, ctx: StepContext) -> Piece:
    return piece(ctx, before.value + 1)


@step
def double(before: Piece, ctx: StepContext) -> Piece:
    return piece(ctx, before.value * 2)  # in a thread


@step(retry=Retry(attempts=3, initial=timedelta(milliseconds=150), backoff="fixed"))
async def insist(before: Piece, ctx: StepContext) -> Piece:
    token = begin(ctx.address, ctx.run_id, ctx.attempt)
    end(ctx.run_id, token)
    if ctx.attempt < 3:
        raise Flaky(token)
    return Piece(value=before.value + ctx.attempt, by=token)


@step
async def join(parts: Mapping[str, Piece], ctx: StepContext) -> Piece:
    return piece(ctx, sum(part.value for part in parts.values()))


@step
async def split(before: Piece, ctx: StepContext) -> list[Piece]:
    token = begin(ctx.address, ctx.run_id, ctx.attempt)
    end(ctx.run_id, token)
    return [Piece(value=before.value + each, by=token) for each in range(6)]


@step
async def gather(parts: list[Piece], ctx: StepContext) -> Piece:
    return piece(ctx, sum(part.value for part in parts))


@step(suspend=Piece, resume=int)
async def ask(before: Piece, ctx: StepContext[Piece, int]) -> Piece:
    token = begin(ctx.address, ctx.run_id, ctx.attempt, answered=ctx.resume_data is not None)
    end(ctx.run_id, token)
    if ctx.resume_data is None:
        await ctx.suspend(Piece(value=before.value, by=token))
    return Piece(value=before.value + ctx.resume_data, by=token)


@step
async def prepare(number: int, ctx: StepContext) -> Piece:
    return piece(ctx, number)


# ------------------------------------------------------------------ workflows

chain = (
    workflow("chain", input=int, output=Piece)
    .then(hold)
    .then(add)
    .then(double)
    .then(add.clone(id="add-again"))
    .then(double.clone(id="double-again"))
    .commit()
)
aside = workflow("aside", input=int, output=Piece).then(hold).parallel([add, double]).then(join).commit()
stubborn = workflow("stubborn", input=int, output=Piece).then(hold).then(insist).then(double).commit()
asleep = workflow("asleep", input=int, output=Piece).then(hold).sleep(NAP).then(add).commit()
each = (
    workflow("each", input=int, output=Piece)
    .then(hold)
    .then(split)
    .foreach(double, concurrency=3)
    .then(gather)
    .commit()
)
parked = workflow("parked", input=int, output=Piece).then(prepare).then(ask).then(double).commit()

HELD: list[Workflow[int, Piece]] = [chain, aside, stubborn, asleep, each]
"""Those whose runs are held in flight."""

WORKFLOWS: list[Workflow[int, Piece]] = [*HELD, parked]

STEPS: Mapping[str, int] = {"chain": 5, "aside": 4, "stubborn": 5, "asleep": 2, "each": 9, "parked": 4}
"""How many attempts of steps a run of each takes when nothing disturbs it; an answer makes one more."""

_EXPECTED: Mapping[str, Callable[[int], int]] = {
    "chain": lambda number: ((number + 1) * 2 + 1) * 2,
    "aside": lambda number: number + 1 + number * 2,
    "stubborn": lambda number: (number + 3) * 2,
    "asleep": lambda number: number + 1,
    "each": lambda number: 2 * sum(number + part for part in range(6)),
}


def expected(workflow_id: str, number: int) -> int:
    """What a run that is not asked anything comes to."""
    return _EXPECTED[workflow_id](number)


def expected_of_answer(number: int, answer: int) -> int:
    """What a run that was asked comes to."""
    return (number + answer) * 2
