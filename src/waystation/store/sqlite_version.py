"""Whose a SQLite file is, and which version of the schema is in it.

In a file of the store's own the version is where SQLite has a place for it: ``PRAGMA user_version``, beside the
``application_id`` that marks the file. In an application's file, which the store shares, both of these are the
application's; there the same two numbers are the one row of a table. What is there decides, and only where nothing
is there yet, the wish to share: so a file can be opened either way once it was begun.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec

from waystation.errors import StoreSchemaForeign, StoreSchemaNewer

APPLICATION_ID = 0x57415953
"""Marks a file as a Waystation store ("WAYS")."""

PREFIX = "waystation_"
"""Begins the name of everything the store makes in the file, which may hold users' own beside it."""

_NUMBERS = """
SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version),
    (SELECT count(*) FROM sqlite_master)
"""

_COLUMNS = "SELECT name FROM pragma_table_info('waystation_schema') ORDER BY cid"

_MAKE_TABLE = "CREATE TABLE waystation_schema (application_id INTEGER NOT NULL, version INTEGER NOT NULL)"

_TAKEN = "SELECT name FROM sqlite_master WHERE substr(lower(name), 1, ?) = ? ORDER BY name LIMIT 1"


class Standing(msgspec.Struct, frozen=True):
    """The ``version`` of the schema in a file, 0 if it is not there yet, and whether it is kept in the table, as in a
    file that is shared."""

    version: int
    in_table: bool


def look(connection: sqlite3.Connection, path: Path, *, newest: int, shared: bool) -> Standing:
    """How the file stands. Changes nothing.

    Arguments:
        newest: the newest version that is known here.
        shared: whether another program's file is to be shared.

    Raises:
        StoreSchemaForeign, StoreSchemaNewer.
    """
    ((application_id, user_version, objects),) = connection.execute(_NUMBERS).fetchall()
    in_table = _in_table(connection) if application_id != APPLICATION_ID else None
    if in_table is not None:
        standing = Standing(in_table, in_table=True)
    elif application_id == APPLICATION_ID:
        standing = Standing(user_version, in_table=False)
    else:
        if application_id or user_version or objects:
            _refuse_unless_shared(connection, path, shared=shared)
        standing = Standing(0, in_table=shared)
    if standing.version > newest:
        raise StoreSchemaNewer(
            f"{str(path)!r} was written by a newer version of Waystation (its schema is {standing.version}, this "
            f"version knows up to {newest}); upgrade Waystation here. Nothing was changed"
        )
    return standing


def keep(connection: sqlite3.Connection, standing: Standing, version: int) -> None:
    """Write down that the file, which stood so, now has this version."""
    if not standing.in_table:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {version}")
    elif standing.version:
        connection.execute("UPDATE waystation_schema SET version = ?", (version,))
    else:
        connection.execute(_MAKE_TABLE)
        connection.execute("INSERT INTO waystation_schema VALUES (?, ?)", (APPLICATION_ID, version))


def _in_table(connection: sqlite3.Connection) -> int | None:
    """The version that the store's table says; None if the file has none, or one that only has its name."""
    if connection.execute(_COLUMNS).fetchall() != [("application_id",), ("version",)]:
        return None
    rows = connection.execute("SELECT application_id, version FROM waystation_schema").fetchall()
    match rows:
        case [(int(marked), int(version))] if marked == APPLICATION_ID and version > 0:
            return version
        case _:
            return None


def _refuse_unless_shared(connection: sqlite3.Connection, path: Path, *, shared: bool) -> None:
    if not shared:
        raise StoreSchemaForeign(
            f"{str(path)!r} is another program's database; name another file for the store, or, where runs are meant "
            "to be kept beside that program's tables, say so: sqlite:///...?shared=true, or "
            "SQLiteStore(..., shared=True)"
        )
    taken = connection.execute(_TAKEN, (len(PREFIX), PREFIX)).fetchall()
    if taken:
        raise StoreSchemaForeign(
            f"{str(path)!r} has {taken[0][0]!r} in it, which is not of a store; names that begin with {PREFIX!r} are "
            "a store's own: rename it, or name another file for the store. Nothing was changed"
        )
