"""Servers as real processes, that a test may kill and start again on the same port and the same store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.browser.desk import wait_until
from waystation.server import Scope, TokenFile

ROOT = Path(__file__).resolve().parents[2]
MARK = {"X-Waystation": "1"}


class Server:
    """A server of ``tests.browser.stock``.

    Arguments:
        folder: an empty one, for its store, its gates and its tokens.
        is_guarded: whether it wants to know who asks.

    Attributes:
        url: its address; the same after each ``start``.
        folder: where its files are.
    """

    def __init__(self, folder: Path, *, is_guarded: bool = False) -> None:
        self.folder = folder
        self.url = ""
        self._guarded = is_guarded
        self._process: subprocess.Popen[str] | None = None
        self._tokens = TokenFile(folder / "tokens.json")
        self._own = self._tokens.new("the test", ["admin"]) if is_guarded else ""
        self._client = httpx.Client(headers=self._headers(), timeout=30)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._own}"} if self._guarded else MARK

    @property
    def store(self) -> str:
        """The address of its store."""
        return f"sqlite:///{self.folder / 'runs.db'}"

    # ------------------------------------------------------------------ its life

    def start(self, app: str = "tests.browser.stock:app") -> None:
        """Start it with that app, and wait until it answers."""
        port = self.url.rpartition(":")[2] or "0"
        options = ["--store", self.store, "--port", port]
        options += ["--log-level", "warning"]
        if self._guarded:
            options += ["--tokens", str(self.folder / "tokens.json")]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "waystation", "serve", "--app", app, *options],
            cwd=ROOT,
            env={**os.environ, "STOCK_GATES": str(self.folder), "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        assert said, f"the server did not start; it ended with {self._process.wait()}"
        self.url = said.split()[-1]

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as one should: what it drives is handed over."""
        self._end(signal.SIGTERM)

    def close(self) -> None:
        """End it for good."""
        self.stop()
        self._client.close()

    def _end(self, by: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(by)
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None

    # ------------------------------------------------------------------ what others do with it

    def token(self, name: str, *scopes: Scope) -> str:
        """A new token."""
        return self._tokens.new(name, scopes)

    def revoke(self, token: str) -> None:
        """A token that is not to be taken any more."""
        self._tokens.revoke(token.split("_")[1])

    def open_gate(self, name: str) -> None:
        """Let a step go on."""
        (self.folder / name).touch()

    def get(self, path: str, **query: str | int) -> Any:
        """What the API has there."""
        reply = self._client.get(f"{self.url}/api/v1{path}", params=query)
        assert reply.is_success, reply.text
        return reply.json()

    def post(self, path: str, body: Mapping[str, object] | None = None) -> Any:
        """Have the API do something."""
        reply = self._client.post(f"{self.url}/api/v1{path}", json=body or {})
        assert reply.is_success, reply.text
        return reply.json()

    def begin(self, workflow: str, run_id: str, input: object, *, wait: int = 0, **more: object) -> Any:
        """Start a run; ``wait`` seconds at most for it to rest."""
        body = {"input": input, "run_id": run_id, "wait_seconds": wait, **more}
        return self.post(f"/workflows/{workflow}/start", body)

    def ask(self, run_id: str, *, supplier: str = "Kraftwerk Nord", amount: float = 1200, **more: object) -> Any:
        """Begin an invoice, that waits for an answer."""
        run = self.begin("invoice", run_id, {"supplier": supplier, "amount": amount}, wait=20, **more)
        assert run["status"] == "suspended", run
        return run

    def answer(self, run_id: str, *, comment: str = "", approved: bool = True) -> Any:
        """Answer it."""
        return self.post(f"/runs/{run_id}/resume", {"data": {"approved": approved, "comment": comment}})

    def wait_for(self, run_id: str, status: str) -> None:
        """Until the run stands so."""
        wait_until(lambda: self.get(f"/runs/{run_id}")["status"] == status, f"{run_id} to be {status}")


@contextmanager
def running(server: Server, app: str = "tests.browser.stock:app") -> Generator[Server]:
    """The server, started, and ended in the end."""
    try:
        server.start(app)
        yield server
    finally:
        server.close()
