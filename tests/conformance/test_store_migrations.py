"""What was written under an older schema goes on under the newest."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from waystation.errors import StoreError
from waystation.store import Store, open_store
from waystation.store.protocol import IdempotencyKeyUsed
from waystation.store.records import RunFilter, WorkflowKey
from waystation.store.sqlite_schema import migrations
from waystation.store.sqlite_version import APPLICATION_ID, PREFIX
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
    """A file as it was after migration ``version``, with runs in it that were written under the first."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        first, *later = migrations()[:version]
        connection.executescript(first.script)
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
        for migration in later:
            connection.executescript(migration.script)


async def opened(file: Path, options: str = "") -> Store:
    store = open_store(f"sqlite:///{file}{options}")
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
        connection.execute("CREATE TABLE waystation_schedules (of_the_user)")
    with pytest.raises(StoreError, match="waystation_schedules"):
        await opened(file)
    with closing(sqlite3.connect(file)) as connection, connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        columns = [name for _, name, *_ in connection.execute("PRAGMA table_info(runs)")]
        assert "version" not in columns
        connection.execute("DROP TABLE waystation_schedules")
    store = await opened(file)
    assert len(await listed(store, RunFilter())) == len(RUNS_OF_1)
    await store.close()


@pytest.mark.parametrize("version", range(len(migrations())))
async def test_whatever_the_store_makes_in_the_file_has_its_prefix(version: int, tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    if version:
        made_by(version, file)
    await (await opened(file)).close()
    with closing(sqlite3.connect(file)) as connection:
        there = [name for (name,) in connection.execute("SELECT name FROM sqlite_master")]
    assert f"{PREFIX}runs" in there
    assert [name for name in there if not name.removeprefix("sqlite_autoindex_").startswith(PREFIX)] == [
        "sqlite_sequence"
    ]


def schema(file: Path) -> set[tuple[str, ...]]:
    """What is in the file, each in its own words, but for how they are spaced and quoted."""
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master")
        return {(*names, re.sub(r"\s*([(),])\s*|\s+", r"\1 ", sql.replace('"', ""))) for *names, sql in rows}


@pytest.mark.parametrize("options", ["", "?shared=true"])
async def test_a_file_made_anew_and_one_brought_up_to_date_have_the_same_schema(options: str, tmp_path: Path) -> None:
    made_by(1, tmp_path / "older.db")
    for name in ("older.db", "newer.db"):
        await (await opened(tmp_path / name, options)).close()
    older, newer = schema(tmp_path / "older.db"), schema(tmp_path / "newer.db")
    assert {name for _, name, *_ in newer - older} == ({"waystation_schema"} if options else set())
    assert older - newer == set()


async def test_tables_that_users_had_beside_the_first_schema_are_left_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    made_by(1, file)
    theirs = [
        "CREATE TABLE schedules (runs_by_key INTEGER PRIMARY KEY AUTOINCREMENT, of_run TEXT)",
        "CREATE INDEX runs_ended ON schedules (of_run)",
        "INSERT INTO schedules (of_run) VALUES ('asked'), ('ended')",
        "CREATE VIEW standing AS SELECT of_run, status FROM schedules JOIN runs ON of_run = run_id ORDER BY of_run",
    ]
    with closing(sqlite3.connect(file)) as connection, connection:
        for statement in theirs:
            connection.execute(statement)
    store = await opened(file)
    assert await store.schedules() == []
    transaction = await store.transaction()
    assert list(await transaction.execute("SELECT * FROM standing")) == [("asked", "suspended"), ("ended", "success")]
    await transaction.execute("INSERT INTO schedules (of_run) VALUES ('failed')")
    assert list(await transaction.execute("SELECT max(runs_by_key) FROM schedules")) == [(3,)]
    await transaction.execute("CREATE TABLE runs (mine)")
    await store.commit(commit(2, b"3", run_id="asked", epoch=1), within=transaction)
    assert list(await store.read("asked")) == [b"1", b"2", b"3"]
    await store.close()


async def test_a_number_that_a_run_had_under_the_first_schema_is_not_given_again(tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    made_by(1, file)
    store = await opened(file)
    assert await store.delete_run("failed")  # the last that was made
    await store.create_run(new_run("new"))
    await store.close()
    with closing(sqlite3.connect(file)) as connection:
        asked = "SELECT run_no FROM waystation_runs WHERE run_id = 'new'"
        assert connection.execute(asked).fetchone() == (len(RUNS_OF_1) + 1,)
