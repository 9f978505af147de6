"""A Restate, a PostgreSQL, and workers on them; and what of the processor each of these uses."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import aiohttp
from tests.postgres_server import Databases, PostgresServer
from tests.restate_server import RestateServer

from benchmarks.environment import ROOT
from benchmarks.fleet.work import WORKFLOWS
from benchmarks.fleet.worker import Post
from benchmarks.measuring import POSTGRES
from waystation import Waystation

_PATIENCE = 30.0


class Servers:
    """The Restate and the PostgreSQL that all is measured on."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._pools = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.restate = stack.enter_context(RestateServer())
            url = os.environ.get(POSTGRES)
            self.postgres = None if url else stack.enter_context(PostgresServer(max_connections="200"))
            self.databases = stack.enter_context(Databases(url or (self.postgres.url if self.postgres else "")))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def new_pool(self) -> str:
        """A name that no fleet here had."""
        self._pools += 1
        return f"fleet{self._pools}"

    async def told(self, query: str) -> Sequence[Mapping[str, object]]:
        """The rows that Restate gives to a query of what it has."""
        async with aiohttp.ClientSession() as http:
            asking = http.post(
                f"{self.restate.admin}/query", json={"query": query}, headers={"accept": "application/json"}
            )
            async with asking as answer:
                answer.raise_for_status()
                rows: Sequence[Mapping[str, object]] = (await answer.json())["rows"]
                return rows


@dataclass
class Fleet:
    """Workers behind one address, with a store and a pool of their own, and an app that starts runs.

    Attributes:
        app: in this process; it drives nothing.
        processes: of the workers.
    """

    servers: Servers
    app: Waystation
    store: str
    pool: str
    processes: list[subprocess.Popen[str]]

    async def came_to_rest(self) -> None:
        """Until no run is under way."""
        while (await self.app.list_runs(status=("pending", "running"), limit=1)).runs:  # noqa: ASYNC110  (it is measured as others see it)
            await asyncio.sleep(0.02)

    def spent(self) -> Mapping[str, float]:
        """Seconds of the processor that each part has used so far."""
        postgres = self.servers.postgres
        return {
            "workers": sum(processor_time(each.pid) for each in self.processes),
            "Restate": processor_time(self.servers.restate.pid),
            "PostgreSQL": processor_time(postgres.pid) if postgres else 0.0,
            "who starts the runs": time.process_time(),
        }


@asynccontextmanager
async def fleet(servers: Servers, workers: int, *, runs: int = 100, steps: int = 100) -> AsyncGenerator[Fleet]:
    """A fleet on a new database. Its port is held by one who does not listen, until its workers do."""
    async with AsyncExitStack() as stack:
        store = servers.databases.create()
        stack.callback(servers.databases.drop, store)
        pool = servers.new_pool()
        dispatch = servers.restate.dispatch(pool)
        app = await stack.enter_async_context(Waystation(workflows=WORKFLOWS, store=store, dispatch=dispatch))
        post = Post(kind="ours", store=store, dispatch=dispatch, port=0, runs=runs, steps=steps)
        yield Fleet(servers, app, store, pool, stack.enter_context(serving(post, workers)))


@contextmanager
def serving(post: Post, count: int) -> Generator[list[subprocess.Popen[str]]]:
    """So many workers as processes, at a free port."""
    with ExitStack() as stack:
        holder = stack.enter_context(socket.socket())
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
        told = Post(**{**vars(post), "port": holder.getsockname()[1]}).as_text()
        processes = [stack.enter_context(_process(told)) for _ in range(count)]
        for each in processes:
            assert each.stdout is not None
            assert each.stdout.readline() == "ready\n", "a worker could not serve"
        yield processes


@contextmanager
def _process(told: str) -> Generator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.fleet.worker", told],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process
    finally:
        process.stdin.close()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


# ---------------------------------------------------------------- of the system


def processor_time(pid: int) -> float:
    """Seconds that a process and its children have used, those that ended too; 0 where the system does not tell."""
    try:
        tick = os.sysconf("SC_CLK_TCK")
        user, system, of_ended_user, of_ended_system = _stat(pid)[11:15]
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0.0
    own = (int(user) + int(system) + int(of_ended_user) + int(of_ended_system)) / tick
    return own + sum(processor_time(int(each)) for each in children)


def _stat(pid: int) -> Sequence[str]:
    """The fields of ``/proc/PID/stat`` after the name, in which there may be anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def resident(pid: int) -> int:
    """Bytes of memory that a process has; 0 where the system does not tell."""
    try:
        return int(_stat(pid)[21]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def on_disk(folder: Path) -> int:
    """Bytes that the files of a folder take."""
    return sum(each.stat().st_blocks * 512 for each in folder.rglob("*") if each.is_file())
