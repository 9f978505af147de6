"""The app that the browser is shown: ``python -m waystation serve --app tests.browser.stock:app``.

What its steps wait for is a file in the folder ``STOCK_GATES``: a test lets a step go on by making it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, field_validator
from typing_extensions import TypedDict

from waystation import Cron, NonRetryable, Retry, StepContext, Waystation, Workflow, step, workflow

GATES = Path(os.environ.get("STOCK_GATES", "."))


async def gate(name: str) -> None:
    """Wait until the test opens it."""
    while not (GATES / name).exists():
        await asyncio.sleep(0.02)


# --------------------------------------------------------------------------- an approval


class Invoice(BaseModel):
    """An invoice that came in."""

    supplier: str = Field(description="As it is written on the invoice.")
    amount: float = Field(gt=0)
    currency: Literal["EUR", "CHF", "USD"] = "EUR"
    note: str | None = None


class Checked(BaseModel):
    """An invoice that can be paid."""

    supplier: str
    amount: float
    currency: str


class Ask(BaseModel):
    """What someone is asked."""

    reason: str
    supplier: str
    amount: float
    currency: str


class Decision(BaseModel):
    """What they say."""

    approved: bool = Field(description="Whether it is to be paid.")
    comment: str | None = Field(default=None, max_length=200)


class Booked(BaseModel):
    """What came of it."""

    supplier: str
    status: Literal["paid", "refused"]
    comment: str | None


@step
async def check(invoice: Invoice) -> Checked:
    """Look whether the supplier is known."""
    return Checked(supplier=invoice.supplier, amount=invoice.amount, currency=invoice.currency)


@step(suspend=Ask, resume=Decision)
async def approve(checked: Checked, ctx: StepContext[Ask, Decision]) -> Booked:
    """Ask whether it may be paid."""
    if ctx.resume_data is None:
        reason = f"May we pay {checked.amount:,.2f} {checked.currency} to {checked.supplier}?"
        await ctx.suspend(
            Ask(reason=reason, supplier=checked.supplier, amount=checked.amount, currency=checked.currency)
        )
    said = ctx.resume_data
    return Booked(supplier=checked.supplier, status="paid" if said.approved else "refused", comment=said.comment)


@step
async def book(booked: Booked) -> Booked:
    """Write it to the ledger."""
    return booked


invoice = (
    workflow("invoice", input=Invoice, output=Booked, description="An invoice is checked, approved and paid.")
    .then(check)
    .then(approve)
    .then(book)
    .commit()
)

# --------------------------------------------------------------------------- every kind of node


class Parcel(BaseModel):
    """What is to be sent."""

    kind: Literal["letter", "box"]
    items: list[str]
    weight: int = 1

    @field_validator("weight")
    @classmethod
    def is_allowed(cls, weight: int) -> int:
        """What no JSON Schema says."""
        if weight == 13:
            raise ValueError("that is bad luck")
        return weight


class Sides(TypedDict):
    """What was looked up side by side."""

    price: int
    route: str


class Handled(TypedDict, total=False):
    """What was done where it was needed."""

    insure: str
    declare: str


@step
async def price(parcel: Parcel) -> int:
    """What it costs."""
    return 3 * parcel.weight


@step
async def route(parcel: Parcel) -> str:
    """Where it goes through."""
    return f"{parcel.kind} by Lyon"


async def back_to_parcel(sides: Sides, ctx: StepContext) -> Parcel:
    """The parcel again."""
    assert sides["price"] > 0
    return await ctx.get_init_data(Parcel)


with_parcel = step(back_to_parcel)


@step
async def insure(parcel: Parcel) -> str:
    """Heavy ones."""
    return f"insured {parcel.weight}"


@step
async def declare(parcel: Parcel) -> str:
    """Boxes."""
    return f"declared {len(parcel.items)}"


@step
async def items_of(handled: Handled, ctx: StepContext) -> list[str]:
    """What is in it."""
    return (await ctx.get_init_data(Parcel)).items


@step
async def release(item: str) -> None:
    """Give its place free again."""


@step(undo=release)
async def pack(item: str) -> str:
    """Pack one item."""
    return item.upper()


@step
async def count(items: list[str]) -> int:
    """How many there are."""
    return len(items)


@step
async def stamp(left: int) -> int:
    """One stamp more."""
    return left - 1


@step
async def again(left: int, ctx: StepContext) -> Parcel:
    """The parcel again."""
    return await ctx.get_init_data(Parcel)


@step
async def weigh(parcel: Parcel) -> Parcel:
    """Weigh it."""
    return parcel


weighing = workflow("weighing", input=Parcel, output=Parcel).then(weigh).commit()


@step
async def fold_letter(parcel: Parcel) -> str:
    """Letters."""
    return "folded"


@step
async def tape_box(parcel: Parcel) -> str:
    """Boxes."""
    return "taped"


@step(suspend=str, resume=bool)
async def sign(picked: str, ctx: StepContext[str, bool]) -> str:
    """Have it signed."""
    if ctx.resume_data is None:
        await ctx.suspend(f"{picked}: who signs?")
    return picked


parcels = (
    workflow("parcel", input=Parcel, output=str, description="Every kind of node there is.")
    .then(weighing)
    .parallel([price, route], id="look")
    .then(with_parcel)
    .branch([(lambda parcel: parcel.weight > 5, insure), (lambda parcel: parcel.kind == "box", declare)], id="handle")
    .then(items_of)
    .foreach(pack, id="packing", concurrency=4)
    .then(count)
    .do_while(stamp, lambda left: left > 0, id="stamps")
    .then(again)
    .switch(lambda parcel: parcel.kind, {"letter": fold_letter}, default=tape_box, id="close")
    .map(lambda closed: f"{closed}, ready", output=str, id="label")
    .sleep(timedelta(milliseconds=50), id="cool-off")
    .wait_for("picked", str, id="pick-up")
    .then(sign)
    .commit()
)

# --------------------------------------------------------------------------- what takes its time, and what fails


class Job(BaseModel):
    """Something with gates to be opened by the test."""

    name: str


class Done(BaseModel):
    """That it was done."""

    name: str
    words: int = 0


@step
async def prepare(job: Job) -> Job:
    """Get ready."""
    return job


@step
async def work(job: Job, ctx: StepContext) -> Done:
    """Takes until the test lets it go on."""
    ctx.logger.warning("%s waits at its gate", job.name)
    await gate(f"{job.name}.work")
    ctx.logger.warning("%s may pass", job.name)
    return Done(name=job.name)


@step
async def clean_up(done: Done) -> Done:
    """Put everything back."""
    return done


gated = workflow("gated", input=Job, output=Done).then(prepare).then(work).then(clean_up).commit()


@step
async def draft(job: Job, ctx: StepContext) -> Done:
    """Write word by word, as an agent does."""
    words = f"{job.name} begins in the small hours and ends at noon".split()
    for number, word in enumerate(words):
        if number == 4:
            await gate(f"{job.name}.words")
        await ctx.write(word)
    return Done(name=job.name, words=len(words))


writing = workflow("writing", input=Job, output=Done).then(draft).commit()


@step
async def refund(done: Done) -> None:
    """Give the money back."""


@step(undo=refund)
async def charge(job: Job) -> Done:
    """Take the money."""
    return Done(name=job.name)


@step(retry=Retry(attempts=3, backoff="fixed", initial=timedelta(milliseconds=20)))
async def call(done: Done, ctx: StepContext) -> Done:
    """The line is busy at first."""
    if ctx.attempt < 3:
        raise ConnectionError(f"line busy at attempt {ctx.attempt}")
    return done


@step
async def deliver(done: Done) -> Done:
    """Fails, unless its name is well."""
    if "well" not in done.name:
        raise NonRetryable(f"nobody is at home for {done.name}")
    return done


delivering = workflow("delivery", input=Job, output=Done).then(charge).then(call).then(deliver).commit()

# --------------------------------------------------------------------------- by the clock, and many of them


@step
async def close_books(year: int) -> int:
    """Add it all up."""
    return year


books = (
    workflow("books", input=int, output=int, schedule=Cron("0 3 1 1 *", tz="Europe/Paris", input=2026, id="yearly"))
    .then(close_books)
    .commit()
)


@step
async def tick(number: int) -> int:
    """Nothing much."""
    return number


ticks = workflow("ticks", input=int, output=int).then(tick).commit()


@step
async def join(halves: Mapping[str, int]) -> int:
    """Go on with one of them."""
    return max(halves.values())


ROUNDS = 125


def _many_nodes() -> Workflow[int, int]:
    """Each round is a frame, two steps within, and one after it: 500 nodes."""
    flow = workflow("many-nodes", input=int, output=int, description="Five hundred nodes.")
    for each in range(ROUNDS):
        halves = [tick.clone(id=f"left-{each}"), tick.clone(id=f"right-{each}")]
        flow = flow.parallel(halves, id=f"both-{each}").then(join.clone(id=f"join-{each}"))
    return flow.commit()


many_nodes = _many_nodes()

app = Waystation(
    workflows=[invoice, parcels, gated, writing, delivering, books, ticks, many_nodes],
    store="memory://",
    lease=timedelta(seconds=1),
    recover_every=timedelta(milliseconds=100),
    grace=timedelta(milliseconds=200),
    cancel_grace=timedelta(milliseconds=200),
)
by_hand = app.copy(recover=False)
"""The same, which goes on with no run by itself that another process left."""
