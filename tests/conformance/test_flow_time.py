"""``.sleep`` and ``.sleep_until``, on a clock that is moved by hand."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.conformance.apps import OwnTime, Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, double, fail, lost, recorded, until, won
from waystation import FlowContext, StepContext, step, workflow
from waystation.core.entries import SleepBegun, SleepEnded, StepSucceeded

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)


def at(clock: OwnTime, *, plus: timedelta = timedelta(0)) -> datetime:
    """A moment by a clock."""
    return datetime.fromtimestamp(clock.now() / 1000, timezone.utc) + plus


@behaviour("flow", "A sleep passes on what reached it, and is over when its time has come", verdict="same", model=(13,))
async def test_a_sleep_ends_with_its_time_and_passes_its_input_through(place: Place) -> None:
    clock = OwnTime()
    flow = workflow("flow", input=int, output=int).then(add_one).sleep(HOUR).then(double).commit()
    async with place.app(flow, clock=clock) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(1)
        events = run.events()
        begun = await until(events, "sleep-begun", "sleep-after-add-one")
        assert begun.at == clock.now()
        clock.move(HOUR - timedelta(milliseconds=1))
        assert (await run.result()).status in ("running", "waiting")
        assert await recorded(run, SleepEnded) == []
        clock.move(timedelta(milliseconds=1))
        assert won(await run.wait()) == 4
        (slept,) = await recorded(run, SleepBegun)
        (ended,) = await recorded(run, SleepEnded)
    assert (slept.address, slept.until, ended.at) == ("sleep-after-add-one", clock.now(), clock.now())


@behaviour("flow", "A sleeping run is waiting, and holds nothing", verdict="same", model=(13,))
async def test_a_sleeping_run_is_parked_as_waiting(place: Place) -> None:
    clock = OwnTime()
    flow = workflow("flow", input=int, output=int).sleep(HOUR).commit()
    async with place.app(flow, clock=clock) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        await run.start_async(1)
        await until(run.events(), "sleep-begun")
    async with place.app(flow, clock=clock) as app:
        record = await (await app.get_run("r1")).record()
        assert (record.status, record.owner) == ("waiting", None)
        assert record.wake_at == clock.now() + 3_600_000


@behaviour(
    "flow", "A sleep of no time, and one until a moment that has passed, are over at once", verdict="same", model=(13,)
)
async def test_a_sleep_until_the_past_is_over_at_once(place: Place) -> None:
    clock = OwnTime()
    flow = (
        workflow("flow", input=int, output=int)
        .sleep(timedelta(0))
        .then(add_one)
        .sleep_until(at(clock))
        .then(double)
        .sleep_until(at(clock, plus=-HOUR))
        .commit()
    )
    async with place.app(flow, clock=clock) as app:
        assert won(await app.get_workflow(flow).start(1)) == 4


@behaviour("flow", "A sleep until a moment is over at that moment, whatever its time zone", verdict="same", model=(13,))
async def test_a_sleep_until_a_moment_ends_then(place: Place) -> None:
    clock = OwnTime()
    moment = at(clock, plus=HOUR).astimezone(timezone(timedelta(hours=5, minutes=30)))
    flow = workflow("flow", input=int, output=int).sleep_until(moment, id="nap").then(double).commit()
    async with place.app(flow, clock=clock) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(2)
        await until(run.events(), "sleep-begun", "nap")
        clock.move(HOUR)
        assert won(await run.wait()) == 4
        (slept,) = await recorded(run, SleepBegun)
    assert slept.until == clock.now()


@behaviour(
    "flow", "How long to sleep, and until when, may be told by a function, sync or async", verdict="same", model=(81,)
)
async def test_a_function_tells_how_long(place: Place) -> None:
    clock = OwnTime()

    def hours(number: int) -> timedelta:
        return number * HOUR

    async def till(number: int, ctx: FlowContext) -> datetime:
        return at(clock, plus=number * HOUR * await ctx.get_init_data(int))

    flow = workflow("flow", input=int, output=int).sleep(hours, id="a").then(add_one).sleep_until(till, id="b").commit()
    async with place.app(flow, clock=clock) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(2)
        events = run.events()
        await until(events, "sleep-begun", "a")
        began = clock.now()
        clock.move(2 * HOUR)
        await until(events, "sleep-begun", "b")
        clock.move(6 * HOUR)
        assert won(await run.wait()) == 3
        slept = {entry.address: entry.until - began for entry in await recorded(run, SleepBegun)}
    assert slept == {"a": 2 * 3_600_000, "b": 8 * 3_600_000}


@behaviour(
    "flow",
    "A function that gives a negative time fails the run",
    verdict="better",
    model=(81,),
    why="the run goes on at once",
)
async def test_a_negative_sleep_is_a_typed_error(place: Place) -> None:
    flow = workflow("flow", input=int, output=int).sleep(lambda _: -HOUR, id="nap").commit()
    async with place.app(flow) as app:
        error = lost(await app.get_workflow(flow).start(1))
    assert (error.code, error.type, error.address) == ("negative_sleep", "NegativeSleep", "nap")


@behaviour("flow", "A function that gives no time, or one without a zone, fails the run, and says so", verdict="new")
@pytest.mark.parametrize(
    ("until_moment", "told", "said"),
    [
        (False, 7, "timedelta"),
        (False, datetime(2026, 1, 1, tzinfo=timezone.utc), "timedelta"),
        (True, 7, "datetime"),
        (True, HOUR, "datetime"),
        (True, datetime(2026, 1, 1), "time zone"),  # noqa: DTZ001  (that is what is refused)
    ],
)
async def test_a_function_that_gives_no_time_is_an_error(
    until_moment: bool, told: object, said: str, place: Place
) -> None:
    building = workflow("flow", input=int, output=int)
    method: Any = building.sleep_until if until_moment else building.sleep
    flow = method(lambda _: told, id="nap").commit()
    async with place.app(flow) as app:
        error = lost(await app.get_workflow(flow).start(1))
    assert (error.code, error.address) == ("step_failed", "nap")
    assert said in error.message


@behaviour("flow", "A function that raises fails the run at the sleep", verdict="new")
async def test_a_function_of_a_sleep_that_raises_fails_the_run(place: Place) -> None:
    def broken(_: int) -> timedelta:
        raise LookupError("who knows")

    flow = workflow("flow", input=int, output=int).sleep(broken, id="nap").commit()
    async with place.app(flow) as app:
        error = lost(await app.get_workflow(flow).start(1))
    assert (error.address, error.type) == ("nap", "LookupError")


@behaviour(
    "flow",
    "A sleep goes on for its remaining time after a restart",
    verdict="better",
    model=(63,),
    why="it sleeps the full time again",
)
async def test_a_sleep_goes_on_for_its_remaining_time_after_a_restart(place: Place) -> None:
    clock = OwnTime()
    asked: list[int] = []

    def hour(number: int) -> timedelta:
        asked.append(number)
        return HOUR

    flow = workflow("flow", input=int, output=int).sleep(hour, id="nap").then(double).commit()
    async with place.app(flow, clock=clock) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        await run.start_async(1)
        await until(run.events(), "sleep-begun", "nap")
    began = clock.now()
    clock.move(timedelta(minutes=40))
    async with place.app(flow, clock=clock) as app:
        again = await app.get_run("r1")
        assert (await again.record()).wake_at == began + 3_600_000
        clock.move(timedelta(minutes=20))
        assert won(await again.wait()) == 2
        (ended,) = await recorded(again, SleepEnded)
    assert ended.at == began + 3_600_000
    assert asked == [1]


@behaviour(
    "flow",
    "A sleep whose time passed while no process was there is over at once",
    verdict="better",
    model=(63,),
    why="it sleeps the full time again",
)
async def test_a_sleep_that_ended_while_nobody_was_there_is_over_at_once(place: Place) -> None:
    clock = OwnTime()
    flow = workflow("flow", input=int, output=int).sleep(HOUR).then(double).commit()
    async with place.app(flow, clock=clock) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        await run.start_async(1)
        await until(run.events(), "sleep-begun")
    clock.move(2 * HOUR)
    async with place.app(flow, clock=clock) as app:
        assert won(await (await app.get_run("r1")).wait()) == 2


@behaviour(
    "flow",
    "A run that is cancelled while it sleeps ends at once, and nothing after the sleep runs",
    verdict="same",
    model=(13,),
)
async def test_a_cancel_ends_a_sleep_at_once(place: Place) -> None:
    clock = OwnTime()
    flow = workflow("flow", input=int, output=int).then(add_one).sleep(HOUR).then(double).commit()
    async with place.app(flow, clock=clock) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(1)
        await until(run.events(), "sleep-begun")
        assert (await run.cancel()).status == "cancelled"
        clock.move(2 * HOUR)
        assert [entry.address for entry in await recorded(run, StepSucceeded)] == ["add-one"]
        assert (await run.result()).status == "cancelled"


async def test_an_app_closes_also_in_the_very_moment_in_which_a_sleep_is_over(place: Place) -> None:
    clock = OwnTime()
    flow = workflow("flow", input=int, output=int).sleep(HOUR).commit()
    async with asyncio.timeout(20):
        async with place.app(flow, clock=clock) as app:
            run = await app.get_workflow(flow).create_run(run_id="r1")
            await run.start_async(1)
            await until(run.events(), "sleep-begun")
            while clock.next_timer() is None:
                await asyncio.sleep(0)
            clock.move(HOUR)
        async with place.app(flow, clock=clock) as app:
            assert won(await (await app.get_run("r1")).wait()) == 1


@behaviour("flow", "A nested workflow sleeps beside one that goes on", verdict="new")
async def test_one_nested_workflow_sleeps_while_another_goes_on(place: Place) -> None:
    clock = OwnTime()
    slow = workflow("slow", input=int, output=int).sleep(HOUR).then(add_one).commit()
    quick = workflow("quick", input=int, output=int).then(double).commit()
    flow = workflow("flow", input=int, output=dict[str, int]).parallel([slow, quick]).commit()
    async with place.app(flow, clock=clock) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(5)
        await until(run.events(), "step-succeeded", "quick/double")
        await until(run.events(), "sleep-begun")
        clock.move(HOUR)
        assert won(await run.wait()) == {"slow": 6, "quick": 10}


@behaviour("flow", "A failing sibling ends a sleep at once", verdict="new", model=(7,))
async def test_a_failing_sibling_ends_a_sleep(place: Place) -> None:
    clock = OwnTime()
    slow = workflow("slow", input=int, output=int).sleep(HOUR).then(add_one).commit()
    flow = workflow("flow", input=int, output=dict[str, int]).parallel([slow, fail]).commit()
    async with place.app(flow, clock=clock) as app:
        assert lost(await app.get_workflow(flow).start(5)).address == "fail"


@behaviour("flow", "Items of a foreach sleep side by side, each for its own time", verdict="new")
async def test_items_sleep_each_for_its_own_time(place: Place) -> None:
    clock = OwnTime()
    woken: list[int] = []

    @step
    async def note(number: int, ctx: StepContext) -> int:
        woken.append(number)
        return number

    nap = workflow("nap", input=int, output=int).sleep(lambda number: number * HOUR, id="z").then(note).commit()
    flow = workflow("flow", input=list[int], output=list[int]).foreach(nap, concurrency=3, id="each").commit()
    async with place.app(flow, clock=clock) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async([3, 1, 2])
        events = run.events()
        for item in range(3):
            await until(run.events(), "sleep-begun", f"each[{item}]/nap/z")
        for item in (1, 2, 0):
            clock.move(HOUR)
            await until(events, "step-succeeded", f"each[{item}]/nap/note")
        assert won(await run.wait()) == [3, 1, 2]
    assert woken == [1, 2, 3]
