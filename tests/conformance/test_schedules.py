"""Schedules: each slot fires once, in any number of processes; on each store."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.booking import Books
from tests.conformance.scheduling import Killed, Starts, Time, at, fire_until, runs, scheduler
from waystation.core.refs import Millis
from waystation.define.schedule import Cron, Missed
from waystation.engine.schedules import ScheduledWorkflow, ScheduleInfo, Scheduler
from waystation.errors import DuplicateId, StoreBusy, UnknownSchedule
from waystation.store.address import open_store
from waystation.store.protocol import Store
from waystation.store.records import WorkflowKey

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
TIMEOUT = 60.0


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    opened = open_store(place.url)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def starts(store: Store) -> Starts:
    return Starts(store)


# ---------------------------------------------------------------------- each slot once


@behaviour("schedule", "Each slot starts one run, named for it", verdict="same")
async def test_each_slot_starts_one_run_named_for_it(starts: Starts, time: Time) -> None:
    app = await scheduler(starts, time, report=Cron("0 9 * * *", tz="Europe/Paris"))
    assert await app.fire_due() == at("2026-06-02T09:00+02:00"), "09:00 UTC is past nine in Paris"
    assert starts.asked == []
    await fire_until(app, time, "2026-06-04T00:00Z")
    assert starts.created == ["report@2026-06-02T07:00:00Z", "report@2026-06-03T07:00:00Z"]
    assert await app.fire_due() == at("2026-06-04T07:00Z")
    assert starts.asked == starts.created, "a slot that is dealt with is not looked at again"


async def test_two_schedulers_at_once_start_one_run_a_slot(starts: Starts, time: Time) -> None:
    cron = Cron("*/5 * * * *", missed="all")
    apps = [await scheduler(starts, time, tick=cron) for _ in range(2)]
    for passed in range(1, 7):
        time.at = at("2026-06-01T09:00Z") + passed * 600_000
        next_times = await asyncio.gather(*(app.fire_due() for app in apps))
        assert next_times == [time.at + 300_000] * 2
    expected = [f"tick@2026-06-01T{9 + m // 60:02}:{m % 60:02}:00Z" for m in range(5, 61, 5)]
    assert sorted(starts.created) == expected
    assert await runs(starts.store) == expected


@behaviour(
    "schedule",
    "Any number of processes start one run for each slot",
    verdict="better",
    why="exactly one scheduler process is allowed",
)
def test_several_processes_at_once_start_one_run_a_slot(kept: Books) -> None:
    url = kept.url
    assert _created(_process(url, "2026-06-01T09:00Z")) == [], "it is registered, and nothing is due yet"
    processes = [_process(url, "2026-06-01T09:40Z") for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    created = [run_id for process in processes for run_id in _created(process)]
    expected = [f"tick@2026-06-01T09:{minute:02}:00Z" for minute in range(1, 41)]
    assert sorted(created) == expected

    async def look() -> tuple[list[str], Millis | None]:
        store = open_store(url)
        await store.open()
        (schedule,) = await store.schedules()
        found = await runs(store)
        await store.close()
        return found, schedule.next_at

    assert asyncio.run(look()) == (expected, at("2026-06-01T09:41Z"))


def _process(url: str, now: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.conformance.schedule_process", url, now],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _created(process: subprocess.Popen[str]) -> list[str]:
    out, err = process.communicate("go\n", timeout=TIMEOUT)
    assert process.returncode == 0, err
    created: list[str] = json.loads(out.splitlines()[-1])
    return created


@behaviour("schedule", "A process killed between a start and its bookkeeping causes no second run", verdict="new")
async def test_a_process_killed_between_start_and_advance_starts_no_second_run(starts: Starts, time: Time) -> None:
    cron = Cron("0 * * * *", missed="all")
    first = await scheduler(starts, time, report=cron)
    starts.killed_after = "report@2026-06-01T10:00:00Z"
    time.at = at("2026-06-01T10:00Z")
    with pytest.raises(Killed):
        await first.fire_due()
    time.at = at("2026-06-01T10:30Z")
    second = await scheduler(starts, time, report=cron)
    assert await second.fire_due() == at("2026-06-01T11:00Z")
    assert starts.asked == ["report@2026-06-01T10:00:00Z"] * 2
    assert starts.created == ["report@2026-06-01T10:00:00Z"]


async def test_a_long_backlog_is_dealt_with_in_parts_and_in_order(starts: Starts, time: Time) -> None:
    cron = Cron("* * * * *", missed="all")
    app = await scheduler(starts, time, tick=cron, tock=cron)
    time.at = at("2026-06-01T11:30Z")
    coming = await app.fire_due()
    assert coming is not None
    assert coming <= time.at, "it wants to be called again at once"
    assert len(starts.created) == 200
    assert await app.fire_due() == at("2026-06-01T11:31Z")
    ticks = [run_id for run_id in starts.created if run_id.startswith("tick")]
    assert ticks == sorted(ticks)
    assert len(ticks) == 150


# ---------------------------------------------------------------------- missed slots


@behaviour(
    "schedule",
    "Slots that were missed are skipped, or the last or all of them fire, by policy",
    verdict="better",
    why="missed slots are lost",
)
@pytest.mark.parametrize(
    ("missed", "fired"),
    [
        ("skip", ["13:00"]),
        ("last", ["12:00", "13:00"]),
        ("all", ["10:00", "11:00", "12:00", "13:00"]),
    ],
)
async def test_slots_missed_while_no_process_ran_fire_by_the_policy(
    starts: Starts, time: Time, missed: Missed, fired: Sequence[str]
) -> None:
    cron = Cron("0 * * * *", missed=missed)
    await scheduler(starts, time, report=cron)
    time.at = at("2026-06-01T12:30Z")
    app = await scheduler(starts, time, report=cron)
    assert await app.fire_due() == at("2026-06-01T13:00Z")
    await fire_until(app, time, "2026-06-01T13:10Z")
    assert starts.asked == [f"report@2026-06-01T{hour}:00Z" for hour in fired]


@pytest.mark.parametrize(("missed", "fired"), [("skip", ["12:00"]), ("last", ["12:00"]), ("all", ["11:00", "12:00"])])
async def test_a_slot_within_the_grace_is_not_missed(
    starts: Starts, time: Time, missed: Missed, fired: Sequence[str]
) -> None:
    cron = Cron("0 * * * *", missed=missed, grace=timedelta(minutes=10))
    time.at = at("2026-06-01T10:30Z")
    await scheduler(starts, time, report=cron)
    time.at = at("2026-06-01T12:10Z")
    app = await scheduler(starts, time, report=cron)
    assert await app.fire_due() == at("2026-06-01T13:00Z")
    assert starts.asked == [f"report@2026-06-01T{hour}:00Z" for hour in fired]


# ---------------------------------------------------------------------- changes


@behaviour("schedule", "After a deploy, changed times count from now", verdict="same")
async def test_changed_times_count_from_now_and_a_changed_policy_keeps_what_was_missed(
    starts: Starts, time: Time
) -> None:
    await scheduler(starts, time, report=Cron("0 * * * *", missed="skip"))
    time.at = at("2026-06-01T11:30Z")
    app = await scheduler(starts, time, report=Cron("0 * * * *", missed="all"))
    await app.fire_due()
    assert starts.created == ["report@2026-06-01T10:00:00Z", "report@2026-06-01T11:00:00Z"]
    for changed in (Cron("15 * * * *", missed="all"), Cron("15 * * * *", missed="all", tz="Asia/Kathmandu")):
        time.at += 86_400_000
        app = await scheduler(starts, time, report=changed)
        assert await app.fire_due() == changed.next_after(time.at)
    assert len(starts.created) == 2


async def test_a_process_with_other_code_leaves_the_schedule_alone(starts: Starts, time: Time) -> None:
    old = await scheduler(starts, time, report=Cron("0 * * * *"))
    new = await scheduler(starts, time, report=Cron("30 * * * *"))
    time.at = at("2026-06-01T09:30:05Z")
    assert await old.fire_due() is None
    assert await old.list() != [], "it is known all the same"
    assert starts.asked == []
    assert await new.fire_due() == at("2026-06-01T10:30Z")
    assert starts.created == ["report@2026-06-01T09:30:00Z"]


async def test_schedules_of_other_apps_on_the_store_are_left_alone(starts: Starts, time: Time) -> None:
    await scheduler(starts, time, other=Cron("0 * * * *", missed="all"))
    mine = await scheduler(starts, time, mine=Cron("0 0 * * *"))
    none = await scheduler(starts, time)
    time.at = at("2026-06-01T12:30Z")
    assert await mine.fire_due() == at("2026-06-02T00:00Z")
    assert await none.fire_due() is None
    assert starts.asked == []
    assert [each.id for each in await mine.list()] == ["mine"]
    assert await none.list() == []


# ---------------------------------------------------------------------- what goes wrong


@behaviour("schedule", "A start that fails stops neither its schedule nor others", verdict="new")
async def test_a_start_that_fails_is_logged_and_stops_neither_its_schedule_nor_others(
    starts: Starts, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    app = await scheduler(starts, time, bad=Cron("0 * * * *"), good=Cron("0 * * * *"))
    starts.fails["bad"] = ValueError("the input fits no more")
    with caplog.at_level(logging.ERROR):
        await fire_until(app, time, "2026-06-01T10:30Z")
    assert "bad@2026-06-01T10:00:00Z" in caplog.text
    assert "the input fits no more" in caplog.text
    assert starts.created == ["good@2026-06-01T10:00:00Z"]
    del starts.fails["bad"]
    await fire_until(app, time, "2026-06-01T11:30Z")
    assert starts.created[1:] == ["bad@2026-06-01T11:00:00Z", "good@2026-06-01T11:00:00Z"]


async def test_a_slot_stays_due_while_the_store_fails(starts: Starts, time: Time) -> None:
    app = await scheduler(starts, time, report=Cron("0 * * * *"))
    starts.fails["report"] = StoreBusy()
    time.at = at("2026-06-01T10:00Z")
    with pytest.raises(StoreBusy):
        await app.fire_due()
    starts.fails.clear()
    await app.fire_due()
    assert starts.created == ["report@2026-06-01T10:00:00Z"]


def test_two_schedules_of_one_id_are_refused(time: Time) -> None:
    store = open_store("memory://")
    same = ScheduledWorkflow("report", WorkflowKey("report"), Cron("0 * * * *"))
    with pytest.raises(DuplicateId, match="report"):
        Scheduler(store, time, [same, same], Starts(store))


# ---------------------------------------------------------------------- people


@behaviour("schedule", "A paused schedule fires in no process, and goes on from when it is resumed", verdict="same")
async def test_a_paused_schedule_fires_nowhere_and_goes_on_from_when_it_is_resumed(starts: Starts, time: Time) -> None:
    cron = Cron("0 * * * *", missed="all")
    app, other = [await scheduler(starts, time, report=cron) for _ in range(2)]
    await app.pause("report")
    time.at = at("2026-06-01T12:30Z")
    assert await app.fire_due() is None
    assert await other.fire_due() is None
    restarted = await scheduler(starts, time, report=cron)
    assert await restarted.fire_due() is None, "a restart does not let it go on"
    await other.resume("report")
    assert await app.fire_due() == at("2026-06-01T13:00Z"), "what passed while it was paused was not missed"
    assert starts.asked == []
    await fire_until(app, time, "2026-06-01T13:30Z")
    assert starts.created == ["report@2026-06-01T13:00:00Z"]


async def test_resuming_what_is_not_paused_loses_no_slot(starts: Starts, time: Time) -> None:
    app = await scheduler(starts, time, report=Cron("0 * * * *"))
    time.at = at("2026-06-01T10:00:10Z")
    await app.resume("report")
    await app.fire_due()
    assert starts.created == ["report@2026-06-01T10:00:00Z"]


@behaviour("schedule", "A schedule can be run now, beside its slots", verdict="same")
async def test_run_now_starts_a_run_beside_the_slots(starts: Starts, time: Time) -> None:
    app = await scheduler(starts, time, report=Cron("0 * * * *"))
    time.at = at("2026-06-01T10:00Z")
    by_hand = [await app.run_now("report"), await app.run_now("report")]
    assert await app.fire_due() == at("2026-06-01T11:00Z")
    assert starts.created == [*by_hand, "report@2026-06-01T10:00:00Z"]
    await app.pause("report")
    assert (await app.run_now("report")).startswith("report@2026-06-01T10:00:00Z+")
    assert len(set(await runs(starts.store))) == 4
    starts.fails["report"] = ValueError("the input fits no more")
    with pytest.raises(ValueError, match="fits no more"):
        await app.run_now("report")


@behaviour("schedule", "Schedules are listed with their next and last slots", verdict="same")
async def test_the_list_says_how_each_stands(starts: Starts, time: Time) -> None:
    daily = Cron("0 9 * * *", tz="Europe/Paris")
    app = await scheduler(starts, time, daily=daily, hourly=Cron("0 * * * *"))
    await fire_until(app, time, "2026-06-02T08:30Z")
    await app.pause("hourly")
    assert await app.list() == [
        ScheduleInfo(
            id="daily",
            workflow_id="daily",
            cron="0 9 * * *",
            tz="Europe/Paris",
            next_at=datetime(2026, 6, 3, 7, tzinfo=timezone.utc),
            last_at=datetime(2026, 6, 2, 7, tzinfo=timezone.utc),
            paused=False,
        ),
        ScheduleInfo(
            id="hourly",
            workflow_id="hourly",
            cron="0 * * * *",
            tz="UTC",
            next_at=None,
            last_at=datetime(2026, 6, 2, 8, tzinfo=timezone.utc),
            paused=True,
        ),
    ]


async def test_an_unknown_schedule_is_said_to_be_unknown(starts: Starts, time: Time) -> None:
    app = await scheduler(starts, time, report=Cron("0 * * * *"))
    for request in (app.run_now, app.pause, app.resume):
        with pytest.raises(UnknownSchedule, match=r"'nobody'.*'report'"):
            await request("nobody")
    assert starts.asked == []


# ---------------------------------------------------------------------- clocks that are turned


@behaviour("schedule", "When clocks are turned, slots fire by the rules of cron", verdict="new")
async def test_slots_fire_through_a_gap_and_an_overlap(starts: Starts, time: Time) -> None:
    time.at = at("2026-03-28T12:00Z")
    crons = {
        "fixed": Cron("30 2 * * *", tz="Europe/Paris", missed="all"),
        "repeated": Cron("0,30 */2 * * *", tz="Europe/Paris", missed="all"),
    }
    app = await scheduler(starts, time, **crons)
    await fire_until(app, time, "2026-03-29T01:59Z")
    fixed = [run_id for run_id in starts.created if run_id.startswith("fixed")]
    assert fixed == ["fixed@2026-03-29T01:00:00Z"], "two o'clock became three at 01:00 UTC"
    assert starts.created[-2:] == ["repeated@2026-03-28T23:30:00Z", "fixed@2026-03-29T01:00:00Z"]

    time.at = at("2026-10-24T12:00Z")
    starts = Starts(starts.store)
    app = await scheduler(starts, time, **{f"{id_}-in-autumn": cron for id_, cron in crons.items()})
    await fire_until(app, time, "2026-10-25T02:59Z")
    assert starts.created[-5:] == [
        "repeated-in-autumn@2026-10-25T00:00:00Z",
        "fixed-in-autumn@2026-10-25T00:30:00Z",
        "repeated-in-autumn@2026-10-25T00:30:00Z",
        "repeated-in-autumn@2026-10-25T01:00:00Z",
        "repeated-in-autumn@2026-10-25T01:30:00Z",
    ]
    assert len([run_id for run_id in starts.created if run_id.startswith("fixed")]) == 1
