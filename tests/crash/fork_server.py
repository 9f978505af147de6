"""A process that has imported everything once, and forks a child for each play: a start costs milliseconds.

``ForkServer`` is the side of the tests. The server itself has one thread and no event loop, so that a fork of it is
as good as a process of its own. It waits for each child, so that none is left behind as a zombie, which would look
alive to whoever asks for its process id.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any, Literal

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 60
"""How long a child may take, in seconds, before it is killed and the test fails."""


class ForkServer:
    """Starts the server, and has it fork."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.fork_server"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def perform(
        self, play: str, url: str, ledger: Path, *, crash_at: int = 0, when: Literal["before", "after"] = "after"
    ) -> dict[str, Any] | None:
        """What the play came to; None if its process was killed at its journal write ``crash_at``."""
        order = {"play": play, "url": url, "ledger": str(ledger), "crash_at": crash_at, "when": when}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        code, said = json.loads(self._process.stdout.readline())
        if crash_at and code == -signal.SIGKILL:
            return None
        assert code == 0, f"the process of {play!r} ended with {code}\n{said}"
        result: dict[str, Any] = json.loads(said.splitlines()[-1])
        return result

    def close(self) -> None:
        self._process.communicate()


def child(order: dict[str, Any], out: int) -> None:
    """Perform the play in a process of its own, and end that."""
    from tests.crash.plays import PLAYS, perform

    code = 1
    try:
        signal.alarm(TIMEOUT)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.environ["LEDGER"] = order["ledger"]
        os.environ["SIGNS"] = "$1, $2" if order["url"].startswith("postgresql") else "?, ?"
        told = asyncio.run(perform(PLAYS[order["play"]], order["url"], order["crash_at"], order["when"]))
        os.write(out, f"\n{json.dumps(told)}\n".encode())
        code = 0
    except BaseException:
        os.write(out, traceback.format_exc().encode())
    finally:
        os._exit(code)


def serve() -> None:
    """Fork for each order, and tell its exit code and what it said."""
    import asyncpg

    import tests.crash.plays

    assert asyncpg.__version__, "imported before the first fork"
    assert tests.crash.plays.PLAYS
    gc.freeze()
    for line in sys.stdin:
        readable, writable = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(readable)
            child(json.loads(line), writable)
        os.close(writable)
        with os.fdopen(readable, encoding="utf-8", errors="replace") as pipe:
            said = pipe.read()
        _, status = os.waitpid(pid, 0)
        print(json.dumps([os.waitstatus_to_exitcode(status), said]), flush=True)


if __name__ == "__main__":
    serve()
