"""Workflows that together hold every kind of node. Everything that runs in them writes into the ledger what it is.

A ledger line is ``address leg attempt``: the leg tells a step that was answered from one that was not, and is a word
of its own for what decides (``asked``). A step's line is written when its attempt begins.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Protocol

from pydantic import BaseModel

from tests.crash.ledger import note
from waystation import (
    FlowContext,
    FromInit,
    FromState,
    FromStep,
    Retry,
    StepContext,
    Template,
    Workflow,
    step,
    workflow,
)

SHORT = timedelta(milliseconds=20)


class Basket(BaseModel):
    seen: int = 0
    names: list[str] = []


class Attempt(Protocol):
    """What a line needs of a step's context, whatever its types."""

    address: str
    attempt: int

    @property
    def resume_data(self) -> object: ...


def ran(ctx: Attempt) -> None:
    """One more attempt of a step."""
    note(f"{ctx.address} {'answered' if ctx.resume_data is not None else 'fresh'} {ctx.attempt}")


def decided(ctx: FlowContext) -> None:
    """One more asking of a function of the graph."""
    note(f"{ctx.address} asked {ctx.iteration}")


@step
async def plain(text: str, ctx: StepContext) -> str:
    ran(ctx)
    return f"{text}."


@step
def threaded(text: str, ctx: StepContext) -> str:
    ran(ctx)
    return f"{text},"


@step(suspend=str, resume=str)
async def ask(text: str, ctx: StepContext[str, str]) -> str:
    ran(ctx)
    await ctx.once("mail", lambda: note(f"{ctx.address} mail 1"))
    if ctx.resume_data is None:
        await ctx.suspend(text, label=f"about-{ctx.address}")
    return f"{text}{ctx.resume_data}"


@step
async def broken(text: str, ctx: StepContext) -> str:
    ran(ctx)
    raise ValueError(text)


# --------------------------------------------------------------------------- nested two deep, state, map


@step
async def gather(text: str, ctx: StepContext[None, None, Basket]) -> str:
    ran(ctx)
    await ctx.set_state(seen=ctx.state.seen + 1, names=[*ctx.state.names, ctx.address])
    return text


@step
async def tell(told: Mapping[str, object], ctx: StepContext[None, None, Basket]) -> str:
    ran(ctx)
    return f"{told['who']} {told['note']} {ctx.state.seen} {ctx.state.names}"


def shown(text: str, ctx: FlowContext) -> str:
    decided(ctx)
    return text.upper()


innermost = workflow("innermost", input=str, output=str, state=Basket).then(gather).then(ask).map(shown).commit()
middle = workflow("middle", input=str, output=str, state=Basket).then(gather).then(innermost).then(threaded).commit()
nested = (
    workflow("nested", input=str, output=str, state=Basket)
    .then(gather)
    .then(middle)
    .map(
        {
            "who": FromInit(),
            "note": Template("said ${steps.middle}"),
            "seen": FromState("seen"),
            "was": FromStep(middle),
        },
        id="told",
        output=Mapping[str, object],
    )
    .then(tell)
    .commit()
)

# --------------------------------------------------------------------------- parallel, branch, switch, bail


@step
async def leave(text: str, ctx: StepContext) -> str:
    ran(ctx)
    await ctx.bail(f"{text} left early")


early = workflow("early", input=str, output=str).then(leave).then(plain.clone(id="never")).commit()


@step
async def merge(parts: Mapping[str, object], ctx: StepContext) -> str:
    ran(ctx)
    return ", ".join(f"{key}={parts[key]}" for key in sorted(parts))


def yes(text: str, ctx: FlowContext) -> bool:
    decided(ctx)
    return bool(text)


def no(text: str, ctx: FlowContext) -> bool:
    decided(ctx)
    return not text


def kind(text: str, ctx: FlowContext) -> str:
    decided(ctx)
    return "long" if len(text) > 3 else "short"


blocks = (
    workflow("blocks", input=str, output=str)
    .parallel([plain, broken, early], allow_failure=True, id="side")
    .then(merge)
    .branch([(yes, plain.clone(id="yes")), (no, plain.clone(id="no")), (yes, threaded)], id="either")
    .then(merge.clone(id="merge-2"))
    .switch(kind, {"long": plain.clone(id="long"), "short": plain.clone(id="short")}, id="kind")
    .commit()
)

# --------------------------------------------------------------------------- foreach


@step(suspend=str, resume=str)
async def check(name: str, ctx: StepContext[str, str]) -> str:
    ran(ctx)
    if ctx.resume_data is None and name in ("b", "d"):
        await ctx.suspend(name)
    return f"{name}{ctx.resume_data or ''}"


def width(names: list[str], ctx: FlowContext) -> int:
    decided(ctx)
    return 2


doubled = workflow("doubled", input=str, output=str).then(plain).then(threaded).commit()
each = (
    workflow("each", input=list[str], output=list[str])
    .foreach(check, concurrency=width, id="checks")
    .foreach(doubled, concurrency=3, id="doubles")
    .commit()
)

# --------------------------------------------------------------------------- loops and sleeps


