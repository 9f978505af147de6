"""Retention: runs that ended long enough ago are deleted, a few at a time, while others work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from waystation.core.refs import Millis
from waystation.engine.clock import Clock
from waystation.errors import StoreError
from waystation.store.protocol import Store

_log = logging.getLogger("waystation.retention")

_AT_ONCE = 100
"""So many runs are one small write, so that nobody waits long for the store."""

_LOOKS_PER_LIFE = 100
_SHORTEST, _LONGEST = 1.0, 3600.0
"""Between two looks pass a hundredth of the time that runs are kept, from a second to an hour."""


def ago(clock: Clock, time: timedelta) -> Millis:
    """When it was so long ago."""
    return clock.now() - round(time.total_seconds() * 1000)


async def prune(
    store: Store, ended_before: Millis, limit: int | None = None, *, deleting: Callable[[int], None] | None = None
) -> int:
    """Delete the runs that ended before then, at most ``limit``, the oldest first; gives how many. ``deleting`` is told
    of each small batch how many it was."""
    deleted = 0
    while limit is None or deleted < limit:
        asked = _AT_ONCE if limit is None else min(_AT_ONCE, limit - deleted)
        now_deleted = await store.prune(ended_before, limit=asked)
        deleted += now_deleted
        if deleting is not None:
            deleting(now_deleted)
        if now_deleted < asked:
            break
        await asyncio.sleep(0)  # others have their turn between two batches
    return deleted


async def prune_on(store: Store, clock: Clock, retention: timedelta) -> None:
    """Delete them again and again, for as long as the app is open."""
    pause = min(max(retention.total_seconds() / _LOOKS_PER_LIFE, _SHORTEST), _LONGEST)
    while True:
        try:
            if deleted := await prune(store, ago(clock, retention)):
                _log.info("%d runs that ended more than %s ago were deleted", deleted, retention)
        except StoreError as error:
            _log.warning("runs that ended long ago could not be deleted: %s", error)
        await asyncio.sleep(pause)
