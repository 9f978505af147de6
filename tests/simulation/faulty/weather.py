"""What goes wrong between a process and the store, and how often: drawn anew for each history.

Attributes of a bad day are few at a time: a history in which a tenth of all claims arrives late tells more than one in
which everything fails at once, and after many histories all of them have met.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal, TypeAlias, get_args

from tests.simulation.dice import Dice

Fate: TypeAlias = Literal[
    "lost",
    "unacknowledged",
    "late",
    "found out",
    "again",
    "dies before",
    "dies after",
]
"""What may become of a write:

``lost``: it never arrives, and the writer is told that the store is away.
``unacknowledged``: it arrives, and the writer is told the same.
``late``: the writer is told so, and it arrives some time after that.
``found out``: it arrives or does not, the answer is lost; the store's client tries again and finds out what is true.
``again``: it arrives, is answered, and arrives once more some time later.
``dies before``, ``dies after``: the process is gone before it is sent, or once it has arrived.
"""

Kind: TypeAlias = Literal["commit", "on top", "create", "claim", "beat", "retire"]

_FATES: tuple[Fate, ...] = get_args(Fate)
_DELAYS = (0.0, 0.002, 0.05, 0.4, 2.0)


class Weather:
    """How it is on the way to the store.

    Attributes:
        calm: whether from now on nothing goes wrong.
        happened: how often each thing has.
        tells: whether the store tells processes of each other's writes.
    """

    def __init__(self, dice: Dice) -> None:
        self.calm = False
        self.happened: Counter[str] = Counter()
        self.tells = dice.chance(50)
        self._dice = dice
        bad: list[Fate] = [dice.pick(_FATES) for _ in range(dice.number(1, 4))]
        self._fates: dict[Fate, int] = {fate: dice.pick((3, 8, 20)) for fate in bad}
        self._failing = dice.pick((0, 0, 3, 10))
        self._stale = dice.pick((0, 0, 20, 60))
        self._longest = dice.pick(_DELAYS)

    def fate(self, kind: Kind) -> Fate | None:
        """What becomes of a write; None for nothing out of the ordinary."""
        if self.calm:
            return None
        for fate, percent in self._fates.items():
            if self._dice.chance(percent):
                self.happened[f"{kind}, {fate}"] += 1
                return fate
        return None

    def fails(self) -> bool:
        """Whether a read fails."""
        return self._happens("read, failed", self._failing)

    def is_stale(self) -> bool:
        """Whether a read tells of what was a while ago."""
        return self._happens("read, stale", self._stale)

    def loses_news(self) -> bool:
        """Whether what a process is told does not reach it."""
        return self._happens("news, lost", 30)

    def doubles_news(self) -> bool:
        """Whether it reaches it twice."""
        return self._happens("news, twice", 15)

    def _happens(self, what: str, percent: int) -> bool:
        if self.calm or not self._dice.chance(percent):
            return False
        self.happened[what] += 1
        return True

    def arrives(self) -> bool:
        """Whether a write arrives whose answer is lost."""
        return self._dice.chance(50)

    def lag(self) -> int:
        """How many writes a stale read does not know of."""
        return self._dice.number(1, 3)

    def way(self) -> float:
        """How long a message is under way, in seconds."""
        if self.calm:
            return 0.001
        return self._longest * self._dice.number(0, 8) / 8 if self._dice.chance(70) else 0.0

    def lateness(self) -> float:
        """How much later than it was given up a message arrives, in seconds."""
        return self._dice.pick((0.0, 0.01, 0.3, 1.5, 4.0, 12.0))
