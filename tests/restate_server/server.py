"""One Restate of one's own, or a cluster of three, that can be killed and started again on the same ports and data."""

from __future__ import annotations

import shutil
import signal
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.kept import PATIENCE, KeptServer, free_port
from tests.restate_server.binaries import RestateNotStarted, program

_MEMORY = "256 MiB"


class RestateServer(KeptServer):
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
        super().__init__(Path(tempfile.mkdtemp(prefix="waystation-restate-")))
        self._ingress, self._admin = free_port(), free_port()
        self._identity_key = identity_key
        number, nodes = node or (1, [free_port()])
        self._number = number
        self._nodes = nodes
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
            # So that tests can search what it keeps: what is compressed is broken up where it resembles other data.
            "rocksdb-disable-wal-compression = true",
            "rocksdb-disable-l0-l1-compression = true",
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
        self.begin_process([str(program()), "--no-logo", "--config-file", str(self.folder / "restate.toml")])

    def wait(self) -> None:
        """Until it takes calls. Raises ``RestateNotStarted``."""
        deadline = time.monotonic() + PATIENCE
        while not (_answers(f"{self.admin}/health") and _answers(f"{self.ingress}/restate/health")):
            if not self.running or time.monotonic() > deadline:
                self.kill()
                raise RestateNotStarted(f"Restate does not start; its log ends:\n{self.last_lines(30)}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it in order. Nothing happens if it does not run."""
        self.end_process(signal.SIGTERM)

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
        ports = [free_port() for _ in range(3)]
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
