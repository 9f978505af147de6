"""Where a chaos happens: a folder, a store in it or on a server of its own, and who connects to that by which way."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from tests.crash.chaos.jobs import TABLE
from tests.postgres_server import PostgresServer
from waystation import open_store
from waystation.store import Store
from waystation.store.records import UNFINISHED, RunFilter

Kind = Literal["sqlite", "postgres"]


@dataclass(frozen=True)
class Scene:
    """Where it happens.

    Attributes:
        folder: the book is here, and each process's log.
        server: the PostgreSQL, None for SQLite.
        ports: of the proxy, by place.
    """

    folder: Path
    kind: Kind
    server: PostgresServer | None
    ports: dict[str, int]

    @property
    def book(self) -> Path:
        return self.folder / "book"

    @property
    def url(self) -> str:
        """The store, without a proxy between."""
        return f"sqlite:///{self.folder / 'jobs.db'}" if self.server is None else self.server.url

    def url_of(self, place: str) -> str:
        """The store as the process at ``place`` reaches it."""
        if self.server is None:
            return self.url
        return urlunsplit(urlsplit(self.url)._replace(netloc=f"waystation@127.0.0.1:{self.ports[place]}"))

    def store(self) -> Store:
        return open_store(self.url)

    def prepare(self) -> None:
        """Make the store, and the steps' own table."""
        self.book.touch()

        async def make() -> None:
            store = self.store()
            await store.open()
            await store.close()
            if self.server is not None:
                connection = await asyncpg.connect(self.url)
                await connection.execute(TABLE)
                await connection.close()

        asyncio.run(make())
        if self.server is None:
            with closing(sqlite3.connect(self.folder / "jobs.db")) as connection:
                connection.execute(TABLE)

    def payments(self) -> Sequence[tuple[str, str, str]]:
        """The rows of the steps' own table: run, address, token."""
        query = "SELECT run, address, token FROM payments"
        if self.server is None:
            with closing(sqlite3.connect(self.folder / "jobs.db")) as connection:
                return connection.execute(query).fetchall()

        async def fetch() -> list[tuple[str, str, str]]:
            connection = await asyncpg.connect(self.url)
            try:
                return [(row[0], row[1], row[2]) for row in await connection.fetch(query)]
            finally:
                await connection.close()

        return asyncio.run(fetch())

    def terminate_backends(self, share: float) -> int:
        """Have the server end some of the connections to it; gives how many."""

        async def terminate() -> int:
            connection = await asyncpg.connect(self.url)
            try:
                rows = await connection.fetch(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND random() < $1",
                    share,
                )
                return len(rows)
            finally:
                await connection.close()

        return asyncio.run(terminate())

    def unfinished(self) -> tuple[int, int]:
        """How many runs there are, and how many of them have not ended."""

        async def count() -> tuple[int, int]:
            store = self.store()
            await store.open()
            try:
                everything = (await store.list_runs(RunFilter(), limit=1_000_000)).runs
                unfinished = [run for run in everything if run.status in UNFINISHED]
                return len(everything), len(unfinished)
            finally:
                await store.close()

        return asyncio.run(count())
