"""Workflows that start by themselves, through the whole app: ``workflow(..., schedule=Cron(...))``."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone

import pytest
from pydantic import BaseModel

from tests.conformance.apps import OwnTime, Place
from tests.conformance.behaviours import behaviour
from tests.conformance.booking import Books
from tests.conformance.stock import won
from tests.conformance.waiting import a_timer, in_time, until
from waystation import Cron, HookEvent, StepContext, Waystation, Workflow, step, workflow
from waystation.define.schedule import Missed
from waystation.errors import UnknownSchedule

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)


class Noon(OwnTime):
    """A clock that stands at 2027-01-15 11:30 UTC until it is moved."""

    def __init__(self) -> None:
        super().__init__()
        self.at = round(datetime(2027, 1, 15, 11, 30, tzinfo=timezone.utc).timestamp() * 1000)


class Count(BaseModel):
    total: int


@step
async def report(top: int) -> int:
    return top


def hourly(missed: Missed = "skip", *, id: str = "hourly") -> Workflow[int, int]:
    """Starts at each full hour."""
    cron = Cron("0 * * * *", input=10, missed=missed)
    return workflow(id, input=int, output=int, schedule=cron).then(report).commit()


def slot(hour: int, *, id: str = "hourly") -> str:
    """The id of the run of the slot at that hour."""
    return f"{id}@2027-01-15T{hour:02}:00:00Z"


async def next_slot(clock: OwnTime) -> None:
    """Let it be the next time that the app waits for."""
    clock.move(timedelta(milliseconds=await a_timer(clock) - clock.now()))


async def runs_are(app: Waystation, *expected: str) -> None:
    """Wait until there are these runs, the newest first; and no others."""

    async def there() -> bool:
        return len((await app.list_runs()).runs) >= len(expected)

    await until(there)
    assert [run.run_id for run in (await app.list_runs()).runs] == list(expected)


@behaviour(
    "schedule", "A slot of its schedule starts a run of the workflow, with the schedule's input.", verdict="same"
)
async def test_a_slot_starts_a_run(place: Place) -> None:
    clock = Noon()
    flow = hourly()
    async with in_time(), place.app(flow, clock=clock) as app:
        assert await a_timer(clock) == clock.now() + 1_800_000
        assert (await app.list_runs()).runs == []
        clock.move(timedelta(minutes=30))
        await runs_are(app, slot(12))
        assert won(await (await app.get_run(slot(12))).wait()) == 10
        await next_slot(clock)
        await runs_are(app, slot(13), slot(12))


@behaviour(
    "schedule", "A schedule goes by the clock of its time zone, and gives its runs their run state.", verdict="same"
)
async def test_a_schedule_goes_by_its_time_zone(place: Place) -> None:
    @step
    async def tell(top: int, ctx: StepContext[None, None, Count]) -> int:
        return top + ctx.state.total

    cron = Cron("0 13 * * FRI", tz="Europe/Paris", input=1, state={"total": 5})
    flow = workflow("weekly", input=int, output=int, state=Count, schedule=cron).then(tell).commit()
    clock = Noon()
    async with in_time(), place.app(flow, clock=clock) as app:
        (schedule,) = await app.list_schedules()
        assert schedule.next_at == datetime(2027, 1, 15, 12, 0, tzinfo=timezone.utc)
        await next_slot(clock)
        await runs_are(app, "weekly@2027-01-15T12:00:00Z")
        assert won(await (await app.get_run("weekly@2027-01-15T12:00:00Z")).wait()) == 6


@behaviour("schedule", "A workflow may have several schedules, each with an id and an input.", verdict="same")
async def test_a_workflow_has_several_schedules(place: Place) -> None:
    crons = [Cron("0 12 * * *", id="noon", input=1), Cron("0 13 * * *", id="later", input=2)]
    flow = workflow("flow", input=int, output=int, schedule=crons).then(report).commit()
    clock = Noon()
    async with in_time(), place.app(flow, clock=clock) as app:
        assert [each.id for each in await app.list_schedules()] == ["flow/later", "flow/noon"]
        for _ in range(2):
            await next_slot(clock)
        await runs_are(app, "flow/later@2027-01-15T13:00:00Z", "flow/noon@2027-01-15T12:00:00Z")
        assert won(await (await app.get_run("flow/later@2027-01-15T13:00:00Z")).wait()) == 2


@pytest.mark.parametrize(
    ("missed", "fired"), [("skip", []), ("last", [15]), ("all", [15, 14, 13, 12])], ids=["skip", "last", "all"]
)
@behaviour(
    "schedule",
    "Slots that passed while no process was there are skipped, or the last of them fires, or all: as `missed` says.",
    verdict="better",
    why="In the model they are always lost.",
)
async def test_slots_that_passed_while_nobody_was_there(missed: Missed, fired: list[int], place: Place) -> None:
    clock = Noon()
    flow = hourly(missed)
    async with in_time():
        async with place.app(flow, clock=clock) as app:
            await app.list_schedules()
        clock.move(timedelta(hours=4))
        async with place.app(flow, clock=clock) as app:
            await runs_are(app, *(slot(hour) for hour in fired))
            await next_slot(clock)
            await runs_are(app, slot(16), *(slot(hour) for hour in fired))


@behaviour(
    "schedule",
    "A schedule that is paused fires nothing, also after a restart; resumed, it goes on with the next slot.",
    verdict="same",
)
async def test_a_paused_schedule_fires_nothing_until_it_is_resumed(place: Place) -> None:
    clock = Noon()
    flow, other = hourly("all"), hourly("all", id="other")
    async with in_time():
        only_looks = Waystation(workflows=[flow, other], store=await place.store(), recover=False, clock=clock)
        async with only_looks as app:  # no app that starts anything by itself has been at the store yet
            assert [(each.id, each.next_at) for each in await app.list_schedules()] == [
                (name, datetime(2027, 1, 15, 12, 0, tzinfo=timezone.utc)) for name in ("hourly", "other")
            ]
            await app.pause_schedule("hourly")
        async with place.app(flow, other, clock=clock) as app:
            assert [(each.id, each.paused) for each in await app.list_schedules()] == [
                ("hourly", True),
                ("other", False),
            ]
            await next_slot(clock)
            await runs_are(app, slot(12, id="other"))
        async with place.app(flow, other, clock=clock) as app:
            (paused, _) = await app.list_schedules()
            assert (paused.paused, paused.next_at) == (True, None)
            await next_slot(clock)
            await runs_are(app, slot(13, id="other"), slot(12, id="other"))
            await app.resume_schedule("hourly")
            await next_slot(clock)

            async def fired() -> bool:
                return {run.run_id for run in (await app.list_runs()).runs} == {
                    slot(14),
                    *(slot(hour, id="other") for hour in (12, 13, 14)),
                }

            await until(fired)


@behaviour(
    "schedule", "A schedule can be run now, also while it is paused; its slots stay as they are.", verdict="same"
)
async def test_a_schedule_is_run_now(place: Place) -> None:
    clock = Noon()
    flow = hourly()
    async with in_time(), place.app(flow, clock=clock) as app:
        await app.pause_schedule("hourly")
        run = await app.run_schedule("hourly")
        assert won(await run.wait()) == 10
        await app.resume_schedule("hourly")
        (schedule,) = await app.list_schedules()
        assert schedule.next_at == datetime(2027, 1, 15, 12, 0, tzinfo=timezone.utc)


@behaviour(
    "schedule",
    "Two apps on one store: each slot fires once.",
    verdict="better",
    why="The model allows one scheduler process only.",
)
async def test_two_apps_on_one_store_fire_each_slot_once(place: Place) -> None:
    clock = Noon()
    calls: list[str] = []

    @step
    async def work(top: int, ctx: StepContext) -> int:
        calls.append(ctx.run_id)
        return top

    flow = workflow("hourly", input=int, output=int, schedule=Cron("0 * * * *", input=1)).then(work).commit()
    async with in_time(), place.app(flow, clock=clock) as one, place.app(flow, clock=clock) as other:
        await asyncio.gather(one.list_schedules(), other.list_schedules())
        for hour in range(12, 17):
            await next_slot(clock)

            async def ended(hour: int = hour) -> bool:
                return (slot(hour), "success") in {(run.run_id, run.status) for run in (await one.list_runs()).runs}

            # Before that, in the hour that passes next the lease of whoever drives it would run out.
            await until(ended)
        await runs_are(one, *(slot(hour) for hour in range(16, 11, -1)))
    assert calls == [slot(hour) for hour in range(12, 17)]


@behaviour(
    "schedule",
    "A run that was started by a schedule is a run like any other: it sleeps, suspends, is answered.",
    verdict="same",
)
async def test_a_scheduled_run_is_like_any_other(place: Place) -> None:
    clock = Noon()

    @step(suspend=str, resume=int)
    async def ask_someone(top: int, ctx: StepContext[str, int]) -> int:
        if ctx.resume_data is None:
            await ctx.suspend("how many?")
        return top + ctx.resume_data

    flow = workflow("hourly", input=int, output=int, schedule=Cron("0 12 * * *", input=1)).then(ask_someone).commit()
    async with in_time():
        async with place.app(flow, clock=clock) as app:
            await next_slot(clock)
            await runs_are(app, slot(12))
            assert (await (await app.get_run(slot(12))).wait()).status == "suspended"
        async with place.app(flow, clock=clock) as app:
            assert won(await (await app.get_run(slot(12))).resume(data=5)) == 6


@behaviour(
    "schedule",
    "A hook that refuses the start of a slot stops neither the slots after it nor other schedules.",
    verdict="new",
)
async def test_a_slot_whose_start_is_refused_is_passed_over(place: Place) -> None:
    clock = Noon()

    def not_at_noon(event: HookEvent) -> None:
        if event.run_id == slot(12):
            raise PermissionError("lunch")

    flow = (
        workflow("hourly", input=int, output=int, schedule=Cron("0 * * * *", input=1), on_start=not_at_noon)
        .then(report)
        .commit()
    )
    async with in_time(), place.app(flow, hourly(id="other"), clock=clock) as app:
        await next_slot(clock)
        await runs_are(app, slot(12, id="other"))
        await next_slot(clock)

        async def fired() -> bool:
            return slot(13) in {run.run_id for run in (await app.list_runs()).runs}

        await until(fired)


@behaviour("schedule", "An unknown schedule is told with those there are.", verdict="same")
async def test_an_unknown_schedule_is_told(place: Place) -> None:
    async with place.app(hourly(), clock=Noon()) as app:
        for call in (app.pause_schedule, app.resume_schedule, app.run_schedule):
            with pytest.raises(UnknownSchedule, match="'hourly'"):
                await call("daily")


@behaviour("schedule", "Of several versions of a workflow only the current one starts by itself.", verdict="new")
async def test_only_the_current_version_starts_by_itself(place: Place) -> None:
    clock = Noon()

    def version(name: str) -> Workflow[int, int]:
        cron = Cron("0 * * * *", input=1)
        return workflow("hourly", input=int, output=int, version=name, schedule=cron).then(report).commit()

    async with in_time(), place.app(version("1"), version("2"), clock=clock) as app:
        await next_slot(clock)
        await runs_are(app, slot(12))
        assert (await (await app.get_run(slot(12))).record()).version == "2"


@behaviour("schedule", "An app that recovers nothing fires nothing.", verdict="new")
async def test_an_app_that_recovers_nothing_fires_nothing(kept: Books) -> None:
    clock = Noon()
    async with in_time(), Waystation(workflows=[hourly("all")], store=kept.url, recover=False, clock=clock) as app:
        await app.list_runs()
        clock.move(timedelta(hours=3))
        assert won(await app.get_workflow("hourly").start(1)) == 1
        assert len((await app.list_runs()).runs) == 1
