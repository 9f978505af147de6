"""How a test waits for what happens: by the thing itself, never by the time it may take."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from tests.conformance.apps import OwnTime
from waystation import Run

In = TypeVar("In")
Out = TypeVar("Out")

LONGEST = 30.0
"""A test that waits so long, in seconds, has failed."""


@asynccontextmanager
async def in_time() -> AsyncGenerator[None]:
    """What hangs is a failure, told where it hangs."""
    async with asyncio.timeout(LONGEST):
        yield


async def a_timer(clock: OwnTime) -> int:
    """Until someone has set a timer for a later time; that time."""
    async with in_time():
        while (at := clock.next_timer()) is None or at <= clock.now():
            await clock.timer_set.wait()
            clock.timer_set.clear()
        return at


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Until something holds that nobody tells of; others have their turn between two looks."""
    async with in_time():
        while not await holds():
            await asyncio.sleep(0.001)


async def until_status(run: Run[In, Out], *statuses: str) -> None:
    """Until the run stands so in the store."""

    async def stands() -> bool:
        return await run.status() in statuses

    await until(stands)
