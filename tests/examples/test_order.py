"""The order: what is reserved and booked is undone, whichever way it does not come to an end."""

from __future__ import annotations

import importlib
from datetime import timedelta
from pathlib import Path

import pytest

from tests.conformance.apps import OwnTime, Place
from tests.conformance.stock import comes_to, until, won
from tests.examples.test_examples import python

pytestmark = pytest.mark.anyio

shop = importlib.import_module("examples.order.workflow")  # to pyright this folder is ``examples``, and hides the other
order, delivery, low_stock, sales, finance = shop.order, shop.delivery, shop.low_stock, shop.sales, shop.finance


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(shop, "FOLDER", tmp_path)
    return Place("sqlite", tmp_path)


async def stock_and_ledger(place: Place) -> tuple[dict[object, object], list[object]]:
    store = await place.store()
    await store.open()
    reading = await store.transaction()
    stock = await reading.execute("SELECT article, pieces FROM stock")
    ledger = await reading.execute("SELECT amount FROM ledger")
    await reading.roll_back()
    await store.close()
    return dict(stock), [amount for (amount,) in ledger]  # type: ignore[arg-type]  # rows of two


def lines(*articles: str) -> list[dict[str, object]]:
    return [{"article": article, "pieces": 2, "price": 10} for article in articles]


def test_the_demo_ships_what_is_paid_and_gives_back_the_rest(tmp_path: Path) -> None:
    said = python(tmp_path, "-m", "examples.order.demo")
    assert "A-1, which is paid: shipped. Stock {'anvil': 4, 'book': 2}, ledger [20]" in said
    assert "A-2, which is cancelled: cancelled. Stock {'anvil': 4, 'book': 2}, ledger [20]" in said
    assert "failed: nobody carries anvils. Stock {'anvil': 4, 'book': 2}, ledger [20, 20, -20]" in said
    assert "low stock: ['book']; every night at 0 3 * * *" in said
    outbox = (tmp_path / ".demo/order/outbox").read_text(encoding="utf-8").splitlines()
    assert outbox == [f"A-{number}: please pay 20" for number in (1, 2, 3)]


async def test_what_is_not_paid_in_three_days_fails_and_goes_back(place: Place) -> None:
    clock = OwnTime()
    async with place.app(order, delivery, low_stock, clock=clock) as app:
        await app.get_workflow(delivery).start(lines("book", "pen"))
        run = await app.get_workflow(order).create_run(run_id="A-1")
        await run.start({"order_id": "A-1", "lines": lines("book", "pen")})
        await run.resume_async(step=sales, data={"yes": True})
        await run.resume_async(step=finance, data={"yes": True})
        await until(run.events(), "step-succeeded", "invoice")
        assert await stock_and_ledger(place) == ({"book": 0, "pen": 0}, [])
        await run.send_event("paid", {"order_id": "A-1", "amount": 1})  # not all of it: it is kept, and waited on
        await comes_to(run, "waiting")
        clock.move(timedelta(days=3))
        result = await run.wait()
        assert result.status == "failed"
        assert (result.error.code, result.error.address) == ("event_timeout", "wait-paid")
    assert await stock_and_ledger(place) == ({"book": 2, "pen": 2}, [])


async def test_one_no_ends_it_well_and_reserves_nothing(place: Place) -> None:
    async with place.app(order, delivery, low_stock) as app:
        await app.get_workflow(delivery).start(lines("book"))
        run = await app.get_workflow(order).create_run()
        await run.start({"order_id": "A-1", "lines": lines("book")})
        await run.resume(step=sales, data={"yes": True})
        result = await run.resume(step=finance, data={"yes": False, "why": "too dear"})
        assert won(result) == shop.Receipt(order_id="A-1", status="rejected")
    assert await stock_and_ledger(place) == ({"book": 2}, [])


async def test_a_line_that_is_out_of_stock_gives_back_the_lines_before_it(place: Place) -> None:
    async with place.app(order, delivery, low_stock) as app:
        await app.get_workflow(delivery).start(lines("book"))
        run = await app.get_workflow(order).create_run()
        await run.start({"order_id": "A-1", "lines": lines("book", "pen")})
        await run.resume(step=sales, data={"yes": True})
        result = await run.resume(step=finance, data={"yes": True})
        assert result.status == "failed"
        assert (result.error.message, result.error.address) == ("pen is out of stock", "lines[1]/reserve")
    assert await stock_and_ledger(place) == ({"book": 2}, [])
