"""The SQLite store and its file: what it refuses, and that nothing is ever half-written."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.programs import all_at_once
from waystation.errors import StoreBusy, StoreCorrupt, StoreError, StoreSchemaForeign, StoreSchemaNewer
from waystation.store import Store, open_store
from waystation.testing.store_suite.writes import commit, head, new_run

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).resolve().parents[2]


def store_in(file: Path, options: str = "") -> Store:
    return open_store(f"sqlite:///{file}{options}")


async def made(file: Path) -> None:
    store = store_in(file)
    await store.open()
    await store.create_run(new_run())
    await store.close()


async def refusal(file: Path) -> StoreError:
    store = store_in(file)
    with pytest.raises(StoreError) as caught:
        await store.open()
    await store.close()
    return caught.value


async def test_a_store_of_a_newer_schema_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    await made(file)
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    before = file.read_bytes()
    error = await refusal(file)
    assert isinstance(error, StoreSchemaNewer)
    assert "999" in str(error)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE theirs (x)", "PRAGMA application_id = 77", "PRAGMA user_version = 3"]
)
async def test_another_programs_database_is_refused_and_left_as_it_is(statement: str, tmp_path: Path) -> None:
    file = tmp_path / "theirs.db"
    with sqlite3.connect(file) as connection:
        connection.execute(statement)
    connection.close()
    before = file.read_bytes()
    assert isinstance(await refusal(file), StoreSchemaForeign)
    assert file.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["theirs.db"]


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough " * 100, b"SQLite format 3\0" + b"\xff" * 5000]
)
async def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    file.write_bytes(content)
    assert isinstance(await refusal(file), StoreCorrupt)
    assert file.read_bytes() == content


async def test_a_damaged_store_is_told_when_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    await made(file)
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    file.write_bytes(content)
    store = store_in(file)

    async def use() -> None:
        await store.open()
        await store.load("r1")

    with pytest.raises(StoreCorrupt):
        await use()
    await store.close()


async def test_a_folder_that_is_not_there_or_a_folder_for_a_file_is_told(tmp_path: Path) -> None:
    assert "make it first" in str(await refusal(tmp_path / "none" / "runs.db"))
    (tmp_path / "folder.db").mkdir()
    assert "is a folder" in str(await refusal(tmp_path / "folder.db"))


CHILD = """
import asyncio, json, os, resource, signal, sys
from pathlib import Path
from waystation.testing.store_suite.writes import commit, new_run
from waystation.store import open_store
from waystation.errors import StoreError
from waystation.store.sqlite_schema import migrations

async def main(what, file):
    migrations()  # read while this process still may
    if what == "read-only" and os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)  # root may write to a read-only file
    store = open_store(f"sqlite:///{file}")
    told = []
    try:
        await store.open()
        if what == "full":
            # What SQLite itself says when the disk is full; no test may fill a real one.
            pages = vars(store)["_connection"].execute("PRAGMA page_count").fetchone()[0]
            vars(store)["_connection"].execute(f"PRAGMA max_page_count = {pages + 20}")
        if what == "limited":
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
        after = 1
        for _ in range(100):
            await store.commit(commit(after, b"x" * 10_000, b"y" * 10_000))
            after += 2
            told.append(after)
    except StoreError as error:
        code = error.code
    else:
        code = None
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    there = []
    if what != "read-only":
        vars(store)["_connection"].execute("PRAGMA max_page_count = 1000000")
        there = [len(entry) for entry in await store.read("r1")]
        await store.commit(commit(len(there), b"there is space again"))
    print(json.dumps({"code": code, "acknowledged": told[-1] if told else 1, "there": len(there)}))
    await store.close()

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""


def child(what: str, file: Path) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, what, str(file)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(("how", "code"), [("full", "store_full"), ("limited", "store_full")])
async def test_a_full_disk_is_told_nothing_is_half_written_and_with_space_it_goes_on(
    how: str, code: str, tmp_path: Path
) -> None:
    file = tmp_path / "runs.db"
    await made(file)
    said = child(how, file)
    assert said["code"] == code
    assert said["there"] == said["acknowledged"], "each commit of two entries is there whole, or not at all"
    store = store_in(file)
    await store.open()
    assert (await store.read("r1"))[-1] == b"there is space again"
    await store.close()


