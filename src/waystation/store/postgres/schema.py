"""The schema of a PostgreSQL store: making it, and bringing it up to date.

A migration begins with a line ``-- oldest: N``: the oldest version of the schema whose code still works with what it
makes. So while a deploy rolls, processes of the version before go on beside those that have migrated: what only adds
keeps the number, and what would break the old code waits for a release that raises it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from importlib import resources

import msgspec

from waystation.errors import StoreSchemaForeign, StoreSchemaNewer
from waystation.store.postgres.connections import Attempt, Connection

_LOCK = 0x57415953
"""The advisory lock of who migrates ("WAYS"); the second key is the schema's own."""

_LOOK = """
SELECT to_regclass('waystation_schema') IS NOT NULL, (
    SELECT min(relname) FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relname LIKE 'waystation\\_%' AND relkind IN ('r', 'v', 'p')
)
"""

_MAKE = "CREATE TABLE waystation_schema (version integer NOT NULL, oldest integer NOT NULL)"


class Migration(msgspec.Struct, frozen=True):
    """One step of the schema: ``version`` is the database's after it, ``oldest`` the oldest that works with it."""

    version: int
    oldest: int
    name: str
    script: str


class Standing(msgspec.Struct, frozen=True):
    """The ``version`` of the schema in a database, 0 if it is not there yet, and the ``oldest`` that works with it."""

    version: int
    oldest: int


@functools.cache
def migrations() -> Sequence[Migration]:
    """Every migration, from the first, in order."""
    folder = resources.files("waystation.store.postgres").joinpath("migrations")
    found: list[Migration] = []
    for file in folder.iterdir():
        if re.fullmatch(r"\d{4}_\w+\.sql", file.name):
            script = file.read_text(encoding="utf-8")
            oldest = re.match(r"-- oldest: (\d+)\n", script)
            assert oldest is not None, f"{file.name} says which version still works with it"
            found.append(Migration(int(file.name[:4]), int(oldest[1]), file.name, script))
    found.sort(key=lambda migration: migration.version)
    assert [migration.version for migration in found] == [*range(1, len(found) + 1)], "numbered without gaps"
    return found


async def look(connection: Connection, where: str, schema: str | None) -> Standing:
    """How the database stands. Changes nothing.

    Raises:
        StoreSchemaForeign, StoreSchemaNewer.
    """
    # Where the schema is not there, the tables found would be those of the next one of the search path.
    if schema is not None and not await connection.fetchval("SELECT to_regnamespace($1) IS NOT NULL", schema):
        return Standing(0, 0)
    there, other = await connection.fetchrow(_LOOK) or (False, None)
    if not there:
        if other is not None:
            raise StoreSchemaForeign(
                f"{where} has {other!r} in it, which is not of a store; names that begin with 'waystation_' are a "
                "store's own: rename it, or give the store a schema of its own: postgresql://...?schema=waystation. "
                "Nothing was changed"
            )
        return Standing(0, 0)
    row = await connection.fetchrow("SELECT version, oldest FROM waystation_schema")
    assert row is not None, "it was made with its row"
    standing = Standing(row["version"], row["oldest"])
    newest = len(migrations())
    if standing.oldest > newest:
        raise StoreSchemaNewer(
            f"{where} was written by a newer version of Waystation (its schema is {standing.version}, and works with "
            f"{standing.oldest} and later; this version knows up to {newest}); upgrade Waystation here. Nothing was "
            "changed"
        )
    return standing


async def bring_up_to_date(attempt: Attempt, where: str, schema: str | None) -> None:
    """Make the schema, or bring it up to date, in one transaction; any number of processes may do so at once.

    Raises:
        StoreSchemaForeign, StoreSchemaNewer.
    """
    connection = attempt.connection
    # Before anything is locked or made: most often there is nothing to do, and a user without the right to make
    # tables may do this much.
    if (await look(connection, where, schema)).version >= len(migrations()):
        return
    async with connection.transaction():
        await connection.execute("SET LOCAL statement_timeout = 0")
        await connection.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", _LOCK, schema or "")
        # A change of a table that had to wait for a long transaction would keep all others waiting behind it.
        await connection.execute("SET LOCAL lock_timeout = '5s'")
        if schema is not None:
            await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        standing = await look(connection, where, schema)
        if standing.version == 0:
            await connection.execute(_MAKE)
            await connection.execute("INSERT INTO waystation_schema (version, oldest) VALUES (0, 0)")
        for migration in migrations()[standing.version :]:  # none, if someone else was quicker
            await connection.execute(migration.script)
            await connection.execute(
                "UPDATE waystation_schema SET version = $1, oldest = $2", migration.version, migration.oldest
            )
