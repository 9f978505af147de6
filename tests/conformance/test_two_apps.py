"""Two apps on one database, as two processes have it, or on one store in memory: each sees what the other writes."""

from __future__ import annotations

import asyncio

import pytest

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, ask, comes_to, double, recorded, until, won
from tests.conformance.waiting import in_time
from waystation import Event, StepContext, step, workflow
from waystation.core.entries import EventReceived

pytestmark = pytest.mark.anyio


@behaviour("events", "An event sent from another process reaches a run that is under way here", verdict="new")
async def test_an_event_from_another_app_reaches_a_run_under_way(place: Place) -> None:
    began, gate = asyncio.Event(), asyncio.Event()

    @step
    async def slow(number: int) -> int:
        began.set()
        await gate.wait()
        return number

    flow = workflow("flow", input=int, output=int).then(slow).wait_for("number", int).commit()
    async with place.app(flow) as here, place.app(flow) as there:
        run = await here.get_workflow(flow).create_run(run_id="r1")
        await run.start_async(1)
        await began.wait()
        await (await there.get_run("r1")).send_event("number", 7)
        assert (await run.record()).status == "running"
        gate.set()
        assert won(await run.wait()) == 7


@behaviour(
    "events",
    "An event sent from another process ends the wait of a parked run; who waits for it here is told",
    verdict="new",
)
async def test_an_event_from_another_app_ends_the_wait_of_a_parked_run(place: Place) -> None:
    flow = workflow("flow", input=int, output=int).wait_for("number", int).then(double).commit()
    async with place.app(flow) as here, place.app(flow) as there:
        run = await here.get_workflow(flow).create_run(run_id="r1")
        result = asyncio.create_task(run.start(1))
        await comes_to(run, "waiting")
        await there.send_event("number", 7)
        async with asyncio.timeout(20):
            assert won(await result) == 14


@behaviour("events", "An event sent from another process reaches a wait beside a step that runs here", verdict="new")
async def test_an_event_from_another_app_reaches_a_wait_beside_a_running_step(place: Place) -> None:
    gate = asyncio.Event()

    @step
    async def slow(number: int) -> int:
        await gate.wait()
        return number

    inner = workflow("inner", input=int, output=int).wait_for("number", int).then(double).commit()
    flow = workflow("flow", input=int, output=dict[str, int]).parallel([slow, inner]).commit()
    async with place.app(flow) as here, place.app(flow) as there:
        run = await here.get_workflow(flow).create_run(run_id="r1")
        await run.start_async(1)
        events = run.events()
        await until(events, "step-started", "slow")
        await (await there.get_run("r1")).send_event("number", 7)
        await until(events, "step-succeeded", "inner/double")
        gate.set()
        assert won(await run.wait()) == {"slow": 1, "inner": 14}


@behaviour("events", "Of one event sent with one key from two processes at once a run takes one", verdict="new")
async def test_of_one_event_sent_from_two_apps_one_is_taken(place: Place) -> None:
    flow = workflow("flow", input=int, output=int).wait_for("number", int).wait_for("number", int, id="more").commit()
    async with place.app(flow) as here, place.app(flow) as there:
        run = await here.get_workflow(flow).create_run(run_id="r1")
        await run.start_async(1)
        other = await there.get_run("r1")
        await asyncio.gather(*(each.send_event("number", 7, idempotency_key="k") for each in (run, other) * 5))
        await comes_to(run, "waiting")
        assert len(await recorded(run, EventReceived)) == 1
        await other.send_event("number", 8, idempotency_key="k2")
        assert won(await run.wait()) == 8


