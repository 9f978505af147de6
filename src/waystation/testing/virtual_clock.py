"""A clock that a test moves by hand: thirty days pass at once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from waystation.core.refs import Millis

_START = datetime(2027, 1, 15, 8, tzinfo=timezone.utc)


class VirtualClock:
    """A clock that stands still until it is moved; what was to be called by then is called, the earliest first.

    Sleeps, retries, timeouts of waits and schedules all go by the clock of their app; so does everything that is
    written down with its time. (How long a step's code may take, ``timeout=``, goes by real time: that code takes it.)

    Arguments:
        start: what time it is at first.

    Attributes:
        at: what time it is, in milliseconds since 1970-01-01 UTC.
        timer_set: set whenever someone asks to be called later; for a test to wait for, and to clear.

    Example:
        ``clock = VirtualClock()``, ``Waystation(workflows=[...], store="memory://", clock=clock)``; start a run that
        sleeps, ``await clock.timer()``, ``clock.move(timedelta(days=30))``
    """

    def __init__(self, start: datetime = _START) -> None:
        self.at: Millis = round(start.timestamp() * 1000)
        self.timer_set = asyncio.Event()
        self._timers: dict[int, tuple[Millis, Callable[[], None]]] = {}
        self._numbers = itertools.count()

    def now(self) -> Millis:
        """What time it is, in milliseconds since 1970-01-01 UTC."""
        return self.at

    def call_at(self, when: Millis, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` when the clock has come to ``when``; gives what stops it.

        What is past already is called by the next move, be it by nothing.
        """
        number = next(self._numbers)
        self._timers[number] = (when, callback)
        self.timer_set.set()

        def stop() -> None:
            self._timers.pop(number, None)

        return stop

    def next_timer(self) -> Millis | None:
        """The earliest time for which someone asked; None if nobody did."""
        return min((when for when, _ in self._timers.values()), default=None)

    async def timer(self) -> Millis:
        """Wait until someone asks to be called at a time to come; gives the earliest such time."""
        while not (to_come := [when for when, _ in self._timers.values() if when > self.at]):
            self.timer_set.clear()
            await self.timer_set.wait()
        return min(to_come)

    def move(self, by: timedelta) -> None:
        """Let time pass."""
        self.at += round(by.total_seconds() * 1000)
        due = sorted((when, number) for number, (when, _) in self._timers.items() if when <= self.at)
        for _, number in due:
            timer = self._timers.pop(number, None)
            if timer is not None:  # one that was called before it may have stopped it
                timer[1]()
