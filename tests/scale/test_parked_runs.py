"""Parked means free: 10,000 sleeping runs are rows and one timer; they wake in order, also after a restart."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import subprocess
import sys
import tracemalloc
import weakref
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.conformance.apps import OwnTime
from tests.scale.counting import CountingStore, driven, the_machine
from waystation import StepContext, Store, Waystation, Workflow, step, workflow
from waystation.store.memory import MemoryStore
from waystation.store.sqlite import SQLiteStore

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).resolve().parents[2]
MANY = 10_000
DAYS = timedelta(days=30)
GROUPS = 10
"""They wake in so many groups, a second from one another."""


class Sleepers:
    """Runs that sleep for thirty days and some seconds, and what woke.

    Attributes:
        begun: the seconds of each.
        woken: the seconds of those that woke, in the order they did.
    """

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.woken: list[int] = []
        self.flow = self._flow()
        self._all: asyncio.Event = asyncio.Event()
        self._expected = -1

    def _flow(self) -> Workflow[int, int]:
        @step
        async def wake(seconds: int) -> int:
            self.woken.append(seconds)
            if len(self.woken) == self._expected:
                self._all.set()
            return seconds

        def how_long(seconds: int) -> timedelta:
            return DAYS + timedelta(seconds=seconds)

        return workflow("sleepers", input=int, output=int).sleep(how_long, id="nap").then(wake).commit()

    async def begin(self, app: Waystation, count: int) -> None:
        """Start them, in an order that is not that in which they wake, and see them all parked."""
        seconds = [number % GROUPS for number in range(count)]
        random.Random(7).shuffle(seconds)
        self.begun += seconds
        for start in range(0, count, 500):
            await asyncio.gather(
                *(app.get_workflow(self.flow).start_async(each) for each in seconds[start : start + 500])
            )
        while (await app.list_runs(status="running", limit=1)).runs:
            await asyncio.sleep(0)

    async def until(self, count: int) -> None:
        """Wait until so many are awake."""
        self._expected = count
        if len(self.woken) < count:
            self._all.clear()
            await self._all.wait()


@asynccontextmanager
async def app_of(flow: Workflow[int, int], store: Store, clock: OwnTime) -> AsyncGenerator[Waystation]:
    """An app that looks for runs when a time comes, and else as good as never: nothing here is found by chance."""
    async with Waystation(
        workflows=[flow], store=store, clock=clock, recover_every=timedelta(days=1), lease=timedelta(days=365)
    ) as app:
        yield app


async def settled() -> None:
    """Let what was begun come to its end: tasks of drivers that have parked their runs."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_10000_sleeping_runs_are_one_timer_and_no_task_and_wake_in_order() -> None:
    clock, sleepers = OwnTime(), Sleepers()
    async with app_of(sleepers.flow, MemoryStore(), clock) as app:
        await sleepers.begin(app, 1)
        await settled()
        tasks, machines = len(asyncio.all_tasks()), driven()
        await sleepers.begin(app, MANY - 1)
        await settled()
        assert len(asyncio.all_tasks()) == tasks
        assert driven() == machines == 0
        assert len(clock._timers) == 1
        clock.move(DAYS - timedelta(seconds=1))
        await settled()
        assert sleepers.woken == [], "none wakes before its time"
        clock.move(timedelta(seconds=1))
        for group in range(GROUPS):
            due = sum(seconds <= group for seconds in sleepers.begun)
            await sleepers.until(due)
            await settled()
            assert len(sleepers.woken) == due, "those of this second, and no other"
            clock.move(timedelta(seconds=1))
        assert sleepers.woken == sorted(sleepers.woken)
        while (await app.list_runs(status="running", limit=1)).runs:
            await asyncio.sleep(0)
        await settled()
        assert (await app.list_runs(status="waiting", limit=1)).runs == []
        assert driven() == 0
        assert len(clock._timers) == 0