async def test_a_file_that_may_not_be_written_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    await made(file)
    file.chmod(0o444)
    before = file.read_bytes()
    for folder in [tmp_path, *tmp_path.parents]:
        if folder.stat().st_uid == os.getuid() and folder.stat().st_mode & 0o005 != 0o005 and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o005)  # another user must come as far as the file
    tmp_path.chmod(0o555)
    assert child("read-only", file)["code"] == "store_read_only"
    assert file.read_bytes() == before
    tmp_path.chmod(0o755)


async def test_rows_of_the_journal_are_appended_and_never_changed(tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    await made(file)
    with sqlite3.connect(file) as connection:
        for change in ("UPDATE", "DELETE"):
            connection.execute(
                f"CREATE TRIGGER no_{change} BEFORE {change} ON waystation_journal "
                "BEGIN SELECT RAISE(ABORT, 'changed'); END"
            )
    connection.close()
    store = store_in(file)
    await store.open()
    await store.commit(commit(1, b"2", head=head("suspended")))
    await store.commit(commit(2, b"3", epoch=1, head=head("success")))
    assert len(await store.read("r1")) == 3
    await store.close()


@pytest.mark.parametrize(
    ("options", "level", "pages"),
    [
        ("", 2, 1000),
        ("?synchronous=full", 2, 1000),
        ("?synchronous=on-suspend", 1, 1000),
        ("?synchronous=normal", 1, 4000),
    ],
)
async def test_it_writes_ahead_and_syncs_as_asked(options: str, level: int, pages: int, tmp_path: Path) -> None:
    """And brings its log into the file when that has so many pages: seldom where nothing else is synced."""
    file = tmp_path / "runs.db"
    store = store_in(file, options)
    await store.open()
    connection = vars(store)["_connection"]
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (level,)
    assert connection.execute("PRAGMA wal_autocheckpoint").fetchone() == (pages,)
    await store.close()


async def test_commits_asked_for_at_once_share_transactions(tmp_path: Path) -> None:
    store = store_in(tmp_path / "runs.db")
    await store.open()
    for number in range(100):
        await store.create_run(new_run(f"r{number}"))
    began: list[str] = []

    def trace(sql: str) -> None:
        if sql.startswith("BEGIN"):
            began.append(sql)

    vars(store)["_connection"].set_trace_callback(trace)
    await asyncio.gather(*(store.commit(commit(1, b"2", run_id=f"r{number}")) for number in range(100)))
    assert 1 <= len(began) <= 3
    await store.close()


async def test_in_a_shared_transaction_a_refused_commit_refuses_no_other(tmp_path: Path) -> None:
    store = store_in(tmp_path / "runs.db")
    await store.open()
    for number in range(10):
        await store.create_run(new_run(f"r{number}"))
    told = await asyncio.gather(
        *(store.commit(commit(number % 2, b"2", run_id=f"r{number}")) for number in range(10)), return_exceptions=True
    )
    assert [each is None for each in told] == [number % 2 == 1 for number in range(10)]
    assert [len(await store.read(f"r{number}")) for number in range(10)] == [1, 2] * 5
    await store.close()


OPENER = """
import asyncio, sys
from waystation.testing.store_suite.writes import new_run
from waystation.store import open_store

async def main(file, name):
    print("ready", flush=True)
    sys.stdin.readline()
    store = open_store(f"sqlite:///{file}")
    await store.open()
    await store.create_run(new_run(name))
    await store.close()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("options", [[""], ["?shared=true"], ["", "?shared=true"]], ids=["own", "shared", "either"])
async def test_eight_processes_open_a_new_file_at_once(options: list[str], tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    all_at_once(OPENER, [(f"{file}{options[number % len(options)]}", f"r{number}") for number in range(8)])
    store = store_in(file)
    await store.open()
    assert all([await store.get_run(f"r{number}") for number in range(8)])
    await store.close()


async def test_a_lock_that_another_process_holds_too_long_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "runs.db"
    await made(file)
    monkeypatch.setattr("waystation.store.sqlite_writer.PATIENCE", 0.05)
    store = store_in(file)
    await store.open()
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy):
        await store.commit(commit(1, b"2"))
    other.execute("ROLLBACK")
    other.close()
    await store.commit(commit(1, b"2"))
    assert len(await store.read("r1")) == 2
    await store.close()
