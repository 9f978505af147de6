"""Runs survive a chaos: processes killed and frozen, a server killed, connections cut. ``make chaos`` is a longer one.

The seed decides what goes wrong and when; it is printed with the verdict, and can be given to do the same again.
"""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("store", "runs", "seconds"),
    [("postgres", 60, 15), ("sqlite", 60, 8)],
)
def test_nothing_is_lost_or_done_again_in_a_chaos(store: str, runs: int, seconds: int) -> None:
    seed = random.randrange(1_000_000)
    # In a process of its own: it forks, and so has neither threads nor an event loop.
    chaos = subprocess.run(
        [
            *(sys.executable, "-m", "tests.crash.chaos"),
            *("--store", store, "--runs", str(runs), "--seconds", str(seconds), "--seed", str(seed)),
        ],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert chaos.returncode == 0, chaos.stdout
    assert "verdict: nothing is wrong" in chaos.stdout
