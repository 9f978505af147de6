"""What callers ask of the runs, and when: decided by a seed, so that each of them knows it by itself."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, order=True)
class Errand:
    """Something to ask of one run, from ``at`` seconds after the beginning on."""

    at: float
    number: int
    what: Literal["start", "go", "decoy", "cancel"]

    @property
    def run_id(self) -> str:
        return run_id(self.number)


def run_id(number: int) -> str:
    return f"job-{number:04}"


def errands(seed: int, runs: int, seconds: float) -> Sequence[Errand]:
    """Starts over most of the time; to each run an event, which may come before its wait or even its start; to some
    an event before it that is not theirs, and a cancel."""
    dice = random.Random(f"errands {seed}")
    found: list[Errand] = []
    for number in range(runs):
        at = dice.uniform(0, seconds * 0.75)
        found.append(Errand(at, number, "start"))
        go = at + dice.uniform(-0.2, 4)
        found.append(Errand(go, number, "go"))
        if dice.random() < 0.25:
            found.append(Errand(go - 0.3, number, "decoy"))
        if dice.random() < 0.06:
            found.append(Errand(at + dice.uniform(0.1, 5), number, "cancel"))
    return sorted(found)
