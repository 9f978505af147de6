"""Starts the workloads as real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.crash.homes import Home

WORKLOADS = Path(__file__).with_name("workloads.py")
TIMEOUT = 60.0


@dataclass(frozen=True)
class Place:
    """Where a workload keeps its store and its call counts."""

    home: Home

    @property
    def url(self) -> str:
        return self.home.url()

    @property
    def calls_folder(self) -> Path:
        return self.home.folder / "calls"

    def calls(self) -> dict[str, int]:
        """How often each step was called so far."""
        return {file.name: file.stat().st_size for file in sorted(self.calls_folder.iterdir())}

    def start(self, action: str, *options: str) -> subprocess.Popen[str]:
        self.calls_folder.mkdir(exist_ok=True)
        return subprocess.Popen(
            [sys.executable, str(WORKLOADS), action, "--store", self.url, *options],
            env={**os.environ, "CALLS": str(self.calls_folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        """Wait for a workload that must end well; what it said."""
        out, err = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 0, f"exit {process.returncode}\n{out}\n{err}"
        found: dict[str, Any] = json.loads(out.splitlines()[-1])
        return found

    def run(self, action: str, *options: str) -> dict[str, Any]:
        return self.finish(self.start(action, *options))

    def killed(self, action: str, *, at: int, when: str) -> bool:
        """Run a workload that kills itself at its journal write ``at``; whether it came that far."""
        process = self.start(action, "--crash-at", str(at), "--when", when)
        out, err = process.communicate(timeout=TIMEOUT)
        assert process.returncode in (0, -signal.SIGKILL), f"exit {process.returncode}\n{out}\n{err}"
        return process.returncode == -signal.SIGKILL
