"""What each part of a fleet bears, for the page on its sizing: `python -m benchmarks.fleet_parts`, about two minutes.

It starts a PostgreSQL and a Restate of its own. What is measured: what a parked run stores, by table, with indexes; how
many commits a second notify, by how many processes listen; what a look for left runs asks of PostgreSQL, by how many
workers are registered; how many calls a second one Restate makes; and what a run that sleeps stores there.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from typing import cast

import aiohttp
import asyncpg
from rich.console import Console
from tests.postgres_server import Databases, PostgresServer
from tests.restate_server import RestateServer

from benchmarks.table import Grid
from waystation import StepContext, Waystation, step, workflow
from waystation.dispatch.restate.address import RestateAddress
from waystation.dispatch.restate.calls import RunCall
from waystation.dispatch.restate.client import RestateClient
from waystation.store.address import open_store
from waystation.store.records import Worker, WorkflowKey

_SECONDS = 3.0
_AT_ONCE = 32
_HOUR = 3_600_000

_TABLES = """
SELECT relname, pg_table_size(oid) AS own, pg_indexes_size(oid) AS indexes FROM pg_class
WHERE relkind = 'r' AND relname LIKE 'waystation%' ORDER BY pg_total_relation_size(oid) DESC
"""


_LISTENER = """
import selectors, socket, struct, sys
from urllib.parse import urlsplit
parts = urlsplit(sys.argv[1])
heard = selectors.DefaultSelector()
for _ in range(int(sys.argv[2])):
    one = socket.create_connection((parts.hostname, parts.port))
    words = b"\\0".join([b"user", parts.username.encode(), b"database", parts.path[1:].encode(), b"", b""])
    one.sendall(struct.pack("!II", 8 + len(words), 196608) + words)
    said = b""
    while not said.endswith(b"Z\\0\\0\\0\\5I"):
        said += one.recv(4096)
    listen = b"LISTEN fleet\\0"
    one.sendall(b"Q" + struct.pack("!I", 4 + len(listen)) + listen)
    said = b""
    while not said.endswith(b"Z\\0\\0\\0\\5I"):
        said += one.recv(4096)
    heard.register(one, selectors.EVENT_READ)
sys.stdout.write(".")
sys.stdout.flush()
while True:
    for key, _ in heard.select():
        key.fileobj.recv(65536)