SLEEP_AND_DIE = """
import asyncio, os, signal, sys
from tests.conformance.apps import OwnTime
from tests.scale.test_parked_runs import Sleepers, app_of
from waystation.store.sqlite import SQLiteStore

async def main():
    sleepers = Sleepers()
    async with app_of(sleepers.flow, SQLiteStore(sys.argv[1]), OwnTime()) as app:
        await sleepers.begin(app, int(sys.argv[2]))
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_10000_sleeping_runs_of_a_killed_process_wake_in_order_in_another(tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    process = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", SLEEP_AND_DIE, str(file), str(MANY)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
        check=False,
        timeout=120,
    )
    assert process.returncode == -signal.SIGKILL
    clock, sleepers = OwnTime(), Sleepers()
    async with app_of(sleepers.flow, SQLiteStore(file, synchronous="normal"), clock) as app:
        await clock.timer_set.wait()
        assert len(clock._timers) == 1
        assert clock.next_timer() == clock.at + round(DAYS.total_seconds() * 1000), "they sleep as long as they did"
        clock.move(DAYS + timedelta(seconds=GROUPS))  # the machine was off meanwhile: all are due at once
        await sleepers.until(MANY)
        assert sleepers.woken == sorted(sleepers.woken)
        while (await app.list_runs(status=["running", "waiting"], limit=1)).runs:
            await asyncio.sleep(0)


async def test_a_look_for_runs_that_nobody_drives_asks_nothing_of_sleeping_ones() -> None:
    sleepers, store = Sleepers(), CountingStore(MemoryStore())
    async with Waystation(
        workflows=[sleepers.flow], store=store.as_store(), clock=OwnTime(), recover_every=timedelta(milliseconds=1)
    ) as app:
        await sleepers.begin(app, 1000)
        await settled()
        store.calls.clear()
        while store.calls["claimable"] < 10:
            await asyncio.sleep(0)
        assert store.of_runs().total() == 0, store.calls


@step(suspend=str, resume=str)
async def ask(number: int, ctx: StepContext[str, str]) -> str:
    if ctx.resume_data is None:
        await ctx.suspend("?")
    return ctx.resume_data


asking = workflow("asking", input=int, output=str).then(ask).commit()


async def test_a_suspended_run_leaves_no_driver_no_machine_no_task_and_no_timer(tmp_path: Path) -> None:
    clock = OwnTime()
    inside: list[weakref.ref[object]] = []

    @step(suspend=str, resume=str)
    async def look(number: int, ctx: StepContext[str, str]) -> str:
        inside.append(weakref.ref(ctx))
        inside.append(weakref.ref(the_machine()))
        task = asyncio.current_task()
        assert task is not None
        inside.append(weakref.ref(task))
        if ctx.resume_data is None:
            await ctx.suspend("?")
        return ctx.resume_data

    flow = workflow("looking", input=int, output=str).then(look).commit()
    async with Waystation(workflows=[flow], store=SQLiteStore(tmp_path / "runs.db"), clock=clock) as app:
        tasks = len(asyncio.all_tasks())
        run = await app.get_workflow(flow).create_run(run_id="r1")
        result = await run.start(1)
        assert result.status == "suspended"
        await settled()
        assert driven() == 0
        assert [ref() for ref in inside] == [None, None, None]
        assert len(asyncio.all_tasks()) == tasks + 1, "the lease alone, which is the process's"
        assert clock._timers in ([], {})
        done = await run.resume(data="yes")
        assert done.status == "success"


async def test_what_a_suspended_run_costs_is_disk(tmp_path: Path) -> None:
    async def begin(count: int) -> None:
        for start in range(0, count, 500):
            results = await asyncio.gather(*(app.get_workflow(asking).start(start) for _ in range(500)))
            assert {result.status for result in results} == {"suspended"}
        await settled()

    async with Waystation(workflows=[asking], store=SQLiteStore(tmp_path / "runs.db", synchronous="normal")) as app:
        # The store keeps the numbers of the last 10,000 runs it has met at hand; from there on nothing is added.
        await begin(MANY)
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            await begin(1000)
            gc.collect()
            grown = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
        assert driven() == 0
        # What is let go was not traced when it was taken, so it is not taken off: a name and a number, and their place.
        assert grown / 1000 < 1000


async def test_whoever_waited_for_a_question_is_told_without_a_look_into_the_store(tmp_path: Path) -> None:
    store = CountingStore(SQLiteStore(tmp_path / "runs.db", synchronous="normal"))
    async with Waystation(workflows=[asking], store=store.as_store()) as app:
        run = await app.get_workflow(asking).create_run(run_id="r1")
        store.calls.clear()
        result = await run.start(1)
        assert result.status == "suspended"
        assert "read_some" not in store.calls, "what was asked is at hand: it has just been written"
        found = await run.result()
        assert found.status == "suspended"
        assert store.calls["read_some"], "who comes later reads it"
        assert found.suspensions == result.suspensions
