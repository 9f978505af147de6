"""One PostgreSQL server of one's own, which can be stopped, killed and started again on the same port and folder."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.postgres_server.binaries import ServerNotStarted, account, open_to_all, programs, run

KEEPER = Path(__file__).with_name("keeper.py")
SUPERUSER = "waystation"
PATIENCE = 60.0
"""How long a server may take to start or stop, in seconds, before that is a failure."""

__all__ = ["PostgresServer", "ServerNotStarted"]


class PostgresServer:
    """A real PostgreSQL on the loopback, made at once and started by ``start`` or as a context manager.

    Every commit is synced to the disk (``fsync`` is on), so what is measured and killed here is the real thing.
    Any TCP client on this machine is let in as any role without a password.
    It ends when whoever started it does, even by SIGKILL.

    Arguments:
        settings: more of PostgreSQL's own, such as ``max_connections="200"``.

    Attributes:
        url: the address of the superuser ``waystation`` in the database ``postgres``.
        port, folder: kept when it is started again. ``folder / "data"`` is the server's own.
        log: the file of what the server has said.
    """

    def __init__(self, **settings: str) -> None:
        self._settings = settings
        self._keeper: subprocess.Popen[str] | None = None
        self._pid = 0
        self.port = _free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="waystation-postgres-"))
        self.log = self.folder / "log"
        self.url = f"postgresql://{SUPERUSER}@127.0.0.1:{self.port}/postgres"
        try:
            self._prepare()
        except BaseException:
            shutil.rmtree(self.folder)
            raise

    def _prepare(self) -> None:
        if account():
            if not open_to_all(self.folder.parent):
                raise ServerNotStarted(
                    f"{self.folder.parent} is closed to the account {account()!r}, which PostgreSQL runs as when root"
                    " starts it: name an open folder for temporary files by TMPDIR"
                )
            shutil.chown(self.folder, account())
        # No password is asked for; no sync is needed of what could be made anew.
        options = ["-U", SUPERUSER, "-A", "trust", "--locale=C.UTF-8", "--no-sync"]
        run(programs() / "initdb", "-D", str(self.data), *options)

    @property
    def data(self) -> Path:
        """The server's data folder."""
        return self.folder / "data"

    @property
    def pid(self) -> int:
        """The process id of the server (its postmaster), while it runs."""
        assert self.running, "the server does not run"
        return self._pid

    @property
    def running(self) -> bool:
        """Whether the server's process lives."""
        return self._keeper is not None and self._keeper.poll() is None

    def start(self) -> None:
        """Start it, for the first time or again; when this returns it lets clients in.

        Raises:
            ServerNotStarted: with the end of its log.
        """
        assert not self.running, "the server runs already"
        deadline = time.monotonic() + PATIENCE
        while not self._started(deadline):
            # The children of a server that was killed notice that in their own time, and until then no other may start.
            if "pre-existing shared memory block" not in self._last_lines(3) or time.monotonic() > deadline:
                raise ServerNotStarted(f"PostgreSQL does not start; its log ends:\n{self._last_lines(30)}")
            time.sleep(0.02)

    def _started(self, deadline: float) -> bool:
        """Start its process, and wait until it lets clients in; False if it has ended instead."""
        settings = [f"-c{name}={value}" for name, value in self._settings.items()]
        keeper = [sys.executable, "-I", "-S", str(KEEPER), str(self.folder), account(), str(self.log)]
        server = [str(programs() / "postgres"), "-D", str(self.data), "-h", "127.0.0.1", "-p", str(self.port)]
        self._keeper = subprocess.Popen(
            [*keeper, *server, "-k", str(self.folder), *settings],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the tests; they end the server when they are through
        )
        assert self._keeper.stdout is not None
        self._pid = int(self._keeper.stdout.readline())
        while self.running:
            if _lets_in(self.port):
                return True
            if time.monotonic() > deadline:
                self.kill()
                raise ServerNotStarted(f"no client is let in after {PATIENCE} s; the log ends:\n{self._last_lines(30)}")
            time.sleep(0.01)
        return False

    def _last_lines(self, count: int) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-count:])

    def stop(self) -> None:
        """Stop it in order: clients are cut off, and all is written. Nothing happens if it does not run."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill it with SIGKILL, as the kernel does for want of memory. Nothing happens if it does not run."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._keeper is None:
            return
        if self.running:
            os.kill(self._pid, number)
        self._keeper.wait(PATIENCE)
        for pipe in (self._keeper.stdin, self._keeper.stdout):
            assert pipe is not None
            pipe.close()
        self._keeper = None

    def restart(self) -> None:
        """Stop it and start it again."""
        self.stop()
        self.start()

    def remove(self) -> None:
        """Stop it, and remove all that is in it."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.remove()


def _free_port() -> int:
    """A port that nobody listens on, below those that systems give to outgoing connections: one of these could take it
    while the server is down."""
    for port in random.sample(range(15000, 32000), 100):
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServerNotStarted("none of a hundred ports from 15000 to 32000 is free")


def _lets_in(port: int) -> bool:
    """Whether the server lets a client in now, found by trying."""
    tried = [
        str(programs() / "pg_isready"),
        "-q",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
        "-U",
        SUPERUSER,
        "-d",
        "postgres",
    ]
    return subprocess.run(tried, check=False).returncode == 0
