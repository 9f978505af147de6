"""What every store promises, on each store. The tests are public: ``waystation.testing.store_suite``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from waystation.errors import TransactionsNotSupported
from waystation.store import Store, open_store
from waystation.store.protocol import StoreTransaction
from waystation.testing.crashing import CrashingStore
from waystation.testing.store_suite import StoreSuite, TransactionsSuite
from waystation.testing.store_suite.writes import CREATED, commit, new_run


class TestMemory(StoreSuite):
    @pytest.fixture
    async def store(self) -> AsyncIterator[Store]:
        store = open_store("memory://")
        await store.open()
        yield store
        await store.close()

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


class TestPassedOn(StoreSuite, TransactionsSuite):
    """The store that kills its process passes on everything, until then."""

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        store = CrashingStore(open_store(f"sqlite:///{tmp_path}/runs.db"), at=0)
        await store.open()
        yield store
        await store.close()
