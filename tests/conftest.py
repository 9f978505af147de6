"""What every test shares."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator

import pytest

from tests.postgres_server import Databases, PostgresServer
from tests.restate_server import RestateServer


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, which the library is made for."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def _can_be_interrupted() -> Iterator[None]:
    """Tests that a shell runs in the background are begun with interrupts ignored, and so would their processes be."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def databases() -> Generator[Databases]:
    """Databases on a PostgreSQL that is started for this session, or on that which ``WAYSTATION_TEST_POSTGRES`` names.

    Several pytest workers have a server each: one is up in half a second, and none outlives its worker.
    """
    given = os.environ.get("WAYSTATION_TEST_POSTGRES")
    if given:
        with Databases(given) as found:
            yield found
        return
    with PostgresServer() as server, Databases(server.url) as found:
        yield found


@pytest.fixture
def postgres(databases: Databases) -> Generator[str]:
    """The address of an empty PostgreSQL database."""
    with databases.lent() as url:
        yield url


@pytest.fixture
def postgres_of_a_store(databases: Databases) -> Generator[str]:
    """The address of a PostgreSQL database in which nothing is but, perhaps, the empty tables of a store."""
    with databases.lent(with_store=True) as url:
        yield url


@pytest.fixture(scope="session")
def restate() -> Generator[RestateServer]:
    """A Restate that no test stops. Whoever uses it has a pool of its own there; each pytest worker has its own."""
    with RestateServer() as server:
        yield server
