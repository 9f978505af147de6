"""For how long a PostgreSQL store tries, and what it tells a call that it tries again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest

from waystation.errors import StoreClosed, StoreError, StoreUnavailable
from waystation.store.postgres import PostgresSettings, PostgresStore, connections
from waystation.store.postgres import store as face
from waystation.store.postgres.connections import Connections

pytestmark = pytest.mark.anyio

NOWHERE = "postgresql://me@127.0.0.1:1/runs"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_pause(_tries: int) -> float:
        return 0.0

    monkeypatch.setattr(connections, "pause", no_pause)


class Call:
    """Fails in the given ways, then gives 7.

    Attributes:
        told: each time, whether an earlier try may have been done.
    """

    def __init__(self, fails: Sequence[Exception]) -> None:
        self._fails = list(fails)
        self.told: list[bool] = []

    async def __call__(self, uncertain: bool) -> int:
        self.told.append(uncertain)
        await asyncio.sleep(0)
        if self._fails:
            raise self._fails.pop(0)
        return 7


def deadlock() -> Exception:
    return asyncpg.DeadlockDetectedError("deadlock detected")


def lost() -> Exception:
    return ConnectionResetError()


def of(patience: float) -> Connections:
    return Connections(PostgresSettings(dsn=NOWHERE, patience=patience))


async def test_what_was_given_up_for_another_is_tried_again_without_patience_and_is_known_not_to_be_done() -> None:
    call = Call([deadlock(), asyncpg.SerializationError("could not serialize")])
    assert await of(0).patiently(call) == 7
    assert call.told == [False, False, False]


async def test_what_is_given_up_for_others_all_the_time_is_told_in_the_end() -> None:
    call = Call([deadlock() for _ in range(1000)])
    with pytest.raises(StoreError, match="deadlock"):
        await of(60).patiently(call)
    assert 2 < len(call.told) < 100


async def test_once_an_answer_was_lost_every_later_try_is_told_so() -> None:
    call = Call([deadlock(), lost(), deadlock(), lost()])
    assert await of(60).patiently(call) == 7
    assert call.told == [False, False, True, True, True]


async def test_what_the_server_refuses_is_not_tried_again() -> None:
    call = Call([asyncpg.UndefinedTableError("no such table")])
    with pytest.raises(StoreError, match="no such table"):
        await of(60).patiently(call)
    assert len(call.told) == 1


async def test_a_call_may_have_less_patience_than_the_store() -> None:
    async with asyncio.timeout(20):
        with pytest.raises(StoreUnavailable):
            await of(60).patiently(Call([lost() for _ in range(10**6)]), patience=0.01)


async def test_who_is_tried_again_when_the_store_has_closed_hears_that() -> None:
    reached = of(60)
    await reached.close()
    with pytest.raises(StoreClosed):
        await reached.patiently(Call([lost()]))


async def test_a_wrong_address_is_told_soon_however_patient_the_store_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face, "_OPEN_PATIENCE", 0.01)
    store = PostgresStore(PostgresSettings(dsn=NOWHERE, patience=600))
    async with asyncio.timeout(20):
        for asked in (store.open(), store.schema(), store.survey()):
            with pytest.raises(StoreUnavailable):
                await asked
    await store.close()


@pytest.fixture
async def silent() -> AsyncIterator[str]:
    """The address of a server that takes connections, and never says a word."""
    clients: list[asyncio.StreamWriter] = []

    async def say_nothing(_reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        clients.append(client)
        await asyncio.Event().wait()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    yield f"postgresql://me@127.0.0.1:{server.sockets[0].getsockname()[1]}/runs?sslmode=disable"
    server.close()
    for client in clients:
        client.transport.abort()


async def test_a_server_that_says_nothing_is_told_after_the_time_that_connecting_may_take(silent: str) -> None:
    store = PostgresStore(PostgresSettings(dsn=silent, connect_timeout=0.1, patience=0))
    async with asyncio.timeout(20):
        with pytest.raises(StoreUnavailable):
            await store.open()
    await store.close()
