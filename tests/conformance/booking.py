"""A user's own table in the store's file, for steps that write to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing

from tests.conformance.apps import Place
from waystation import Transaction


async def make_table(place: Place) -> None:
    """Make the store's file, and in it the table ``booked``."""
    store = await place.store()
    await store.open()
    await store.close()
    with closing(sqlite3.connect(place.folder / "runs.db")) as connection:
        connection.execute("CREATE TABLE booked (run TEXT, number INTEGER CHECK (number < 1000))")


async def book(tx: Transaction, run_id: str, number: int) -> None:
    """Write to it."""
    await tx.execute("INSERT INTO booked VALUES (?, ?)", (run_id, number))


def booked(place: Place) -> Sequence[int]:
    """What is in it, read as any other program would."""
    with closing(sqlite3.connect(place.folder / "runs.db")) as connection:
        return [number for (number,) in connection.execute("SELECT number FROM booked ORDER BY rowid")]
