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

# Nor need the store's tables be made anew for each test that does not look at how they are made: 30 ms of 60.
_EMPTY_BUT_FOR_A_STORE = """
DO $$
DECLARE name text;
BEGIN
    FOR name IN
        SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public')
    LOOP EXECUTE format('DROP SCHEMA %I CASCADE', name); END LOOP;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'waystation_schema'
    LOOP
        IF name LIKE 'waystation\\_%' THEN EXECUTE format('DELETE FROM %I', name);
        ELSE EXECUTE format('DROP TABLE %I CASCADE', name); END IF;
    END LOOP;
END $$
"""

# What a test has done to the tables themselves would reach the next.
_SHAPE = """
SELECT md5(string_agg(format('%s.%s %s', relname, attname, atttypid), ',' ORDER BY relname, attnum)), (
    SELECT count(*) FROM pg_trigger) + (SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace)
FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid WHERE relnamespace = 'public'::regnamespace
"""


class Databases:
    """Makes databases on the server of ``url``, the address of a role that may create databases.

    It can be used from anywhere, also within a running event loop: its queries run in a thread of their own.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._spare: dict[bool, list[str]] = {False: [], True: []}
        self._shape: tuple[Any, ...] | None = None
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
    def lent(self, *, with_store: bool = False) -> Generator[str]:
        """The address of an empty database, for a while. It is emptied afterwards, and lent again.

        Arguments:
            with_store: whether the tables of a store may be there already, empty.
        """
        spare = self._spare[with_store]
        url = spare.pop() if spare else self.create()
        yield url
        if with_store:
            self._shape = self._run(_emptied_but_for_a_store(url, self._shape))
        else:
            self._run(_emptied(url))
        spare.append(url)

    def execute(self, url: str, sql: str) -> None:
        """Run SQL in the database of an address."""
        self._run(_executed(url, sql))

    def fetch(self, url: str, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows that a query gives in the database of an address."""
        return self._run(_fetched(url, sql, values))

    def close(self) -> None:
        """Drop what is kept to be lent again."""
        for spare in self._spare.values():
            while spare:
                self.drop(spare.pop())
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


async def _emptied_but_for_a_store(url: str, shape: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
    """Empty it, and leave the store's tables, if they are as they were in ``shape``; gives their shape now."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_CUT_OFF, _name(url))
        await connection.execute(_EMPTY_BUT_FOR_A_STORE)
        row = await connection.fetchrow(_SHAPE)
        found = None if row is None or row[0] is None else tuple(row)
        if found is not None and found != (shape or found):
            await connection.execute(_EMPTY)
        return shape or found
    finally:
        await connection.close()
