"""Every kind of node takes what its types allow, and says what it gives."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import TypedDict

from pydantic import BaseModel
from typing_extensions import assert_type

from waystation import (
    FlowContext,
    FromContext,
    FromInit,
    FromState,
    FromStep,
    Template,
    Value,
    Workflow,
    step,
    workflow,
)
from waystation.define.builder import Builder
from waystation.define.keyed_builder import KeyedBuilder


class Order(BaseModel):
    id: str
    lines: list[int]


class Gift(Order):
    note: str


class Receipt(BaseModel):
    total: int


class Scores(TypedDict):
    geo: int | None
    credit: int | None


class Kind(Enum):
    PLAIN = "plain"
    GIFT = "gift"


@step
async def geo(order: Order) -> int:
    return len(order.id)


@step
def credit(order: Order) -> int:
    return len(order.lines)


@step
async def name_of(order: Order) -> str:
    return order.id


@step
async def lines_of(order: Order) -> list[int]:
    return order.lines


@step
async def price(line: int) -> Receipt:
    return Receipt(total=line)


@step
async def price_float(line: float) -> Receipt:
    return Receipt(total=int(line))


@step
async def total(receipts: Sequence[Receipt]) -> Receipt:
    return Receipt(total=sum(receipt.total for receipt in receipts))


@step
async def wrap(order: Order) -> Gift:
    return Gift(id=order.id, lines=order.lines, note="")


@step
async def reorder(order: Order) -> Order:
    return order


@step
async def score(scores: Scores) -> int:
    return (scores["geo"] or 0) + (scores["credit"] or 0)


@step
async def number_or_text(value: int | str) -> Receipt:
    return Receipt(total=len(str(value)))


@step
async def maybe(receipt: Receipt | None) -> Receipt:
    return receipt or Receipt(total=0)


start = workflow("w", input=Order, output=Receipt)
gifts = workflow("gifts", input=Gift, output=Receipt)
assert_type(start, Builder[Order, Receipt, Order])

# ------------------------------------------------------------------ a workflow goes wherever a step does

priced = workflow("priced", input=Order, output=list[Receipt]).then(lines_of).foreach(price).commit()
assert_type(priced, Workflow[Order, list[Receipt]])
counted = workflow("counted", input=Order, output=int).then(geo).commit()
again = counted.clone(id="counted-again")
assert_type(again, Workflow[Order, int])

assert_type(start.then(priced), Builder[Order, Receipt, list[Receipt]])
# Also with more special input than it takes.
assert_type(gifts.then(priced), Builder[Gift, Receipt, list[Receipt]])
assert_type(start.then(wrap).then(counted), Builder[Order, Receipt, int])
nested = start.then(priced).then(total).commit()
assert_type(nested, Workflow[Order, Receipt])
assert_type(start.parallel([geo, counted, priced]), KeyedBuilder[Order, Receipt])
assert_type(start.branch([(lambda order: order.id == "", counted), (lambda order: True, geo)]), KeyedBuilder[Order, Receipt])

# ------------------------------------------------------------------ parallel and branch


def is_long(order: Order) -> bool:
    return len(order.lines) > 3


async def is_known(order: Order, ctx: FlowContext) -> bool:
    assert_type(await ctx.get_step_result(geo), int | None)
    assert_type(await ctx.get_step_result(counted), int | None)
    assert_type(await ctx.get_init_data(Order), Order)
    return bool(ctx.state.get("known")) and ctx.iteration == 0


with_failure = (
    workflow("failing", input=Order, output=int).parallel([geo, credit], allow_failure=True, id="scores").then(score)
).commit()
assert_type(with_failure, Workflow[Order, int])
start.branch([(is_long, geo), (is_long, counted)])
start.branch([(is_known, geo), (lambda order, ctx: order.id == ctx.run_id, counted)])

# ------------------------------------------------------------------ switch


def kind_of(order: Order) -> Kind:
    return Kind.GIFT if isinstance(order, Gift) else Kind.PLAIN


async def kind_later(order: Order, ctx: FlowContext) -> Kind:
    return kind_of(order)


assert_type(start.switch(kind_of, {Kind.PLAIN: geo, Kind.GIFT: counted}), Builder[Order, Receipt, int])
assert_type(start.switch(kind_later, {Kind.PLAIN: geo}, default=credit), Builder[Order, Receipt, int])
assert_type(start.switch(lambda order: order.id, {"a": geo, "b": geo}), Builder[Order, Receipt, int])
assert_type(start.switch(lambda order, ctx: ctx.run_id, {"a": geo}, default=again), Builder[Order, Receipt, int])
assert_type(start.switch(lambda order: len(order.lines), {1: geo, 2: name_of}, output=int | str), Builder[Order, Receipt, int | str])
mixed = start.switch(kind_of, {Kind.PLAIN: geo, Kind.GIFT: name_of}, output=int | str).then(number_or_text).commit()
assert_type(mixed, Workflow[Order, Receipt])

# ------------------------------------------------------------------ foreach

assert_type(start.then(lines_of).foreach(price), Builder[Order, Receipt, list[Receipt]])
assert_type(start.then(lines_of).foreach(price_float, concurrency=5), Builder[Order, Receipt, list[Receipt]])
start.then(lines_of).foreach(price, concurrency=lambda lines: len(lines))
start.then(lines_of).foreach(price, concurrency=lambda lines, ctx: min(len(lines), ctx.iteration))
assert_type(
    workflow("orders", input=tuple[Order, ...], output=list[int]).foreach(counted).commit(),
    Workflow[tuple[Order, ...], list[int]],
)
assert_type(workflow("orders", input=Sequence[Gift], output=object).foreach(priced), Builder[Sequence[Gift], object, list[list[Receipt]]])

# ------------------------------------------------------------------ loops


async def is_done(order: Order, ctx: FlowContext) -> bool:
    return ctx.iteration > 3 or not order.lines


loops = workflow("loops", input=Order, output=Order)
same = workflow("same", input=Order, output=Order).then(reorder).commit()
assert_type(loops.do_while(reorder, lambda order: bool(order.lines)).commit(), Workflow[Order, Order])
assert_type(loops.do_until(reorder, is_done).commit(), Workflow[Order, Order])
assert_type(loops.do_until(same, lambda order, ctx: ctx.iteration == 3 and order.id == ""), Builder[Order, Order, Order])
# A turn may give more special values than it takes.
loops.do_while(wrap, lambda gift: gift.id == "x").commit()

# ------------------------------------------------------------------ map


async def later(order: Order) -> Receipt:
    return Receipt(total=len(order.lines))


def with_context(order: Order, ctx: FlowContext) -> Receipt:
    return Receipt(total=ctx.iteration)


assert_type(start.map(lambda order: len(order.lines)), Builder[Order, Receipt, int])
assert_type(start.map(lambda order, ctx: ctx.run_id), Builder[Order, Receipt, str])
assert_type(start.map(later).commit(), Workflow[Order, Receipt])
assert_type(start.map(with_context).commit(), Workflow[Order, Receipt])
assert_type(start.map(lambda order: Receipt(total=1), output=Receipt), Builder[Order, Receipt, Receipt])
assert_type(start.map(lambda order: {"total": 1}, output=Receipt), Builder[Order, Receipt, Receipt])
assert_type(start.map(lambda order: 1, output=int | str), Builder[Order, Receipt, int | str])
put_together = start.then(geo).map(
    {"total": FromStep(geo)},
    output=Receipt,
)
assert_type(put_together.commit(), Workflow[Order, Receipt])
assert_type(
    start.then(priced).then(total).map(
        {
            "of": FromStep([priced, total], "0.total"),
            "id": FromInit("id"),
            "note": FromState("note"),
            "tenant": FromContext("tenant"),
            "five": Value(5),
            "text": Template("${init.id}"),
        }
    ),
    Builder[Order, Receipt, dict[str, object]],
)

# ------------------------------------------------------------------ waiting


class Paid(BaseModel):
    order: str


def until(order: Order) -> datetime:
    return datetime.now(timezone.utc)


assert_type(start.sleep(timedelta(days=1)), Builder[Order, Receipt, Order])
assert_type(start.sleep(lambda order: timedelta(seconds=len(order.lines))), Builder[Order, Receipt, Order])
assert_type(start.sleep(lambda order, ctx: timedelta(seconds=ctx.iteration)).then(geo), Builder[Order, Receipt, int])
assert_type(start.sleep_until(datetime(2030, 1, 1, tzinfo=timezone.utc)), Builder[Order, Receipt, Order])
assert_type(start.sleep_until(until, id="a-while"), Builder[Order, Receipt, Order])
assert_type(start.parallel([geo, credit]).sleep(timedelta(1)), KeyedBuilder[Order, Receipt])

assert_type(start.wait_for("paid", Paid), Builder[Order, Receipt, Paid])
assert_type(start.wait_for("paid", Paid, match=lambda paid: paid.order == "x"), Builder[Order, Receipt, Paid])
assert_type(start.wait_for("paid", Paid, match=lambda paid, order: paid.order == order.id), Builder[Order, Receipt, Paid])
day = timedelta(days=1)
assert_type(start.wait_for("paid", Paid, timeout=day, default=Paid(order="")), Builder[Order, Receipt, Paid])
assert_type(start.wait_for("paid", Paid, timeout=day, default=None), Builder[Order, Receipt, Paid | None])
assert_type(
    start.wait_for("paid", Receipt, match=lambda paid, order: paid.total == len(order.lines), timeout=day, default=None)
    .then(maybe)
    .commit(),
    Workflow[Order, Receipt],
)

# ------------------------------------------------------------------ after a block

after = start.parallel([geo, credit])
assert_type(after.map(lambda parts: len(parts)), Builder[Order, Receipt, int])
assert_type(after.map({"total": FromStep(geo)}, output=Receipt).commit(), Workflow[Order, Receipt])
assert_type(after.switch(lambda parts: parts["geo"], {1: score}), Builder[Order, Receipt, int])
assert_type(after.wait_for("paid", Paid, match=lambda paid, parts: "geo" in parts), Builder[Order, Receipt, Paid])
assert_type(after.branch([(lambda parts, ctx: ctx.run_id in parts, score)]), KeyedBuilder[Order, Receipt])
