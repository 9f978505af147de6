"""A store with a codec keeps what every store promises: ``waystation.testing.store_suite`` runs on it, all of it on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from waystation import Blobs, Codec, CodecStore, Compression, Encryption, open_store
from waystation.store import Store
from waystation.testing.store_suite import StoreSuite, TransactionsSuite


def everything(folder: Path) -> Codec:
    """Each part, on every payload: even the shortest is compressed if that helps, encrypted, and put outside."""
    return Codec(
        compress=Compression(over=0),
        encrypt=Encryption(keys={"one": Encryption.new_key()}, primary="one"),
        blobs=Blobs(folder / "blobs", over=0),
        only_encrypted=True,
    )


class TestOverMemory(StoreSuite):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        store = CodecStore(open_store("memory://"), everything(tmp_path))
        await store.open()
        yield store
        await store.close()


class TestOverSQLite(StoreSuite, TransactionsSuite):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        store = CodecStore(open_store(f"sqlite:///{tmp_path}/runs.db"), everything(tmp_path))
        await store.open()
        yield store
        await store.close()


class TestOverPostgres(StoreSuite, TransactionsSuite):
    @pytest.fixture
    async def store(self, postgres: str, tmp_path: Path) -> AsyncIterator[Store]:
        store = CodecStore(open_store(postgres), everything(tmp_path))
        await store.open()
        yield store
        await store.close()


class TestWithNothingOn(StoreSuite, TransactionsSuite):
    """A codec of no parts passes on everything."""

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        store = CodecStore(open_store(f"sqlite:///{tmp_path}/runs.db"), Codec())
        await store.open()
        yield store
        await store.close()
