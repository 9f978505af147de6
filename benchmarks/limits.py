"""The raw limits: the same rows, as durable, with no library between. Run as ``benchmarks.worker`` is.

    python -m benchmarks.limits '{"peer": "limit", "store": "sqlite:///...", "work": "chains"}'

``alone`` is one connection that commits one row after another: what a lone run could at most do. ``at once`` is what
many runs could: on SQLite, whose commits go one after another, a hundred rows a commit; on PostgreSQL sixteen
connections that commit one row each, and, told besides, one that commits a hundred.
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import sys
import time
from collections.abc import Callable
from functools import partial

import asyncpg

from benchmarks.orders import Order, tell
from benchmarks.raw import ROW, TABLE, open_raw

CONNECTIONS = 16
MANY = 100


def main(order: Order) -> None:
    if order.store.startswith("sqlite"):
        _of_sqlite(order)
    else:
        asyncio.run(_of_postgres(order))


# ---------------------------------------------------------------- SQLite


def _of_sqlite(order: Order) -> None:
    tell("version", sqlite3.sqlite_version)
    connection = open_raw(order.store.removeprefix("sqlite:///"), order.setting)
    seq = 0

    def rows(count: int) -> None:
        nonlocal seq
        connection.execute("BEGIN IMMEDIATE")
        for _ in range(count):
            connection.execute("INSERT INTO rows VALUES (1, ?, ?)", (seq, ROW))
            seq += 1
        connection.execute("COMMIT")

    for what, count in (("alone", 1), ("at once", MANY)):
        _for_a_while(partial(rows, count), order.seconds / 10)
        tell(what, count * _for_a_while(partial(rows, count), order.seconds))
    connection.close()


def _for_a_while(one: Callable[[], None], seconds: float) -> float:
    """How many of ``one`` are done a second."""
    began = time.perf_counter()
    done = 0
    while time.perf_counter() - began < seconds:
        one()
        done += 1
    return done / (time.perf_counter() - began)


# ---------------------------------------------------------------- PostgreSQL

_ONE = "INSERT INTO rows VALUES ($1, $2, $3)"
_BATCH = "INSERT INTO rows SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])"


async def _of_postgres(order: Order) -> None:
    connections = [await asyncpg.connect(order.store) for _ in range(CONNECTIONS)]
    first = connections[0]
    version = (await first.fetchval("SHOW server_version")).split()[0]
    settings = [await first.fetchval(f"SHOW {name}") for name in ("fsync", "synchronous_commit")]
    assert settings == ["on", "on"], f"the server would lose what it has acknowledged: {settings}"
    tell("version", version)
    await first.execute(TABLE.replace("INTEGER", "BIGINT").replace("BLOB", "BYTEA").replace("WITHOUT ROWID", ""))
    runs = itertools.count(1)
    for what, some in (("alone", connections[:1]), ("at once", connections)):
        await asyncio.gather(*(_commits(each, next(runs), order.seconds / 10) for each in some))
        began = time.perf_counter()
        done = await asyncio.gather(*(_commits(each, next(runs), order.seconds) for each in some))
        tell(what, sum(done) / (time.perf_counter() - began))
    began = time.perf_counter()
    done_many = await _batches(first, 0, order.seconds)
    tell("rows, a hundred a commit", done_many / (time.perf_counter() - began))
    for each in connections:
        await each.close()


async def _commits(connection: asyncpg.Connection[asyncpg.Record], run: int, seconds: float) -> int:
    """Commit one row after another of one run."""
    insert = await connection.prepare(_ONE)
    deadline = time.perf_counter() + seconds
    seq = 0
    while time.perf_counter() < deadline:
        await insert.fetch(run, seq, ROW)
        seq += 1
    return seq


async def _batches(connection: asyncpg.Connection[asyncpg.Record], run: int, seconds: float) -> int:
    insert = await connection.prepare(_BATCH)
    deadline = time.perf_counter() + seconds
    seq = 0
    while time.perf_counter() < deadline:
        await insert.fetch([run] * MANY, list(range(seq, seq + MANY)), [ROW] * MANY)
        seq += MANY
    return seq


if __name__ == "__main__":
    main(Order.of_text(sys.argv[1]))
