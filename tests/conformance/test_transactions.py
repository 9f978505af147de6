"""``ctx.transaction``: a step's own writes to the store's database, in one commit with its result."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.conformance.apps import OwnTime
from tests.conformance.behaviours import behaviour
from tests.conformance.booking import Books
from tests.conformance.programs import program
from tests.conformance.stock import lost, won
from tests.conformance.waiting import in_time
from waystation import Retry, StepContext, step, workflow
from waystation.engine.events import StepOutputEvent

pytestmark = pytest.mark.anyio

NEW = "The model has no way to make a step's writes and its result one commit."


@behaviour(
    "step",
    "What a step writes in `ctx.transaction()` and its result are committed together: exactly once.",
    verdict="new",
    why=NEW,
)
async def test_what_a_step_wrote_and_its_result_are_one_commit(books: Books) -> None:
    @step
    async def work(number: int, ctx: StepContext) -> int:
        async with ctx.transaction() as tx:
            await books.book(tx, ctx.run_id, number)
            assert await tx.execute("SELECT number FROM booked") == [(number,)], "the step sees what it wrote"
            assert books.booked() == [], "nobody else does, before the step has ended"
        assert books.booked() == [], "nor when the block is over"
        return number

    flow = workflow("flow", input=int, output=int).then(work).commit()
    async with books.app(flow) as app:
        assert won(await app.get_workflow(flow).start(7)) == 7
        assert books.booked() == [7]


@pytest.mark.parametrize("where", ["inside", "after"])
@behaviour(
    "step", "If a step fails, in the block of its transaction or after it, what it wrote is rolled back.", verdict="new"
)
async def test_what_a_failed_attempt_wrote_is_rolled_back(where: str, books: Books) -> None:
    @step(retry=Retry(attempts=2, initial=timedelta(0)))
    async def work(number: int, ctx: StepContext) -> int:
        async with ctx.transaction() as tx:
            await books.book(tx, ctx.run_id, number + ctx.attempt)
            if where == "inside" and ctx.attempt == 1:
                raise ValueError
        if ctx.attempt == 1:
            raise ValueError
        return number

    flow = workflow("flow", input=int, output=int).then(work).commit()
    async with books.app(flow) as app:
        assert won(await app.get_workflow(flow).start(10)) == 10
    assert books.booked() == [12]


@behaviour(
    "step", "If the output of a step does not fit, what it wrote in a transaction is rolled back.", verdict="new"
)
async def test_what_a_step_wrote_is_rolled_back_if_its_output_does_not_fit(books: Books) -> None:
    @step
    async def work(number: int, ctx: StepContext) -> int:
        async with ctx.transaction() as tx:
            await books.book(tx, ctx.run_id, number)
        return "seven"  # type: ignore[return-value]  # the point

    flow = workflow("flow", input=int, output=int).then(work).commit()
    async with books.app(flow) as app:
        assert lost(await app.get_workflow(flow).start(7)).code == "invalid_output"
    assert books.booked() == []


@pytest.mark.parametrize("where", ["inside", "after"])
@behaviour(
    "step",
    "If a step suspends, what it wrote in a transaction is rolled back; with its answer it writes anew.",
    verdict="new",
)
async def test_what_a_step_wrote_before_it_suspends_is_rolled_back(where: str, books: Books) -> None:
    @step(suspend=str, resume=int)
    async def work(number: int, ctx: StepContext[str, int]) -> int:
        async with ctx.transaction() as tx:
            await books.book(tx, ctx.run_id, number + (ctx.resume_data or 0))
            if where == "inside" and ctx.resume_data is None:
                await ctx.suspend("?")
        if ctx.resume_data is None:
            await ctx.suspend("?")
        return number

    flow = workflow("flow", input=int, output=int).then(work).commit()
    async with books.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert (await run.start(10)).status == "suspended"
        assert books.booked() == []
        assert won(await run.resume(data=5)) == 10
    assert books.booked() == [15]


@pytest.mark.parametrize("how", ["bail", "abort"])
@behaviour("step", "If a step bails or aborts, what it wrote in a transaction is rolled back.", verdict="new")
async def test_what_a_step_wrote_before_it_bails_or_aborts_is_rolled_back(how: str, books: Books) -> None:
    @step
    async def work(number: int, ctx: StepContext) -> int:
        async with ctx.transaction() as tx:
            await books.book(tx, ctx.run_id, number)
        if how == "bail":
            await ctx.bail(1)
        await ctx.abort()

    flow = workflow("flow", input=int, output=int).then(work).commit()
    async with in_time(), books.app(flow) as app:
        result = await app.get_workflow(flow).start(7)
    assert result.status == ("success" if how == "bail" else "cancelled")
    assert books.booked() == []


@behaviour(
    "step",
    "If a step is cut off because its run is cancelled, what it wrote in a transaction is rolled back.",
    verdict="new",
)
async def test_what_a_step_wrote_is_rolled_back_when_it_is_cut_off(books: Books) -> None:
    clock = OwnTime()
    began, wrote = asyncio.Event(), asyncio.Event()

    @step
    async def work(number: int, ctx: StepContext) -> int:
        began.set()
        await ctx.cancelled()
        async with ctx.transaction() as tx:
            await books.book(tx, ctx.run_id, number)
        wrote.set()
        await asyncio.Event().wait()
        return number

    flow = workflow("flow", input=int, output=int).then(work).commit()
    async with in_time(), books.app(flow, clock=clock) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(7)
        await began.wait()
        await run.cancel_async(grace=timedelta(minutes=1))
        await wrote.wait()
        clock.move(timedelta(minutes=1))
        assert (await run.wait()).status == "cancelled"
    assert books.booked() == []


@behaviour("step", "If a step's time is over, what it wrote in a transaction is rolled back.", verdict="new")
async def test_what_a_step_wrote_is_rolled_back_when_its_time_is_over(books: Books) -> None:
    @step(timeout=timedelta(milliseconds=30))
    async def work(number: int, ctx: StepContext) -> int:
        async with ctx.transaction() as tx:
            await books.book(tx, ctx.run_id, number)
            await asyncio.Event().wait()
        return number

    flow = workflow("flow", input=int, output=int).then(work).commit()
    async with in_time(), books.app(flow) as app:
        assert lost(await app.get_workflow(flow).start(7)).code == "step_timeout"
    assert books.booked() == []


@behaviour(
    "step", "A process that closes in the middle leaves nothing of it; the step writes again elsewhere.", verdict="new"
)
async def test_what_a_step_wrote_is_rolled_back_when_its_app_closes(books: Books) -> None:
    wrote = asyncio.Event()
    hang = True

    @step
    async def work(number: int, ctx: StepContext) -> int:
        async with ctx.transaction() as tx:
            await books.book(tx, ctx.run_id, number)
            wrote.set()
            if hang:
                await asyncio.Event().wait()
        return number

    flow = workflow("flow", input=int, output=int).then(work).commit()
    async with in_time():
        async with books.app(flow, grace=timedelta(0)) as app:
            await (await app.get_workflow(flow).create_run(run_id="r1")).start_async(7)
            await wrote.wait()
        assert books.booked() == []
        hang = False
        async with books.app(flow) as app:
            assert won(await (await app.get_run("r1")).wait()) == 7
    assert books.booked() == [7]


@behaviour("step", "Steps side by side that both write have their turns, and both are committed.", verdict="new")
async def test_steps_side_by_side_write_one_after_the_other(books: Books) -> None:
    @step
    async def work(number: int, ctx: StepContext) -> int:
        await asyncio.sleep(0)
        async with ctx.transaction() as tx:
            # Runs have their turns one after the other in a SQLite file; in PostgreSQL they write side by side.
            of_whom = f" WHERE run = '{ctx.run_id}'" if books.kind == "postgres" else ""
            ((before,),) = await tx.execute(f"SELECT count(*) FROM booked{of_whom}")
            await asyncio.sleep(0)
            assert isinstance(before, int)
            await books.book(tx, ctx.run_id, before)
        return number

    flow = workflow("flow", input=list[int], output=list[int]).foreach(work, concurrency=10).commit()
    async with in_time(), books.app(flow) as app:
        runs = [app.get_workflow(flow).start(list(range(10))) for _ in range(3)]
        for result in await asyncio.gather(*runs):
            assert won(result) == list(range(10))
    each = list(range(30)) if books.kind == "sqlite" else sorted(list(range(10)) * 3)
    assert sorted(books.booked()) == each, "each saw what those before it wrote"


@behaviour("step", "A step function that is not async writes by `ctx.transaction_sync()`.", verdict="new")
@pytest.mark.parametrize("fails", [False, True])
async def test_a_sync_step_writes_in_a_transaction(fails: bool, books: Books) -> None:
    @step
    def work(number: int, ctx: StepContext) -> int:
        with ctx.transaction_sync() as tx:
            tx.execute(books.insert, (ctx.run_id, number))
            assert tx.execute("SELECT number FROM booked") == [(number,)]
            if fails:
                raise ValueError
        return number

    flow = workflow("flow", input=int, output=int).then(work).commit()
    async with in_time(), books.app(flow) as app:
        result = await app.get_workflow(flow).start(7)
    assert result.status == ("failed" if fails else "success")
    assert books.booked() == ([] if fails else [7])


@behaviour(
    "step", "Chunks that a step writes while its transaction is open are recorded with its result.", verdict="new"
)
async def test_chunks_written_while_a_transaction_is_open_are_not_lost(books: Books) -> None:
    @step
    async def work(number: int, ctx: StepContext) -> int:
        async with ctx.transaction() as tx:
            await ctx.write("one")
            await books.book(tx, ctx.run_id, number)
            await asyncio.sleep(0.1)  # longer than chunks are kept back
            await ctx.write("two")
        return number

    flow = workflow("flow", input=int, output=int).then(work).commit()
    async with in_time(), books.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        chunks: list[object] = []
        async for event in run.stream(7):
            if isinstance(event, StepOutputEvent):
                chunks += event.chunks
    assert chunks == ["one", "two"]
    assert books.booked() == [7]


EXACTLY_ONCE = """
import asyncio, sys
from waystation import StepContext, Waystation, open_store, step, workflow
from waystation.testing.crashing import CrashingStore

