"""Opening a SQLite file: making the schema in it, or bringing it up to date.

A new store is made by ``schema.sql``, the schema as it is now; the migrations are for what was written before (the
first ones use names that an application's own tables may have). A test holds both ways to one schema.

Any number of processes may do this at once, also to a file that is not there yet: each step looks again under the
lock before it changes anything.
"""

from __future__ import annotations

import functools
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import resources
from pathlib import Path

import msgspec

from waystation.errors import StoreError
from waystation.store.sqlite_version import keep, look
from waystation.store.sqlite_writer import Synchronous

_BUSY_TIMEOUT_MS = 5
"""How long SQLite itself waits for a lock; the event loop stands still meanwhile."""

_MOST_WAL_BYTES = 64 * 1024 * 1024

_MANY_PAGES = 4_000
"""When the log has so many, it is brought into the file (a checkpoint) where commits are not synced: the loop stands
still meanwhile, so more seldom than by SQLite's own 1,000. Where they are, a longer log is no gain: each sync of a log
that grows costs more than of one that is written over."""


class Migration(msgspec.Struct, frozen=True):
    """One step of the schema: ``version`` is the file's after it."""

    version: int
    name: str
    script: str


@functools.cache
def migrations() -> Sequence[Migration]:
    """Every migration, from the first, in order."""
    folder = resources.files("waystation.store").joinpath("migrations")
    found = [
        Migration(int(file.name[:4]), file.name, file.read_text(encoding="utf-8"))
        for file in folder.iterdir()
        if re.fullmatch(r"\d{4}_\w+\.sql", file.name)
    ]
    found.sort(key=lambda migration: migration.version)
    assert [migration.version for migration in found] == [*range(1, len(found) + 1)], "numbered without gaps"
    return found


@functools.cache
def newest_schema() -> str:
    """The script that makes what the last migration leads to."""
    return resources.files("waystation.store").joinpath("schema.sql").read_text(encoding="utf-8")


def connect(path: Path, synchronous: Synchronous, *, shared: bool) -> sqlite3.Connection:
    """A connection to the store in ``path``, its schema up to date; ``shared``: it may be made in another's file.

    Raises:
        StoreError, StoreSchemaForeign, StoreSchemaNewer.
        sqlite3.Error: what SQLite says of the file; try again if it is that the file is busy.
    """
    if not path.parent.is_dir():
        raise StoreError(f"the folder {str(path.parent)!r} of the store {str(path)!r} is not there; make it first")
    if path.is_dir():
        raise StoreError(f"the store {str(path)!r} is a folder; name a file")
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_MS / 1000, isolation_level=None)
    try:
        _prepare(connection, path, synchronous, shared=shared)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_again(connection: sqlite3.Connection, synchronous: Synchronous) -> sqlite3.Connection:
    """Another connection to the file of ``connection``, for transactions of steps.

    The file is the one that is open, wherever this process has moved to since. A statement is compiled each time it
    is run, so that what may be run is asked each time.
    """
    (file,) = connection.execute("SELECT file FROM pragma_database_list WHERE name = 'main'").fetchone()
    again = sqlite3.connect(
        f"{Path(file).as_uri()}?mode=rw",
        uri=True,
        timeout=_BUSY_TIMEOUT_MS / 1000,
        isolation_level=None,
        cached_statements=0,
    )
    try:
        _configure(again, synchronous, full=synchronous != "normal")
        again.execute("PRAGMA foreign_keys = ON")  # the tables are users': what they declare is meant
        _try_to_write(again)
    except BaseException:
        again.close()
        raise
    return again


def _prepare(connection: sqlite3.Connection, path: Path, synchronous: Synchronous, *, shared: bool) -> None:
    # Before anything is changed: another program's file stays as it is.
    look(connection, path, newest=len(migrations()), shared=shared)
    if _pragma(connection, "journal_mode") != "wal":
        mode = _pragma(connection, "journal_mode = WAL")
        if mode != "wal":
            raise StoreError(
                f"{str(path)!r} cannot be put into SQLite's WAL mode (it stays {mode!r}); a network drive cannot "
                "hold a store, use a local one"
            )
    _configure(connection, synchronous, full=synchronous == "full")
    while _step_forward(connection, path, migrations(), shared=shared):
        pass


def _configure(connection: sqlite3.Connection, synchronous: Synchronous, *, full: bool) -> None:
    connection.execute(f"PRAGMA synchronous = {'FULL' if full else 'NORMAL'}")
    # Only macOS knows these: there a plain fsync does not reach the disk.
    connection.execute("PRAGMA fullfsync = ON")
    connection.execute("PRAGMA checkpoint_fullfsync = ON")
    connection.execute(f"PRAGMA journal_size_limit = {_MOST_WAL_BYTES}")
    if synchronous == "normal":
        connection.execute(f"PRAGMA wal_autocheckpoint = {_MANY_PAGES}")


def _try_to_write(connection: sqlite3.Connection) -> None:
    """Fail if the file is read-only. SQLite opens one that is without a word, and then it stays so when the file does
    not; and BEGIN IMMEDIATE succeeds: only a statement that writes finds out."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(f"PRAGMA user_version = {_pragma(connection, 'user_version')}")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _step_forward(connection: sqlite3.Connection, path: Path, known: Sequence[Migration], *, shared: bool) -> bool:
    """Make the schema, or bring it on by one version; False if there was nothing to do."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        standing = look(connection, path, newest=len(known), shared=shared)
        if standing.version == len(known):
            # BEGIN IMMEDIATE succeeds on a read-only file; only a statement that writes finds out. Rolled back.
            keep(connection, standing, standing.version)
            connection.execute("ROLLBACK")
            return False
        if standing.version > 0:
            script, version = known[standing.version].script, known[standing.version].version
        else:
            script, version = newest_schema(), len(known)
        for statement in _statements(script):
            connection.execute(statement)
        keep(connection, standing, version)
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        raise
    return True


def _pragma(connection: sqlite3.Connection, what: str) -> object:
    row = connection.execute(f"PRAGMA {what}").fetchone()
    return None if row is None else row[0]


def _statements(script: str) -> Iterator[str]:
    """The statements of a script, one by one: ``executescript`` would commit before it begins."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    assert not statement.strip(), "a script ends with a semicolon"