"""
"""Without a driver, so that what is measured is the server."""


@step
async def _nothing(number: int) -> int:
    return number


@step(suspend=str, resume=bool)
async def _asked(number: int, ctx: StepContext[str, bool]) -> int:
    if ctx.resume_data is None:
        await ctx.suspend("go on?")
    return number


_idle = workflow("idle", input=int, output=int).then(_nothing).commit()
_asking = workflow("asking", input=int, output=int).then(_nothing).then(_asked).commit()


async def parked(store: str, count: int) -> Grid:
    """What so many parked runs store: a step, then a question, with a few bytes of data."""
    numbers = iter(range(count))
    async with Waystation(workflows=[_asking], store=store) as app:

        async def some() -> None:
            for number in numbers:
                await app.get_workflow(_asking).start(number, run_id=f"run-{number}")

        await asyncio.gather(*(some() for _ in range(500)))
    connection = await asyncpg.connect(store)
    try:
        await connection.execute("VACUUM (ANALYZE)")
        rows = await connection.fetch(_TABLES)
    finally:
        await connection.close()
    grid = Grid(f"{count:,} parked runs, PostgreSQL", ["table", "rows, B a run", "indexes, B a run"])
    for name, own, indexes in rows:
        if own + indexes > count:
            grid.rows.append([name, f"{own / count:,.0f}", f"{indexes / count:,.0f}"])
    total = [sum(row[column] for row in rows) / count for column in (1, 2)]
    grid.rows.append(["all", *(f"{each:,.0f}" for each in total)])
    return grid


async def notifying(url: str, listeners: Sequence[int]) -> Grid:
    """Commits of sixteen connections a second that notify, by how many others listen."""
    grid = Grid("Commits that notify", ["who listens", "commits a second", "notifications delivered a second"])
    connections = [await asyncpg.connect(url) for _ in range(16)]
    try:
        await connections[0].execute("CREATE TABLE told (n bigint GENERATED ALWAYS AS IDENTITY, said text)")
        rate = await _commits(connections, "INSERT INTO told (said) VALUES ($1)")
        grid.rows.append(["nobody, and nothing is notified", f"{rate:,.0f}", ""])
        for count in listeners:
            with _listening(url, count):
                rate = await _commits(
                    connections, "WITH x AS (INSERT INTO told (said) VALUES ('x')) SELECT pg_notify('fleet', $1)"
                )
            grid.rows.append([f"{count:,}", f"{rate:,.0f}", f"{rate * count:,.0f}"])
    finally:
        for each in connections:
            await each.close()
    return grid


@contextmanager
def _listening(url: str, count: int) -> Generator[None]:
    """So many connections that listen, in a process that does as little as can be with what it hears."""
    process = subprocess.Popen([sys.executable, "-c", _LISTENER, url, str(count)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.read(1) == b"."
        yield
    finally:
        process.kill()
        process.communicate()


async def _commits(connections: Sequence[asyncpg.Connection[asyncpg.Record]], statement: str) -> float:
    number = 0

    async def some(connection: asyncpg.Connection[asyncpg.Record], name: int) -> None:
        nonlocal number
        while time.perf_counter() < end:
            await connection.fetch(statement, f"run-{name}-{number}")
            number += 1

    began = time.perf_counter()
    end = began + _SECONDS
    await asyncio.gather(*(some(each, name) for name, each in enumerate(connections)))
    return number / (time.perf_counter() - began)


async def looking(store: str, workers: Sequence[int]) -> Grid:
    """What one look for left runs takes, by how many workers are registered; beside the parked runs that stand."""
    home = open_store(store)
    await home.open()
    grid = Grid("One look, of each app each second", ["workers", "asks for workers", "asks for left runs"])
    try:
        now = cast(int, await home.now())
        for count in workers:
            for number in range(count):
                await home.beat(Worker(worker_id=f"w{number}", host="there", pid=number, expires_at=now + _HOUR))
            asked = await _each(home.workers)
            left = await _each(lambda: home.claimable([WorkflowKey("idle", "")], now, limit=200))
            grid.rows.append([f"{count:,}", f"{asked:.2f} ms", f"{left:.2f} ms"])
    finally:
        await home.close()
    return grid


async def _each(ask: Callable[[], Awaitable[object]]) -> float:
    taken: list[float] = []
    for _ in range(50):
        began = time.perf_counter()
        await ask()
        taken.append(time.perf_counter() - began)
    return sorted(taken)[len(taken) // 2] * 1000


async def calling(store: str, calls: int, timers: int) -> Grid:
    """Calls that find nothing to do, made and answered; and calls for later, which stay."""
    grid = Grid("One Restate, one node", ["what", "a second", "stored each"])
    with RestateServer() as restate:
        client = RestateClient(RestateAddress.parse(restate.dispatch()))
        async with (
            Waystation(workflows=[_idle], store=store, dispatch=restate.dispatch()) as app,
            app.worker(port=0, runs=1000),
        ):
            began = time.perf_counter()
            await _sent(client, "now", calls, delay=0)
            rate = calls / (time.perf_counter() - began)
            grid.rows.append([f"{calls:,} calls taken durably", f"{rate:,.0f}", ""])
            while await _open_calls(restate.admin):  # noqa: ASYNC110  (it tells nobody)
                await asyncio.sleep(0.05)
            rate = calls / (time.perf_counter() - began)
            grid.rows.append(["the same, made, and answered by one worker", f"{rate:,.0f}", ""])
            before = await _held(restate)
            began = time.perf_counter()
            await _sent(client, "later", timers, delay=_HOUR)
            rate = timers / (time.perf_counter() - began)
            after = await _held(restate)
            kept, logged = ((after[part] - before[part]) / timers for part in ("db", "log-server"))
            told = f"{kept:,.0f} B, and {logged:,.0f} B in the log until it is trimmed"
            grid.rows.append([f"{timers:,} calls for later", f"{rate:,.0f}", told])
        await client.close()
    return grid


async def _sent(client: RestateClient, name: str, count: int, *, delay: int) -> None:
    numbers = iter(range(count))

    async def some() -> None:
        for number in numbers:
            await client.call_run(RunCall("idle", f"{name}-{number}", 0, 1), delay=delay)

    await asyncio.gather(*(some() for _ in range(_AT_ONCE)))


async def _open_calls(admin: str) -> int:
    asked = {"query": "SELECT count(*) AS n FROM sys_invocation WHERE status <> 'completed'"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{admin}/query", json=asked, headers={"accept": "application/json"}) as answer,
    ):
        return int((await answer.json())["rows"][0]["n"])


async def _held(restate: RestateServer) -> dict[str, float]:
    """How many bytes its databases hold, by what it says itself: its files are made larger than what is in them."""
    own = tomllib.loads((restate.folder / "restate.toml").read_text())["advertised-address"]
    async with aiohttp.ClientSession() as session, session.get(f"{own}/metrics") as answer:
        text = await answer.text()
    found = re.findall(r'^restate_rocksdb_size_all_mem_tables_bytes\{.*?db="([^"]+)".*?\} (\S+)$', text, re.MULTILINE)
    return {name: sum(float(size) for of, size in found if of == name) for name, _ in found}


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20_000, help="how many parked runs")
    parser.add_argument("--calls", type=int, default=5_000, help="how many calls")
    parser.add_argument("--timers", type=int, default=20_000, help="how many calls for later")
    parser.add_argument("--only", type=int, metavar="N", help="the N-th part alone, counted from 1")
    given = parser.parse_args()
    only: int | None = given.only
    console = Console()
    with PostgresServer(max_connections="400") as server, Databases(server.url) as databases, databases.lent() as url:
        measures: Sequence[Callable[[], Awaitable[Grid]]] = (
            lambda: parked(url, given.runs),
            lambda: looking(url, [10, 100, 1000]),
            lambda: notifying(url, [1, 10, 30, 100, 300]),
            lambda: calling(url, given.calls, given.timers),
        )
        for measured in measures if only is None else measures[only - 1 : only]:
            console.print((await measured()).as_rich())


if __name__ == "__main__":
    asyncio.run(main())
