"""Retention: runs that ended long enough ago are deleted, a few at a time, while others work."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from waystation.engine.clock import Clock
from waystation.errors import StoreError
from waystation.store.protocol import Store

_log = logging.getLogger("waystation.retention")

_AT_ONCE = 100
"""So many runs are one small write, so that nobody waits long for the store."""

_LOOKS_PER_LIFE = 100
_SHORTEST, _LONGEST = 1.0, 3600.0
"""Between two looks pass a hundredth of the time that runs are kept, from a second to an hour."""


async def prune(store: Store, clock: Clock, retention: timedelta) -> int:
    """Delete all runs that ended longer than ``retention`` ago; gives how many."""
    before = clock.now() - round(retention.total_seconds() * 1000)
    deleted = 0
    while True:
        now_deleted = await store.prune(before, limit=_AT_ONCE)
        deleted += now_deleted
        if now_deleted < _AT_ONCE:
            return deleted
        await asyncio.sleep(0)  # others have their turn between two batches


async def prune_on(store: Store, clock: Clock, retention: timedelta) -> None:
    """Delete them again and again, for as long as the app is open."""
    pause = min(max(retention.total_seconds() / _LOOKS_PER_LIFE, _SHORTEST), _LONGEST)
    while True:
        try:
            if deleted := await prune(store, clock, retention):
                _log.info("%d runs that ended more than %s ago were deleted", deleted, retention)
        except StoreError as error:
            _log.warning("runs that ended long ago could not be deleted: %s", error)
        await asyncio.sleep(pause)
