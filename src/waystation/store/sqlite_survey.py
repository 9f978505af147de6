"""What can be seen of a SQLite store from outside, without opening it as a store: nothing is made or migrated."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from waystation.errors import StoreError, StoreSchemaOlder
from waystation.store import sqlite_schedules
from waystation.store.records import UNFINISHED, RunRecord, RunStatus, SchemaStatus, Survey
from waystation.store.sqlite_reads import RECORD, one_moment, record_of, workers
from waystation.store.sqlite_schema import migrations
from waystation.store.sqlite_version import look

T = TypeVar("T")

# Most runs have succeeded: the others are in indexes of their own.
_BY_STATUS = """
SELECT status, count(*) FROM waystation_runs WHERE status <> 'success' AND status <> 'running' GROUP BY status
"""

_RUNNING = "SELECT count(*) FROM waystation_runs WHERE status = 'running'"

_ALL = "SELECT count(*) FROM waystation_runs"

_OLDEST = f"""
SELECT {RECORD} FROM waystation_runs WHERE status = ? AND status <> 'success' AND status <> 'running'
ORDER BY created_at, run_no LIMIT 1
"""  # noqa: S608  (a constant)

_OLDEST_RUNNING = f"""
SELECT {RECORD} FROM waystation_runs INDEXED BY waystation_runs_owned WHERE status = 'running'
ORDER BY created_at, run_no LIMIT 1
"""  # noqa: S608  (a constant)


def seen_from_outside(path: Path, ask: Callable[[sqlite3.Connection], T]) -> T | None:
    """What ``ask`` finds in the file; None if there is no file. It can change nothing.

    Raises:
        StoreError.
        sqlite3.Error: what SQLite says of the file; try again if it is that the file is busy.
    """
    if path.is_dir():
        raise StoreError(f"the store {str(path)!r} is a folder; name a file")
    if not path.exists():
        return None
    # As one that could write, which puts away the files beside the store at its end; but it may not.
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
    with closing(connection):
        connection.execute("PRAGMA query_only = ON")
        return ask(connection)


def schema(connection: sqlite3.Connection, path: Path, *, shared: bool) -> SchemaStatus:
    """How the schema in the file stands.

    Raises:
        StoreSchemaForeign, StoreSchemaNewer.
    """
    newest = len(migrations())
    return schema_status(path, look(connection, path, newest=newest, shared=shared).version)


def schema_status(path: Path, version: int) -> SchemaStatus:
    """The status of a file whose schema has this version."""
    return SchemaStatus(store=f"SQLite file {str(path)!r}", version=version, newest=len(migrations()))


def survey(connection: sqlite3.Connection, path: Path, *, shared: bool) -> Survey:
    """What is in the file, as of one moment.

    Raises:
        StoreSchemaForeign, StoreSchemaNewer, StoreSchemaOlder.
    """
    with one_moment(connection):
        if not (status := schema(connection, path, shared=shared)).is_settled:
            raise StoreSchemaOlder.of(status.store, status.version, status.newest)
        runs: dict[RunStatus, int] = dict(connection.execute(_BY_STATUS))
        (running,) = connection.execute(_RUNNING).fetchone()
        if running:
            runs["running"] = running
        (all_runs,) = connection.execute(_ALL).fetchone()
        if succeeded := all_runs - sum(runs.values()):
            runs["success"] = succeeded
        (suspensions,) = connection.execute("SELECT count(*) FROM waystation_suspensions").fetchone()
        return Survey(
            runs=runs,
            open_suspensions=suspensions,
            oldest_unfinished=_oldest_unfinished(connection),
            workers=workers(connection),
            schedules=sqlite_schedules.schedules(connection),
            size=_size(path),
        )


def _oldest_unfinished(connection: sqlite3.Connection) -> RunRecord | None:
    found = [connection.execute(_OLDEST, (status,)).fetchone() for status in UNFINISHED if status != "running"]
    found.append(connection.execute(_OLDEST_RUNNING).fetchone())
    records = [(row[0], record_of(row)) for row in found if row is not None]
    return min(records, key=lambda each: (each[1].created_at, each[0]), default=(0, None))[1]


def _size(path: Path) -> int:
    """The bytes of the file, and of the log beside it that is not yet in it."""
    return sum(file.stat().st_size for file in (path, path.with_name(f"{path.name}-wal")) if file.exists())
