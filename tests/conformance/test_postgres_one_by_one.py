"""Writes to a PostgreSQL store that come one by one are sent by who asks for them, and no promise is less for that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import asyncpg
import pytest

from tests.postgres_server.cutting import Side, cutting
from waystation.errors import RunAlreadyExists, StoreError
from waystation.store.postgres import PostgresSettings, PostgresStore, commits, connections, creations
from waystation.store.postgres.busy_poll import BusyPoll
from waystation.store.protocol import Fenced, JournalMoved
from waystation.testing.store_suite.writes import CREATED, commit, head, new_run

pytestmark = pytest.mark.anyio

WAITS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


@pytest.fixture
async def store(postgres: str) -> AsyncIterator[PostgresStore]:
    """Holds run r1 with two entries; the last writes came one by one."""
    store = PostgresStore(postgres)
    await begun(store)
    yield store
    await store.close()


async def begun(store: PostgresStore) -> None:
    await store.open()
    for number in range(2):
        await store.create_run(new_run(f"r{number + 1}"))
    await store.commit(commit(1, b"2"))


def unsettled() -> set[str]:
    return {task.get_name() for task in asyncio.all_tasks()}


async def test_they_need_no_task(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = unsettled()
    seen: list[set[str]] = []
    send_one = commits.send_one

    async def seeing(*given: object) -> bool:
        seen.append(unsettled())
        return await send_one(*given)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(commits, "send_one", seeing)
    await store.commit(commit(2, b"3"))
    assert seen == [tasks]


@pytest.mark.parametrize(("longest", "processors", "sleeps"), [(60.0, 2, False), (60.0, 1.5, True), (0.0, 2, True)])
async def test_the_loop_stays_awake_for_the_answer_to_one_where_it_may(
    longest: float, processors: float, sleeps: bool, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "processors", lambda: processors)
    # No time goes by for it: how quick this server is, and who else wants the processor, is not the question here.
    monkeypatch.setattr(connections, "BusyPoll", partial(BusyPoll, now=lambda: 0.0, worked=lambda: 0.0))
    store = PostgresStore(PostgresSettings(dsn=postgres, busy_poll=longest))
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: store.commit(commit(2, b"3")),
        lambda: store.create_run(new_run("r3")),
        lambda: store.read("r1"),
    ]
    selector = vars(asyncio.get_running_loop())["_selector"]
    select, waits = selector.select, list[float | None]()

    def noted(timeout: float | None = None) -> object:
        waits.append(timeout)
        return select(timeout)

    slept: list[bool] = []
    try:
        await begun(store)
        with monkeypatch.context() as noting:
            noting.setattr(selector, "select", noted)
            for call in calls:
                waits.clear()
                await call()
                slept.append(any(wait != 0 for wait in waits))
    finally:
        await store.close()
    assert slept == [sleeps] * 3


@pytest.mark.parametrize("side", ["request", "answer"])
async def test_one_whose_connection_breaks_is_written_once(side: Side, postgres: str) -> None:
    async with cutting(postgres) as way:
        store = PostgresStore(PostgresSettings(dsn=way.url, patience=20))
        await begun(store)
        way.cut(side, b"the lost one")
        await store.commit(commit(2, b"the lost one"))
        await store.commit(commit(3, b"the next"))
        way.cut(side, b"r-lost")
        await store.create_run(new_run("r-lost"))
        assert way.cuts == 2
        assert list(await store.read("r1")) == [CREATED, b"2", b"the lost one", b"the next"]
        assert list(await store.read("r-lost")) == [CREATED]
        await store.close()


async def test_one_that_is_refused_hears_why_and_the_next_goes_through(store: PostgresStore) -> None:
    with pytest.raises(JournalMoved):
        await store.commit(commit(1, b"late"))
    await store.commit(commit(2, b"3"))
    with pytest.raises(Fenced):
        await store.commit(commit(3, b"of another", epoch=7))
    await store.commit(commit(3, b"4"))
    with pytest.raises(RunAlreadyExists):
        await store.create_run(new_run())
    assert list(await store.read("r1")) == [CREATED, b"2", b"3", b"4"]


async def test_one_that_the_server_fails_is_told_and_the_next_goes_through(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(commits, "_STEP", "SELECT nothing_of_that_name, $1, $2, $3, $4, $5")
        # By this one it goes when others are told of it too, which is so now and then.
        broken.setattr(commits, "_MOVED_ONE", "WITH moved AS (SELECT nothing_of_that_name)")
        broken.setattr(creations, "_CREATE_ONE", "SELECT nothing_of_that_name")
        with pytest.raises(StoreError):
            await store.commit(commit(2, b"never"))
        with pytest.raises(StoreError):
            await store.create_run(new_run("never"))
    await store.commit(commit(2, b"3"))
    assert list(await store.read("r1")) == [CREATED, b"2", b"3"]
    assert await store.get_run("never") is None


async def test_one_that_nobody_waits_for_any_more_is_written_all_the_same_and_holds_up_no_other(
    store: PostgresStore, postgres: str
) -> None:
    holder = await asyncpg.connect(postgres)
    async with holder.transaction():
        await holder.execute("SELECT 1 FROM waystation_runs WHERE run_id = 'r1' FOR UPDATE")
        writing = asyncio.create_task(store.commit(commit(2, b"3", head=head("suspended"))))
        async with asyncio.timeout(20):
            while not await holder.fetchval(WAITS):
                await asyncio.sleep(0)
        writing.cancel()
        await asyncio.wait([writing])
        assert writing.cancelled()
        await asyncio.wait_for(store.commit(commit(1, b"of r2", run_id="r2")), 20)
    await holder.close()
    await store.close()  # which waits for what is to be written
    other = PostgresStore(postgres)
    await other.open()
    assert list(await other.read("r1")) == [CREATED, b"2", b"3"]
    assert list(await other.read("r2")) == [CREATED, b"of r2"]
    await other.close()


async def test_those_that_come_while_one_is_under_way_go_together_and_are_not_kept_waiting(
    store: PostgresStore, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    send = commits.send

    async def counting(*given: object) -> set[int]:
        sent.append(len(given[1]))  # type: ignore[arg-type]  # the commits
        return await send(*given)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(commits, "send", counting)
    await asyncio.gather(*(store.create_run(new_run(f"many-{number}")) for number in range(9)))
    holder = await asyncpg.connect(postgres)
    async with holder.transaction():
        await holder.execute("SELECT 1 FROM waystation_runs WHERE run_id = 'r1' FOR UPDATE")
        first = asyncio.create_task(store.commit(commit(2, b"3")))
        async with asyncio.timeout(20):
            while not await holder.fetchval(WAITS):
                await asyncio.sleep(0)
            await asyncio.gather(*(store.commit(commit(1, b"x", run_id=f"many-{number}")) for number in range(9)))
        assert not first.done()
    await first
    assert sent == [9]
    await holder.close()
