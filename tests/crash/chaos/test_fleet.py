"""The processes of a chaos end when they are told to, however early that is."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tests.crash.chaos.fleet import Fleet
from tests.crash.chaos.worker import told_to_end

ROOT = Path(__file__).parents[3]


async def until_told(_: str) -> None:
    await told_to_end().wait()


def tell_at_once(folder: Path) -> None:
    """In a process of its own: it forks, and so has neither threads nor an event loop."""
    fleet = Fleet(folder)
    places = [f"w{number}" for number in range(20)]
    for place in places:
        fleet.start(place, until_told)
        fleet.signal(place, signal.SIGTERM)
    fleet.end(places, patience=30)
    print(sorted(fleet.ends.items()))


def test_a_process_that_is_told_to_end_as_it_begins_ends_by_its_own_way(tmp_path: Path) -> None:
    code = f"import pathlib; from {__name__} import tell_at_once; tell_at_once(pathlib.Path({str(tmp_path)!r}))"
    told = subprocess.run(
        [sys.executable, "-c", code], check=False, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.strip() == repr(sorted((f"w{number}.1", 0) for number in range(20)))
