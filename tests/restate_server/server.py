"""One Restate of one's own, or a cluster of three, that can be killed and started again on the same ports and data."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.postgres_server.server import KEEPER
from tests.restate_server.binaries import RestateNotStarted, program

PATIENCE = 60.0
"""How long a server may take to start or stop, in seconds, before that is a failure."""

_MEMORY = "256 MiB"


class RestateServer:
    """A real Restate on the loopback, made at once and started by ``start`` or as a context manager.

    It ends when whoever started it does, even by SIGKILL.

    Arguments:
        identity_key: the file of a private key (PEM) by which it signs its calls; None to sign none.
        node: which node of a cluster of how many it is, and the addresses of all; None by itself.

    Attributes:
        ingress, admin: its URLs.
        folder: kept when it is started again.
        log: the file of what the server has said.
    """

    def __init__(self, *, identity_key: Path | None = None, node: tuple[int, list[int]] | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="waystation-restate-"))
        self.log = self.folder / "log"
        self._ingress, self._admin, own = _free_ports(3)
        self._identity_key = identity_key
        number, nodes = node or (1, [own])
        self._number = number
        self._nodes = nodes
        self._keeper: subprocess.Popen[str] | None = None
        self._pid = 0
        (self.folder / "restate.toml").write_text(self._configuration())

    @property
    def ingress(self) -> str:
        """Where it takes calls."""
        return f"http://127.0.0.1:{self._ingress}"

    @property
    def admin(self) -> str:
        """Where workers are registered."""
        return f"http://127.0.0.1:{self._admin}"

    def dispatch(self, pool: str = "waystation") -> str:
        """What an app is given as ``dispatch``."""
        return f"restate://127.0.0.1:{self._ingress}?admin={self.admin}&pool={pool}"

    @property
    def pid(self) -> int:
        """The process id of the server, while it runs."""
        assert self.running, "the server does not run"
        return self._pid

    @property
    def running(self) -> bool:
        """Whether the server's process lives."""
        return self._keeper is not None and self._keeper.poll() is None

    def _configuration(self) -> str:
        own = self._nodes[self._number - 1]
        first = "true" if self._number == 1 else "false"
        addresses = ", ".join(f'"http://127.0.0.1:{port}"' for port in self._nodes)
        lines = [
            'cluster-name = "waystation-tests"',
            f'node-name = "n{self._number}"',
            f'base-dir = "{self.folder / "data"}"',
            'roles = ["worker", "admin", "metadata-server", "log-server", "http-ingress"]',
            f"auto-provision = {first}",
            'listen-mode = "tcp"',
            f'bind-address = "127.0.0.1:{own}"',
            f'advertised-address = "http://127.0.0.1:{own}"',
            "default-num-partitions = 4",
            f"default-replication = {min(2, len(self._nodes))}",
            "disable-telemetry = true",
            f'rocksdb-total-memory-size = "{_MEMORY}"',
            'log-format = "compact"',
            'log-filter = "warn"',
            *([f'request-identity-private-key-pem-file = "{self._identity_key}"'] if self._identity_key else []),
            "[metadata-client]",
            f"addresses = [{addresses}]",
            "[bifrost]",
            'default-provider = "replicated"',
            "[admin]",
            f'bind-address = "127.0.0.1:{self._admin}"',
            "[ingress]",
            f'bind-address = "127.0.0.1:{self._ingress}"',
        ]
        return "\n".join(lines) + "\n"

    def start(self) -> None:
        """Start it, for the first time or again, and wait until it takes calls.

        Raises:
            RestateNotStarted: with the end of its log.
        """
        self.begin()
        self.wait()

    def begin(self) -> None:
        """Start it, and do not wait."""
        assert not self.running, "the server runs already"
        keeper = [sys.executable, "-I", "-S", str(KEEPER), str(self.folder), "", str(self.log)]
        self._keeper = subprocess.Popen(
            [*keeper, str(program()), "--no-logo", "--config-file", str(self.folder / "restate.toml")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._keeper.stdout is not None
        self._pid = int(self._keeper.stdout.readline())

    def wait(self) -> None:
        """Until it takes calls. Raises ``RestateNotStarted``."""
        deadline = time.monotonic() + PATIENCE
        while not (_answers(f"{self.admin}/health") and _answers(f"{self.ingress}/restate/health")):
            if not self.running or time.monotonic() > deadline:
                self.kill()
                lines = self.log.read_text(errors="replace").splitlines()[-30:]
                raise RestateNotStarted("Restate does not start; its log ends:\n" + "\n".join(lines))
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it in order. Nothing happens if it does not run."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it with SIGKILL. Nothing happens if it does not run."""
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

    def forget(self) -> None:
        """Lose all of its data, as with a disk; it must not run."""
        assert not self.running, "the server runs"
        shutil.rmtree(self.folder / "data", ignore_errors=True)

    def close(self) -> None:
        """End it for good, with its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class RestateCluster:
    """Three nodes, of which any one can be missing."""

    def __init__(self) -> None:
        ports = _free_ports(3)
        self.nodes = [RestateServer(node=(number, ports)) for number in (1, 2, 3)]

    def __enter__(self) -> Self:
        try:
            for node in self.nodes:
                node.begin()
            for node in self.nodes:
                node.wait()
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """End all for good."""
        for node in self.nodes:
            node.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _free_ports(count: int) -> list[int]:
    """Ports that nothing listens at now; all are held until the last is found, so that they differ."""
    held: list[socket.socket] = []
    try:
        for _ in range(count):
            each = socket.socket()
            held.append(each)
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()
