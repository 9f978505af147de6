"""When a failed attempt of a step is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from waystation.errors import DefinitionError


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A retry policy. Attempts are durable: a restart goes on counting where it stood.

    Arguments:
        attempts: how often the step is tried in all, at least 1 (``3`` is the first try and two more).
        backoff: ``"fixed"`` waits ``initial`` each time; ``"exponential"`` doubles it each time.
        initial: the wait before the second attempt, 0 or more.
        maximum: no wait grows longer than this, or than ``initial`` if that is longer.
        jitter: from 0 to 1: the part of each wait that is drawn by chance, so that many runs that failed
            together do not come back together. ``1`` is "full jitter" (AWS Architecture Blog, 2015).
        on: only these exceptions are tried again. ``NonRetryable`` never is.

    Example:
        ``@step(retry=Retry(attempts=5, initial=timedelta(seconds=1), on=(ConnectionError,)))``
    """

    attempts: int = 3
    backoff: Literal["fixed", "exponential"] = "exponential"
    initial: timedelta = timedelta(seconds=1)
    maximum: timedelta = timedelta(minutes=5)
    jitter: float = 0.0
    on: tuple[type[Exception], ...] = (Exception,)

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise DefinitionError(f"Retry(attempts={self.attempts}): a step is tried at least once; give 1 or more")
        if self.backoff not in ("fixed", "exponential"):
            raise DefinitionError(f"Retry(backoff={self.backoff!r}): give 'fixed' or 'exponential'")
        if self.initial < timedelta(0) or self.maximum < timedelta(0):
            raise DefinitionError("Retry(initial=, maximum=): a wait cannot be negative")
        if not 0.0 <= self.jitter <= 1.0:
            raise DefinitionError(f"Retry(jitter={self.jitter}): give a part from 0 to 1")

    def delay_ms(self, attempt: int, chance: float) -> int:
        """How long to wait after ``attempt`` (from 1) failed, in milliseconds.

        Arguments:
            attempt: the attempt that failed.
            chance: a number from 0 to 1 for the jitter; the caller draws it, so this stays a pure function.
        """
        # An hour between attempts is an hour, though nothing was said of the maximum, which is less by default.
        longest = max(self.maximum, self.initial).total_seconds() * 1000
        wait = self.initial.total_seconds() * 1000
        if self.backoff == "exponential":
            # 2.0 ** 1024 overflows a float; far below that every wait has reached its maximum.
            wait *= 2.0 ** min(attempt - 1, 500)
        wait = min(wait, longest)
        return round(wait * (1.0 - self.jitter * chance))


ONCE = Retry(attempts=1)
"""No retries: what a step has when nothing is said."""
