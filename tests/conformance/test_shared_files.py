"""A SQLite store in a file that is an application's: beside its tables, which steps can then write to."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.conformance.behaviours import behaviour
from tests.conformance.programs import all_at_once
from tests.conformance.stock import lost, won
from tests.conformance.test_sqlite_files import OPENER, store_in
from waystation import StepContext, Waystation, step, workflow
from waystation.errors import StoreBusy, StoreError, StoreSchemaForeign, StoreSchemaNewer
from waystation.store import sqlite_schema
from waystation.store.sqlite import SQLiteStore
from waystation.store.sqlite_schema import Migration, migrations
from waystation.store.sqlite_version import APPLICATION_ID
from waystation.testing.store_suite.writes import CREATED, new_run

pytestmark = pytest.mark.anyio

SHARED = "?shared=true"

# The names that the first schema used, and the settings, are the application's own.
APPLICATION = """
PRAGMA page_size = 8192;
PRAGMA encoding = 'UTF-16le';
PRAGMA auto_vacuum = FULL;
PRAGMA application_id = 77;
PRAGMA user_version = 12;
CREATE TABLE runs (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT);
CREATE TABLE journal (id INTEGER PRIMARY KEY, of_run INTEGER REFERENCES runs (id));
CREATE TABLE frontiers (x);
CREATE TABLE suspensions (x);
CREATE TABLE workers (x);
CREATE TABLE definitions (x);
CREATE TABLE schedules (x);
CREATE INDEX runs_by_time ON runs (what);
CREATE VIEW runs_owned AS SELECT what FROM runs;
CREATE TABLE stock (article TEXT PRIMARY KEY, pieces INTEGER CHECK (pieces >= 0));
INSERT INTO stock VALUES ('book', 3), ('pen', 0);
INSERT INTO runs (what) VALUES ('to the sea'), ('uphill');
"""

KEPT = ("application_id", "user_version", "encoding", "page_size", "auto_vacuum")


@contextmanager
def database(file: Path) -> Generator[sqlite3.Connection]:
    """The file, as the application has it open."""
    with closing(sqlite3.connect(file)) as connection, connection:
        yield connection


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An application's database."""
    made = tmp_path / "app.db"
    with database(made) as connection:
        connection.executescript(APPLICATION)
    return made


def of_the_application(file: Path) -> Sequence[object]:
    """All that the application has in its file."""
    with database(file) as connection:
        settings = [connection.execute(f"PRAGMA {name}").fetchone() for name in KEPT]
        schema = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE '%waystation_%'")
        rows = (connection.execute(f"SELECT * FROM {table}").fetchall() for table in ("stock", "runs", "runs_owned"))
        return [settings, sorted(map(str, schema)), *rows]


def version_in(file: Path) -> Sequence[tuple[int, int]]:
    with database(file) as connection:
        return connection.execute("SELECT application_id, version FROM waystation_schema").fetchall()


async def opened_once(file: Path, options: str = SHARED) -> None:
    store = store_in(file, options)
    await store.open()
    await store.close()


async def refusal(file: Path, options: str = SHARED) -> StoreError:
    """Why the file is refused; it must be as it was then."""
    before = file.read_bytes()
    store = store_in(file, options)
    with pytest.raises(StoreError) as caught:
        await store.open()
    await store.close()
    assert file.read_bytes() == before
    assert [each.name for each in file.parent.iterdir()] == [file.name]
    return caught.value


async def test_in_a_file_that_is_shared_all_that_is_the_applications_stays_as_it_is(file: Path) -> None:
    before = of_the_application(file)
    store = store_in(file, SHARED)
    await store.open()
    await store.create_run(new_run("r1"))
    await store.close()
    assert of_the_application(file) == before
    assert version_in(file) == [(APPLICATION_ID, len(migrations()))]
    with database(file) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_file_that_is_not_meant_to_be_shared_is_refused_and_told_how_it_can_be(file: Path) -> None:
    for options in ("", "?shared=false"):
        error = await refusal(file, options)
        assert isinstance(error, StoreSchemaForeign)
        assert "?shared=true" in str(error)
        assert "shared=True" in str(error)


async def test_once_it_is_shared_a_file_is_known_as_such_without_a_word(file: Path) -> None:
    store = SQLiteStore(file, shared=True)
    await store.open()
    await store.create_run(new_run("r1"))
    await store.close()
    before = of_the_application(file)
    for options in ("", "?shared=false", SHARED):
        again = store_in(file, options)
        await again.open()
        assert list(await again.read("r1")) == [CREATED]
        await again.create_run(new_run(f"r{options}"))
        await again.close()
    assert of_the_application(file) == before
    assert version_in(file) == [(APPLICATION_ID, len(migrations()))]


