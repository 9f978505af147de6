"""How long ``.wait_for`` waits, on a clock that is moved by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.conformance.apps import OwnTime, Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import comes_to, double, lost, recorded, won
from waystation import workflow
from waystation.core.entries import EventAwaited, EventDefaulted, EventMatched, EventTimedOut
from waystation.errors import RunEnded

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)
HOUR_MS = 3_600_000
NEVER = timedelta(days=1)
"""For a recovery that looks only when a timer rings, or somebody tells it to."""


def large(number: int) -> bool:
    return number > 10


strict = workflow("strict", input=int, output=int).wait_for("number", int, match=large, timeout=HOUR, id="w").commit()
lenient = (
    workflow("lenient", input=int, output=int)
    .wait_for("number", int, match=large, timeout=HOUR, default=-1, id="w")
    .then(double)
    .commit()
)
nothing = (
    workflow("nothing", input=int, output=int | None)
    .wait_for("number", int, timeout=HOUR, default=None, id="w")
    .commit()
)


@behaviour("events", "A wait whose time is over fails the run, with an error of its own", verdict="new")
async def test_a_wait_that_is_over_is_a_typed_error(place: Place) -> None:
    clock = OwnTime()
    async with place.app(strict, clock=clock) as app:
        run = await app.get_workflow(strict).create_run()
        await run.start_async(1)
        await comes_to(run, "waiting")
        assert (await run.record()).wake_at == clock.now() + HOUR_MS
        clock.move(HOUR - timedelta(milliseconds=1))
        await comes_to(run, "waiting")
        clock.move(timedelta(milliseconds=1))
        error = lost(await run.wait())
        (timed_out,) = await recorded(run, EventTimedOut)
    assert (error.code, error.type, error.address) == ("event_timeout", "EventTimeout", "w")
    assert "'number'" in error.message
    assert timed_out.at == clock.now()


@behaviour("events", "A wait whose time is over goes on with its default, if it has one; None is one", verdict="new")
async def test_a_wait_that_is_over_gives_its_default(place: Place) -> None:
    clock = OwnTime()
    async with place.app(lenient, nothing, clock=clock) as app:
        run = await app.get_workflow(lenient).create_run()
        other = await app.get_workflow(nothing).create_run()
        await run.start_async(1)
        await other.start_async(1)
        await comes_to(run, "waiting")
        await comes_to(other, "waiting")
        clock.move(HOUR)
        assert won(await run.wait()) == -2
        assert won(await other.wait()) is None
        assert [entry.address for entry in await recorded(run, EventDefaulted)] == ["w"]


@behaviour("events", "An event that comes in time is taken, and no default is given later", verdict="new")
async def test_an_event_in_time_ends_the_wait(place: Place) -> None:
    clock = OwnTime()
    async with place.app(lenient, clock=clock) as app:
        run = await app.get_workflow(lenient).create_run()
        await run.start_async(1)
        await comes_to(run, "waiting")
        clock.move(HOUR - timedelta(milliseconds=1))
        await run.send_event("number", 20)
        assert won(await run.wait()) == 40
        clock.move(HOUR)
        assert await recorded(run, EventDefaulted) == []


@behaviour(
    "events", "Of an event and the end of a wait at one moment the one that is recorded first counts", verdict="new"
)
async def test_an_event_at_the_deadline_is_taken_if_nobody_has_noted_the_end(place: Place) -> None:
    clock = OwnTime()
    async with place.app(strict, clock=clock, recover_every=NEVER) as app:
        run = await app.get_workflow(strict).create_run()
        await run.start_async(1)
        await comes_to(run, "waiting")
        clock.at += HOUR_MS  # the moment is there, and no timer has told anyone
        await run.send_event("number", 20)
        assert won(await run.wait()) == 20

        late = await app.get_workflow(strict).create_run()
        await late.start_async(1)
        await comes_to(late, "waiting")
        clock.move(HOUR)
        lost(await late.wait())
        with pytest.raises(RunEnded):
            await late.send_event("number", 20)


@behaviour("events", "An event that does not match does not lengthen a wait", verdict="new")
async def test_an_event_that_does_not_match_at_the_deadline_lets_the_wait_end(place: Place) -> None:
    clock = OwnTime()
    async with place.app(lenient, clock=clock, recover_every=NEVER) as app:
        run = await app.get_workflow(lenient).create_run()
        await run.start_async(1)
        await comes_to(run, "waiting")
        await run.send_event("number", 5)
        await comes_to(run, "waiting")
        assert (await run.record()).wake_at == clock.now() + HOUR_MS
        clock.at += HOUR_MS
        await run.send_event("number", 6)
        assert won(await run.wait()) == -2
        assert await recorded(run, EventMatched) == []


@behaviour(
    "events", "An event that came in time counts though the time is over when the run is taken up again", verdict="new"
)
async def test_an_event_that_came_while_no_process_was_there_counts(place: Place) -> None:
    clock = OwnTime()
    async with place.app(lenient, clock=clock) as app:
        run = await app.get_workflow(lenient).create_run(run_id="r1")
        await run.start_async(1)
        await comes_to(run, "waiting")
        (awaited,) = await recorded(run, EventAwaited)
        await run.send_event("number", 20)
    clock.at += 2 * HOUR_MS
    async with place.app(lenient, clock=clock) as app:
        again = await app.get_run("r1")
        assert won(await again.wait()) == 40
        assert await recorded(again, EventAwaited) == [awaited]


@behaviour("events", "A wait goes on for its remaining time after a restart", verdict="new")
async def test_a_wait_goes_on_for_its_remaining_time_after_a_restart(place: Place) -> None:
    clock = OwnTime()
    async with place.app(strict, clock=clock) as app:
        run = await app.get_workflow(strict).create_run(run_id="r1")
        await run.start_async(1)
        await comes_to(run, "waiting")
    clock.at += HOUR_MS // 2
    async with place.app(strict, clock=clock) as app:
        again = await app.get_run("r1")
        assert (await again.record()).wake_at == clock.now() + HOUR_MS // 2
        clock.move(HOUR / 2)
        assert lost(await again.wait()).code == "event_timeout"


@behaviour("events", "An event that was kept ends a wait at once, and no time is waited", verdict="new")
async def test_an_early_event_ends_a_wait_with_a_timeout_at_once(place: Place) -> None:
    clock = OwnTime()
    async with place.app(strict, clock=clock) as app:
        run = await app.get_workflow(strict).create_run()
        await run.send_event("number", 5)
        await run.send_event("number", 50)
        await run.start_async(1)
        assert won(await run.wait()) == 50


@behaviour(
    "events", "An event that comes after the deadline is too late, also if nobody has noted the end", verdict="new"
)
async def test_an_event_after_the_deadline_is_not_taken(place: Place) -> None:
    clock = OwnTime()
    async with place.app(strict, clock=clock, recover_every=NEVER) as app:
        run = await app.get_workflow(strict).create_run()
        await run.start_async(1)
        await comes_to(run, "waiting")
        clock.at += HOUR_MS + 1  # the timer has not rung: as in a process that is slow, or was away
        await run.send_event("number", 11)
        assert await recorded(run, EventMatched) == []
        clock.move(timedelta(0))
        assert lost(await run.wait()).code == "event_timeout"