url, insert, at, when = sys.argv[1:]

@step
async def first(number: int) -> int:
    return number

@step
async def book(number: int, ctx: StepContext) -> int:
    async with ctx.transaction() as tx:
        await tx.execute(insert, (ctx.run_id, number))
    return number + 1

flow = workflow("flow", input=int, output=int).then(first).then(book).then(book.clone(id="again")).commit()

async def main():
    store = CrashingStore(open_store(url), at=int(at), when=when)
    async with Waystation(workflows=[flow], store=store) as app:
        if not (await app.list_runs()).runs:
            await app.get_workflow(flow).start_async(7, run_id="r1")
        result = await (await app.get_run("r1")).wait()
        print(result.result)

asyncio.run(main())
"""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", [1, 2, 3, 4])
@behaviour(
    "step",
    "Killed at any write, a run has in the end written once what its steps wrote in transactions.",
    verdict="new",
)
async def test_killed_at_any_write_what_was_written_in_transactions_is_there_once(
    at: int, when: str, books: Books
) -> None:
    with program(EXACTLY_ONCE, books.url, books.insert, str(at), when) as killed:
        assert killed.was_killed(), "four writes: the start, and the end of each of three steps"
    with program(EXACTLY_ONCE, books.url, books.insert, "0", "before") as other:
        assert other.finish() == ["9"]
    assert books.booked() == [7, 8]
