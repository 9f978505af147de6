"""Retention: runs that ended long enough ago are deleted, a few at a time, while others work."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from tests.conformance.apps import OwnTime, Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, ask, fail, won
from tests.conformance.waiting import in_time, until, until_status
from waystation import Store, Waystation, open_store, workflow
from waystation.engine.retention import prune
from waystation.errors import InvalidDuration
from waystation.store.listing import each_run
from waystation.store.passing import PassingStore
from waystation.store.records import RunFilter
from waystation.testing.store_suite.writes import head, new_run

pytestmark = pytest.mark.anyio

NEW = "The model keeps everything for ever."

plain = workflow("plain", input=int, output=int).then(add_one).commit()
asking = workflow("asking", input=int, output=int).then(ask).commit()
failing = workflow("failing", input=int, output=int).then(fail).commit()
sleeping = workflow("sleeping", input=int, output=int).sleep(timedelta(days=300)).commit()

MONTH = timedelta(days=30)


class Counting(PassingStore):
    """A store that notes how many runs each ``prune`` deletes."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.deleted: list[int] = []

    async def prune(self, ended_before: int, *, limit: int) -> int:
        self.deleted.append(await super().prune(ended_before, limit=limit))
        return self.deleted[-1]


async def ids(app: Waystation) -> set[str]:
    return {run.run_id for run in (await app.list_runs(limit=1000)).runs}


async def app_that_keeps(place: Place, clock: OwnTime, retention: timedelta | None) -> Waystation:
    return Waystation(
        workflows=[plain, asking, failing, sleeping], store=await place.store(), clock=clock, retention=retention
    )


@behaviour(
    "run",
    "With `retention` runs that ended longer ago than that are deleted; those that have not ended never are.",
    verdict="new",
    why=NEW,
)
async def test_runs_that_ended_long_ago_are_deleted_and_unfinished_ones_never(place: Place) -> None:
    clock = OwnTime()
    async with in_time():
        async with place.app(plain, asking, failing, sleeping, clock=clock) as app:
            await app.get_workflow(plain).create_run(run_id="pending")
            await app.get_workflow(plain).start(1, run_id="success")
            await app.get_workflow(failing).start(1, run_id="failed")
            await (await app.get_workflow(plain).create_run(run_id="cancelled")).cancel()
            await app.get_workflow(asking).start(1, run_id="suspended")
            await until_status(await app.get_workflow(sleeping).start_async(1, run_id="waiting"), "waiting")
            clock.move(timedelta(days=20))
            await app.get_workflow(plain).start(1, run_id="later")
        clock.move(timedelta(days=20))
        async with await app_that_keeps(place, clock, MONTH) as app:

            async def pruned() -> bool:
                return await ids(app) == {"pending", "suspended", "waiting", "later"}

            await until(pruned)
            assert won(await (await app.get_run("suspended")).resume(data=1)) == 2
            assert won(await app.get_workflow(plain).start(1, run_id="new")) == 2


@behaviour("run", "What counts is when a run ended, not when it was created.", verdict="new")
async def test_a_run_is_kept_from_its_end_on(place: Place) -> None:
    clock = OwnTime()
    async with place.app(asking, clock=clock) as app:
        await app.get_workflow(asking).start(1, run_id="r1")
        clock.move(timedelta(days=100))
        await (await app.get_run("r1")).resume(data=1)
        assert await app.prune(MONTH) == 0
        assert await ids(app) == {"r1"}
        clock.move(MONTH + timedelta(seconds=1))
        assert await app.prune(MONTH) == 1
        assert await ids(app) == set()


@behaviour(
    "run",
    "Without `retention` everything is kept; `app.prune` deletes what is asked for, and tells how much.",
    verdict="new",
)
async def test_without_retention_everything_is_kept(place: Place) -> None:
    clock = OwnTime()
    async with place.app(plain, clock=clock) as app:
        for _ in range(3):
            await app.get_workflow(plain).start(1)
        clock.move(timedelta(days=10_000))
        assert len(await ids(app)) == 3
        assert await app.prune(timedelta(days=1)) == 3
        assert await app.prune(timedelta(days=1)) == 0
        assert await ids(app) == set()


@behaviour(
    "run", "Many runs are deleted in small batches, and others are started and answered meanwhile.", verdict="new"
)
async def test_others_work_while_many_runs_are_deleted(place: Place) -> None:
    clock = OwnTime()
    async with in_time(), place.app(plain, asking, clock=clock) as app:
        await asyncio.gather(*(app.get_workflow(plain).start(number) for number in range(450)))
        await app.get_workflow(asking).start(1, run_id="asking")
        clock.move(timedelta(days=2))
        pruning = asyncio.create_task(app.prune(timedelta(days=1)))
        assert won(await app.get_workflow(plain).start(1)) == 2
        assert won(await (await app.get_run("asking")).resume(data=1)) == 2
        assert await pruning == 450
        assert len(await ids(app)) == 2


@behaviour("run", "No write of the retention is of more than a hundred runs.", verdict="new")
async def test_no_write_of_the_retention_is_of_more_than_a_hundred_runs(place: Place) -> None:
    clock = OwnTime()
    store = Counting(await place.store())
    app = Waystation(workflows=[plain], store=store, clock=clock)
    async with in_time(), app:
        await asyncio.gather(*(app.get_workflow(plain).start(number) for number in range(250)))
        clock.move(timedelta(days=2))
        assert await app.prune(timedelta(days=1)) == 250
    assert store.deleted == [100, 100, 50]


async def test_a_limit_holds_over_several_writes() -> None:
    store = Counting(open_store("memory://"))
    await store.open()
    for number in range(260):
        await store.create_run(new_run(f"r{number}", head=head("success", at=number)))
    assert await prune(store, 250, 150) == 150
    assert store.deleted == [100, 50]
    left = {run.run_id async for run in each_run(store, RunFilter())}
    assert left == {f"r{number}" for number in range(150, 260)}, "the oldest are gone"
    assert await prune(store, 250, 150) == 100
    await store.close()


@behaviour("run", "A retention that is negative is refused.", verdict="new")
def test_a_negative_retention_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidDuration, match="retention"):
        Waystation(workflows=[plain], store="memory://", retention=timedelta(days=-1))
