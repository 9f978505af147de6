"""What was written under an older schema goes on under the newest."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from waystation.errors import StoreError
from waystation.store import Store, open_store
from waystation.store.protocol import IdempotencyKeyUsed, RunFilter, WorkflowKey
from waystation.store.sqlite_schema import APPLICATION_ID, TABLES, migrations
from waystation.testing.store_suite.writes import commit, head, new_run

pytestmark = pytest.mark.anyio

FLOW = [WorkflowKey("flow")]

# As version 1 wrote them: id, status, updated, epoch, owner, wake_at.
RUNS_OF_1 = [
    ("pending", "pending", 1, 0, None, None),
    ("driven", "running", 2, 1, "w1", None),
    ("orphan", "running", 3, 1, None, None),
    ("asleep", "waiting", 4, 1, None, 500),
    ("asked", "suspended", 5, 1, None, None),
    ("ended", "success", 6, 1, None, None),
    ("failed", "failed", 7, 1, None, None),
]


def made_by(version: int, file: Path) -> None:
    """A file as it was after migration ``version``, with runs in it."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        for migration in migrations()[:version]:
            connection.executescript(migration.script)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {version}")
        for number, (run_id, status, updated, epoch, owner, wake_at) in enumerate(RUNS_OF_1, 1):
            connection.execute(
                "INSERT INTO runs (run_id, workflow_id, fingerprint, status, resource_id, created_at, updated_at,"
                " epoch, owner, wake_at) VALUES (?, 'flow', 'f', ?, 'x', ?, ?, ?, ?, ?)",
                (run_id, status, number, updated, epoch, owner, wake_at),
            )
            rows = [(number, 1, b"1"), (number, 2, b"2")]
            connection.executemany("INSERT INTO journal (run_no, seq, entry) VALUES (?, ?, ?)", rows)
        connection.execute("INSERT INTO frontiers (run_no, seq, state) VALUES (5, 2, x'AA')")
        connection.execute("INSERT INTO suspensions (run_no, seq, address) VALUES (5, 2, 'gate')")
        connection.execute("INSERT INTO workers (worker_id, host, pid, expires_at) VALUES ('w1', 'h', 1, 1000)")
        connection.execute(
            "INSERT INTO definitions (fingerprint, workflow_id, description) VALUES ('f', 'flow', x'BB')"
        )


async def opened(file: Path) -> Store:
    store = open_store(f"sqlite:///{file}")
    await store.open()
    return store


async def listed(store: Store, where: RunFilter) -> Sequence[str]:
    return [run.run_id for run in (await store.list_runs(where, limit=100)).runs]


async def test_runs_of_the_first_schema_are_all_there(tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    made_by(1, file)
    store = await opened(file)
    ids = [run_id for run_id, *_ in RUNS_OF_1]
    assert await listed(store, RunFilter()) == ids[::-1]
    assert await listed(store, RunFilter(workflow_id="flow", statuses=["failed", "suspended"])) == ["failed", "asked"]
    for run_id, status, updated, epoch, owner, wake_at in RUNS_OF_1:
        record = await store.get_run(run_id)
        assert record is not None
        assert (record.status, record.updated_at, record.epoch) == (status, updated, epoch)
        assert (record.owner, record.wake_at, record.key) == (owner, wake_at, WorkflowKey("flow"))
        assert list(await store.read(run_id)) == [b"1", b"2"]
    asked = await store.load("asked")
    assert asked is not None
    assert (asked.frontier, asked.frontier_seq) == (b"\xaa", 2)
    assert [each.address for each in await store.open_suspensions()] == ["gate"]
    assert await store.get_definition("f") == b"\xbb"
    assert await store.schedules() == []
    await store.close()


async def test_runs_of_the_first_schema_go_on(tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    made_by(1, file)
    store = await opened(file)
    assert await store.claimable(FLOW, 400, limit=10) == ["orphan"]
    assert await store.claimable(FLOW, 500, limit=10) == ["orphan", "asleep"]
    assert await store.next_wake(FLOW) == 500
    assert await store.claim("asleep", "w2", 500) is not None
    await store.commit(commit(2, b"3", run_id="asleep", epoch=2, head=head("success", epoch=2, at=600)))
    await store.commit(commit(2, b"3", run_id="asked", epoch=1, head=head("suspended", wake_at=700), closed=[2]))
    assert await store.next_wake(FLOW) == 700
    await store.create_run(new_run("new", at=99, key="k"))
    with pytest.raises(IdempotencyKeyUsed):
        await store.create_run(new_run("newer", key="k"))
    assert await store.prune(7, limit=10) == 1
    assert await store.delete_run("failed")
    assert await listed(store, RunFilter(statuses=["success", "failed"])) == ["asleep"]
    await store.close()


async def test_an_older_file_is_brought_up_to_date_once_by_whoever_comes_first(tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    made_by(1, file)
    stores = await asyncio.gather(*(opened(file) for _ in range(5)))
    for store in stores:
        assert len(await listed(store, RunFilter())) == len(RUNS_OF_1)
        await store.close()
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(migrations()),)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    made_by(1, file)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE schedules (of_the_user)")
    with pytest.raises(StoreError, match="schedules"):
        await opened(file)
    with closing(sqlite3.connect(file)) as connection, connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        columns = [name for _, name, *_ in connection.execute("PRAGMA table_info(runs)")]
        assert "version" not in columns
        connection.execute("DROP TABLE schedules")
    store = await opened(file)
    assert len(await listed(store, RunFilter())) == len(RUNS_OF_1)
    await store.close()


async def test_the_tables_that_are_protected_are_those_there_are(tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    await (await opened(file)).close()
    with closing(sqlite3.connect(file)) as connection:
        there = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        assert {name for (name,) in there} == TABLES
