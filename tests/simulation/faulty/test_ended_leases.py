"""A process that ends hands its runs over at once, whatever has become of its last beats."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from tests.simulation.faulty.virtual_loop import LoopClock, virtual_loop
from waystation.engine.leases import Lease
from waystation.errors import StoreUnavailable
from waystation.store.memory import MemoryStore
from waystation.store.records import Worker, WorkflowKey
from waystation.testing.store_suite.writes import commit, head, new_run

LENGTH = timedelta(seconds=15)
BEAT = 5.0
"""When the first beat after the first one is, in seconds."""


class Fates(MemoryStore):
    """A store where each beat meets the next of ``fates``; once there is none, all goes well.

    A fate is written as what happens before the beat is written, ``written`` if it is, and what happens then.
    """

    def __init__(self, *fates: str) -> None:
        super().__init__()
        self.held = asyncio.Event()
        self._fates = list(fates)
        self._what: dict[str, Callable[[Worker], Awaitable[None]]] = {
            "written": super().beat,
            "lost": self._lose,
            "held": self._hold,
        }

    async def beat(self, worker: Worker) -> None:
        """See ``Store``."""
        for what in (self._fates.pop(0) if self._fates else "written").split():
            await self._what[what](worker)

    async def _lose(self, _worker: Worker) -> None:
        raise StoreUnavailable("the answer was lost")

    async def _hold(self, _worker: Worker) -> None:
        self.held.set()
        await asyncio.Event().wait()


async def hold_and_release(store: Fates, clock: LoopClock, beats: int) -> None:
    await store.open()
    lease = Lease(store, clock, LENGTH, "w1")
    await lease.hold()
    await store.create_run(new_run())
    await store.commit(commit(1, head=head("running", owner="w1")))
    await asyncio.sleep(BEAT * beats + 1)
    await lease.release()
    assert await store.workers() == []
    assert await store.claimable([WorkflowKey("flow")], clock.now(), limit=1) == ["r1"]


@pytest.mark.parametrize(
    "fates",
    [
        ["written"],
        ["written", "written"],
        ["written", "held"],
        ["written", "written held"],
        ["written", "lost"],
        ["written", "written lost"],
        ["written", "written lost", "lost"],
        ["written", "written lost", "held"],
        ["written", "written lost", "written held"],
    ],
    ids=", ".join,
)
def test_however_its_last_beats_went_a_process_that_ends_hands_over_its_runs(fates: list[str]) -> None:
    with virtual_loop() as loop:
        loop.run_until_complete(hold_and_release(Fates(*fates), LoopClock(loop), len(fates) - 1))


@pytest.mark.parametrize("fate", ["held", "written held"])
def test_a_first_beat_that_is_cut_off_leaves_no_worker_behind(fate: str) -> None:
    async def begin_and_end(store: Fates, clock: LoopClock) -> None:
        await store.open()
        lease = Lease(store, clock, LENGTH, "w1")
        holding = asyncio.create_task(lease.hold())
        await store.held.wait()
        holding.cancel()
        await asyncio.wait([holding])
        await lease.release()
        assert await store.workers() == []

    with virtual_loop() as loop:
        loop.run_until_complete(begin_and_end(Fates(fate), LoopClock(loop)))
