"""A migration of a PostgreSQL store may take its time, and does not make others wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from waystation.errors import StoreBusy
from waystation.store.postgres import PostgresSettings, PostgresStore, schema
from waystation.store.postgres.schema import Migration
from waystation.testing.store_suite.writes import CREATED, new_run

pytestmark = pytest.mark.anyio


@pytest.fixture
async def old(postgres: str) -> None:
    """A store with a run, as this version makes it, is there."""
    store = PostgresStore(postgres)
    await store.open()
    await store.create_run(new_run())
    await store.close()


def migrated_by(script: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """The library has one migration more; the version it leads to."""
    known: Sequence[Migration] = schema.migrations()
    more = [*known, Migration(len(known) + 1, 1, "more", script)]
    monkeypatch.setattr(schema, "migrations", lambda: more)
    return len(more)


@pytest.mark.usefixtures("old")
async def test_a_migration_may_take_longer_than_a_statement(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = migrated_by("SELECT pg_sleep(1)", monkeypatch)
    store = PostgresStore(PostgresSettings(dsn=postgres, statement_timeout=0.3))
    await store.open()
    connection = await asyncpg.connect(postgres)
    assert await connection.fetchval("SELECT version FROM waystation_schema") == newest
    await connection.close()
    await store.close()


@pytest.mark.usefixtures("old")
async def test_a_migration_that_would_wait_for_a_long_transaction_is_given_up_and_the_others_go_on(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = PostgresStore(postgres)
    await other.open()
    newest = migrated_by("ALTER TABLE waystation_journal ADD COLUMN more integer", monkeypatch)
    holder = await asyncpg.connect(postgres)
    store = PostgresStore(PostgresSettings(dsn=postgres))
    async with holder.transaction():
        await holder.execute("LOCK TABLE waystation_journal IN ACCESS SHARE MODE")
        with pytest.raises(StoreBusy):
            await asyncio.wait_for(store.open(), 25)
        assert await holder.fetchval("SELECT version FROM waystation_schema") == newest - 1
        assert list(await asyncio.wait_for(other.read("r1"), 20)) == [CREATED]
    await store.open()
    assert await holder.fetchval("SELECT version FROM waystation_schema") == newest
    assert list(await store.read("r1")) == [CREATED]
    await holder.close()
    await other.close()
    await store.close()
