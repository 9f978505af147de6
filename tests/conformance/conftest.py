"""Each behaviour holds on each store."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conformance.apps import Place
from tests.conformance.booking import Books
from tests.conformance.fleet_apps import all_on_a_fleet
from tests.conformance.left_out import NOT_ON_A_FLEET
from tests.postgres_server import Databases
from tests.restate_server import RestateServer
from waystation.store.postgres import PostgresStore

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what says nothing of a fleet, there."""
    left_out = {test for each in NOT_ON_A_FLEET for test in each.tests}

    def is_left_out(item: pytest.Item) -> bool:
        name = getattr(item, "originalname", item.name)
        return item.get_closest_marker("fleet") is not None and (
            not left_out.isdisjoint((item.path.name, f"{item.path.name}::{name}")) and item.path.parent == HERE
        )

    if gone := [item for item in items if is_left_out(item)]:
        config.hook.pytest_deselected(items=gone)
        items[:] = [item for item in items if not is_left_out(item)]


ON_A_FLEET = pytest.param("restate", marks=pytest.mark.fleet)


@pytest.fixture
def fleet(restate: RestateServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """All apps of the test are of a fleet, by a pool that nobody else uses: what is placed there comes to them."""
    all_on_a_fleet(monkeypatch, restate.dispatch(f"t{uuid.uuid4().hex[:16]}"))


@pytest.fixture(params=["memory", "sqlite", "postgres", ON_A_FLEET])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where runs are kept, and who drives them."""
    kind: str = request.param
    if kind in ("memory", "sqlite"):
        return Place(kind, tmp_path)
    if kind == "restate":
        request.getfixturevalue("fleet")
    return Place("postgres", tmp_path, request.getfixturevalue("postgres_of_a_store"))


@pytest.fixture(params=["sqlite", "postgres", ON_A_FLEET])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Books:
    """Where runs are kept that several processes share: in a database, which can be looked at from outside."""
    kind: str = request.param
    if kind == "sqlite":
        return Books(kind, tmp_path)
    if kind == "restate":
        request.getfixturevalue("fleet")
    databases: Databases = request.getfixturevalue("databases")
    return Books("postgres", tmp_path, request.getfixturevalue("postgres_of_a_store"), server=databases)


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
