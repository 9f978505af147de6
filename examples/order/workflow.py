"""An order: two people approve it, stock is reserved for each line, it is paid, it is shipped.

If it is not paid in three days, or cannot be shipped, or is cancelled, the money goes back and so do the pieces. What
the steps write is in the store's own database, in one commit with each step's result: nothing is ever booked twice.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel
from typing_extensions import TypedDict

from waystation import Cron, NonRetryable, Retry, StepContext, Waystation, step, workflow

FOLDER = Path(os.environ.get("ORDER_FOLDER", ".demo/order"))
TIME_TO_PAY = timedelta(days=3)


class Line(BaseModel):
    article: str
    pieces: int
    price: int


class Order(BaseModel):
    order_id: str
    lines: list[Line]

    @property
    def total(self) -> int:
        return sum(line.pieces * line.price for line in self.lines)


class Question(BaseModel):
    who: str
    text: str


class Answer(BaseModel):
    yes: bool
    why: str = ""


class Answers(TypedDict):
    sales: Answer
    finance: Answer


class Invoice(BaseModel):
    order_id: str
    amount: int


class Paid(BaseModel):
    order_id: str
    amount: int


class Receipt(BaseModel):
    order_id: str
    status: str


# --------------------------------------------------------------------------- two people, at once


@step(id="sales", suspend=Question, resume=Answer)
async def sales(order: Order, ctx: StepContext[Question, Answer]) -> Answer:
    if ctx.resume_data is None:
        await ctx.suspend(Question(who=ctx.step_id, text=f"May {order.order_id} go out, for {order.total}?"))
    return ctx.resume_data


finance = sales.clone(id="finance")


@step
async def lines_if_agreed(answers: Answers, ctx: StepContext) -> list[Line]:
    order = await ctx.get_init_data(Order)
    if not (answers["sales"].yes and answers["finance"].yes):
        await ctx.bail(Receipt(order_id=order.order_id, status="rejected"))  # the run ends here, well
    return order.lines


# --------------------------------------------------------------------------- stock, line by line


@step
async def put_back(line: Line, ctx: StepContext) -> None:
    async with ctx.transaction() as tx:
        await tx.execute("UPDATE stock SET pieces = pieces + ? WHERE article = ?", (line.pieces, line.article))


@step(undo=put_back)
async def reserve(line: Line, ctx: StepContext) -> Line:
    async with ctx.transaction() as tx:
        left = await tx.execute(
            "UPDATE stock SET pieces = pieces - ? WHERE article = ? AND pieces >= ? RETURNING pieces",
            (line.pieces, line.article, line.pieces),
        )
    if not left:
        raise NonRetryable(f"{line.article} is out of stock")
    return line


# --------------------------------------------------------------------------- money


@step
async def invoice(_: list[Line], ctx: StepContext) -> Invoice:
    order = await ctx.get_init_data(Order)
    await ctx.once("mail", lambda: send_mail(f"{order.order_id}: please pay {order.total}"))
    return Invoice(order_id=order.order_id, amount=order.total)


def send_mail(text: str) -> None:
    """Where a mail service would be; give it ``ctx.idempotency_key``, if it knows such."""
    with (FOLDER / "outbox").open("a", encoding="utf-8") as outbox:
        outbox.write(f"{text}\n")


def is_for_it(paid: Paid, invoice: Invoice) -> bool:
    return (paid.order_id, paid.amount) == (invoice.order_id, invoice.amount)


@step
async def refund(paid: Paid, ctx: StepContext) -> None:
    async with ctx.transaction() as tx:
        await tx.execute("INSERT INTO ledger VALUES (?, ?)", (paid.order_id, -paid.amount))


@step(undo=refund)
async def book_payment(paid: Paid, ctx: StepContext) -> Paid:
    async with ctx.transaction() as tx:
        await tx.execute("INSERT INTO ledger VALUES (?, ?)", (paid.order_id, paid.amount))
    return paid


@step(retry=Retry(attempts=5, initial=timedelta(seconds=1)))
async def ship(paid: Paid, ctx: StepContext) -> Receipt:
    order = await ctx.get_init_data(Order)
    if any(line.article == "anvil" for line in order.lines):
        raise NonRetryable("nobody carries anvils")
    return Receipt(order_id=paid.order_id, status="shipped")


order = (
    workflow("order", input=Order, output=Receipt)
    .parallel([sales, finance], id="approvals")
    .then(lines_if_agreed)
    .foreach(reserve, id="lines")
    .then(invoice)
    .wait_for("paid", Paid, match=is_for_it, timeout=TIME_TO_PAY)
    .then(book_payment)
    .then(ship)
    .commit()
)


# --------------------------------------------------------------------------- around it


@step
async def take_delivery(lines: list[Line], ctx: StepContext) -> int:
    """Into a step's transaction goes any SQL: also that which makes the tables, beside Waystation's own."""
    async with ctx.transaction() as tx:
        await tx.execute("CREATE TABLE IF NOT EXISTS stock (article TEXT PRIMARY KEY, pieces INTEGER NOT NULL)")
        await tx.execute("CREATE TABLE IF NOT EXISTS ledger (order_id TEXT NOT NULL, amount INTEGER NOT NULL)")
        for line in lines:
            await tx.execute(
                "INSERT INTO stock VALUES (?, ?) ON CONFLICT (article) DO UPDATE SET pieces = pieces + excluded.pieces",
                (line.article, line.pieces),
            )
    return len(lines)


delivery = workflow("delivery", input=list[Line], output=int).then(take_delivery).commit()


@step
async def count_what_is_low(fewer_than: int, ctx: StepContext) -> list[str]:
    async with ctx.transaction() as tx:
        rows = await tx.execute("SELECT article FROM stock WHERE pieces < ? ORDER BY article", (fewer_than,))
    return [str(article) for (article,) in rows]


low_stock = (
    workflow("low-stock", input=int, output=list[str], schedule=Cron("0 3 * * *", tz="Europe/Paris", input=3))
    .then(count_what_is_low)
    .commit()
)

app = Waystation(workflows=[order, delivery, low_stock], store=f"sqlite:///{FOLDER / 'shop.db'}")
