"""A user's own table in the store's database, for steps that write to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import asyncpg

from tests.conformance.apps import Place
from tests.postgres_server import Databases
from waystation import Transaction


@dataclass
class Books(Place):
    """A place whose store has an SQL database, with a table of the user's in it. ``server`` is where that is kept."""

    server: Databases | None = None

    @property
    def insert(self) -> str:
        """The statement that writes a run's id and a number; each database has its own sign for a parameter."""
        signs = "?, ?" if self.kind == "sqlite" else "$1, $2"
        return f"INSERT INTO booked (run, number) VALUES ({signs})"

    @property
    def refusal(self) -> type[Exception]:
        """What the database raises of a number that does not fit."""
        return sqlite3.IntegrityError if self.kind == "sqlite" else asyncpg.IntegrityConstraintViolationError

    async def book(self, tx: Transaction, run_id: str, number: int) -> None:
        """Write to the table."""
        await tx.execute(self.insert, (run_id, number))

    def booked(self) -> Sequence[int]:
        """What is in the table, in the order it was written, read as any other program would."""
        return [number for (number,) in self.look("SELECT number FROM booked ORDER BY place")]

    def look(self, sql: str) -> Sequence[tuple[Any, ...]]:
        """What a query gives to any other program."""
        if self.server is not None:
            return self.server.fetch(self.database, sql)
        with closing(sqlite3.connect(self.file)) as connection:
            return connection.execute(sql).fetchall()

    def run(self, sql: str) -> None:
        """Run a statement as any other program would."""
        if self.server is not None:
            self.server.execute(self.database, sql)
        else:
            with closing(sqlite3.connect(self.file)) as connection, connection:
                connection.execute(sql)

    async def make_table(self) -> None:
        """Make the store's schema, and beside it the table ``booked``."""
        store = await self.store()
        await store.open()
        await store.close()
        counted = "INTEGER PRIMARY KEY" if self.kind == "sqlite" else "serial PRIMARY KEY"
        self.run(f"CREATE TABLE booked (place {counted}, run TEXT, number INTEGER CHECK (number < 1000))")
