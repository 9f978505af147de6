"""Three orders: one is paid and shipped, one is cancelled, one cannot be shipped: ``make order``."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3

from examples.order.workflow import FOLDER, Order, Receipt, app, delivery, finance, low_stock, order, sales

from waystation import Run, RunResult


async def approved(order_id: str, article: str) -> Run[Order, Receipt]:
    """An order that both people have approved, at the same moment."""
    run = await app.get_workflow(order).create_run(run_id=order_id)
    asked = await run.start({"order_id": order_id, "lines": [{"article": article, "pieces": 2, "price": 10}]})
    assert asked.status == "suspended"
    for question in asked.suspensions:
        print(f"  {question.payload}")
    await asyncio.gather(
        run.resume_async(step=sales, data={"yes": True}, actor="ada"),
        run.resume_async(step=finance, data={"yes": True}, actor="bob"),
    )
    return run


def tell(what: str, result: RunResult[Receipt]) -> None:
    ended = result.result.status if result.status == "success" else result.status
    why = f": {result.error.message}" if result.status == "failed" else ""
    with sqlite3.connect(FOLDER / "shop.db") as shop:
        stock = dict(shop.execute("SELECT article, pieces FROM stock ORDER BY article"))
        ledger = [amount for (amount,) in shop.execute("SELECT amount FROM ledger")]
    shop.close()
    print(f"{what}: {ended}{why}. Stock {stock}, ledger {ledger}")


async def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    async with app:
        lines = [{"article": article, "pieces": 4, "price": 0} for article in ("anvil", "book")]
        await app.get_workflow(delivery).start(lines)

        run = await approved("A-1", "book")
        await run.send_event("paid", {"order_id": "A-1", "amount": 20}, idempotency_key="bank-1")
        tell("A-1, which is paid", await run.wait())

        run = await approved("A-2", "book")
        async for event in run.events():
            if event.type == "step-succeeded" and getattr(event, "address", "") == "invoice":
                break  # its pieces are reserved by now
        tell("A-2, which is cancelled", await run.cancel(reason="the customer thinks again"))

        run = await approved("A-3", "anvil")
        await run.send_event("paid", {"order_id": "A-3", "amount": 20}, idempotency_key="bank-3")
        tell("A-3, which is paid and too heavy", await run.wait())

        (nightly,) = await app.list_schedules()
        low = await (await app.run_schedule(low_stock.id)).wait()
        assert low.status == "success"
        print(f"low stock: {low.result}; every night at {nightly.cron} by the clock of {nightly.tz}")


if __name__ == "__main__":
    asyncio.run(main())
