"""Runs that wait for room at another worker are driven here, where there is room.

Restate gives a call to the first connection that takes one more, and knows nothing of how full the worker behind it is.
So calls wait at one worker while another has nothing to do. But what waits is in the store: a run that can go on, and
that nobody drives. Whoever drives it first has it; the call finds that there is nothing left to do.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Container
from contextlib import suppress

from waystation.dispatch.shares import MOST_AT_ONCE
from waystation.engine.engine import Engine
from waystation.errors import StoreError

_WAITS_FOR = 0.1
"""So long, in seconds, a run has waited before it is driven where it was not called: else its call is on its way."""

_WHILE_BUSY = 0.5
"""How often, in seconds, a worker looks that has room and drives runs now and then."""


class SpareRoom:
    """Looks for runs that wait, for as long as there is room.

    Arguments:
        room: how many runs are driven here.
        known: runs that are driven here, or cannot be.
        drive: drives a run; gives whether there was room to.
        every: how often a worker looks that has nothing to do, in seconds.

    Attributes:
        is_looking: whether this process looks for such runs at all.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        room: asyncio.Semaphore,
        known: Callable[[], Container[str]],
        drive: Callable[[str], bool],
        every: float,
    ) -> None:
        self._engine = engine
        self._room = room
        self._known = known
        self._drive = drive
        self._every = every
        self.is_looking = False
        self._freed = asyncio.Event()
        self._seen_at: dict[str, float] = {}

    def freed(self) -> None:
        """A run is driven here no more."""
        self._freed.set()

    async def look_on(self) -> None:
        """Look, until this is cancelled."""
        pause = _WAITS_FOR
        self.is_looking = True
        while True:
            while self._room.locked():
                self._freed.clear()
                await self._freed.wait()
            self._freed.clear()
            if await self._look():
                pause = _WAITS_FOR
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._freed.wait()
            else:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _WHILE_BUSY if self._freed.is_set() else self._every)

    async def _look(self) -> bool:
        """Drive some of the runs that wait, as many as there is room for; gives whether any were found."""
        known, now = self._known(), time.monotonic()
        try:
            waiting = await self._engine.store.claimable(
                list(self._engine.workflows), self._engine.clock.now(), limit=MOST_AT_ONCE
            )
        except StoreError:  # told by who looks for what was left
            return False
        self._seen_at = {run_id: self._seen_at.get(run_id, now) for run_id in waiting if run_id not in known}
        found = bool(self._seen_at)
        ripe = [run_id for run_id, at in self._seen_at.items() if now - at >= _WAITS_FOR]
        random.shuffle(ripe)  # others with room look at the same ones
        for run_id in ripe:
            if not self._drive(run_id):
                break
            del self._seen_at[run_id]
        return found
