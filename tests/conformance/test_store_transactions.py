"""Steps' transactions on a SQLite file: what may be run in one, and how the store goes on around it.

What every store with transactions promises is in ``waystation.testing.store_suite.transactions``.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from waystation.errors import StoreBusy, StoreClosed, StoreFull, TransactionMisused
from waystation.store import Store, open_store, sqlite_writes
from waystation.store.protocol import Fenced, StoreTransaction
from waystation.testing.store_suite.journal import open_now
from waystation.testing.store_suite.transactions import amounts, make_ledger
from waystation.testing.store_suite.writes import CREATED, commit, head, new_run, opened

pytestmark = pytest.mark.anyio


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
async def store(file: Path) -> AsyncIterator[Store]:
    opened = open_store(f"sqlite:///{file}")
    await opened.open()
    await make_ledger(opened)
    yield opened
    await opened.close()


@pytest.fixture
async def transaction(store: Store) -> AsyncIterator[StoreTransaction]:
    begun = await store.transaction()
    yield begun
    await begun.roll_back()


def seconds_connection(store: Store) -> sqlite3.Connection:
    found: sqlite3.Connection = vars(vars(store)["_transactions"])["_connection"]
    return found


# ------------------------------------------------------------------ what may be run


ENDING = ["COMMIT", "END", "ROLLBACK", "BEGIN", "BEGIN IMMEDIATE", "SAVEPOINT a", "RELEASE a", "ROLLBACK TO a"]
REACHING_OUTSIDE = [
    "ATTACH ':memory:' AS theirs",
    "DETACH main",
    "VACUUM",
    "VACUUM INTO 'copy.db'",
    "PRAGMA synchronous = OFF",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA writable_schema = ON",
    "PRAGMA user_version = 7",
    "CREATE TEMP TABLE waystation_runs (x)",
    "CREATE TEMP VIEW waystation_runs AS SELECT 1",
    "CREATE TEMP TRIGGER t AFTER INSERT ON ledger BEGIN SELECT 1; END",
]
CHANGING_OURS = [
    "INSERT INTO waystation_journal (run_no, seq, entry) VALUES (1, 2, x'00')",
    "UPDATE WAYSTATION_Runs SET epoch = 99",
    "UPDATE main.waystation_runs SET epoch = 99",
    "DELETE FROM waystation_suspensions",
    "REPLACE INTO waystation_frontiers VALUES (1, 1, x'00')",
    "WITH w AS (SELECT 1) DELETE FROM waystation_workers",
    "INSERT INTO waystation_schedules SELECT 'x', 'x', 'x', 1, 1, 1",
    "DROP TABLE waystation_definitions",
    "ALTER TABLE waystation_runs ADD COLUMN mine TEXT",
    "ALTER TABLE waystation_runs RENAME TO mine",
    "CREATE TABLE waystation_mine (x)",
    "CREATE TABLE IF NOT EXISTS waystation_runs AS SELECT 1",
    "CREATE VIEW waystation_mine AS SELECT 1",
    "CREATE INDEX waystation_mine ON ledger (amount)",
    "CREATE TRIGGER Waystation_mine AFTER INSERT ON ledger BEGIN SELECT 1; END",
    "CREATE INDEX mine ON waystation_runs (epoch)",
    "DROP INDEX waystation_runs_by_time",
    "CREATE TRIGGER mine AFTER UPDATE ON waystation_runs BEGIN SELECT 1; END",
    "UPDATE sqlite_sequence SET seq = 0",
    "DELETE FROM sqlite_sequence",
    "DROP TABLE sqlite_sequence",
    "ALTER TABLE ledger RENAME TO waystation_mine",
    "EXPLAIN DELETE FROM waystation_journal",
]


@pytest.mark.parametrize("statement", ENDING + REACHING_OUTSIDE + CHANGING_OURS)
async def test_what_would_break_it_is_refused_and_it_goes_on(
    statement: str, store: Store, transaction: StoreTransaction
) -> None:
    await transaction.execute("INSERT INTO ledger VALUES (5)")
    with pytest.raises(TransactionMisused, match="cannot run"):
        await transaction.execute(statement)
    await transaction.execute("INSERT INTO ledger VALUES (6)")
    await store.commit(commit(1, b"2"), within=transaction)
    assert await amounts(store) == [5, 6]
    assert list(await store.read("r1")) == [CREATED, b"2"]


async def test_a_statement_of_the_stores_own_is_refused_too_after_the_store_has_run_it(
    store: Store, transaction: StoreTransaction
) -> None:
    with pytest.raises(Fenced):
        await store.commit(commit(1, b"x", epoch=9), within=transaction)
    append: str = vars(sqlite_writes)["_APPEND"]
    with pytest.raises(TransactionMisused):
        await transaction.execute(append, (1, 1, 1, 1, 1, b"x"))


async def test_a_trigger_of_the_users_cannot_write_to_the_stores_tables_either(
    store: Store, transaction: StoreTransaction
) -> None:
    await transaction.execute("CREATE TRIGGER t AFTER INSERT ON ledger BEGIN DELETE FROM waystation_journal; END")
    with pytest.raises(TransactionMisused, match="waystation_journal"):
        await transaction.execute("INSERT INTO ledger VALUES (5)")


async def test_what_is_a_users_own_may_be_done(store: Store, transaction: StoreTransaction) -> None:
    for statement in (
        "CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, of_run TEXT, total INTEGER)",
        "CREATE INDEX orders_by_run ON orders (of_run)",
        "ALTER TABLE orders ADD COLUMN note TEXT",
        "CREATE VIEW totals AS SELECT run_id, total FROM waystation_runs JOIN orders ON of_run = run_id",
        "CREATE TABLE gone (id INTEGER PRIMARY KEY AUTOINCREMENT)",
        "DROP TABLE gone",
    ):
        assert list(await transaction.execute(statement)) == []
    insert = "INSERT INTO orders (of_run, total) VALUES (?, ?) RETURNING id"
    assert list(await transaction.execute(insert, ("r1", 5))) == [(1,)]
    assert list(await transaction.execute("SELECT * FROM totals")) == [("r1", 5)]
    assert len(await transaction.execute("PRAGMA table_info(orders)")) == 4
    await store.commit(commit(1, b"2"), within=transaction)


TABLES = ["runs", "journal", "frontiers", "suspensions", "workers", "definitions", "schedules"]


async def test_a_table_of_the_users_may_have_any_name_but_one_that_begins_as_the_stores_do(
    store: Store, transaction: StoreTransaction
) -> None:
    for table in TABLES:
        await transaction.execute(f"CREATE TABLE {table} (waystation_note TEXT)")
        await transaction.execute(f"CREATE INDEX {table}_by_time ON {table} (waystation_note)")
        await transaction.execute(f"INSERT INTO {table} VALUES ('first')")
        await transaction.execute(f"UPDATE {table} SET waystation_note = 'mine'")
    await store.commit(commit(1, b"2", head=head("suspended"), opened=[opened(2, "a")]), within=transaction)
    assert await open_now(store) == [("r1", 2, "a", b"2")]
    assert await store.delete_run("r1")
    again = await store.transaction()
    for table in TABLES:
        assert list(await again.execute(f"SELECT * FROM {table}")) == [("mine",)]
        await again.execute(f"DROP TABLE {table}")
    await again.roll_back()
    assert await store.get_run("r1") is None
    assert await store.get_run("r2") is not None


async def test_a_full_text_table_may_be_written_to(store: Store, transaction: StoreTransaction) -> None:
    try:
        await transaction.execute("CREATE VIRTUAL TABLE notes USING fts5 (body)")
    except sqlite3.OperationalError:
        pytest.skip("this SQLite has no full-text tables")
    await transaction.execute("INSERT INTO notes VALUES ('a way station')")
    assert list(await transaction.execute("SELECT body FROM notes ('station')")) == [("a way station",)]
    await store.commit(commit(1, b"2"), within=transaction)


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("INSERT INTO ledger VALUES (5), (5)", sqlite3.IntegrityError),
        ("INSERT INTO nowhere VALUES (5)", sqlite3.OperationalError),
        ("INSERT INTO ledger VALUES (?)", sqlite3.ProgrammingError),
        ("not SQL", sqlite3.OperationalError),
    ],
)
async def test_an_error_of_a_statement_is_sqlites_own(
    statement: str, kind: type[Exception], store: Store, transaction: StoreTransaction
) -> None:
    with pytest.raises(kind) as caught:
        await transaction.execute(statement)
    assert type(caught.value) is kind
    await store.commit(commit(1, b"2"), within=transaction)
    assert await amounts(store) == []


async def test_a_statement_that_rolls_it_back_ends_it(store: Store, transaction: StoreTransaction) -> None:
    await transaction.execute("INSERT INTO ledger VALUES (5)")
    with pytest.raises(sqlite3.IntegrityError):
        await transaction.execute("INSERT OR ROLLBACK INTO ledger VALUES (5)")
    # Were it believed to be open, each of these would be committed by itself.
    with pytest.raises(TransactionMisused, match="rolled back by one of its statements"):
        await transaction.execute("INSERT INTO ledger VALUES (6)")
    with pytest.raises(TransactionMisused):
        await store.commit(commit(1, b"2"), within=transaction)
    assert await amounts(store) == []
    assert list(await store.read("r1")) == [CREATED]


async def test_foreign_keys_are_kept_and_a_late_one_refuses_the_whole(
    store: Store, transaction: StoreTransaction
) -> None:
    await transaction.execute("CREATE TABLE parents (id INTEGER PRIMARY KEY)")
    await transaction.execute("CREATE TABLE children (of INTEGER REFERENCES parents DEFERRABLE INITIALLY DEFERRED)")
    await transaction.execute("INSERT INTO children VALUES (1)")
    with pytest.raises(TransactionMisused, match="FOREIGN KEY"):
        await store.commit(commit(1, b"2"), within=transaction)
    assert list(await store.read("r1")) == [CREATED]
    with pytest.raises(TransactionMisused):
        await store.commit(commit(1, b"2"), within=transaction)
    await store.commit(commit(1, b"2"))


# ------------------------------------------------------------------ how the store goes on


async def test_a_second_one_waits_for_the_first(store: Store, transaction: StoreTransaction) -> None:
    second = asyncio.ensure_future(store.transaction())
    third = asyncio.ensure_future(store.transaction())
    await transaction.execute("INSERT INTO ledger VALUES (1)")
    assert not second.done()
    await store.commit(commit(1, b"2"), within=transaction)
    begun = await second
    assert list(await begun.execute("SELECT amount FROM ledger")) == [(1,)]
    assert not third.done()
    await begun.roll_back()
    await (await third).roll_back()


async def test_one_that_is_not_waited_for_any_more_holds_up_nobody(store: Store, transaction: StoreTransaction) -> None:
    given_up = asyncio.ensure_future(store.transaction())
    await asyncio.sleep(0)
    given_up.cancel()
    await transaction.roll_back()
    await (await store.transaction()).roll_back()
    with pytest.raises(asyncio.CancelledError):
        await given_up


async def test_other_writes_wait_without_trying_and_are_written_when_it_is_over(
    store: Store, transaction: StoreTransaction
) -> None:
    began: list[str] = []
    vars(store)["_connection"].set_trace_callback(began.append)
    writes = [asyncio.ensure_future(store.commit(commit(1, b"2", run_id=run_id))) for run_id in ("r1", "r2")]
    timer = asyncio.ensure_future(asyncio.sleep(0.2))
    while not timer.done():
        await transaction.execute("SELECT 1")
        await asyncio.sleep(0.01)
    assert not any(write.done() for write in writes)
    assert began == [], "who has the lock is known, so the loop is not held up by asking for it"
    second = asyncio.ensure_future(store.transaction())
    await transaction.roll_back()
    await asyncio.gather(*writes)
    await (await second).roll_back()
    assert [len(await store.read(run_id)) for run_id in ("r1", "r2")] == [2, 2]


async def test_a_write_that_a_transaction_holds_up_for_too_long_is_told(
    store: Store, transaction: StoreTransaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waystation.store.sqlite_writer.PATIENCE", 0.05)
    with pytest.raises(StoreBusy, match="a step's transaction"):
        await store.commit(commit(1, b"2"))
    await store.commit(commit(1, b"of the step"), within=transaction)
    await store.commit(commit(2, b"3"))
    assert list(await store.read("r1")) == [CREATED, b"of the step", b"3"]


async def test_another_process_lock_is_waited_for_and_told_if_held_too_long(
    store: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.ensure_future(store.transaction())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        other.execute("ROLLBACK")
        await (await waiting).roll_back()
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr("waystation.store.sqlite_writer.PATIENCE", 0.05)
        with pytest.raises(StoreBusy):
            await store.transaction()
        other.execute("ROLLBACK")
    await (await store.transaction()).roll_back()


async def test_while_it_is_open_no_other_process_writes(
    store: Store, file: Path, transaction: StoreTransaction
) -> None:
    with closing(sqlite3.connect(file, isolation_level=None, timeout=0)) as other:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        await store.commit(commit(1, b"2"), within=transaction)
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")


async def test_closing_the_store_rolls_it_back_and_refuses_who_waits(file: Path) -> None:
    store = open_store(f"sqlite:///{file}")
    await store.open()
    await make_ledger(store)
    transaction = await store.transaction()
    await transaction.execute("INSERT INTO ledger VALUES (5)")
    waiting = asyncio.ensure_future(store.transaction())
    queued = asyncio.ensure_future(store.commit(commit(1, b"queued")))
    await asyncio.sleep(0)
    await asyncio.wait_for(store.close(), 5)
    await queued
    for refused in (waiting, transaction.execute("SELECT 1"), store.commit(commit(2, b"x"), within=transaction)):
        with pytest.raises(StoreClosed):
            await refused
    with pytest.raises(StoreClosed):
        await store.transaction()
    await transaction.roll_back()
    again = open_store(f"sqlite:///{file}")
    await again.open()
    assert await amounts(again) == []
    assert list(await again.read("r1")) == [CREATED, b"queued"]
    await again.close()


async def test_it_commits_to_the_store_it_is_of_and_no_other(store: Store, tmp_path: Path) -> None:
    other = open_store(f"sqlite:///{tmp_path}/other.db")
    await other.open()
    await other.create_run(new_run())
    of_other = await other.transaction()
    with pytest.raises(TransactionMisused, match="not of this store"):
        await store.commit(commit(1, b"2"), within=of_other)
    await other.commit(commit(1, b"2"), within=of_other)
    await other.close()


async def test_it_is_of_the_file_that_was_opened_wherever_the_process_went_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///a%20%23%3F.db")
    await store.open()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    await make_ledger(store)
    assert await amounts(store) == []
    await store.close()
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(("options", "level"), [("", 2), ("?synchronous=normal", 1), ("?synchronous=on-suspend", 2)])
async def test_it_syncs_as_asked(options: str, level: int, file: Path) -> None:
    store = open_store(f"sqlite:///{file}{options}")
    await store.open()
    await (await store.transaction()).roll_back()
    assert seconds_connection(store).execute("PRAGMA synchronous").fetchone() == (level,)
    await store.close()


async def test_a_full_disk_is_told_and_nothing_of_it_is_written(store: Store, transaction: StoreTransaction) -> None:
    connection = seconds_connection(store)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    await transaction.execute("INSERT INTO ledger VALUES (5)")
    with pytest.raises(StoreFull):
        await store.commit(commit(1, b"x" * 100_000), within=transaction)
    with pytest.raises(TransactionMisused):
        await transaction.execute("SELECT 1")
    connection.execute("PRAGMA max_page_count = 1000000")
    assert await amounts(store) == []
    assert list(await store.read("r1")) == [CREATED]


async def test_a_commit_that_fails_half_way_is_rolled_back_whole(store: Store, transaction: StoreTransaction) -> None:
    await transaction.execute("INSERT INTO ledger VALUES (5)")
    with pytest.raises(TransactionMisused, match="UNIQUE"):
        await store.commit(commit(1, b"2", opened=[opened(2, "a"), opened(2, "a")]), within=transaction)
    assert await amounts(store) == []
    assert list(await store.read("r1")) == [CREATED]


async def test_its_commits_are_seen_as_changes_of_another(store: Store, transaction: StoreTransaction) -> None:
    before = await store.foreign_changes()
    await store.commit(commit(1, b"2"), within=transaction)
    assert await store.foreign_changes() != before
