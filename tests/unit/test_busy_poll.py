"""While one answer is due that comes soon, the event loop does not go to sleep; else it does."""

from __future__ import annotations

import asyncio
import os
import selectors
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from waystation.store.postgres.busy_poll import BusyPoll, processors

LONGEST = 1.0
LOOK = 0.1
"""What a look at the connections takes, by the clock of these tests."""


class Selector(selectors.SelectSelector):
    """Never waits: it notes that it was asked to, and time goes on by as much as a look takes, or by what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.slept = 0
        self.asleep = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += timeout or LOOK
        self.slept += timeout != 0
        self.asleep += timeout or 0.0
        return super().select(0)


class Loop(asyncio.SelectorEventLoop):
    """Goes by the selector's time."""

    def __init__(self, selector: Selector) -> None:
        self.given = selector
        super().__init__(selector)

    def time(self) -> float:
        return self.given.now


@pytest.fixture
def selector() -> Selector:
    return Selector()


def polling(selector: Selector, longest: float = LONGEST) -> BusyPoll:
    """By the selector's time; as long as nobody else wants it, the processor is had for as much of it as is wanted."""
    return BusyPoll(longest, lambda: selector.now, lambda: selector.now - selector.asleep)


def on_loop(selector: Selector, work: Callable[[], Coroutine[object, object, None]]) -> None:
    loop = Loop(selector)
    try:
        loop.run_until_complete(work())
    finally:
        loop.close()


async def answered(poll: BusyPoll, selector: Selector, after: float) -> int:
    """Wait for an answer that comes after so long; gives how often the loop slept meanwhile."""
    slept = selector.slept
    with poll:
        await asyncio.sleep(after)
    return selector.slept - slept


def test_the_loop_stays_awake_for_an_answer_and_not_when_none_is_due(selector: Selector) -> None:
    poll = polling(selector)

    async def work() -> None:
        for _ in range(3):
            assert await answered(poll, selector, 0.5) == 0
            slept = selector.slept
            await asyncio.sleep(0.5)
            assert selector.slept > slept

    on_loop(selector, work)


def test_it_sleeps_once_an_answer_takes_longer_than_the_longest(selector: Selector) -> None:
    poll = polling(selector)

    async def work() -> None:
        began = selector.now
        assert await answered(poll, selector, 3 * LONGEST) == 1
        assert selector.now - began < 4 * LONGEST

    on_loop(selector, work)


def test_it_sleeps_while_answers_usually_take_longer_and_stays_awake_again_when_they_no_longer_do(
    selector: Selector,
) -> None:
    poll = polling(selector)

    async def work() -> None:
        for _ in range(30):
            await answered(poll, selector, 2 * LONGEST)
        assert await answered(poll, selector, 0.5) == 1
        for _ in range(30):
            await answered(poll, selector, 0.5)
        assert await answered(poll, selector, 0.5) == 0

    on_loop(selector, work)


def test_one_slow_answer_is_soon_forgotten(selector: Selector) -> None:
    poll = polling(selector)

    async def work() -> None:
        await answered(poll, selector, 1000 * LONGEST)
        asleep = [await answered(poll, selector, 0.5) for _ in range(10)]
        assert asleep[-1] == 0

    on_loop(selector, work)


def test_that_it_slept_itself_is_not_taken_for_others_wanting_the_processor(selector: Selector) -> None:
    poll = polling(selector)

    async def work() -> None:
        await answered(poll, selector, 0.5)
        for _ in range(3):
            await answered(poll, selector, 2 * LONGEST)
        assert await answered(poll, selector, 0.5) == 0

    on_loop(selector, work)


def test_it_sleeps_while_several_answers_are_due(selector: Selector) -> None:
    poll = polling(selector)

    async def work() -> None:
        slept = selector.slept
        await asyncio.gather(*(answered(poll, selector, 0.5) for _ in range(2)))
        assert selector.slept > slept
        assert await answered(poll, selector, 0.5) == 0, "and not when there is one again"

    on_loop(selector, work)


def test_it_sleeps_while_others_want_the_processor_but_for_a_look_now_and_then(selector: Selector) -> None:
    share, worked, at = 0.7, 0.0, 0.0

    def had() -> float:
        nonlocal worked, at
        worked, at = worked + (selector.now - at) * share, selector.now
        return worked

    poll = BusyPoll(LONGEST, lambda: selector.now, had)

    async def work() -> None:
        nonlocal share
        for _ in range(10):
            await answered(poll, selector, 0.5)
        awake = [await answered(poll, selector, 0.5) for _ in range(320)].count(0)
        assert awake == 10
        share = 1.0
        for _ in range(640):
            await answered(poll, selector, 0.5)
        assert [await answered(poll, selector, 0.5) for _ in range(5)] == [0] * 5

    on_loop(selector, work)


def test_it_sleeps_when_told_to(selector: Selector) -> None:
    poll = polling(selector, 0)

    async def work() -> None:
        assert await answered(poll, selector, 0.5) == 1

    on_loop(selector, work)


def test_a_loop_that_ended_while_an_answer_was_due_does_not_keep_the_next_one_from_it() -> None:
    poll = BusyPoll(LONGEST, lambda: 0.0, lambda: 0.0)

    async def cut_off() -> None:
        with poll:
            asyncio.get_running_loop().stop()
            await asyncio.sleep(0)

    first = Loop(Selector())
    with pytest.raises(RuntimeError, match="stopped before"):
        first.run_until_complete(cut_off())
    first.close()

    selector = Selector()

    async def work() -> None:
        assert await answered(poll, selector, 0.5) == 0

    on_loop(selector, work)


@pytest.mark.parametrize(
    ("text", "most"),
    [("max 100000", 1e9), ("150000 100000", 1.5), ("50000 100000\n", 0.5), ("no numbers", 1e9), (None, 1e9)],
)
def test_what_a_container_may_use_bounds_the_processors(tmp_path: Path, text: str | None, most: float) -> None:
    limit = tmp_path / "cpu.max"
    if text is not None:
        limit.write_text(text)
    assert processors(limit) == min(most, len(os.sched_getaffinity(0)))
