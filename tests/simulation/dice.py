"""Where a history's choices come from: a seed, or hypothesis."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")


class Dice(Protocol):
    """Draws what happens next."""

    def pick(self, of: Sequence[T]) -> T:
        """One of ``of``, which is not empty."""
        ...

    def number(self, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        ...

    def chance(self, percent: int) -> bool:
        """True that often, of a hundred."""
        ...


class Seeded:
    """Dice that fall the same way each time they are made of the same seed."""

    def __init__(self, seed: int | str) -> None:
        self._random = random.Random(seed)

    def pick(self, of: Sequence[T]) -> T:
        # int(random() * n) is several times as fast as randrange, and as fair as a test needs.
        return of[int(self._random.random() * len(of))]

    def number(self, low: int, high: int) -> int:
        return low + int(self._random.random() * (high - low + 1))

    def chance(self, percent: int) -> bool:
        return self._random.random() * 100 < percent
