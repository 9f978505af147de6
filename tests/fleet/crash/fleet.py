"""Worker processes behind one address, that can be killed, frozen and started anew."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.ledger import Ledger
from tests.fleet.crash.errands import HELD

ROOT = Path(__file__).resolve().parents[3]
_PATIENCE = 60.0


@dataclass
class Worker:
    """One process; ``name`` is never used twice."""

    name: str
    process: subprocess.Popen[str]
    log: Path
    is_ready: bool = False

    def wait_until_ready(self) -> None:
        """Until it is registered."""
        if self.is_ready:
            return
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], _PATIENCE)
        said = self.process.stdout.readline() if ready else ""
        assert said == "ready\n", f"worker {self.name} said {said!r}; its log:\n{self.log.read_text()[-4000:]}"
        self.is_ready = True

    def end(self) -> None:
        """Kill it, if it lives. It is waited for: a zombie would look alive to who asks for its process id."""
        self.process.kill()
        self.process.wait(_PATIENCE)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


@dataclass
class Fleet:
    """Workers that share a store, a port and a ledger.

    Attributes:
        folder: of the ledger, the gates and the logs.
        lease: of each worker, in seconds.
        look_every: how often each looks for runs that were left, in seconds.
        errands: the module that has the workflows.
        living: the workers, by the place that each has.
    """

    folder: Path
    store: str
    lease: float
    look_every: float
    port: int
    errands: str = "tests.fleet.crash.errands"
    living: dict[str, Worker] = field(default_factory=dict[str, Worker])
    _count: int = 0

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.folder / "ledger")

    def beginnings_to_hold(self) -> list[tuple[str, str]]:
        """Every beginning of a step that holds its run until a gate is open: which run, and at which worker."""
        words = map(str.split, self.ledger.lines())
        return [(each[1], each[5].partition(":")[0]) for each in words if each[0] == "began" and each[2] == "hold"]

    def begin(self, place: str, dispatch: str) -> Worker:
        """Start a worker there, and do not wait."""
        self._count += 1
        name = f"{place}{self._count}"
        log = self.folder / f"{name}.log"
        with log.open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.fleet.worker", self.errands],
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
                    "WORKER": name,
                    "STORE": self.store,
                    "DISPATCH": dispatch,
                    "PORT": str(self.port),
                    "LEASE": str(self.lease),
                    "LOOK_EVERY": str(self.look_every),
                    "LEDGER": str(self.ledger.path),
                    "GATES": str(self.folder),
                },
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.living[place] = Worker(name, process, log)
        return self.living[place]

    def kill(self, place: str) -> None:
        """Kill the worker there with SIGKILL. It may begin steps until it is gone."""
        worker = self.living.pop(place)
        self.note(f"stopping {worker.name}")
        worker.end()
        self.note(f"gone {worker.name}")

    def freeze(self, place: str) -> Worker:
        """Stop the worker there with SIGSTOP; it lives."""
        worker = self.living[place]
        self.note(f"stopping {worker.name}")
        worker.process.send_signal(signal.SIGSTOP)
        return worker

    def note(self, line: str) -> None:
        """Write into the ledger: what the test does stands there in one order with what the steps do."""
        file = os.open(self.ledger.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(file, f"{line}\n".encode())
        finally:
            os.close(file)

    def open_gate(self, *workflow_ids: str) -> None:
        """Let the runs go that are held; those of all workflows, if none is named."""
        for each in workflow_ids or [each.id for each in HELD]:
            (self.folder / each).touch()

    def close(self) -> None:
        """Kill all."""
        for worker in self.living.values():
            if worker.process.poll() is None:
                worker.process.send_signal(signal.SIGCONT)
            worker.end()
        self.living.clear()


@contextmanager
def fleet(
    folder: Path,
    store: str,
    *,
    lease: float = 600.0,
    look_every: float = 1.0,
    errands: str = "tests.fleet.crash.errands",
) -> Generator[Fleet]:
    """A fleet without workers, whose processes are gone afterwards. Its port is held meanwhile: bound by one who does
    not listen, and so is called by nobody."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
        found = Fleet(folder, store, lease, look_every, holder.getsockname()[1], errands)
        try:
            yield found
        finally:
            found.close()
