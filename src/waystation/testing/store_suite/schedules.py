"""Schedules: one fire for each slot."""

# ruff: noqa: D102  (a test's name says what it tests, and its numbers are its own)

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from waystation.store.protocol import Store
from waystation.store.records import Schedule
from waystation.testing.store_suite.rules import OnAsyncio

_DAILY = Schedule(schedule_id="daily", workflow_id="flow", spec="0 9 * * *", next_at=100)


class SchedulesSuite(OnAsyncio):
    """Schedules."""

    async def test_a_schedule_is_kept_as_it_is_until_its_spec_changes(self, store: Store) -> None:
        assert await store.schedules() == []
        assert await store.put_schedule(_DAILY) == _DAILY
        assert await store.put_schedule(replace(_DAILY, next_at=777)) == _DAILY
        other = Schedule(schedule_id="again", workflow_id="flow", spec="x", next_at=None)
        assert await store.put_schedule(other) == other
        assert list(await store.schedules()) == [other, _DAILY]
        assert await store.advance_schedule("daily", 100, 200)
        assert await store.pause_schedule("daily", paused=True, next_at=5)
        changed = await store.put_schedule(replace(_DAILY, spec="0 8 * * *", next_at=300))
        assert changed == replace(_DAILY, spec="0 8 * * *", next_at=300, last_at=100, paused=True)
        assert list(await store.schedules()) == [other, changed]

    async def test_a_slot_is_dealt_with_once(self, store: Store) -> None:
        await store.put_schedule(_DAILY)
        assert not await store.advance_schedule("daily", 99, 200)
        assert not await store.advance_schedule("nobody", 100, 200)
        told = await asyncio.gather(*(store.advance_schedule("daily", 100, 200) for _ in range(10)))
        assert sorted(told) == [False] * 9 + [True]
        assert list(await store.schedules()) == [replace(_DAILY, next_at=200, last_at=100)]
        assert await store.advance_schedule("daily", 200, None)
        assert list(await store.schedules()) == [replace(_DAILY, next_at=None, last_at=200)]
        assert not await store.advance_schedule("daily", 200, 300)

    async def test_while_it_is_paused_no_slot_is_dealt_with(self, store: Store) -> None:
        await store.put_schedule(_DAILY)
        assert await store.pause_schedule("daily", paused=True, next_at=None)
        assert list(await store.schedules()) == [replace(_DAILY, paused=True)]
        assert not await store.advance_schedule("daily", 100, 200)
        assert await store.pause_schedule("daily", paused=False, next_at=500)
        assert list(await store.schedules()) == [replace(_DAILY, next_at=500)]
        assert await store.advance_schedule("daily", 500, 600)
        assert not await store.pause_schedule("nobody", paused=True, next_at=None)

    async def test_letting_go_on_what_is_not_paused_moves_no_slot(self, store: Store) -> None:
        await store.put_schedule(_DAILY)
        assert await store.pause_schedule("daily", paused=False, next_at=900)
        assert list(await store.schedules()) == [_DAILY]
