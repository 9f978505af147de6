"""The bell that wakes a driver: what was rung is heard, once, whether it was waited for by then or not."""

from __future__ import annotations

import asyncio

import pytest

from waystation.engine.bell import Bell

pytestmark = pytest.mark.anyio


async def waits(hearing: asyncio.Task[None]) -> bool:
    for _ in range(5):
        await asyncio.sleep(0)  # it has its turn
    return not hearing.done()


async def test_what_was_rung_before_is_heard_at_once_and_only_once() -> None:
    bell = Bell()
    bell.ring()
    bell.ring()
    await bell.heard()
    again = asyncio.create_task(bell.heard())
    assert await waits(again)
    bell.ring()
    await again


async def test_who_waits_hears_each_ring_once() -> None:
    bell = Bell()
    for _ in range(3):
        hearing = asyncio.create_task(bell.heard())
        assert await waits(hearing)
        bell.ring()
        await hearing
    bell.ring()
    await bell.heard()
    last = asyncio.create_task(bell.heard())
    assert await waits(last)
    last.cancel()
