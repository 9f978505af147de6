"""What cannot be done with a step's transaction, and how that is told."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.booking import Books
from tests.conformance.stock import lost, won
from tests.conformance.waiting import in_time
from waystation import StepContext, step, workflow

pytestmark = pytest.mark.anyio


@behaviour(
    "step", "A statement that fails raises the database's own error; the step may go on and commit.", verdict="new"
)
async def test_a_statement_that_fails_leaves_the_transaction_open(books: Books) -> None:
    @step
    async def work(number: int, ctx: StepContext) -> str:
        async with ctx.transaction() as tx:
            try:
                await books.book(tx, ctx.run_id, 5000)
            except books.refusal as error:
                await books.book(tx, ctx.run_id, number)
                return str(error)
        return "accepted"

    flow = workflow("flow", input=int, output=str).then(work).commit()
    async with books.app(flow) as app:
        assert "check" in won(await app.get_workflow(flow).start(7)).lower()
    assert books.booked() == [7]


@pytest.mark.parametrize("sync", [False, True])
@behaviour(
    "step", "`ctx.once` in a transaction is refused: its record would wait for that very transaction.", verdict="new"
)
async def test_once_in_a_transaction_is_refused(sync: bool, books: Books) -> None:
    @step(id="work")
    async def work(number: int, ctx: StepContext) -> int:
        async with ctx.transaction() as tx:
            await books.book(tx, ctx.run_id, number)
            return await ctx.once("mail", lambda: 1, returns=int)

    @step(id="work")
    def work_sync(number: int, ctx: StepContext) -> int:
        with ctx.transaction_sync():
            return ctx.once_sync("mail", lambda: 1, returns=int)

    flow = workflow("flow", input=int, output=int).then(work_sync if sync else work).commit()
    async with in_time(), books.app(flow) as app:
        error = lost(await app.get_workflow(flow).start(7))
    assert (error.code, error.address) == ("transaction_misused", "work")
    assert "once('mail')" in error.message
    assert books.booked() == []


@behaviour("step", "A second transaction in one step is refused.", verdict="new")
async def test_a_second_transaction_in_one_step_is_refused(books: Books) -> None:
    @step
    async def work(number: int, ctx: StepContext) -> int:
        async with ctx.transaction() as tx:
            await books.book(tx, ctx.run_id, number)
        async with ctx.transaction() as tx:
            await books.book(tx, ctx.run_id, number)
        return number

    flow = workflow("flow", input=int, output=int).then(work).commit()
    async with in_time(), books.app(flow) as app:
        assert lost(await app.get_workflow(flow).start(7)).code == "transaction_misused"
    assert books.booked() == []


@behaviour(
    "step",
    "A second transaction that is opened beside the first, in a gather, is refused, not waited for.",
    verdict="new",
)
async def test_a_second_transaction_beside_the_first_is_refused(books: Books) -> None:
    @step
    async def work(number: int, ctx: StepContext) -> int:
        async def one(add: int) -> None:
            async with ctx.transaction() as tx:
                await books.book(tx, ctx.run_id, number + add)

        await asyncio.gather(one(0), one(1))
        return number

    flow = workflow("flow", input=int, output=int).then(work).commit()
    async with in_time(), books.app(flow) as app:
        assert lost(await app.get_workflow(flow).start(7)).code == "transaction_misused"
    assert books.booked() == []


@pytest.mark.parametrize("sync", [False, True])
@behaviour("step", "A transaction that is used when its block is over is refused.", verdict="new")
async def test_a_transaction_is_of_no_use_outside_its_block(sync: bool, books: Books) -> None:
    @step(id="work")
    async def work(number: int, ctx: StepContext) -> int:
        async with ctx.transaction() as tx:
            await books.book(tx, ctx.run_id, number)
        await books.book(tx, ctx.run_id, number)
        return number

    @step(id="work")
    def work_sync(number: int, ctx: StepContext) -> int:
        with ctx.transaction_sync() as tx:
            pass
        tx.execute("INSERT INTO booked (run, number) VALUES ('x', 1)")
        return number

    flow = workflow("flow", input=int, output=int).then(work_sync if sync else work).commit()
    async with in_time(), books.app(flow) as app:
        assert lost(await app.get_workflow(flow).start(7)).code == "transaction_misused"
    assert books.booked() == []


@behaviour("step", "A store that has no SQL database refuses transactions, with a typed error.", verdict="new")
async def test_a_store_in_memory_has_no_transactions(tmp_path: Path) -> None:
    @step
    async def work(number: int, ctx: StepContext) -> int:
        async with ctx.transaction():
            return number

    flow = workflow("flow", input=int, output=int).then(work).commit()
    async with Place("memory", tmp_path).app(flow) as app:
        error = lost(await app.get_workflow(flow).start(7))
    assert error.code == "transactions_not_supported"
    assert "SQLite" in error.message
