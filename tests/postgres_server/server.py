"""One PostgreSQL server of one's own, which can be stopped, killed and started again on the same port and folder."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.kept import PATIENCE, KeptServer, free_port
from tests.postgres_server.binaries import ServerNotStarted, account, open_to_all, programs, run

SUPERUSER = "waystation"
__all__ = ["PostgresServer", "ServerNotStarted"]


class PostgresServer(KeptServer):
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
        super().__init__(Path(tempfile.mkdtemp(prefix="waystation-postgres-")))
        self._settings = settings
        self.port = free_port()
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

    def start(self) -> None:
        """Start it, for the first time or again; when this returns it lets clients in.

        Raises:
            ServerNotStarted: with the end of its log.
        """
        assert not self.running, "the server runs already"
        deadline = time.monotonic() + PATIENCE
        while not self._started(deadline):
            # The children of a server that was killed notice that in their own time, and until then no other may start.
            if "pre-existing shared memory block" not in self.last_lines(3) or time.monotonic() > deadline:
                raise ServerNotStarted(f"PostgreSQL does not start; its log ends:\n{self.last_lines(30)}")
            time.sleep(0.02)

    def _started(self, deadline: float) -> bool:
        """Start its process, and wait until it lets clients in; False if it has ended instead."""
        settings = [f"-c{name}={value}" for name, value in self._settings.items()]
        server = [str(programs() / "postgres"), "-D", str(self.data), "-h", "127.0.0.1", "-p", str(self.port)]
        self.begin_process([*server, "-k", str(self.folder), *settings], account=account())
        while self.running:
            if _lets_in(self.port):
                return True
            if time.monotonic() > deadline:
                self.kill()
                raise ServerNotStarted(f"no client is let in after {PATIENCE} s; the log ends:\n{self.last_lines(30)}")
            time.sleep(0.01)
        return False

    def stop(self) -> None:
        """Stop it in order: clients are cut off, and all is written. Nothing happens if it does not run."""
        self.end_process(signal.SIGINT)

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
