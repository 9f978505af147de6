"""Which kinds of events a run tells of itself."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest

from tests.conformance.apps import OwnTime, Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, ask, double, fail, until, waits_at, won
from waystation import Event, Retry, StepContext, step, workflow
from waystation.engine.events import CancelRequestedEvent, RunFinishedEvent, StepProgressEvent

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)


def shown(event: Event) -> str:
    """An event in short: what happened, and where."""
    address = getattr(event, "address", "")
    return f"{event.type} {address}".strip()


def progress_of(events: Sequence[Event]) -> list[tuple[str, int, int]]:
    return [(event.address, event.done, event.total) for event in events if isinstance(event, StepProgressEvent)]


@behaviour("events", "A foreach tells how many of its items are done", verdict="same")
@pytest.mark.parametrize("concurrency", [1, 3])
async def test_a_foreach_tells_its_progress(concurrency: int, place: Place) -> None:
    flow = (
        workflow("flow", input=list[int], output=list[int])
        .foreach(add_one, concurrency=concurrency, id="each")
        .commit()
    )
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        events = [event async for event in run.stream(list(range(5)))]
    progress = progress_of(events)
    assert progress == [("each", done, 5) for done in range(1, 6)]


@behaviour(
    "events",
    "Foreachs in a foreach tell their progress each by its address; an item that is a workflow is one item",
    verdict="new",
)
async def test_nested_foreachs_tell_their_progress(place: Place) -> None:
    row = workflow("row", input=list[int], output=list[int]).foreach(add_one, id="in").commit()
    flow = workflow("flow", input=list[list[int]], output=list[list[int]]).foreach(row, id="out").commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        events = [event async for event in run.stream([[1, 2], [], [3]])]
    progress = progress_of(events)
    assert progress == [
        ("out[0]/row/in", 1, 2),
        ("out[0]/row/in", 2, 2),
        ("out", 1, 3),
        ("out", 2, 3),
        ("out[2]/row/in", 1, 1),
        ("out", 3, 3),
    ]


@behaviour("events", "An item that failed is not told as done", verdict="new")
async def test_a_failed_item_is_not_told_as_done(place: Place) -> None:
    @step
    async def odd_fails(number: int) -> int:
        if number % 2:
            raise ValueError("odd")
        return number

    flow = workflow("flow", input=list[int], output=list[int]).foreach(odd_fails, id="each").commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        events = [event async for event in run.stream([0, 2, 3, 4])]
    assert progress_of(events) == [("each", 1, 4), ("each", 2, 4)]


@behaviour("events", "Every kind of event comes, once for each thing that happened", verdict="same")
async def test_every_kind_of_event_comes_once(place: Place) -> None:
    clock = OwnTime()

    @step(retry=Retry(attempts=2, initial=timedelta(0)))
    async def second_time(number: int, ctx: StepContext) -> int:
        await ctx.write("trying")
        if ctx.attempt == 1:
            raise ValueError("not yet")
        return number

    @step
    async def bails(number: int, ctx: StepContext) -> int:
        await ctx.bail([number])

    @step
    async def see(_: dict[str, int | None]) -> list[int]:
        return [1]

    inner = workflow("inner", input=list[int], output=list[int]).foreach(bails, id="each").commit()
    flow = (
        workflow("flow", input=int, output=list[int])
        .then(second_time)
        .branch([(lambda _: True, ask), (lambda _: False, double)], id="choice")
        .sleep(HOUR, id="nap")
        .wait_for("number", int, id="wait")
        .parallel([fail], allow_failure=True)
        .then(see)
        .then(inner)
        .commit()
    )
    async with place.app(flow, clock=clock) as app:
        run = await app.get_workflow(flow).create_run()
        streamed = [event async for event in run.stream(1)]
        assert streamed[-1].type == "run-suspended"
        await run.resume_async(data=2)
        await until(run.events(), "sleep-begun", "nap")
        clock.move(HOUR)
        await run.send_event("number", 5, actor="bank")
        assert won(await run.wait()) == [1]
        events = [event async for event in run.events()]
    assert Counter(map(shown, events)) == {
        "run-started": 1,
        "step-started second-time": 1,
        "step-output second-time": 2,
        "step-retrying second-time": 1,
        "step-succeeded second-time": 1,
        "branch-taken choice": 1,
        "step-started ask": 2,  # before it suspended, and with the answer
        "step-suspended ask": 1,
        "run-suspended": 1,
        "step-resumed ask": 1,
        "step-succeeded ask": 1,
        "sleep-begun nap": 1,
        "event-received": 1,
        "event-matched wait": 1,
        "step-started fail": 1,
        "step-failed fail": 1,
        "step-started see": 1,
        "step-succeeded see": 1,
        "step-started inner/each[0]/bails": 1,
        "step-bailed inner/each[0]/bails": 1,
        "run-finished": 1,
    }


@behaviour("events", "A failed, a cancelled and a paused run are told of", verdict="same")
async def test_how_runs_end_is_told(place: Place) -> None:
    bad = workflow("bad", input=int, output=int).map(lambda _: 1 // 0, output=int, id="div").commit()
    parked = workflow("parked", input=int, output=int).then(ask).commit()
    two_steps = workflow("two-steps", input=int, output=int).then(add_one).then(double).commit()
    async with place.app(bad, parked, two_steps) as app:
        run = await app.get_workflow(bad).create_run()
        events = [event async for event in run.stream(1)]
        assert [shown(event) for event in events] == ["run-started", "node-failed div", "run-finished"]
        finished = events[-1]
        assert isinstance(finished, RunFinishedEvent)
        assert finished.error is not None
        assert (finished.status, finished.error.type) == ("failed", "ZeroDivisionError")

        cancelled = await app.get_workflow(parked).create_run()
        await cancelled.start(1)
        await cancelled.cancel(reason="no use", actor="ada")
        told = [event async for event in cancelled.events()]
        assert [shown(event) for event in told[-2:]] == ["cancel-requested", "run-finished"]
        asked = told[-2]
        assert isinstance(asked, CancelRequestedEvent)
        assert (asked.reason, asked.actor) == ("no use", "ada")

        by_step = await app.get_workflow(two_steps).create_run()
        paused = [event async for event in by_step.stream(1, per_step=True)]
        assert [shown(event) for event in paused] == [
            "run-started",
            "step-started add-one",
            "step-succeeded add-one",
            "run-paused",
        ]


@behaviour("events", "An event that matches nothing does not hide that the run is suspended", verdict="new")
async def test_a_stream_ends_at_a_suspension_beside_a_wait_that_left_an_event_alone(place: Place) -> None:
    gate = asyncio.Event()

    @step(suspend=str, resume=int)
    async def ask_late(number: int, ctx: StepContext[str, int]) -> int:
        if ctx.resume_data is None:
            await gate.wait()
            await ctx.suspend("?")
        return ctx.resume_data

    large = workflow("large", input=int, output=int).wait_for("number", int, match=lambda n: n > 10).commit()
    flow = workflow("flow", input=int, output=dict[str, int]).parallel([large, ask_late]).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.send_event("number", 2)
        events = run.stream(1)
        await until(events, "step-started", "ask-late")
        gate.set()
        await until(events, "run-suspended")
        assert waits_at(await run.wait()) == ["ask-late"]
        await run.resume_async(data=3)
        await run.send_event("number", 40)
        assert won(await run.wait()) == {"large": 40, "ask-late": 3}
