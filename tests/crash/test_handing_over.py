"""Runs go from a process that ends, or has died, to those that live: at once, and not all to one of them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.crash.homes import Home
from tests.crash.ledger import Ledger

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 60.0
"""So long anything may take, in seconds; the leases are ten times as long, so that nothing waits for their end."""


class Taker:
    """A process of ``tests.crash.takers``."""

    def __init__(self, name: str, url: str, folder: Path, grace: float, clock: str) -> None:
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.takers", name, url],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
                "LEDGER": str(folder / "ledger"),
                "GATE": str(folder / "gate"),
                "GRACE": str(grace),
                "CLOCK": clock,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def tell(self, order: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()


@dataclass
class Troupe:
    """The processes of one test, and what they wrote into the ledger."""

    home: Home
    takers: list[Taker] = field(default_factory=list[Taker])

    def enter(self, *names: str, grace: float = 0.05, clock: str = "") -> list[Taker]:
        """Start processes; when this returns they look for runs."""
        entered = [Taker(name, self.home.url(), self.home.folder, grace, clock) for name in names]
        self.takers += entered
        assert [taker.hear() for taker in entered] == ["ready"] * len(entered)
        return entered

    def open_gate(self) -> None:
        (self.home.folder / "gate").touch()

    def began(self, step: str) -> list[tuple[str, str]]:
        """Each beginning of a step: of which run, by whom."""
        lines = [line.split() for line in Ledger(self.home.folder / "ledger").lines()]
        return [(run, name) for run, name, which in lines if which == step]

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + LONGEST
        while not holds():
            assert time.monotonic() < deadline, f"after {LONGEST} s: {Counter(self.began('held'))}"
            assert all(taker.process.poll() in (None, -9) for taker in self.takers)
            time.sleep(0.02)


@contextmanager
def troupe_at(home: Home) -> Generator[Troupe]:
    troupe = Troupe(home)
    try:
        yield troupe
    finally:
        for taker in troupe.takers:
            taker.process.kill()
            taker.process.communicate()


@pytest.fixture
def troupe(home: Home) -> Generator[Troupe]:
    with troupe_at(home) as found:
        yield found


def test_a_process_that_is_closed_hands_its_runs_over_without_its_lease_running_out(troupe: Troupe) -> None:
    (first,) = troupe.enter("first")
    first.tell("start 5")
    assert first.hear() == "started"
    troupe.until(lambda: len(troupe.began("held")) == 5)
    troupe.enter("second")
    first.tell("close")
    assert first.hear() == "closing"
    assert first.hear() == "closed"
    # It lives on, and its lease would hold for minutes.
    troupe.until(lambda: len(troupe.began("held")) == 10)
    troupe.open_gate()
    troupe.until(lambda: len(troupe.began("after")) == 5)
    assert first.process.poll() is None
    assert Counter(name for _, name in troupe.began("held")) == {"first": 5, "second": 5}
    assert {name for _, name in troupe.began("after")} == {"second"}


def test_what_ends_in_the_time_of_grace_is_recorded_and_nothing_more_is_begun(troupe: Troupe) -> None:
    (first,) = troupe.enter("first", grace=LONGEST)
    first.tell("start 5")
    assert first.hear() == "started"
    troupe.until(lambda: len(troupe.began("held")) == 5)
    troupe.enter("second")
    first.tell("close")
    assert first.hear() == "closing"
    troupe.open_gate()
    assert first.hear() == "closed"
    troupe.until(lambda: len(troupe.began("after")) == 5)
    assert {name for _, name in troupe.began("held")} == {"first"}, "it was cut off, though it would have ended in time"
    assert Counter(name for _, name in troupe.began("after")) == {"second": 5}, "begun by one that was closing"


def test_the_runs_of_a_killed_process_go_on_in_those_that_live_each_in_one(troupe: Troupe) -> None:
    survivors = troupe.enter("a", "b", "c")
    (dead,) = troupe.enter("dead")
    dead.tell("start 60")
    assert dead.hear() == "started"
    troupe.until(lambda: len(troupe.began("held")) == 60)
    dead.process.kill()
    dead.process.wait()
    troupe.until(lambda: len(troupe.began("held")) == 120)
    taken = Counter(name for _, name in troupe.began("held")[60:])
    assert sum(taken.values()) == 60
    assert taken.keys() <= {taker.name for taker in survivors}, taken
    troupe.open_gate()
    troupe.until(lambda: len(troupe.began("after")) == 60)
    assert max(Counter(troupe.began("after")).values()) == 1