@behaviour(
    "suspend",
    "A suspension is answered from another process while a step beside it still runs here",
    verdict="better",
    model=(76,),
    why="it is refused until all siblings have ended",
)
async def test_an_answer_from_another_app_works_while_a_sibling_runs(place: Place) -> None:
    gate = asyncio.Event()

    @step
    async def slow(number: int) -> int:
        await gate.wait()
        return number

    flow = workflow("flow", input=int, output=dict[str, int]).parallel([ask, slow]).commit()
    async with place.app(flow) as here, place.app(flow) as there:
        run = await here.get_workflow(flow).create_run(run_id="r1")
        await run.start_async(1)
        events = run.events()
        await until(events, "step-suspended", "ask")
        await (await there.get_run("r1")).resume_async(data=10)
        await until(events, "step-succeeded", "ask")
        gate.set()
        assert won(await run.wait()) == {"ask": 11, "slow": 1}


@behaviour(
    "suspend",
    "One answer after the other from another process reaches a run while a step beside them still runs here",
    verdict="new",
)
async def test_answers_from_another_app_go_on_reaching_a_run_while_a_sibling_runs(place: Place) -> None:
    gate = asyncio.Event()

    @step
    async def slow(number: int) -> int:
        await gate.wait()
        return number

    inner = workflow("inner", input=int, output=int).then(ask).then(ask.clone(id="again")).commit()
    flow = workflow("flow", input=int, output=dict[str, int]).parallel([inner, slow]).commit()
    async with in_time(), place.app(flow) as here, place.app(flow) as there:
        run = await here.get_workflow(flow).create_run(run_id="r1")
        await run.start_async(1)
        events = run.events()
        for asking in ("inner/ask", "inner/again"):
            await until(events, "step-suspended", asking)
            await (await there.get_run("r1")).resume_async(data=10)
            await until(events, "step-succeeded", asking)
        gate.set()
        assert won(await run.wait()) == {"inner": 21, "slow": 1}


@behaviour(
    "suspend",
    "Two people answer two open suspensions from two processes at one instant: both are accepted",
    verdict="better",
    model=(38,),
    why="one is refused: the claim is for the whole run",
)
async def test_two_answers_from_two_apps_at_once_are_both_accepted(place: Place) -> None:
    flow = workflow("flow", input=int, output=dict[str, int]).parallel([ask, ask.clone(id="other")]).commit()
    async with place.app(flow) as here, place.app(flow) as there:
        for number in range(10):
            run = await here.get_workflow(flow).create_run(run_id=f"r{number}")
            await run.start(1)
            other = await there.get_run(run.run_id)
            await asyncio.gather(run.resume_async(step="ask", data=1), other.resume_async(step="other", data=2))
            assert won(await run.wait()) == {"ask": 2, "other": 3}
            assert won(await other.wait()) == {"ask": 2, "other": 3}


@behaviour(
    "events",
    "A reader in another process is told the same events, live, and goes on after any of them",
    verdict="better",
    why="only the process that runs a run can stream it",
)
async def test_events_are_followed_from_another_app(place: Place) -> None:
    gate = asyncio.Event()

    @step
    async def slow(number: int, ctx: StepContext) -> int:
        await ctx.write("half")
        await gate.wait()
        await ctx.write("done")
        return number

    async def follow(events: list[Event], *, after: int = 0, part: int | None = None) -> list[Event]:
        async with asyncio.timeout(20):
            async for event in (await there.get_run("r1")).events(after=after, part=part):
                events.append(event)
                if event.type == "step-output":
                    gate.set()  # so it is told while the step runs, or the run never ends
        return events

    flow = workflow("flow", input=int, output=int).then(add_one).then(slow).then(ask).then(double).commit()
    async with place.app(flow) as here, place.app(flow) as there:
        run = await here.get_workflow(flow).create_run(run_id="r1")
        seen: list[Event] = []
        following = asyncio.create_task(follow(seen))
        assert (await run.start(1)).status == "suspended"
        assert won(await run.resume(data=3)) == 10
        assert await following == [event async for event in run.events()]
        for number, last in enumerate(seen):
            assert await follow([], after=last.seq, part=last.part) == seen[number + 1 :]
