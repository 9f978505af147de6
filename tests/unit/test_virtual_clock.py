"""The clock that tests move by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from waystation.engine.clock import Clock
from waystation.testing import VirtualClock

pytestmark = pytest.mark.anyio

SECOND = timedelta(seconds=1)


def calling(clock: VirtualClock, called: list[int]) -> Callable[[int], Callable[[], None]]:
    def at(seconds: int) -> Callable[[], None]:
        return clock.call_at(clock.now() + seconds * 1000, lambda: called.append(seconds))

    return at


async def test_it_stands_still_until_it_is_moved() -> None:
    clock: Clock = VirtualClock(datetime(2030, 1, 1, tzinfo=timezone.utc))
    assert clock.now() == clock.now() == 1_893_456_000_000
    assert isinstance(clock, VirtualClock)
    clock.move(SECOND)
    assert clock.now() == 1_893_456_001_000


async def test_what_is_due_is_called_once_the_earliest_first() -> None:
    clock, called = VirtualClock(), list[int]()
    for seconds in (3, 1, 2, 9):
        calling(clock, called)(seconds)
    clock.move(3 * SECOND)
    assert called == [1, 2, 3]
    clock.move(3 * SECOND)
    assert called == [1, 2, 3]


async def test_what_was_stopped_is_not_called_even_if_that_was_just_now() -> None:
    clock, called = VirtualClock(), list[int]()
    stop = calling(clock, called)(2)
    clock.call_at(clock.now() + 1000, stop)
    clock.move(3 * SECOND)
    stop()
    assert called == []


async def test_what_is_set_while_others_are_called_waits_for_the_next_move() -> None:
    clock, called = VirtualClock(), list[int]()

    def set_another() -> None:
        calling(clock, called)(0)

    clock.call_at(clock.now(), set_another)
    clock.move(timedelta(0))
    assert called == []
    clock.move(timedelta(0))
    assert called == [0]


async def test_a_test_can_wait_until_someone_waits_for_a_time_to_come() -> None:
    clock, called = VirtualClock(), list[int]()
    waiting = asyncio.create_task(clock.timer())
    await asyncio.sleep(0)
    calling(clock, called)(0)
    await asyncio.sleep(0)
    assert not waiting.done(), "that time is now"
    calling(clock, called)(5)
    assert await waiting == clock.now() + 5000
    assert await clock.timer() == clock.now() + 5000
