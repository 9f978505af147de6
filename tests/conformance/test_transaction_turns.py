"""A step's open transaction, beside other steps of the same run that want to commit."""

from __future__ import annotations

import asyncio

import pytest

from tests.conformance.behaviours import behaviour
from tests.conformance.booking import Books
from tests.conformance.gates import GatedStore
from tests.conformance.stock import won
from tests.conformance.waiting import in_time
from waystation import StepContext, Waystation, step, workflow
from waystation.core.entries import StepSucceeded

pytestmark = pytest.mark.anyio


@behaviour("step", "A step's open transaction and a sibling's result do not wait for each other", verdict="new")
async def test_a_sibling_that_ends_while_a_transaction_is_open_is_recorded_after_it(kept: Books) -> None:
    opened, sibling_done = asyncio.Event(), asyncio.Event()

    @step
    async def writing(n: int, ctx: StepContext) -> int:
        async with ctx.transaction() as tx:
            await tx.execute("CREATE TABLE written (n INTEGER)")
            opened.set()
            await sibling_done.wait()
            await tx.execute(f"INSERT INTO written VALUES ({n})")
        return n

    @step
    async def beside(n: int) -> int:
        await opened.wait()
        asyncio.get_running_loop().call_soon(sibling_done.set)  # once this step's result has reached the driver
        return n + 1

    flow = workflow("flow", input=int, output=dict[str, int]).parallel([writing, beside]).commit()
    async with kept.app(flow) as app:
        result = await app.get_workflow(flow).start(1)
        assert result.status == "success"
        assert result.result == {"writing": 1, "beside": 2}


async def test_a_sibling_may_record_an_effect_while_a_transaction_is_open(kept: Books) -> None:
    opened, recording = asyncio.Event(), asyncio.Event()

    @step
    async def writing(n: int, ctx: StepContext) -> int:
        async with ctx.transaction() as tx:
            await tx.execute("CREATE TABLE written (n INTEGER)")
            opened.set()
            await recording.wait()
        return n

    @step
    async def beside(n: int, ctx: StepContext) -> int:
        await opened.wait()

        def effect() -> int:
            recording.set()
            return n + 1

        return await ctx.once("effect", effect)

    flow = workflow("flow", input=int, output=dict[str, int]).parallel([writing, beside]).commit()
    async with kept.app(flow) as app:
        result = await app.get_workflow(flow).start(1)
        assert result.status == "success"
        assert result.result == {"writing": 1, "beside": 2}


async def test_two_transactions_of_one_run_are_one_after_the_other(kept: Books) -> None:
    @step
    async def prepare(n: int, ctx: StepContext) -> int:
        async with ctx.transaction() as tx:
            await tx.execute("CREATE TABLE counted (n INTEGER)")
            await tx.execute("INSERT INTO counted VALUES (0)")
        return n

    @step
    async def add(n: int, ctx: StepContext) -> int:
        async with ctx.transaction() as tx:
            ((before,),) = await tx.execute("SELECT n FROM counted")
            await asyncio.sleep(0)  # the other has every chance to come in between
            assert isinstance(before, int)
            await tx.execute(f"UPDATE counted SET n = {before + n}")
        return before + n

    flow = (
        workflow("flow", input=int, output=dict[str, int])
        .then(prepare)
        .parallel([add.clone(id=f"add-{number}") for number in range(5)])
        .commit()
    )
    async with kept.app(flow) as app:
        result = await app.get_workflow(flow).start(1)
        assert result.status == "success"
        assert sorted(result.result.values()) == [1, 2, 3, 4, 5]


async def test_a_statement_that_ends_the_transaction_by_itself_fails_the_step_and_the_run_goes_on_to_say_so(
    kept: Books,
) -> None:
    @step
    async def writing(n: int, ctx: StepContext) -> int:
        async with ctx.transaction() as tx:
            await tx.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
            await tx.execute("CREATE TABLE child (of INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)")
            await tx.execute(f"INSERT INTO child VALUES ({n})")  # found out by the commit
        return n

    flow = workflow("flow", input=int, output=int).then(writing).commit()
    async with kept.app(flow) as app:
        result = await app.get_workflow(flow).start(1)
        assert result.status == "failed"
        assert result.error.code == "transaction_misused"
        assert result.error.address == "writing"


async def test_an_effect_that_comes_as_a_transaction_is_being_opened_is_recorded_after_it(kept: Books) -> None:
    """Both wait while a sibling's result is committed; what has come second finds that a transaction is open now."""
    store = GatedStore(await kept.store())
    in_effect, asks, comes_behind, recorded = (asyncio.Event() for _ in range(4))

    @step
    async def sibling(n: int) -> int:
        await in_effect.wait()
        return n

    @step
    async def writing(n: int, ctx: StepContext) -> int:
        await asks.wait()
        asyncio.get_running_loop().call_soon(comes_behind.set)
        async with ctx.transaction() as tx:
            await tx.execute("CREATE TABLE written (n INTEGER)")
            for _ in range(100):
                await asyncio.sleep(0)  # the others have their turn
            was_recorded = recorded.is_set()
        assert not was_recorded
        return n

    @step
    async def beside(n: int, ctx: StepContext) -> int:
        async def effect() -> int:
            in_effect.set()
            await comes_behind.wait()
            asyncio.get_running_loop().call_soon(store.let_go.set)  # once this waits for its turn too
            return 1

        await ctx.once("effect", effect)
        recorded.set()
        return n

    flow = workflow("flow", input=int, output=dict[str, int]).parallel([sibling, writing, beside]).commit()
    store.hold(lambda entry: isinstance(entry, StepSucceeded))
    async with in_time(), Waystation(workflows=[flow], store=store) as app:
        starting = asyncio.create_task(app.get_workflow(flow).start(1))
        await store.reached.wait()
        asks.set()
        assert won(await starting) == {"sibling": 1, "writing": 1, "beside": 1}
