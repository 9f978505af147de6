"""What wakes a driver that waits."""

from __future__ import annotations

import asyncio


class Bell:
    """Rung by whoever has something for the one who waits; rung several times before that hears it, it is heard once.

    As an ``asyncio.Event`` that is cleared by who has waited, and without one until someone waits: hardly any driver
    does, and an event is as large as all else that a driver has for itself.
    """

    def __init__(self) -> None:
        self._is_rung = False
        self._event: asyncio.Event | None = None

    def ring(self) -> None:
        """There is something."""
        self._is_rung = True
        if self._event is not None:
            self._event.set()

    async def heard(self) -> None:
        """Until it is rung, if it was not since this was last heard."""
        if not self._is_rung:
            self._event = self._event or asyncio.Event()
            await self._event.wait()
        self._is_rung = False
        if self._event is not None:
            self._event.clear()
