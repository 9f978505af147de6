"""Steps' transactions: the user's writes and the step's result, together or not at all."""

# ruff: noqa: D102  (a test's name says what it tests, and its numbers are its own)

from __future__ import annotations

import asyncio

import pytest

from waystation.errors import RunNotFound, TransactionMisused
from waystation.store.protocol import Fenced, JournalMoved, Store
from waystation.testing.store_suite.journal import open_now
from waystation.testing.store_suite.rules import OnAsyncio
from waystation.testing.store_suite.writes import CREATED, commit, head, new_run, opened


async def make_ledger(store: Store) -> None:
    """Runs r1 and r2, and a table of the user's."""
    for run_id in ("r1", "r2", "maker"):
        await store.create_run(new_run(run_id))
    transaction = await store.transaction()
    await transaction.execute("CREATE TABLE ledger (amount INTEGER UNIQUE)")
    await store.commit(commit(1, b"made", run_id="maker"), within=transaction)


async def amounts(store: Store) -> list[object]:
    """What is committed in the user's table."""
    transaction = await store.transaction()
    try:
        return [amount for (amount,) in await transaction.execute("SELECT amount FROM ledger ORDER BY amount")]
    finally:
        await transaction.roll_back()


class TransactionsSuite(OnAsyncio):
    """Steps' transactions, on a store with an SQL database."""

    async def test_a_users_writes_and_the_steps_result_are_committed_together(self, store: Store) -> None:
        await make_ledger(store)
        transaction = await store.transaction()
        assert list(await transaction.execute("INSERT INTO ledger VALUES (5)")) == []
        assert list(await transaction.execute("SELECT amount, 'x' FROM ledger")) == [(5, "x")]
        write = commit(1, b"2", frontier=b"state", opened=[opened(2, "a")], head=head("suspended"))
        await store.commit(write, within=transaction)
        assert await amounts(store) == [5]
        stored = await store.load("r1")
        assert stored is not None
        assert (stored.record.status, stored.frontier, stored.last_seq) == ("suspended", b"state", 2)
        assert await open_now(store) == [("r1", 2, "a", b"2")]

    async def test_what_is_rolled_back_is_not_there(self, store: Store) -> None:
        await make_ledger(store)
        transaction = await store.transaction()
        await transaction.execute("INSERT INTO ledger VALUES (5)")
        await transaction.roll_back()
        await transaction.roll_back()
        assert await amounts(store) == []
        assert list(await store.read("r1")) == [CREATED]

    async def test_what_is_over_cannot_be_used_and_rolling_it_back_changes_nothing(self, store: Store) -> None:
        await make_ledger(store)
        committed = await store.transaction()
        await committed.execute("INSERT INTO ledger VALUES (1)")
        await store.commit(commit(1, b"2"), within=committed)
        rolled_back = await store.transaction()
        await rolled_back.roll_back()
        for over in (committed, rolled_back):
            with pytest.raises(TransactionMisused):
                await over.execute("INSERT INTO ledger VALUES (2)")
            with pytest.raises(TransactionMisused):
                await store.commit(commit(2, b"3"), within=over)
        # The next must not suffer from the one before.
        current = await store.transaction()
        await current.execute("INSERT INTO ledger VALUES (3)")
        await committed.roll_back()
        await store.commit(commit(2, b"3"), within=current)
        assert await amounts(store) == [1, 3]
        assert list(await store.read("r1")) == [CREATED, b"2", b"3"]

    async def test_a_refused_commit_leaves_it_open_for_another_try(self, store: Store) -> None:
        await make_ledger(store)
        transaction = await store.transaction()
        await transaction.execute("INSERT INTO ledger VALUES (5)")
        with pytest.raises(JournalMoved):
            await store.commit(commit(7, b"x", head=head("failed"), opened=[opened(8, "a")]), within=transaction)
        with pytest.raises(Fenced):
            await store.commit(commit(1, b"x", epoch=3, frontier=b"x"), within=transaction)
        with pytest.raises(RunNotFound):
            await store.commit(commit(1, b"x", run_id="nobody"), within=transaction)
        await transaction.execute("INSERT INTO ledger VALUES (6)")
        await store.commit(commit(1, b"2"), within=transaction)
        assert await amounts(store) == [5, 6]
        stored = await store.load("r1")
        assert stored is not None
        assert (stored.record.status, stored.frontier, list(stored.entries)) == ("pending", None, [CREATED, b"2"])
        assert await open_now(store) == []

    async def test_a_commit_that_is_given_up_takes_the_users_writes_with_it(self, store: Store) -> None:
        await make_ledger(store)
        transaction = await store.transaction()
        await transaction.execute("INSERT INTO ledger VALUES (5)")
        with pytest.raises(Fenced):
            await store.commit(commit(1, b"x", epoch=3), within=transaction)
        await transaction.roll_back()
        assert await amounts(store) == []
        assert list(await store.read("r1")) == [CREATED]

    async def test_a_statement_that_fails_leaves_it_open(self, store: Store) -> None:
        await make_ledger(store)
        transaction = await store.transaction()
        await transaction.execute("INSERT INTO ledger VALUES (5)")
        with pytest.raises(Exception, match=r"(?i)unique") as caught:
            await transaction.execute("INSERT INTO ledger VALUES (5)")
        assert not isinstance(caught.value, TransactionMisused), "it is the database's own error"
        await transaction.execute("INSERT INTO ledger VALUES (6)")
        await store.commit(commit(1, b"2"), within=transaction)
        assert await amounts(store) == [5, 6]

    async def test_others_read_what_is_committed_while_one_is_open(self, store: Store) -> None:
        await make_ledger(store)
        transaction = await store.transaction()
        await transaction.execute("INSERT INTO ledger VALUES (5)")
        assert list(await store.read("r1")) == [CREATED]
        assert (await store.load("r1")) is not None
        await transaction.roll_back()

    async def test_transactions_asked_for_at_once_all_come_through_and_so_do_other_writes(self, store: Store) -> None:
        await make_ledger(store)

        async def step(number: int) -> None:
            run_id = f"s{number}"
            await store.create_run(new_run(run_id))
            transaction = await store.transaction()
            await transaction.execute(f"INSERT INTO ledger VALUES ({number})")  # noqa: S608  (each database has its own sign for a parameter)
            await asyncio.sleep(0)
            if number % 3 == 0:
                await transaction.roll_back()
            else:
                await store.commit(commit(1, b"2", run_id=run_id), within=transaction)
            await store.commit(commit(1 if number % 3 == 0 else 2, b"after", run_id=run_id))

        await asyncio.gather(*(step(number) for number in range(12)))
        assert await amounts(store) == [number for number in range(12) if number % 3]
        seqs = await store.last_seqs([f"s{number}" for number in range(12)])
        assert seqs == {f"s{number}": 3 if number % 3 else 2 for number in range(12)}
