"""PostgreSQL goes away and comes back, others are in the way: calls wait for it for a while, and are then told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator
from contextlib import suppress

import asyncpg
import pytest

from tests.postgres_server import PostgresServer
from tests.postgres_server.cutting import Cutting, cutting
from waystation.errors import StoreBusy, StoreClosed, StoreUnavailable
from waystation.store.postgres import PostgresSettings, PostgresStore
from waystation.store.records import Heard, Worker
from waystation.testing.store_suite.writes import CREATED, commit, head, new_run

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def own_server() -> Generator[PostgresServer]:
    """A server of these tests alone, which they may end."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def server(own_server: PostgresServer) -> PostgresServer:
    """It, up again if the test before has ended it."""
    if not own_server.running:
        own_server.start()
    return own_server


@pytest.fixture
async def store(server: PostgresServer) -> AsyncIterator[PostgresStore]:
    connection = await asyncpg.connect(server.url)
    await connection.execute("DROP SCHEMA IF EXISTS runs CASCADE")
    await connection.close()
    store = PostgresStore(PostgresSettings(dsn=server.url, schema="runs", patience=60, poll=0.05))
    await store.open()
    yield store
    await store.close()


@pytest.mark.parametrize("how", ["kill", "stop"])
async def test_calls_wait_for_a_server_that_goes_away_and_comes_back(
    server: PostgresServer, store: PostgresStore, how: str
) -> None:
    await store.create_run(new_run())
    transaction = await store.transaction()
    await asyncio.to_thread(server.kill if how == "kill" else server.stop)
    calls = [
        asyncio.create_task(store.commit(commit(1, b"2"))),
        asyncio.create_task(store.create_run(new_run("r2"))),
        asyncio.create_task(store.get_run("r1")),
        asyncio.create_task(store.beat(Worker(worker_id="w", host="h", pid=1, expires_at=9))),
    ]
    done, _ = await asyncio.wait(calls, timeout=0.2)
    assert not done, "nobody was told anything that cannot be known"
    await asyncio.to_thread(server.start)
    await asyncio.gather(*calls)
    assert list(await store.read("r1")) == [CREATED, b"2"]
    assert await store.get_run("r2") is not None
    with pytest.raises(StoreUnavailable):
        await transaction.execute("SELECT 1")
    again = await store.transaction()
    assert list(await again.execute("SELECT 1")) == [(1,)]
    await again.roll_back()


async def test_a_server_that_stays_away_is_told_after_the_patience(server: PostgresServer) -> None:
    store = PostgresStore(PostgresSettings(dsn=server.url, schema="runs", patience=0.3))
    await store.open()
    await asyncio.to_thread(server.stop)
    for call in (store.get_run("r1"), store.create_run(new_run()), store.commit(commit(1, b"2"))):
        with pytest.raises(StoreUnavailable, match=r"is the server up"):
            await call
    await store.close()
    with pytest.raises(StoreClosed):
        await store.get_run("r1")


async def test_closing_while_the_server_is_away_ends_what_is_queued(server: PostgresServer) -> None:
    store = PostgresStore(PostgresSettings(dsn=server.url, schema="runs", patience=60))
    await store.open()
    await store.create_run(new_run("closing"))
    await asyncio.to_thread(server.stop)
    calls = [
        asyncio.create_task(store.commit(commit(1, b"2", run_id="closing"))),
        asyncio.create_task(store.get_run("closing")),
    ]
    await asyncio.wait(calls, timeout=0.1)
    await asyncio.wait_for(store.close(), 30)
    for call in calls:
        with pytest.raises((StoreClosed, StoreUnavailable)):
            await call


async def test_of_two_stores_that_write_to_the_same_runs_in_crossing_orders_none_waits_for_ever(
    server: PostgresServer, store: PostgresStore
) -> None:
    other = PostgresStore(PostgresSettings(dsn=server.url, schema="runs"))
    await other.open()
    runs = [f"r{n}" for n in range(30)]
    await asyncio.gather(*(store.create_run(new_run(run)) for run in runs))

    async def write(to: PostgresStore, run: str, what: bytes) -> None:
        for _ in range(10):
            await to.commit_on_top(run, 0, lambda _, since: commit(len(since), what, run_id=run))

    await asyncio.gather(
        *(write(store, run, b"a") for run in runs), *(write(other, run, b"b") for run in reversed(runs))
    )
    for run in runs:
        entries = list(await store.read(run))
        assert (entries[0], entries.count(b"a"), entries.count(b"b")) == (CREATED, 10, 10)
    connection = await asyncpg.connect(server.url)
    deadlocks = await connection.fetchval("SELECT sum(deadlocks) FROM pg_stat_database")
    await connection.close()
    assert deadlocks == 0
    await other.close()


