"""The raw limit: what the machine's disk and SQLite can do, with no library between."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

ROW = b"x" * 150
"""About as long as the entry of a trivial step."""

TABLE = "CREATE TABLE rows (run INTEGER, seq INTEGER, entry BLOB, PRIMARY KEY (run, seq)) WITHOUT ROWID"


def open_raw(path: str | Path, synchronous: str = "full") -> sqlite3.Connection:
    """A new SQLite file with a table, in WAL mode; transactions are one's own."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={synchronous or 'full'}")
    connection.execute(TABLE)
    return connection


def full_commits_per_second(folder: Path, commits: int) -> float:
    """Single-row commits per second on SQLite, WAL, ``synchronous=FULL``: one row, one transaction, again."""
    connection = open_raw(folder / f"raw-{time.monotonic_ns()}.db")
    try:
        began = time.perf_counter()
        for seq in range(commits):
            connection.execute("INSERT INTO rows VALUES (1, ?, ?)", (seq, ROW))
        return commits / (time.perf_counter() - began)
    finally:
        connection.close()
