"""Where time comes from. Everything that needs the time asks a ``Clock``, so that a test can be its own time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from waystation.core.refs import Millis


class Clock(Protocol):
    """The time, and one way to be called later."""

    def now(self) -> Millis:
        """Milliseconds since 1970-01-01 UTC."""
        ...

    def call_at(self, when: Millis, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` on the running loop at ``when``, or soon if that is past; gives what stops it."""
        ...


class SystemClock:
    """The machine's clock."""

    # A timer further off is set in stages: loop timers count monotonic seconds, while ``when`` is wall time, and
    # the two part ways when the machine sleeps or its clock is set.
    _longest_stage = 60.0

    def now(self) -> Millis:
        """Milliseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1_000_000

    def call_at(self, when: Millis, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` on the running loop at ``when``, or soon if that is past; gives what stops it."""
        loop = asyncio.get_running_loop()
        handle: asyncio.TimerHandle

        def stage() -> None:
            nonlocal handle
            left = (when - self.now()) / 1000
            if left <= 0:
                callback()
            else:
                handle = loop.call_later(min(left, self._longest_stage), stage)

        handle = loop.call_later(min(max((when - self.now()) / 1000, 0), self._longest_stage), stage)

        def stop() -> None:
            handle.cancel()  # whichever stage it has come to

        return stop
