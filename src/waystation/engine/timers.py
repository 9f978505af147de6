"""One timer for all that waits: sleeping runs are rows in the store, and only the earliest is in memory."""

from __future__ import annotations

from collections.abc import Callable

from waystation.core.refs import Millis
from waystation.engine.clock import Clock


class Alarm:
    """Calls ``ring`` at the earliest of the times it was set to."""

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._at: Millis | None = None
        self._cancel: Callable[[], None] | None = None

    def set(self, when: Millis | None) -> None:
        """Ring at ``when`` too; an earlier time that was set before stays. If it has come already, ring at once."""
        if when is None:
            return
        if when <= self._clock.now():  # it came while the store was asked for it
            self._ring()
            return
        if self._at is not None and self._at <= when:
            return
        self.stop()
        self._at = when
        self._cancel = self._clock.call_at(when, self._rings)

    def stop(self) -> None:
        """Forget what it was set to."""
        if self._cancel is not None:
            self._cancel()
        self._at = self._cancel = None

    def _rings(self) -> None:
        self._at = self._cancel = None
        self._ring()
