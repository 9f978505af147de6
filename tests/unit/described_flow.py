"""A workflow with a node of every kind, to be described; the same one in every process."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Any

from pydantic import BaseModel

from waystation import Cron, FromInit, FromStep, Retry, Template, Value, step, workflow


class Order(BaseModel):
    id: str
    lines: list[int]


class State(BaseModel):
    note: str = ""
    tags: set[str] = set()


class Kind(Enum):
    GIFT = 1
    PLAIN = 2


@step
async def refund(paid: int) -> None:
    """Give it back."""


@step(undo=refund, timeout=timedelta(seconds=5), total_timeout=timedelta(minutes=1))
async def charge(line: int) -> int:
    return line


@step(suspend=str, resume=bool, retry=Retry(attempts=3))
async def review(order: Order) -> int:
    """Someone looks."""
    return 1


@step
async def lines(order: Order) -> list[int]:
    return order.lines


@step
async def more(number: int) -> int:
    return number + 1


def is_large(order: Order) -> bool:
    return len(order.lines) > 5


def kind(order: Order) -> Kind:
    return Kind.GIFT


def is_enough(number: int) -> bool:
    return number > 9


def how_long(order: Order) -> timedelta:
    return timedelta(seconds=1)


def at_once(found: list[int]) -> int:
    return len(found)


charging = workflow("charging", input=int, output=int, description="Take the money").then(charge).commit()
put_back: Any = {"id": FromInit("id"), "lines": Value([1])}
every_kind = (
    workflow(
        "every-kind",
        input=Order,
        output=dict[str, object],
        version="3",
        state=State,
        schedule=Cron("0 9 * * MON", tz="Europe/Paris", input={"id": "weekly", "lines": []}),
    )
    .parallel([review, lines.clone(id="sides")], allow_failure=True)
    .map(put_back, output=Order, id="put-back")
    .branch([(is_large, review.clone(id="large")), (lambda _: True, lines.clone(id="other"))])
    .map(put_back, output=Order, id="put-back-again")
    .switch(kind, {Kind.GIFT: review.clone(id="gift")}, default=review.clone(id="rest"))
    .map(lambda _: Order(id="x", lines=[]), output=Order)
    .sleep(how_long)
    .sleep_until(datetime(2030, 1, 1, tzinfo=timezone.utc), id="new-year")
    .then(lines)
    .foreach(charging, concurrency=5)
    .foreach(more, concurrency=at_once)
    .map(sum, output=int, id="sum")
    .do_until(more.clone(id="grow"), is_enough)
    .sleep(timedelta(seconds=1.5), id="nap")
    .wait_for("paid", int, match=lambda paid: paid > 3, timeout=timedelta(days=1), default=4)
    .map({"of": FromStep(lines, "0"), "text": Template("${steps.sum}"), "paid": FromStep([review, lines])})
    .commit()
)
