"""One server's process, that can be killed and begun again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_KEEPER = Path(__file__).with_name("keeper.py")

PATIENCE = 60.0
"""How long a server may take to start or stop, in seconds, before that is a failure."""


class KeptServer:
    """A server's process. It ends when whoever began it does, however that dies, and its folder with it.

    Attributes:
        folder: its own.
        log: the file of what it has said.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self._keeper: subprocess.Popen[str] | None = None
        self._pid = 0

    def begin_process(self, command: Sequence[str], *, account: str = "") -> None:
        """Begin it, as that account ("" for our own), and do not wait."""
        assert not self.running, "the server runs already"
        keeper = [sys.executable, "-I", "-S", str(_KEEPER), str(self.folder), account, str(self.log)]
        self._keeper = subprocess.Popen(
            [*keeper, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the tests; they end the server when they are through
        )
        assert self._keeper.stdout is not None
        self._pid = int(self._keeper.stdout.readline())

    @property
    def running(self) -> bool:
        """Whether the server's process lives."""
        return self._keeper is not None and self._keeper.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the server, while it runs."""
        assert self.running, "the server does not run"
        return self._pid

    def kill(self) -> None:
        """Kill it with SIGKILL, as the kernel does for want of memory. Nothing happens if it does not run."""
        self.end_process(signal.SIGKILL)

    def end_process(self, number: signal.Signals) -> None:
        """End it by a signal, and wait for its end. Nothing happens if it does not run."""
        if self._keeper is None:
            return
        if self.running:
            os.kill(self._pid, number)
        self._keeper.wait(PATIENCE)
        for pipe in (self._keeper.stdin, self._keeper.stdout):
            assert pipe is not None
            pipe.close()
        self._keeper = None

    def last_lines(self, count: int) -> str:
        """The end of what it has said."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-count:])