@step(suspend=str, resume=str)
async def grow(text: str, ctx: StepContext[str, str]) -> str:
    ran(ctx)
    if ctx.iteration == 2 and ctx.resume_data is None:
        await ctx.suspend(text)
    return f"{text}{ctx.resume_data or 'x'}"


def enough(text: str, ctx: FlowContext) -> bool:
    decided(ctx)
    return ctx.iteration >= 3


def more(text: str, ctx: FlowContext) -> bool:
    decided(ctx)
    return ctx.iteration < 2


def soon(text: str, ctx: FlowContext) -> datetime:
    decided(ctx)
    return datetime.now(timezone.utc) + SHORT


resting = workflow("resting", input=str, output=str).then(plain).sleep_until(soon, id="soon").commit()
loops = (
    workflow("loops", input=str, output=str)
    .do_until(grow, enough, id="growing")
    .sleep(SHORT, id="nap")
    .do_while(resting, more, id="rests")
    .commit()
)

# --------------------------------------------------------------------------- events


def fits(data: str, text: str) -> bool:
    note("match asked 1")
    return data.startswith("good")


def awaiting(event: str) -> Workflow[str, str]:
    return workflow(f"for-{event}", input=str, output=str).wait_for(event, str).then(plain).commit()


events = (
    workflow("events", input=str, output=str)
    .wait_for("early", str, match=fits)
    .then(plain)
    .wait_for("nobody-sends", str, timeout=SHORT, default="nobody", id="silence")
    .then(ask)
    .parallel([awaiting("one"), awaiting("two")], id="both")
    .then(merge)
    .commit()
)

# --------------------------------------------------------------------------- retries, once, transactions


@step(retry=Retry(attempts=3, initial=timedelta(milliseconds=5), backoff="fixed"))
async def shaky(text: str, ctx: StepContext) -> str:
    ran(ctx)

    def make_key() -> str:
        note(f"{ctx.address} key 1")
        return "key"

    found = await ctx.once("key", make_key)
    if ctx.attempt < 3:
        raise ConnectionError(f"attempt {ctx.attempt}")
    return f"{text}{found}"


def charging() -> str:
    """The statement that notes a charge; each database has its own sign for a parameter."""
    return f"INSERT INTO charges (key, text) VALUES ({os.environ.get('SIGNS', '?, ?')})"


@step
async def pay(text: str, ctx: StepContext) -> str:
    ran(ctx)
    async with ctx.transaction() as transaction:
        await transaction.execute(charging(), (ctx.idempotency_key, text))
    return f"{text}$"


@step
def pay_sync(text: str, ctx: StepContext) -> str:
    ran(ctx)
    with ctx.transaction_sync() as transaction:
        transaction.execute(charging(), (ctx.idempotency_key, text))
    return f"{text}$"


@step(retry=Retry(attempts=2, initial=timedelta(0)))
async def pay_late(text: str, ctx: StepContext) -> str:
    ran(ctx)
    async with ctx.transaction() as transaction:
        await transaction.execute(charging(), (ctx.idempotency_key, text))
        if ctx.attempt < 2:
            raise ConnectionError("what was written goes with the attempt")
    return f"{text}$"


@step
async def letters(text: str, ctx: StepContext) -> list[str]:
    ran(ctx)
    return list(text)


money = (
    workflow("money", input=str, output=list[str])
    .then(shaky)
    .then(pay)
    .then(pay_sync)
    .then(pay_late)
    .then(letters)
    .foreach(pay.clone(id="each"), concurrency=3, id="all")
    .commit()
)

# --------------------------------------------------------------------------- compensation


@step
async def undo_it(text: str, ctx: StepContext) -> None:
    ran(ctx)


@step
async def undo_badly(text: str, ctx: StepContext) -> None:
    ran(ctx)
    raise RuntimeError("cannot be undone")


@step(undo=undo_it)
async def book(text: str, ctx: StepContext) -> str:
    ran(ctx)
    return f"{text}b"


@step(undo=undo_badly)
async def sign(text: str, ctx: StepContext) -> str:
    ran(ctx)
    return f"{text}s"


def twice(_: str, ctx: FlowContext) -> bool:
    decided(ctx)
    return ctx.iteration == 2


stay = workflow("stay", input=str, output=str).then(book.clone(id="room")).then(plain).commit()
trip = (
    workflow("trip", input=str, output=str)
    .then(book)
    .parallel([stay, book.clone(id="car")], id="parts")
    .then(merge)
    .then(sign)
    .do_until(book.clone(id="night"), twice, id="nights")
    .then(broken)
    .commit()
)

# --------------------------------------------------------------------------- cancel in the middle

dozing = workflow("dozing", input=str, output=str).then(book.clone(id="bed")).sleep(timedelta(days=30)).commit()
listening = workflow("listening", input=str, output=str).wait_for("never", str).commit()
halted = (
    workflow("halted", input=str, output=str)
    .then(book)
    .parallel([ask, dozing, listening, book.clone(id="done")], id="all")
    .then(merge)
    .commit()
)
