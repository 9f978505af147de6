"""What a run tells of itself while it goes on: ``stream`` and ``events``."""

from __future__ import annotations

import asyncio
from typing import TypeVar

import msgspec
import pytest

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, ask, comes_to, double, until, won
from waystation import Event, Run, StepContext, step, workflow
from waystation.engine.events import RunSuspendedEvent, StepOutputEvent, StepResumedEvent, StepSuspendedEvent
from waystation.errors import InvalidInput, RunAlreadyStarted

pytestmark = pytest.mark.anyio

In = TypeVar("In")
Out = TypeVar("Out")


async def all_events(run: Run[In, Out], *, after: int = 0) -> list[Event]:
    """The events of a run that has ended, or ends."""
    async with asyncio.timeout(20):
        return [event async for event in run.events(after=after)]


def shown(event: Event) -> str:
    """An event in short: what happened, and where."""
    address = getattr(event, "address", "")
    return f"{event.type} {address}".strip()


@step
async def writes(number: int, ctx: StepContext) -> int:
    for chunk in range(number):
        await ctx.write({"n": chunk})
    return number


@step
def writes_sync(number: int, ctx: StepContext) -> int:
    for chunk in range(number):
        ctx.write_sync(chunk)
    return number


def chunks_of(events: list[Event]) -> list[object]:
    return [chunk for event in events if isinstance(event, StepOutputEvent) for chunk in event.chunks]


@behaviour(
    "events",
    "A run's events come in order, each with the number of the entry it is made of",
    verdict="better",
    why="events have no number; who lost the connection cannot go on",
)
async def test_the_events_of_a_run_in_order(place: Place) -> None:
    flow = workflow("flow", input=int, output=int).then(add_one).then(double).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        events = [event async for event in run.stream(1)]
        assert [shown(event) for event in events] == [
            "run-started",
            "step-started add-one",
            "step-succeeded add-one",
            "step-started double",
            "step-succeeded double",
            "run-finished",
        ]
        assert {event.run_id for event in events} == {run.run_id}
        seqs = [event.seq for event in events]
        assert seqs == sorted(seqs)
        assert events == await all_events(run)


@behaviour("events", "A stream starts the run as start does, and raises as it does", verdict="same")
async def test_a_stream_raises_as_start_does(place: Place) -> None:
    flow = workflow("flow", input=int, output=int).then(add_one).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        with pytest.raises(InvalidInput):
            await anext(run.stream("no number"))
        assert await run.status() == "pending"
        await until(run.stream(1), "run-finished")
        with pytest.raises(RunAlreadyStarted):
            await anext(run.stream(1))


@behaviour(
    "events", "A stream ends when the run is suspended; events() goes on, over the answer, to the end", verdict="same"
)
async def test_a_stream_ends_at_a_suspension_and_events_go_on(place: Place) -> None:
    flow = workflow("flow", input=int, output=int).then(ask).then(double).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        streamed = [event async for event in run.stream(1)]
        assert [shown(event) for event in streamed] == [
            "run-started",
            "step-started ask",
            "step-suspended ask",
            "run-suspended",
        ]
        following = asyncio.create_task(all_events(run))
        await run.resume(data=2, actor="ada")
        events = await following
    assert events[:4] == streamed
    assert [shown(event) for event in events[4:]] == [
        "step-resumed ask",
        "step-started ask",
        "step-succeeded ask",
        "step-started double",
        "step-succeeded double",
        "run-finished",
    ]
    suspended, parked, resumed = events[2:5]
    assert isinstance(suspended, StepSuspendedEvent)
    assert (suspended.payload, suspended.label) == ("1?", "label-1")
    assert isinstance(parked, RunSuspendedEvent)
    assert parked.addresses == ("ask",)
    assert isinstance(resumed, StepResumedEvent)
    assert (resumed.data, resumed.actor) == (2, "ada")


@behaviour("events", "Chunks that a step writes come in the order it wrote them, before its end", verdict="same")
@pytest.mark.parametrize("how", ["async", "sync"])
async def test_chunks_come_in_order(how: str, place: Place) -> None:
    flow = workflow("flow", input=int, output=int).then(writes if how == "async" else writes_sync).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        events = [event async for event in run.stream(100)]
    expected = [{"n": number} for number in range(100)] if how == "async" else list(range(100))
    assert chunks_of(events) == expected
    kinds = [event.type for event in events]
    assert kinds.index("step-output") < kinds.index("step-succeeded")


