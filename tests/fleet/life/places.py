"""Workers as processes of the command, what their steps wrote, and what Restate says of their runs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.crash.ledger import Ledger
from tests.restate_server import RestateServer

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 60.0


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait for something that is to come. That it does not come is a failure."""
    deadline = time.monotonic() + PATIENCE
    while not await condition():
        assert time.monotonic() < deadline, f"it does not come to this: {what}"
        await asyncio.sleep(0.02)


@dataclass
class Worker:
    """A worker's process."""

    name: str
    process: subprocess.Popen[str]
    log: Path
    said: dict[str, Any] = field(default_factory=dict[str, Any])

    async def ready(self) -> Worker:
        """Until it says where it is."""
        said = ""
        while not said.endswith("}\n"):
            assert self.process.stdout is not None
            line = await asyncio.to_thread(self.process.stdout.readline)
            assert line, f"{self.name} serves nothing:\n{said}{self.logged()}"
            said += line
        self.said = json.loads(said)
        return self

    def logged(self) -> str:
        """What it has logged so far."""
        return self.log.read_text(encoding="utf-8")

    async def until_logged(self, text: str) -> None:
        """Until it has logged that."""

        async def has() -> bool:
            return text in self.logged()

        await until(has, f"{self.name} logs {text!r}")

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    async def ended(self) -> int:
        """How it ended."""
        return await asyncio.to_thread(self.process.wait, PATIENCE)

    def close(self) -> None:
        """End it, if it has not ended."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()


@dataclass
class Place:
    """A folder, a store, a Restate and a pool of workers.

    Attributes:
        port: at which all its workers can listen; held by one who does not.
    """

    folder: Path
    store: str
    restate: RestateServer
    pool: str
    port: int
    workers: list[Worker] = field(default_factory=list[Worker])

    @property
    def dispatch(self) -> str:
        return self.restate.dispatch(self.pool)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.folder / "ledger")

    def lines(self, what: str = "") -> list[str]:
        """The lines of the ledger with that in them."""
        return [line for line in self.ledger.lines() if what in line]

    async def until_lines(self, count: int, what: str) -> None:
        """Until so many lines with that in them are in the ledger."""

        async def has() -> bool:
            return len(self.lines(what)) >= count

        await until(has, f"{count} times {what!r} in the ledger")

    def open_gate(self, name: str) -> None:
        """Let the steps go on that wait for it."""
        (self.folder / name).touch()

    def environment(self, **more: str) -> dict[str, str]:
        """That of its processes."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("WAYSTATION_")},
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
            "LEDGER": str(self.ledger.path),
            "GATES": str(self.folder),
            **more,
        }

    def worker(self, name: str, *options: str, app: str = "app", release: str = "1", port: int | None = None) -> Worker:
        """Begin a worker of the shop."""
        log = self.folder / f"{name}.log"
        named = ["--app", f"tests.fleet.life.shop:{app}", "--store", self.store, "--dispatch", self.dispatch]
        at = ["--port", str(self.port if port is None else port), "--share-port", "--json"]
        with log.open("w", encoding="utf-8") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "waystation", "worker", *named, *at, *options],
                env=self.environment(WORKER=name, RELEASE=release),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=self.folder,
            )
        self.workers.append(Worker(name, process, log))
        return self.workers[-1]

    async def command(self, *arguments: str, app: str = "app") -> subprocess.CompletedProcess[str]:
        """What the command does here."""
        named = ["--app", f"tests.fleet.life.shop:{app}", "--store", self.store, "--dispatch", self.dispatch]
        return await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "waystation", *arguments, *named],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            cwd=self.folder,
        )

    async def invocations(self) -> list[dict[str, Any]]:
        """The calls of its runs that Restate has and that are not completed."""
        asked = (
            "SELECT id, status, target_service_key, retry_count FROM sys_invocation "
            f"WHERE target_service_name LIKE '{self.pool}.%' AND status <> 'completed'"
        )
        async with httpx.AsyncClient() as http:
            answer = await http.post(
                f"{self.restate.admin}/query", json={"query": asked}, headers={"accept": "application/json"}
            )
        rows: list[dict[str, Any]] = answer.raise_for_status().json()["rows"]
        return rows

    def close(self) -> None:
        """End its workers."""
        for worker in self.workers:
            worker.close()


@contextmanager
def place(folder: Path, store: str, restate: RestateServer, pool: str) -> Generator[Place]:
    """A place whose workers are gone afterwards."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
        found = Place(folder, store, restate, pool, holder.getsockname()[1])
        try:
            yield found
        finally:
            found.close()
