"""The workflow of the chaos: every run meets suspensions, timers, retries, fan-out, an event, a nested workflow,
``once``, transactions, a thread; a sixth of them fail at the end, and what they did is undone.

Each step writes into the book that it begins, with a token; what it gives names the token, so that the journal says
which of several beginnings counts.
"""

from __future__ import annotations

import asyncio
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel

from tests.crash.chaos.book import Began, Book, Did
from waystation import FlowContext, NonRetryable, Retry, StepContext, step, workflow

TABLE = "CREATE TABLE payments (run TEXT NOT NULL, address TEXT NOT NULL, token TEXT NOT NULL)"
INSERT = {
    "sqlite": "INSERT INTO payments (run, address, token) VALUES (?, ?, ?)",
    "postgres": "INSERT INTO payments (run, address, token) VALUES ($1, $2, $3)",
}
SHIPPING_FAILS = 5
"""Runs whose number leaves this over by six are not shipped: they fail."""


class Job(BaseModel):
    """What goes from step to step: which run it is, whose asking started it, and the token of who gave it."""

    number: int
    asked: str
    by: str = ""
    steps: int = 0


class Go(BaseModel):
    number: int


class Desk:
    """Where this process writes, set once when it begins."""

    book: Book
    insert: str

    @classmethod
    def take(cls, path: Path, who: str, kind: str) -> Book:
        cls.book, cls.insert = Book(path, who), INSERT[kind]
        return cls.book


class Attempt(Protocol):
    """What a line needs of a step's context, whatever its types."""

    run_id: str
    address: str
    attempt: int

    @property
    def resume_data(self) -> object: ...


def begin(ctx: Attempt) -> str:
    """One more beginning of a step; its token."""
    book = Desk.book
    token = f"{book.who}:{os.getpid()}:{book.next_number()}"
    leg = "answered" if ctx.resume_data is not None else "fresh"
    book.write_durably(
        Began(who=book.who, run=ctx.run_id, address=ctx.address, leg=leg, attempt=ctx.attempt, token=token)
    )
    return token


def did(run_id: str, address: str, what: str) -> None:
    Desk.book.write_durably(Did(who=Desk.book.who, run=run_id, address=address, what=what))


def given(job: Job, token: str, steps: int = 1) -> Job:
    return Job(number=job.number, asked=job.asked, by=token, steps=job.steps + steps)


def a_while(job: Job) -> float:
    """How long a step takes, in seconds: so that faults meet it under way."""
    return 0.02 * (job.number % 5)


# ------------------------------------------------------------------ undo


@step(retry=Retry(attempts=3, initial=timedelta(milliseconds=20), backoff="fixed"))
async def take_back(job: Job, ctx: StepContext) -> None:
    begin(ctx)
    if ctx.attempt == 1 and job.number % 2:
        raise ConnectionError("once more")


# ------------------------------------------------------------------ steps


@step(undo=take_back)
async def reserve(job: Job, ctx: StepContext) -> Job:
    token = begin(ctx)
    await asyncio.sleep(a_while(job))
    return given(job, token)


@step(retry=Retry(attempts=3, initial=timedelta(milliseconds=60), backoff="fixed"))
async def call_out(job: Job, ctx: StepContext) -> Job:
    token = begin(ctx)
    await ctx.once("mail", lambda: did(ctx.run_id, ctx.address, "mail"))
    await asyncio.sleep(a_while(job))
    if ctx.attempt <= job.number % 3:
        raise ConnectionError(f"attempt {ctx.attempt}")
    return given(job, token)


@step
def weigh(job: Job, ctx: StepContext) -> Job:
    token = begin(ctx)
    time.sleep(a_while(job))  # in a thread
    return given(job, token)


@step
async def split(job: Job, ctx: StepContext) -> list[Job]:
    begin(ctx)
    return [Job(number=job.number, asked=job.asked, steps=job.steps if each == 0 else 0) for each in range(4)]


@step
async def pack(job: Job, ctx: StepContext) -> Job:
    token = begin(ctx)
    await asyncio.sleep(a_while(job))
    return given(job, token)


@step
async def collect(jobs: list[Job], ctx: StepContext) -> Job:
    return given(jobs[0], begin(ctx), 1 + sum(job.steps for job in jobs[1:]))


@step(suspend=str, resume=str)
async def legal(job: Job, ctx: StepContext[str, str]) -> Job:
    token = begin(ctx)
    if ctx.resume_data is None:
        await ctx.once("letter", lambda: did(ctx.run_id, ctx.address, "letter"))
        await ctx.suspend(f"may {job.number} go?", label=ctx.address)
    return given(job, token)


money = legal.clone(id="money")


@step(undo=take_back)
async def charge(job: Job, ctx: StepContext) -> Job:
    token = begin(ctx)
    async with ctx.transaction() as transaction:
        await transaction.execute(Desk.insert, (ctx.run_id, ctx.address, token))
        await asyncio.sleep(a_while(job))
    return given(job, token)


@step
async def join(parts: dict[str, Job], ctx: StepContext) -> Job:
    before = min(job.steps for job in parts.values()) - 1
    first = next(iter(parts.values()))
    token = begin(ctx)
    return Job(number=first.number, asked=first.asked, by=token, steps=before + 1 + len(parts))


@step
async def polish(job: Job, ctx: StepContext) -> Job:
    return given(job, begin(ctx))


@step
async def book_in(go: Go, ctx: StepContext) -> Job:
    token = begin(ctx)
    joined = await ctx.get_step_result(join)
    assert joined is not None, "it comes before the wait"
    return given(joined, token)


@step(undo=take_back)
def pay(job: Job, ctx: StepContext) -> Job:
    token = begin(ctx)
    with ctx.transaction_sync() as transaction:
        transaction.execute(Desk.insert, (ctx.run_id, ctx.address, token))
    return given(job, token)


@step
async def ship(job: Job, ctx: StepContext) -> Job:
    token = begin(ctx)
    if job.number % 6 == SHIPPING_FAILS:
        raise NonRetryable("no ship")
    return given(job, token)


# ------------------------------------------------------------------ the workflow


def nap(job: Job) -> timedelta:
    return timedelta(milliseconds=50 + 37 * (job.number % 13))


def is_mine(go: Go, job: Job) -> bool:
    return go.number == job.number


def polished(job: Job, ctx: FlowContext) -> bool:
    did(ctx.run_id, ctx.address, f"turn {ctx.iteration}")
    return ctx.iteration >= 2


weighed = workflow("weighed", input=Job, output=Job).then(weigh).sleep(nap, id="doze").commit()
reviewed = workflow("reviewed", input=Job, output=Job).then(polish.clone(id="read")).then(legal).commit()

jobs = (
    workflow("jobs", input=Job, output=Job)
    .then(reserve)
    .sleep(nap, id="nap")
    .then(call_out)
    .then(weighed)
    .then(split)
    .foreach(pack, concurrency=3, id="packs")
    .then(collect)
    .parallel([reviewed, money, charge], id="gates")
    .then(join)
    .wait_for("go", Go, match=is_mine)
    .then(book_in)
    .do_until(polish, polished, id="polishing")
    .sleep(nap, id="rest")
    .then(pay)
    .then(ship)
    .commit()
)
