"""Programs that tests run as processes of their own: to be killed, or to do the same as others at the same time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 60.0
"""A program that takes longer, in seconds, hangs."""


class Program:
    """A Python program under way. It says lines on standard output, and is told lines on standard input."""

    def __init__(self, code: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def hear(self) -> str:
        """The next line it says; it must say one."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            _, errors = self._process.communicate(timeout=LONGEST)
            raise AssertionError(f"the program ended (exit {self._process.returncode})\n{errors}")
        return line.rstrip("\n")

    def tell(self, line: str = "") -> None:
        """Give it a line to read."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        """End it by SIGKILL, as a lack of power would."""
        self._process.kill()
        self._process.communicate(timeout=LONGEST)

    def finish(self) -> list[str]:
        """Wait until it has ended well; the lines it said since it was last heard."""
        out, errors = self._process.communicate(timeout=LONGEST)
        assert self._process.returncode == 0, f"exit {self._process.returncode}\n{out}\n{errors}"
        return out.splitlines()

    def was_killed(self) -> bool:
        """Wait for its end; whether it was by SIGKILL, else it must have ended well."""
        out, errors = self._process.communicate(timeout=LONGEST)
        code = self._process.returncode
        assert code in (0, -signal.SIGKILL), f"exit {code}\n{out}\n{errors}"
        return code == -signal.SIGKILL

    def end(self) -> None:
        """Kill it if it is still there."""
        if self._process.poll() is None:
            self.kill()


@contextmanager
def program(code: str, *arguments: str) -> Generator[Program]:
    """Start a program; it does not outlive the block."""
    started = Program(code, *arguments)
    try:
        yield started
    finally:
        started.end()


def all_at_once(code: str, given: Sequence[Sequence[str]]) -> None:
    """Run a program once for each of these arguments: each says that it is ready, then all are told to go on at once,
    and each must end well."""
    with ExitStack() as ending:
        started = [ending.enter_context(program(code, *arguments)) for arguments in given]
        for each in started:
            assert each.hear() == "ready"
        for each in started:
            each.tell("go")
        for each in started:
            each.finish()
