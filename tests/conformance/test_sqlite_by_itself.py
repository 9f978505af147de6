"""A run that is by itself on a SQLite store does not wait for company; all the others have their turn all the same."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Never

import pytest

from waystation.errors import StoreMoved
from waystation.store import Store, open_store
from waystation.store import sqlite_writer as writer
from waystation.store.protocol import JournalMoved
from waystation.store.sqlite_writes import put_definition
from waystation.testing.store_suite.writes import commit, head, new_run

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[Store]:
    store = open_store(f"sqlite:///{tmp_path / 'runs.db'}?synchronous=normal")
    await store.open()
    yield store
    await store.close()


async def lone(store: Store) -> None:
    """Writes one after another, until one is not waited for that may go along."""
    await store.create_run(new_run("lone"))
    for after in range(1, 10):
        await store.commit(commit(after, b"x", run_id="lone"))


def transactions_of(store: Store) -> list[str]:
    told: list[str] = []
    connection: sqlite3.Connection = vars(store)["_connection"]
    connection.set_trace_callback(lambda statement: told.append(statement) if statement == "COMMIT" else None)
    return told


async def test_its_commit_is_done_before_the_loop_goes_on(store: Store) -> None:
    await lone(store)
    await asyncio.sleep(0)
    went_on: list[bool] = []
    asyncio.get_running_loop().call_soon(went_on.append, True)
    await store.commit(commit(10, b"x", run_id="lone"))
    assert not went_on
    assert len(await store.read("lone")) == 11


async def test_the_loop_has_its_turn_however_long_it_goes_from_commit_to_commit(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lone(store)
    monkeypatch.setattr(writer, "_LONGEST_TURN", 0.0)
    await asyncio.sleep(0)
    went_on: list[int] = []
    asyncio.get_running_loop().call_soon(went_on.append, 1)
    await store.commit(commit(10, b"x", run_id="lone"))
    await store.commit(commit(11, b"x", run_id="lone"))
    assert went_on


async def test_when_others_come_they_share_transactions_again(store: Store) -> None:
    await lone(store)
    for number in range(50):
        await store.create_run(new_run(f"r{number}"))
    told = transactions_of(store)
    for after in (1, 2, 3):
        await asyncio.gather(*(store.commit(commit(after, b"x", run_id=f"r{number}")) for number in range(50)))
    assert len(told) == 4, "one was first, and did not know of the others; after that each fifty are one"
    assert [len(await store.read(f"r{number}")) for number in range(50)] == [4] * 50


async def test_two_runs_that_write_in_turns_both_go_on(store: Store) -> None:
    await lone(store)

    async def drive(run_id: str, until: asyncio.Event, other: asyncio.Event) -> int:
        await store.create_run(new_run(run_id))
        for after in range(1, 200):
            await store.commit(commit(after, b"x", run_id=run_id))
        until.set()
        done = 0
        while not other.is_set():
            done += 1
            await store.commit(commit(199 + done, b"x", run_id=run_id))
        return done

    ends = asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(30):
        more = await asyncio.gather(drive("a", ends[0], ends[1]), drive("b", ends[1], ends[0]))
    assert min(more) == 0, "none waits for the other"


async def test_what_is_refused_is_told_and_the_next_is_written(store: Store) -> None:
    await lone(store)
    with pytest.raises(JournalMoved):
        await store.commit(commit(4, b"x", run_id="lone"))
    await store.commit(commit(10, b"x", run_id="lone"))
    assert len(await store.read("lone")) == 11


async def test_a_file_that_is_gone_is_told_to_it_too(store: Store, tmp_path: Path) -> None:
    await lone(store)
    (tmp_path / "runs.db").rename(tmp_path / "elsewhere.db")
    with pytest.raises(StoreMoved):
        await store.commit(commit(10, b"x", run_id="lone"))


async def test_while_another_has_the_lock_the_loop_goes_on(store: Store, tmp_path: Path) -> None:
    await lone(store)
    other = sqlite3.connect(tmp_path / "runs.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.ensure_future(store.commit(commit(10, b"x", run_id="lone")))
    await asyncio.sleep(0)
    assert not writing.done()
    other.execute("ROLLBACK")
    other.close()
    await writing
    assert len(await store.read("lone")) == 11


async def test_one_that_fails_by_itself_leaves_nothing_and_the_next_is_written(store: Store) -> None:
    await lone(store)

    def fails(connection: sqlite3.Connection) -> Never:
        put_definition(connection, "half", "flow", b"{}")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await vars(store)["_writer"].write(fails, run_id="lone")
    assert await store.get_definition("half") is None
    await store.commit(commit(10, b"x", run_id="lone"))
    assert len(await store.read("lone")) == 11


async def test_only_what_a_power_cut_must_not_take_is_synced(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'runs.db'}?synchronous=on-suspend")
    await store.open()
    await lone(store)
    connection: sqlite3.Connection = vars(store)["_connection"]
    synced: list[int] = []
    writes = [
        commit(10, b"x", run_id="lone"),
        commit(11, b"x", run_id="lone", head=head("suspended")),
        commit(12, b"x", run_id="lone", epoch=1),
    ]
    for each in writes:
        await asyncio.sleep(0)
        await store.commit(each)
        synced.append(connection.execute("PRAGMA synchronous").fetchone()[0])
    await store.close()
    normal, full = 1, 2
    assert synced == [normal, full, normal]