async def test_a_file_of_the_stores_own_stays_its_own(tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    store = store_in(file)
    await store.open()
    await store.create_run(new_run("r1"))
    await store.close()
    again = store_in(file, SHARED)
    await again.open()
    assert list(await again.read("r1")) == [CREATED]
    await again.close()
    with database(file) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA user_version").fetchone() == (len(migrations()),)
        assert connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'waystation_schema'").fetchone() is None


async def test_a_file_that_is_to_be_shared_may_be_begun_by_the_store(tmp_path: Path) -> None:
    file = tmp_path / "app.db"
    await opened_once(file)
    with database(file) as connection:
        assert [connection.execute(f"PRAGMA {name}").fetchone() for name in KEPT[:2]] == [(0,), (0,)]
        connection.executescript("PRAGMA application_id = 77; PRAGMA user_version = 1; CREATE TABLE runs (id)")
    await opened_once(file)
    await opened_once(file, "")
    with database(file) as connection:
        assert [connection.execute(f"PRAGMA {name}").fetchone() for name in KEPT[:2]] == [(77,), (1,)]


async def test_a_newer_schema_in_a_shared_file_is_refused_and_left_as_it_is(file: Path) -> None:
    await opened_once(file)
    with database(file) as connection:
        connection.execute("UPDATE waystation_schema SET version = 999")
    with database(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for options in ("", SHARED):
        error = await refusal(file, options)
        assert isinstance(error, StoreSchemaNewer)
        assert "999" in str(error)


async def test_an_older_schema_in_a_shared_file_is_brought_up_to_date_in_the_table(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await opened_once(file)
    before = of_the_application(file)
    next_one = Migration(len(migrations()) + 1, "next.sql", "CREATE TABLE waystation_next (x);")
    known = [*migrations(), next_one]
    monkeypatch.setattr(sqlite_schema, "migrations", lambda: known)
    await opened_once(file)
    await opened_once(file, "")
    assert version_in(file) == [(APPLICATION_ID, next_one.version)]
    assert of_the_application(file) == before


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("CREATE TABLE waystation_runs (x)", "waystation_runs"),
        ("CREATE TABLE waystation_of_ours (x)", "waystation_of_ours"),
        ("CREATE TABLE Waystation_Journal (x)", "Waystation_Journal"),
        ("CREATE INDEX waystation_runs_by_key ON stock (pieces)", "waystation_runs_by_key"),
        ("CREATE VIEW waystation_schema AS SELECT 1 AS application_id, 2 AS version", "waystation_schema"),
        ("CREATE TABLE waystation_schema (version)", "waystation_schema"),
        ("CREATE TABLE waystation_schema (application_id, version)", "waystation_schema"),
    ],
)
async def test_names_of_the_application_that_are_the_stores_are_refused(statement: str, name: str, file: Path) -> None:
    with database(file) as connection:
        connection.execute(statement)
    error = await refusal(file)
    assert isinstance(error, StoreSchemaForeign)
    assert repr(name) in str(error)
    assert isinstance(await refusal(file, ""), StoreSchemaForeign)


async def test_an_application_that_has_the_file_to_itself_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waystation.store.sqlite_writer.PATIENCE", 0.05)
    store = store_in(file, SHARED)
    with database(file) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreBusy):
            await store.open()
    await store.open()  # it can be tried again
    await store.close()


async def test_eight_processes_share_an_applications_file_at_once(file: Path) -> None:
    before = of_the_application(file)
    all_at_once(OPENER, [(f"{file}{SHARED}", f"r{number}") for number in range(8)])
    store = store_in(file)
    await store.open()
    assert all([await store.get_run(f"r{number}") for number in range(8)])
    await store.close()
    assert of_the_application(file) == before
    assert version_in(file) == [(APPLICATION_ID, len(migrations()))]


@behaviour(
    "step",
    "The store can live in an application's own SQLite file: steps write to its tables together with their results.",
    verdict="new",
)
async def test_a_step_writes_to_tables_that_the_application_had_in_one_commit_with_its_result(file: Path) -> None:
    @step
    async def take(article: str, ctx: StepContext) -> int:
        async with ctx.transaction() as tx:
            await tx.execute("INSERT INTO runs (what) VALUES (?)", (ctx.run_id,))
            await tx.execute("UPDATE stock SET pieces = pieces - 1 WHERE article = ?", (article,))
            ((left,),) = await tx.execute("SELECT pieces FROM stock WHERE article = ?", (article,))
            assert stock(file) == {"book": 3, "pen": 0}, "nobody else sees it before the step has ended"
        assert isinstance(left, int)
        return left

    flow = workflow("flow", input=str, output=int).then(take).commit()
    async with Waystation(workflows=[flow], store=f"sqlite:///{file}{SHARED}") as app:
        assert lost(await app.get_workflow(flow).start("pen")).type == "IntegrityError"
        assert stock(file) == {"book": 3, "pen": 0}
        run = await app.get_workflow(flow).create_run(run_id="taken")
        assert won(await run.start("book")) == 2
    with database(file) as connection:
        written = connection.execute("SELECT what FROM runs ORDER BY id").fetchall()
    assert written == [("to the sea",), ("uphill",), ("taken",)]
    assert stock(file) == {"book": 2, "pen": 0}


def stock(file: Path) -> dict[str, int]:
    with database(file) as connection:
        return dict(connection.execute("SELECT article, pieces FROM stock"))
