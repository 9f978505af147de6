"""Runs are listed by what they are and how they stand, page by page; and deleted."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone

import pytest

from tests.conformance.apps import OwnTime, Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, ask, fail, waits, won
from tests.conformance.waiting import in_time, until_status
from waystation import Waystation, step, workflow
from waystation.errors import NotSuspended, RunIsRunning, RunNotFound

pytestmark = pytest.mark.anyio

plain = workflow("plain", input=int, output=int).then(add_one).commit()
asking = workflow("asking", input=int, output=int).then(ask).commit()
failing = workflow("failing", input=int, output=int).then(fail).commit()
sleeping = workflow("sleeping", input=int, output=int).sleep(timedelta(days=1)).commit()
FLOWS = (plain, asking, failing, sleeping)


async def listed(app: Waystation, **filters: object) -> list[str]:
    """The ids of the runs that fit, newest first."""
    page = await app.list_runs(**filters)  # type: ignore[arg-type]  # they are filters
    assert page.cursor is None
    return [run.run_id for run in page.runs]


@behaviour(
    "run",
    "Runs are listed newest first, by workflow, status (one or several) and resource.",
    verdict="same",
    model=(71,),
)
async def test_runs_are_listed_by_workflow_status_and_resource(place: Place) -> None:
    two_step = workflow("plain", input=int, output=int).then(add_one).then(add_one.clone(id="more")).commit()
    async with in_time(), place.app(two_step, asking, failing, sleeping) as app:
        await app.get_workflow(two_step).create_run(run_id="pending", resource_id="ada")
        await app.get_workflow(two_step).start(1, run_id="success", resource_id="ada")
        await app.get_workflow(failing).start(1, run_id="failed", resource_id="bob")
        await app.get_workflow(asking).start(1, run_id="suspended")
        await app.get_workflow(two_step).start(1, run_id="paused", per_step=True)
        await (await app.get_workflow(asking).create_run(run_id="cancelled")).cancel()
        await until_status(await app.get_workflow(sleeping).start_async(1, run_id="waiting"), "waiting")

        everything = ["waiting", "cancelled", "paused", "suspended", "failed", "success", "pending"]
        assert await listed(app) == everything
        for status in everything:
            assert await listed(app, status=status) == [status]
        assert await listed(app, status=["failed", "cancelled", "pending"]) == ["cancelled", "failed", "pending"]
        assert await listed(app, status=[]) == []
        assert await listed(app, workflow="asking") == ["cancelled", "suspended"]
        assert await listed(app, resource_id="ada") == ["success", "pending"]
        assert await listed(app, workflow="plain", status="success", resource_id="ada") == ["success"]
        assert await listed(app, workflow="asking", resource_id="ada") == []


@behaviour("run", "A run that is under way is listed as running.", verdict="same")
async def test_a_run_that_is_under_way_is_listed_as_running(place: Place) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    @step
    async def working(number: int) -> int:
        began.set()
        await go_on.wait()
        return number

    flow = workflow("flow", input=int, output=int).then(working).commit()
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).start_async(1, run_id="r1")
        await began.wait()
        assert await listed(app, status="running") == ["r1"]
        go_on.set()
        await run.wait()
        assert await listed(app, status="running") == []


@behaviour(
    "run", "Runs are listed by when they were created: from a time on, and before a time.", verdict="same", model=(71,)
)
async def test_runs_are_listed_by_when_they_were_created(place: Place) -> None:
    clock = OwnTime()

    def at(hours: int) -> datetime:
        return datetime.fromtimestamp(OwnTime().now() / 1000, timezone.utc) + timedelta(hours=hours)

    async with place.app(plain, clock=clock) as app:
        for hour in range(4):
            await app.get_workflow(plain).start(1, run_id=f"at-{hour}")
            clock.move(timedelta(hours=1))
        assert await listed(app, since=at(1)) == ["at-3", "at-2", "at-1"]
        assert await listed(app, until=at(1)) == ["at-0"]
        assert await listed(app, since=at(1), until=at(3)) == ["at-2", "at-1"]
        elsewhere = at(2).astimezone(timezone(timedelta(hours=5)))
        assert await listed(app, since=elsewhere) == ["at-3", "at-2"], "the time zone is heeded"


@behaviour(
    "run",
    "Pages are without gaps and doubles, also while runs are created and end.",
    verdict="better",
    model=(71,),
    why="The model pages by number: a new run shifts what follows.",
)
async def test_pages_are_without_gaps_while_new_runs_come(place: Place) -> None:
    async with place.app(plain) as app:
        for number in range(10):
            await app.get_workflow(plain).create_run(run_id=f"r{number}")
        seen: list[str] = []
        cursor: str | None = None
        number = 10
        while True:
            page = await app.list_runs(limit=3, cursor=cursor)
            seen += [run.run_id for run in page.runs]
            if (cursor := page.cursor) is None:
                break
            await app.get_workflow(plain).start(1, run_id=f"r{number}")
            await (await app.get_run(f"r{number - 10}")).start(1)
            number += 1
        assert seen == [f"r{number}" for number in range(9, -1, -1)]


@behaviour("run", "A page is as long as was asked for, from 1 to 1000; the last has no cursor.", verdict="same")
async def test_a_page_is_as_long_as_was_asked_for(place: Place) -> None:
    async with place.app(plain) as app:
        for number in range(3):
            await app.get_workflow(plain).create_run(run_id=f"r{number}")
        page = await app.list_runs(limit=2)
        assert [run.run_id for run in page.runs] == ["r2", "r1"]
        last = await app.list_runs(limit=2, cursor=page.cursor)
        assert [run.run_id for run in last.runs] == ["r0"]
        assert last.cursor is None
        assert len((await app.list_runs(limit=0)).runs) == 1
        assert len((await app.list_runs(limit=5000)).runs) == 3


@behaviour(
    "run",
    "A run that is deleted is gone: its record, its journal, its open suspensions; its id is free again.",
    verdict="same",
    model=(71,),
)
async def test_a_run_that_is_deleted_is_gone(place: Place) -> None:
    async with place.app(asking) as app:
        run = await app.get_workflow(asking).create_run(run_id="r1")
        (asked,) = waits(await run.start(1))
        await app.get_workflow(asking).start(1, run_id="other")
        await app.delete_run("r1")
        assert await listed(app) == ["other"]
        assert [each.run_id for each in await app.pending()] == ["other"]
        with pytest.raises(RunNotFound):
            await app.get_run("r1")
        for call in (run.status, run.result, run.restart, run.cancel, run.wait):
            with pytest.raises(RunNotFound):
                await call()
        with pytest.raises(RunNotFound):
            await run.resume(data=1, suspension=asked.id)
        assert await run.journal() == []

        again = await app.get_workflow(asking).create_run(run_id="r1")
        assert await again.status() == "pending"
        with pytest.raises(NotSuspended):
            await again.resume(data=1, suspension=asked.id)
        await again.start(5)
        assert won(await again.resume(data=1)) == 6


@behaviour(
    "run",
    "A run that is under way is not deleted; it is cancelled first.",
    verdict="new",
)
async def test_a_run_that_is_under_way_is_not_deleted(place: Place) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    @step
    async def working(number: int) -> int:
        began.set()
        await go_on.wait()
        return number

    flow = workflow("flow", input=int, output=int).then(working).commit()
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).start_async(1, run_id="r1")
        await began.wait()
        with pytest.raises(RunIsRunning, match="cancel it"):
            await app.delete_run("r1")
        go_on.set()
        assert won(await run.wait()) == 1
        await app.delete_run("r1")
        assert await listed(app) == []


@behaviour(
    "run",
    "Deleting what is not there is told.",
    verdict="new",
)
async def test_deleting_what_is_not_there_is_told(place: Place) -> None:
    async with place.app(plain) as app:
        with pytest.raises(RunNotFound, match="'nobody'"):
            await app.delete_run("nobody")


@behaviour("run", "A sleeping run that is deleted never wakes.", verdict="new")
async def test_a_sleeping_run_that_is_deleted_never_wakes(place: Place) -> None:
    clock = OwnTime()
    async with in_time(), place.app(sleeping, plain, clock=clock) as app:
        await until_status(await app.get_workflow(sleeping).start_async(1, run_id="r1"), "waiting")
        await app.delete_run("r1")
        clock.move(timedelta(days=2))
        assert won(await app.get_workflow(plain).start(1, run_id="other")) == 2
        assert await listed(app) == ["other"]
