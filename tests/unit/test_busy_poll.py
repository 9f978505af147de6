"""While one answer is due that comes soon, the event loop does not go to sleep; else it does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.simulation.faulty.virtual_loop import VirtualLoop, virtual_loop
from waystation.store.postgres.busy_poll import BusyPoll, processors

LONGEST = 1.0
LOOK = 0.1
"""What a look at the connections takes, by the clock of these tests."""


@pytest.fixture
def loop() -> Generator[VirtualLoop]:
    with virtual_loop(LOOK) as loop:
        yield loop


def polling(loop: VirtualLoop, longest: float = LONGEST) -> BusyPoll:
    """By the loop's time; as long as nobody else wants it, the processor is had for as much of it as is wanted."""
    return BusyPoll(longest, loop.time, lambda: loop.worked)


async def answered(poll: BusyPoll, loop: VirtualLoop, after: float) -> int:
    """Wait for an answer that comes after so long; gives how often the loop slept meanwhile."""
    slept = loop.sleeps
    with poll:
        await asyncio.sleep(after)
    return loop.sleeps - slept


def test_the_loop_stays_awake_for_an_answer_and_not_when_none_is_due(loop: VirtualLoop) -> None:
    poll = polling(loop)

    async def work() -> None:
        for _ in range(3):
            assert await answered(poll, loop, 0.5) == 0
            slept = loop.sleeps
            await asyncio.sleep(0.5)
            assert loop.sleeps > slept

    loop.run_until_complete(work())


def test_it_sleeps_once_an_answer_takes_longer_than_the_longest(loop: VirtualLoop) -> None:
    poll = polling(loop)

    async def work() -> None:
        began = loop.time()
        assert await answered(poll, loop, 3 * LONGEST) == 1
        assert loop.time() - began < 4 * LONGEST

    loop.run_until_complete(work())


def test_it_sleeps_while_answers_usually_take_longer_and_stays_awake_again_when_they_no_longer_do(
    loop: VirtualLoop,
) -> None:
    poll = polling(loop)

    async def work() -> None:
        for _ in range(30):
            await answered(poll, loop, 2 * LONGEST)
        assert await answered(poll, loop, 0.5) == 1
        for _ in range(30):
            await answered(poll, loop, 0.5)
        assert await answered(poll, loop, 0.5) == 0

    loop.run_until_complete(work())


def test_one_slow_answer_is_soon_forgotten(loop: VirtualLoop) -> None:
    poll = polling(loop)

    async def work() -> None:
        await answered(poll, loop, 1000 * LONGEST)
        asleep = [await answered(poll, loop, 0.5) for _ in range(10)]
        assert asleep[-1] == 0

    loop.run_until_complete(work())


def test_that_it_slept_itself_is_not_taken_for_others_wanting_the_processor(loop: VirtualLoop) -> None:
    poll = polling(loop)

    async def work() -> None:
        await answered(poll, loop, 0.5)
        for _ in range(3):
            await answered(poll, loop, 2 * LONGEST)
        assert await answered(poll, loop, 0.5) == 0

    loop.run_until_complete(work())


def test_it_sleeps_while_several_answers_are_due(loop: VirtualLoop) -> None:
    poll = polling(loop)

    async def work() -> None:
        slept = loop.sleeps
        await asyncio.gather(*(answered(poll, loop, 0.5) for _ in range(2)))
        assert loop.sleeps > slept
        assert await answered(poll, loop, 0.5) == 0, "and not when there is one again"

    loop.run_until_complete(work())


def test_it_sleeps_while_others_want_the_processor_but_for_a_look_now_and_then(loop: VirtualLoop) -> None:
    share, worked, at = 0.7, 0.0, 0.0

    def had() -> float:
        nonlocal worked, at
        worked, at = worked + (loop.time() - at) * share, loop.time()
        return worked

    poll = BusyPoll(LONGEST, loop.time, had)

    async def work() -> None:
        nonlocal share
        for _ in range(10):
            await answered(poll, loop, 0.5)
        awake = [await answered(poll, loop, 0.5) for _ in range(320)].count(0)
        assert awake == 10
        share = 1.0
        for _ in range(640):
            await answered(poll, loop, 0.5)
        assert [await answered(poll, loop, 0.5) for _ in range(5)] == [0] * 5

    loop.run_until_complete(work())


def test_it_sleeps_when_told_to(loop: VirtualLoop) -> None:
    poll = polling(loop, 0)

    async def work() -> None:
        assert await answered(poll, loop, 0.5) == 1

    loop.run_until_complete(work())


def test_a_loop_that_ended_while_an_answer_was_due_does_not_keep_the_next_one_from_it(loop: VirtualLoop) -> None:
    poll = BusyPoll(LONGEST, lambda: 0.0, lambda: 0.0)

    async def cut_off() -> None:
        with poll:
            asyncio.get_running_loop().stop()
            await asyncio.sleep(0)

    with virtual_loop() as first, pytest.raises(RuntimeError, match="stopped before"):
        first.run_until_complete(cut_off())

    async def work() -> None:
        assert await answered(poll, loop, 0.5) == 0

    loop.run_until_complete(work())


@pytest.mark.parametrize(
    ("text", "most"),
    [("max 100000", 1e9), ("150000 100000", 1.5), ("50000 100000\n", 0.5), ("no numbers", 1e9), (None, 1e9)],
)
def test_what_a_container_may_use_bounds_the_processors(tmp_path: Path, text: str | None, most: float) -> None:
    limit = tmp_path / "cpu.max"
    if text is not None:
        limit.write_text(text)
    assert processors(limit) == min(most, len(os.sched_getaffinity(0)))
