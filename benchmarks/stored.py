"""How much a store holds, whoever wrote it. The standard library and one driver of PostgreSQL are all this needs."""

from __future__ import annotations

import importlib.util
import sqlite3
from typing import cast

_DATABASE = "SELECT pg_database_size(current_database())"


async def stored_bytes(store: str) -> int | None:
    """Bytes of the database, also of what is still in its write-ahead log only; None of a store in memory."""
    kind, _, rest = store.partition("://")
    if kind == "sqlite":
        return _of_sqlite(rest.removeprefix("/"))
    if kind == "postgresql":
        return await _of_postgres(store)
    return None


def _of_sqlite(path: str) -> int:
    """Pages that are in use, times their size: a file may be longer than what is in it, and the log shorter lived."""
    connection = sqlite3.connect(path, timeout=30)
    try:
        of = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in _PAGES}
    finally:
        connection.close()
    return cast(int, (of["page_count"] - of["freelist_count"]) * of["page_size"])


_PAGES = ("page_count", "freelist_count", "page_size")


async def _of_postgres(url: str) -> int:
    """By whichever driver the environment has."""
    if importlib.util.find_spec("asyncpg"):
        import asyncpg

        connection = await asyncpg.connect(url)
        try:
            return cast(int, await connection.fetchval(_DATABASE))
        finally:
            await connection.close()
    psycopg = importlib.import_module("psycopg")
    with psycopg.connect(url) as plain:
        return cast(int, plain.execute(_DATABASE).fetchone()[0])
