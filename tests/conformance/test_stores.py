"""What every store promises, on each store. The tests are public: ``waystation.testing.store_suite``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from waystation.errors import RunIsRunning, TransactionsNotSupported
from waystation.store import Store, open_store
from waystation.store.protocol import Fenced, JournalMoved, StoreTransaction
from waystation.testing.crashing import CrashingStore
from waystation.testing.store_suite import StoreSuite, TransactionsSuite
from waystation.testing.store_suite.writes import CREATED, commit, head, new_run


class TestMemory(StoreSuite):
    @pytest.fixture
    async def store(self) -> AsyncIterator[Store]:
        store = open_store("memory://")
        await store.open()
        yield store
        await store.close()

    async def test_whoever_shares_it_sees_that_something_was_written_and_nothing_where_nothing_was(
        self, store: Store
    ) -> None:
        seen = [await store.foreign_changes()]

        async def wrote() -> bool:
            seen.append(await store.foreign_changes())
            return seen[-1] != seen[-2]

        await store.create_run(new_run("r1"))
        assert await wrote()
        await store.commit(commit(1, b"2", head=head("running")))
        assert await wrote()
        await store.commit_on_top("r1", 2, lambda record, _: commit(2, b"3", epoch=record.epoch))
        assert await wrote()
        assert await store.claim("r1", "w1", 1) is not None
        assert await wrote()
        for refused in (store.commit(commit(1, b"4", epoch=2)), store.commit(commit(3, b"4")), store.delete_run("r1")):
            with pytest.raises((JournalMoved, Fenced, RunIsRunning)):
                await refused
        assert await store.claim("nobody", "w1", 1) is None
        assert not await wrote()
        await store.commit(commit(3, epoch=2, head=head("success", epoch=2)))
        assert await wrote()
        assert await store.delete_run("r1")
        assert await wrote()
        assert len(set(seen)) == len(seen) - 1, "no number comes again but the one of what was refused"

    async def test_it_has_no_transactions_and_says_what_has(self, store: Store) -> None:
        with pytest.raises(TransactionsNotSupported, match="SQLite"):
            await store.transaction()

        class Other:
            async def execute(self, sql: str, parameters: object = ()) -> list[tuple[object, ...]]:
                return []

            async def roll_back(self) -> None: ...

        foreign: StoreTransaction = Other()
        await store.create_run(new_run())
        with pytest.raises(TransactionsNotSupported):
            await store.commit(commit(1, b"2"), within=foreign)
        assert list(await store.read("r1")) == [CREATED]


class TestSQLite(StoreSuite, TransactionsSuite):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        store = open_store(f"sqlite:///{tmp_path}/runs.db")
        await store.open()
        yield store
        await store.close()


class TestPostgres(StoreSuite, TransactionsSuite):
    @pytest.fixture
    async def store(self, postgres: str) -> AsyncIterator[Store]:
        store = open_store(postgres)
        await store.open()
        yield store
        await store.close()


class TestPassedOn(StoreSuite, TransactionsSuite):
    """The store that kills its process passes on everything, until then."""

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        store = CrashingStore(open_store(f"sqlite:///{tmp_path}/runs.db"), at=0)
        await store.open()
        yield store
        await store.close()
