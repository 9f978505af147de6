"""Each behaviour holds on each store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conformance.apps import Place
from tests.conformance.booking import Books
from tests.postgres_server import Databases
from waystation.store.postgres import PostgresStore


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where runs are kept."""
    kind: str = request.param
    return Place(kind, tmp_path, request.getfixturevalue("postgres") if kind == "postgres" else "")


@pytest.fixture(params=["sqlite", "postgres"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Books:
    """Where runs are kept that several processes share: in a database, which can be looked at from outside."""
    if request.param == "sqlite":
        return Books("sqlite", tmp_path)
    databases: Databases = request.getfixturevalue("databases")
    return Books("postgres", tmp_path, request.getfixturevalue("postgres"), server=databases)


@pytest.fixture
async def books(kept: Books) -> Books:
    """A place whose database has a user's own table in it, beside the store's."""
    await kept.make_table()
    return kept


@pytest.fixture
async def other_postgres(postgres: str) -> AsyncIterator[PostgresStore]:
    """A store on the test's PostgreSQL database: to any other store on it, as another process is."""
    store = PostgresStore(postgres)
    await store.open()
    yield store
    await store.close()