@behaviour("events", "A chunk is told while its step still runs", verdict="same")
async def test_a_chunk_is_told_while_its_step_runs(place: Place) -> None:
    gate = asyncio.Event()

    @step
    async def slow(number: int, ctx: StepContext) -> int:
        await ctx.write("first")
        await gate.wait()
        await ctx.write("second")
        return number

    flow = workflow("flow", input=int, output=int).then(slow).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        events = run.stream(1)
        first = await until(events, "step-output")
        assert not gate.is_set()
        gate.set()
        second = await until(events, "step-output")
        assert won(await run.wait()) == 1
    assert [getattr(event, "chunks", ()) for event in (first, second)] == [("first",), ("second",)]


@behaviour("events", "Chunks of steps side by side are each told in order, by address", verdict="same")
async def test_chunks_of_steps_side_by_side_are_told_apart(place: Place) -> None:
    flow = workflow("flow", input=list[int], output=list[int]).foreach(writes, concurrency=3, id="each").commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        events = [event async for event in run.stream([3, 4, 5])]
    for item, count in enumerate([3, 4, 5]):
        own = [event for event in events if getattr(event, "address", "") == f"each[{item}]/writes"]
        assert chunks_of(own) == [{"n": number} for number in range(count)]


@behaviour(
    "events", "A reader goes on after the last number it has, and neither misses nor repeats anything", verdict="new"
)
async def test_a_reader_goes_on_after_any_event_without_loss_or_repetition(place: Place) -> None:
    flow = (
        workflow("flow", input=list[int], output=list[int])
        .foreach(writes, concurrency=2, id="each")
        .foreach(double, id="again")
        .commit()
    )
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        events = [event async for event in run.stream([1, 2, 3])]
        assert len(events) > events[-1].seq
        for cut in range(events[-1].seq + 1):
            again = [event async for event in run.events(after=cut)]
            assert again == [event for event in events if event.seq > cut]
        for number, last in enumerate(events):  # also in the middle of what one entry announces
            again = [event async for event in run.events(after=last.seq, part=last.part)]
            assert again == events[number + 1 :]
    async with place.app(flow) as app:
        assert [event async for event in (await app.get_run("r1")).events()] == events


@behaviour(
    "events",
    "A reader that comes in the middle of a run misses nothing that follows",
    verdict="better",
    why="only events from then on, and of the same process, are given",
)
async def test_readers_that_come_at_any_time_see_the_same(place: Place) -> None:
    gate = asyncio.Event()

    @step
    async def slow(number: int) -> int:
        await gate.wait()
        return number

    flow = workflow("flow", input=int, output=int).then(add_one).then(slow).then(double).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        early = asyncio.create_task(all_events(run))
        await run.start_async(1)
        started = await until(run.events(), "step-started", "slow")
        middle = asyncio.create_task(all_events(run, after=started.seq))
        so_far = [event async for event in run.events(live=False)]
        gate.set()
        await run.wait()
        late = await all_events(run)
        assert so_far == late[: late.index(started) + 1], "who does not wait has what was there"
        assert await early == late
        assert await middle == [event for event in late if event.seq > started.seq]


@behaviour("events", "An event as JSON says what it is", verdict="new")
async def test_an_event_is_json(place: Place) -> None:
    flow = workflow("flow", input=int, output=int).then(add_one).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        (done,) = [event async for event in run.stream(1) if event.type == "step-succeeded"]
    plain = msgspec.json.decode(msgspec.json.encode(done))
    assert plain == {
        "type": "step-succeeded",
        "run_id": run.run_id,
        "seq": done.seq,
        "at": done.at,
        "address": "add-one",
        "attempt": 1,
        "output": 2,
    }


@behaviour("events", "A stream that is left early leaves the run alone", verdict="same")
async def test_leaving_a_stream_leaves_the_run_alone(place: Place) -> None:
    gate = asyncio.Event()

    @step
    async def slow(number: int) -> int:
        await gate.wait()
        return number

    flow = workflow("flow", input=int, output=int).then(slow).then(double).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        stream = run.stream(2)
        await until(stream, "step-started")
        await stream.aclose()  # type: ignore[attr-defined]  # it is a generator, though its type does not say so
        gate.set()
        assert won(await run.wait()) == 4
        await comes_to(run, "success")
