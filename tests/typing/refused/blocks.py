"""Nodes that are given what they do not take."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import BaseModel

from waystation import FlowContext, FromStep, Value, step, workflow


class Order(BaseModel):
    id: str
    lines: list[int]


class Receipt(BaseModel):
    total: int


@step
async def count(order: Order) -> int:
    return len(order.id)


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
async def price_all(lines: list[int]) -> Receipt:
    return Receipt(total=sum(lines))


@step
async def reorder(order: Order) -> Order:
    return order


@step
async def take_text(text: str) -> Receipt:
    return Receipt(total=len(text))


start = workflow("w", input=Order, output=Receipt)
listed = start.then(lines_of)
priced = workflow("priced", input=int, output=Receipt).then(price).commit()

# A workflow is held to its types as a step is.
start.then(priced)  # refused
start.parallel([count, priced])  # refused
start.branch([(lambda order: True, priced)])  # refused
start.then(count).then(priced).then(priced)  # refused
start.then(workflow("w", input=Order, output=int).then(count))  # refused
priced.id = "other"  # refused

# Conditions.
start.branch([(lambda order, ctx: order.nothing, count)])  # refused
start.branch([(lambda order, ctx: ctx.nothing, count)])  # refused
start.branch([(lambda order, ctx, more: True, count)])  # refused
start.parallel([count, name_of], allow_failure="yes")  # refused


def text_key(text: str) -> str:
    return text


def of_text(text: str, ctx: FlowContext) -> bool:
    return text == ctx.run_id


# Switches.
start.switch(text_key, {"a": count})  # refused
start.switch(lambda order: order.nothing, {"a": count})  # refused
start.switch(lambda order: order.id, {"a": price})  # refused
start.switch(lambda order: order.id, [count])  # refused
start.switch(lambda order: order.id, {"a": count}, default=price)  # refused
start.switch(lambda order: order.id, {"a": count, "b": count}).then(take_text)  # refused
start.switch(lambda order: order.id, {"a": count, "b": name_of}).then(take_text)  # refused
start.switch(lambda order: order.id, {"a": count}).commit()  # refused

# Foreach.
start.foreach(price)  # refused
start.then(count).foreach(price)  # refused
listed.foreach(price_all)  # refused
listed.foreach(take_text)  # refused
listed.foreach(price).then(price_all)  # refused
listed.foreach(price).commit()  # refused
listed.foreach(price, concurrency="2")  # refused
listed.foreach(price, concurrency=lambda lines: "2")  # refused
listed.foreach(price, concurrency=of_text)  # refused

# Loops: a turn is given what reaches the loop, and what the turn before gave.
start.do_while(count, lambda number: number > 1)  # refused
start.do_while(price, lambda receipt: True)  # refused
start.do_until(reorder, lambda order: order.nothing)  # refused
start.do_until(reorder, of_text)  # refused
start.do_until(reorder)  # refused
start.do_while(reorder, lambda order: bool(order.lines)).then(price)  # refused


def from_text(text: str) -> Receipt:
    return Receipt(total=len(text))


# Maps.
start.map(from_text)  # refused
start.map(lambda order: order.nothing)  # refused
start.map(lambda order: order.id).then(price)  # refused
start.map(lambda order: order.id, output=str).then(price)  # refused
start.map({"total": 1}, output=Receipt)  # refused
start.map({"total": FromStep(1)}, output=Receipt)  # refused
start.map({"total": Value(1)}, output=Receipt).then(price)  # refused
start.map({"total": Value(1)}).commit()  # refused

# Waiting.
start.sleep(5)  # refused
start.sleep(lambda order: 5)  # refused
start.sleep(datetime.now())  # refused
start.sleep_until(timedelta(1))  # refused
start.sleep_until(lambda order: order.id)  # refused
start.sleep(timedelta(1)).then(price)  # refused
start.wait_for(1, Receipt)  # refused
start.wait_for("paid")  # refused
start.wait_for("paid", Receipt, timeout=5)  # refused
start.wait_for("paid", Receipt).then(price)  # refused
start.wait_for("paid", Receipt, match=lambda paid: paid.nothing)  # refused
start.wait_for("paid", Receipt, match=lambda paid, order: order.nothing)  # refused
start.wait_for("paid", Receipt, timeout=timedelta(1), default=None).commit()  # refused

# After a block.
block = start.parallel([count, name_of])
block.map(lambda parts: parts.nothing)  # refused
block.map(lambda parts: len(parts)).then(take_text)  # refused
block.map(lambda parts: len(parts)).commit()  # refused
block.wait_for("paid", Receipt).then(price)  # refused
block.do_while(reorder, lambda order: order.nothing)  # refused

block.foreach(price)  # refused