async def test_one_run_that_someone_holds_does_not_hold_up_the_others(
    server: PostgresServer, store: PostgresStore
) -> None:
    for run in ("held", "free1", "free2"):
        await store.create_run(new_run(run))
    holder = await asyncpg.connect(server.url)
    async with holder.transaction():
        await holder.execute("SELECT 1 FROM runs.waystation_runs WHERE run_id = 'held' FOR UPDATE")
        held = asyncio.create_task(store.commit(commit(1, b"2", run_id="held")))
        await asyncio.gather(
            store.commit(commit(1, b"2", run_id="free1")), store.commit(commit(1, b"2", run_id="free2"))
        )
        assert not held.done()
    await held
    assert list(await store.read("held")) == [CREATED, b"2"]
    await holder.close()


async def test_a_run_that_is_held_for_too_long_is_told_and_can_be_written_after(server: PostgresServer) -> None:
    store = PostgresStore(PostgresSettings(dsn=server.url, schema="runs", statement_timeout=0.3))
    await store.open()
    await store.create_run(new_run("held-long"))
    holder = await asyncpg.connect(server.url)
    async with holder.transaction():
        await holder.execute("SELECT 1 FROM runs.waystation_runs WHERE run_id = 'held-long' FOR UPDATE")
        with pytest.raises(StoreBusy, match="pg_stat_activity"):
            await store.commit(commit(1, b"2", run_id="held-long"))
    await holder.close()
    await store.commit(commit(1, b"3", run_id="held-long"))
    assert list(await store.read("held-long")) == [CREATED, b"3"]
    await store.close()


async def test_statements_that_fail_leave_no_connection_in_the_middle_of_something(store: PostgresStore) -> None:
    await store.create_run(new_run())
    waits = [asyncio.create_task(store.get_run("r1")) for _ in range(40)]
    await asyncio.sleep(0)
    for wait in waits[::2]:
        wait.cancel()
    for wait in waits:
        with suppress(asyncio.CancelledError):
            await wait
    for _ in range(20):
        assert await store.get_run("r1") is not None
    await store.commit(commit(1, b"2"))


# ---------------------------------------------------------------------------- listening


class Ears:
    """What a store has heard."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.something = asyncio.Event()

    def __call__(self, heard: Heard) -> None:
        self.heard.append(heard)
        self.something.set()

    async def until(self, wanted: Heard) -> None:
        while wanted not in self.heard:
            self.something.clear()
            await self.something.wait()


ANYTHING = Heard(run_ids=None, free=True)


@pytest.fixture
async def way(server: PostgresServer) -> AsyncIterator[Cutting]:
    async with cutting(server.url) as found:
        yield found


async def test_a_process_hears_of_what_others_write_and_not_of_what_it_wrote_itself(
    server: PostgresServer, store: PostgresStore
) -> None:
    other = PostgresStore(PostgresSettings(dsn=server.url, schema="runs"))
    await other.open()
    ears, others = Ears(), Ears()
    store.listen(ears)
    other.listen(others)
    await ears.until(ANYTHING)
    await others.until(ANYTHING)
    await other.create_run(new_run("r1", head=head("running", epoch=1)))
    await ears.until(Heard(run_ids=["r1"], free=True))
    await other.commit(commit(1, b"2", epoch=1, head=head("suspended")))
    await ears.until(Heard(run_ids=["r1"], free=False))
    await other.commit_on_top("r1", 2, lambda _, since: commit(2 + len(since), b"3", epoch=1))
    worker = Worker(worker_id="w9", host="h", pid=1, expires_at=99)
    await other.beat(worker)
    await other.create_run(new_run("r2", head=head("running", owner="w9")))
    await other.retire(worker)
    await ears.until(Heard(run_ids=[], free=True))
    await store.commit(commit(3, b"4", epoch=1, head=head("success")))
    await others.until(Heard(run_ids=["r1"], free=False))
    assert Heard(run_ids=["r1"], free=True) not in others.heard, "its own creation came back to it"
    await other.close()


async def test_who_listens_listens_again_after_its_connection_was_cut(server: PostgresServer, way: Cutting) -> None:
    store = PostgresStore(PostgresSettings(dsn=way.url, schema="runs"))
    await store.open()
    ears = Ears()
    store.listen(ears)
    await ears.until(ANYTHING)
    ears.heard.clear()
    way.cut_all()
    await ears.until(ANYTHING)
    other = PostgresStore(PostgresSettings(dsn=server.url, schema="runs"))
    await other.open()
    await other.create_run(new_run("told", head=head("running", epoch=1)))
    await ears.until(Heard(run_ids=["told"], free=True))
    await other.close()
    await store.close()


async def test_it_is_looked_now_and_then_though_nobody_tells_anything(store: PostgresStore) -> None:
    first = await store.foreign_changes()
    while await store.foreign_changes() == first:
        await asyncio.sleep(0.01)
