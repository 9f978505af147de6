"""Databases for tests on one server: made when they are needed, emptied and lent again, dropped at the end."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg

T = TypeVar("T")

_CUT_OFF = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()"

# All that tests make is in schemas. Emptying is quicker than making and dropping a database: 10 ms against 60.
_EMPTY = """
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    LOOP EXECUTE format('DROP SCHEMA %I CASCADE', name); END LOOP;
    CREATE SCHEMA public AUTHORIZATION pg_database_owner;
    GRANT USAGE ON SCHEMA public TO PUBLIC;
END $$
"""


class Databases:
    """Makes databases on the server of ``url``, the address of a role that may create databases.

    It can be used from anywhere, also within a running event loop: its queries run in a thread of their own.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._spare: list[str] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="databases")

    def create(self) -> str:
        """Make an empty database; its address."""
        name = f"waystation_test_{uuid.uuid4().hex[:16]}"
        self.execute(self.url, f"CREATE DATABASE {name} TEMPLATE template0")
        return self.address(name)

    def address(self, name: str) -> str:
        """The address of the server's database of this name."""
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    def drop(self, url: str) -> None:
        """Drop the database of an address, and cut off who is connected to it."""
        self.execute(self.url, f"DROP DATABASE IF EXISTS {_name(url)} WITH (FORCE)")

    @contextmanager
    def lent(self) -> Generator[str]:
        """The address of an empty database, for a while. It is emptied afterwards, and lent again."""
        url = self._spare.pop() if self._spare else self.create()
        yield url
        self._run(_emptied(url))
        self._spare.append(url)

    def execute(self, url: str, sql: str) -> None:
        """Run SQL in the database of an address."""
        self._run(_executed(url, sql))

    def fetch(self, url: str, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows that a query gives in the database of an address."""
        return self._run(_fetched(url, sql, values))

    def close(self) -> None:
        """Drop what is kept to be lent again."""
        while self._spare:
            self.drop(self._spare.pop())
        self._thread.shutdown()

    def _run(self, work: Coroutine[object, object, T]) -> T:
        return self._thread.submit(asyncio.run, work).result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _name(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


async def _executed(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def _fetched(url: str, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(sql, *values)]
    finally:
        await connection.close()


async def _emptied(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        # Whoever a test has left behind would hold locks on what is dropped here.
        await connection.execute(_CUT_OFF, _name(url))
        await connection.execute(_EMPTY)
    finally:
        await connection.close()
