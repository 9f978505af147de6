"""Runs that this process comes back to: nobody else will, or it may have them without knowing.

A write that takes a run and is answered by an error may have been written all the same, or may be written yet: it is on
its way still when its writer has given up. Then the run is this process's by the store, and to all others that process
lives. So whoever is in doubt looks again, several times, for longer than a write can be under way.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from waystation.core.refs import Millis
from waystation.engine.clock import Clock
from waystation.errors import StoreCorrupt, StoreError

_FIRST: Millis = 1_000
_LAST: Millis = 32_000
"""After how long a doubtful run is looked at again: the first time, and the last; twice as long each time. Together
that is a minute, and a server lets no statement take that long (``statement_timeout``)."""


class Returning:
    """Such runs, and when to come back to each. A run of which there is no doubt is given up by who has looked at it.

    Arguments:
        seek: has someone look.
    """

    def __init__(self, clock: Clock, seek: Callable[[], None]) -> None:
        self._clock = clock
        self._seek = seek
        self._at: dict[str, tuple[Millis, int]] = {}
        self._said = 0
        self._doubts: dict[str, tuple[Millis, Millis]] = {}

    def soon(self, run_id: str) -> None:
        """Come back with the next look."""
        self.at(run_id, 0)

    def at(self, run_id: str, when: Millis) -> None:
        """Come back then."""
        self._said += 1
        self._at[run_id] = when, self._said

    @contextmanager
    def in_doubt(self, run_id: str) -> Generator[None]:
        """Around a write that takes the run: if the store fails, it may have been written, or may be yet."""
        try:
            yield
        except StoreError as error:
            self.doubt(run_id, error)
            raise

    def doubt(self, run_id: str, error: StoreError) -> None:
        """A write that takes the run has failed so; see ``in_doubt``."""
        if not isinstance(error, StoreCorrupt):
            begins = run_id not in self._doubts
            self._doubts[run_id] = (0, _FIRST)
            if begins:  # else it is the look itself that fails, and the next comes in its time
                self._seek()

    def asked(self) -> int:
        """What has been asked for by now: to give up no more than that after a look, which takes its time."""
        return self._said

    def give_up(self, run_id: str, asked: int | None = None) -> None:
        """There is nothing to come back for, as far as could be seen; where there is doubt, it is looked again.

        Arguments:
            asked: what had been asked for when the look began; None for all.
        """
        if not self._at:
            return
        _, number = self._at.get(run_id, (0, 0))
        if asked is None or number <= asked:
            self._at.pop(run_id, None)

    def left(self) -> list[str]:
        """Runs that would go on here if the store could be reached."""
        return [*self._doubts, *(run_id for run_id, (at, _) in self._at.items() if not at)]

    def due(self) -> list[str]:
        """Runs to be looked at now."""
        now = self._clock.now()
        due = [run_id for run_id, (at, _) in self._at.items() if at <= now]
        for run_id, (at, pause) in list(self._doubts.items()):
            if at <= now:
                due.append(run_id)
                if pause <= _LAST:
                    self._doubts[run_id] = (now + pause, pause * 2)
                else:
                    del self._doubts[run_id]
        return due
