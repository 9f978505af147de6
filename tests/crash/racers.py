"""Starts racing processes, and lets them go at the same instant."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tests.crash.homes import Home
from tests.crash.ledger import Ledger
from tests.crash.racing import WORKFLOWS, Order
from waystation import open_store
from waystation.core.encoding import decode_entry
from waystation.core.entries import AnyEntry
from waystation.core.machine import Machine
from waystation.core.state import State
from waystation.store.records import RunFilter

ROOT = Path(__file__).resolve().parents[2]


class Racer:
    """One process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def order(self, order: Order) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def read(self) -> str:
        line = self.stream.readline()
        if not line:
            assert self.process.stderr is not None
            raise AssertionError(f"the racer ended, exit {self.process.wait()}\n{self.process.stderr.read()}")
        return line.strip()

    @property
    def stream(self) -> IO[str]:
        """What the process says; closed once it is known to be dead."""
        assert self.process.stdout is not None
        return self.process.stdout

    def read_or_die(self) -> str | None:
        """A line; None if the process is dead, killed as it was to be."""
        line = self.stream.readline()
        if not line:
            assert self.death() == -signal.SIGKILL
            self.stream.close()
        return line or None

    def told(self) -> Any:
        return json.loads(self.read())

    def do(self, **order: object) -> Any:
        """Have one thing done, outside a race."""
        self.order(order)
        return self.told()

    def death(self) -> int:
        """Wait until the process is dead; its exit code."""
        return self.process.wait(timeout=60)


@dataclass
class Track:
    """Where races are run: a store, a ledger, and processes that share them."""

    home: Home
    pipe: int
    racers: list[Racer] = field(default_factory=list[Racer])

    @property
    def url(self) -> str:
        return self.home.url()

    @property
    def folder(self) -> Path:
        return self.home.folder

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.folder / "ledger")

    @property
    def began(self) -> Path:
        """A pipe: a long step writes there when it has begun."""
        return self.folder / "began"

    def wait_until_it_began(self) -> None:
        """Block until a long step is under way in some racer."""
        assert os.read(self.pipe, 100) == b"began\n"

    def enter(self, *options: str) -> Racer:
        """Start one more process."""
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.racing", "--store", self.url, *options],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
                "LEDGER": str(self.ledger.path),
                "BEGAN": str(self.began),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.racers.append(Racer(process))
        return self.racers[-1]

    def race(self, *orders: Order) -> list[Any]:
        """Have each of the first racers obey one order, all at the same instant; what they were told."""
        racing = list(zip(self.racers, orders, strict=False))
        assert len(racing) == len(orders), "there are fewer racers than orders"
        gate = self.folder / "gate"
        file = os.open(gate, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            for racer, order in racing:
                racer.order({**order, "gate": str(gate)})
            for racer, _ in racing:
                assert racer.read() == "ready"
        finally:
            os.close(file)
        return [racer.told() for racer, _ in racing]

    def next_to_speak(self) -> Racer:
        """Wait until a racer says something, or dies."""
        speaking = {racer.stream.fileno(): racer for racer in self.racers if not racer.stream.closed}
        ready, _, _ = select.select(list(speaking), [], [])
        return speaking[ready[0]]

    def journal(self, run_id: str) -> list[AnyEntry]:
        """The run's journal, read from outside."""

        async def read() -> Sequence[bytes]:
            store = open_store(self.url)
            await store.open()
            try:
                return await store.read(run_id)
            finally:
                await store.close()

        return [decode_entry(data) for data in asyncio.run(read())]

    def folded(self, workflow_id: str, run_id: str) -> State:
        """Where the run stands by its journal alone. Raises if that does not fold."""
        machine = Machine(next(each for each in WORKFLOWS if each.id == workflow_id).graph)
        machine.restore(self.journal(run_id))
        return machine.state

    def run_ids(self, workflow_id: str) -> list[str]:
        """Every run of a workflow."""

        async def read() -> list[str]:
            store = open_store(self.url)
            await store.open()
            try:
                page = await store.list_runs(RunFilter(workflow_id=workflow_id), limit=1000)
            finally:
                await store.close()
            return [run.run_id for run in page.runs]

        return asyncio.run(read())


@contextmanager
def track(home: Home, racers: int) -> Generator[Track]:
    """A track with so many processes, which are gone afterwards."""
    os.mkfifo(home.folder / "began")
    # Both ends are held here, so that a step that writes need not wait for this process to read.
    found = Track(home, os.open(home.folder / "began", os.O_RDWR))
    try:
        for _ in range(racers):
            found.enter()
        yield found
    finally:
        for racer in found.racers:
            if racer.process.poll() is None:
                racer.process.kill()
            racer.process.communicate()
        os.close(found.pipe)
