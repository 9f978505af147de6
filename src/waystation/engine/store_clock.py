"""The clock of processes that share a store on a server: the server's, never the machine's own.

Leases, sleeps, deadlines and schedules compare times that different processes wrote down. Where these are on different
machines, whose clocks differ by what they like, all go by the one clock that they share. It is not asked each time: the
process asks now and then, and in between adds what has passed on its own monotonic clock, which no one sets.

An answer says that the server's clock read so at some moment between question and answer; so each narrows the place
of the true offset down to an interval as wide as the round trip (F. Cristian, "Probabilistic clock synchronization",
1989). The offset is moved only as far as the newest interval demands.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

from waystation.core.refs import Millis
from waystation.engine.clock import SystemClock
from waystation.errors import StoreError
from waystation.store.protocol import Store

_log = logging.getLogger("waystation.clock")

_EVERY = 5.0
"""How often the store is asked, in seconds."""

_FAR = 1000.0
"""A change of so many milliseconds is worth a word: the server's clock was set, or is another's now."""

# Goes on while the machine sleeps, where there is such a clock.
_MONOTONIC = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def _passed() -> float:
    """Milliseconds on a clock that is never set."""
    return time.clock_gettime_ns(_MONOTONIC) / 1_000_000


class StoreClock(SystemClock):
    """The store's clock, as far as it is known here: by half a round trip.

    Arguments:
        store: one whose ``now`` gives a time.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._offset: float | None = None

    def now(self) -> Millis:
        """Milliseconds since 1970-01-01 UTC, by the store's clock."""
        assert self._offset is not None, "it was asked when the app was opened"
        return int(_passed() + self._offset)

    async def ask(self) -> bool:
        """Ask the store; whether it has a clock.

        Raises:
            StoreError.
        """
        before = _passed()
        told = await self._store.now()
        after = _passed()
        if told is None:
            return False
        lowest, highest = told - after, told + 1 - before
        if self._offset is None:
            self._offset = (lowest + highest) / 2
            return True
        moved = min(max(self._offset, lowest), highest)
        if abs(moved - self._offset) >= _FAR:
            _log.warning("the store's clock has moved by %.1f s", (moved - self._offset) / 1000)
        self._offset = moved
        return True

    async def ask_on(self) -> None:
        """Ask now and then, for as long as the app is open."""
        while True:
            await asyncio.sleep(_EVERY)
            with suppress(StoreError):
                await self.ask()
