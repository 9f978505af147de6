"""What the ledger says of one attempt that begins, and of workers that were stopped: whether it may begin again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Beginning:
    """One line of the ledger that says that an attempt begins: which line, and by which token."""

    line: int
    token: str

    @property
    def worker(self) -> str:
        """Who began it."""
        return self.token.partition(":")[0]


@dataclass
class Stops:
    """When each worker was stopped: between two lines, as it may write until it is gone.

    Attributes:
        about_to: in which line each was about to be killed, or frozen.
        gone: in which line it was known to be dead; none of one that was frozen.
    """

    about_to: dict[str, int] = field(default_factory=dict[str, int])
    gone: dict[str, int] = field(default_factory=dict[str, int])

    def read(self, number: int, words: Sequence[str]) -> None:
        """One line of the ledger, that may be of something else."""
        match words:
            case ["stopping", worker]:
                self.about_to[worker] = number
            case ["gone", worker]:
                self.gone[worker] = number
            case _:
                pass

    def let_again(self, before: Beginning, after: Beginning) -> bool:
        """Whether an attempt that began may begin again: its worker was stopped after the one and before the other."""
        about_to = self.about_to.get(before.worker)
        if about_to is None:
            return False
        return before.line < self.gone.get(before.worker, about_to) and about_to < after.line
