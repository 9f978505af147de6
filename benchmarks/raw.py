"""The raw limit: what the machine's disk and SQLite can do, with no library between."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

_ROW = b"x" * 150
"""About as long as the entry of a trivial step."""


def full_commits_per_second(folder: Path, commits: int) -> float:
    """Single-row commits per second on SQLite, WAL, ``synchronous=FULL``: one row, one transaction, again."""
    path = folder / f"raw-{time.monotonic_ns()}.db"
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(
            "CREATE TABLE rows (run INTEGER, seq INTEGER, entry BLOB, PRIMARY KEY (run, seq)) WITHOUT ROWID"
        )
        began = time.perf_counter()
        for seq in range(commits):
            connection.execute("INSERT INTO rows VALUES (1, ?, ?)", (seq, _ROW))
        return commits / (time.perf_counter() - began)
    finally:
        connection.close()
