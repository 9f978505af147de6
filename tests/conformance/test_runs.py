"""The life of runs around their steps: created, started, listed, followed, handed over."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter

import pytest

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from waystation import StepContext, Waystation, step, workflow
from waystation.errors import (
    AppClosed,
    DuplicateWorkflow,
    InvalidId,
    InvalidInput,
    NotCommitted,
    RunAlreadyExists,
    RunAlreadyStarted,
    RunNotFound,
    UnknownWorkflow,
    WrongLoop,
)
from waystation.testing.crashing import CrashingStore

pytestmark = pytest.mark.anyio


@step
async def first(number: int) -> int:
    return number + 1


@step(suspend=str, resume=int)
async def ask(number: int, ctx: StepContext[str, int]) -> int:
    if ctx.resume_data is None:
        await ctx.suspend(f"{number}?")
    return number + ctx.resume_data


@step
def fail(number: int) -> int:
    raise ValueError(number)


plain = workflow("plain", input=int, output=int).then(first).commit()
asking = workflow("asking", input=int, output=int).then(first).then(ask).commit()
failing = workflow("failing", input=int, output=int).then(fail).commit()


@behaviour(
    "run",
    "A run is pending until it is started, and starts once: of many starts at once one is accepted",
    verdict="better",
    model=(54,),
    why="both run everything (newer versions refuse the second)",
)
async def test_a_run_is_pending_until_started_and_then_started_once(place: Place) -> None:
    async with place.app(plain) as app:
        run = await app.get_workflow(plain).create_run(run_id="r1", resource_id="order")
        assert await run.status() == "pending"
        assert (await run.result()).status == "pending"
        with pytest.raises(RunAlreadyExists):
            await app.get_workflow(plain).create_run(run_id="r1")
        told = await asyncio.gather(*(run.start(number) for number in range(10)), return_exceptions=True)
        assert Counter(type(each).__name__ for each in told) == {"RunSucceeded": 1, "RunAlreadyStarted": 9}
        with pytest.raises(RunAlreadyStarted):
            await run.start(1)
        assert (await run.record()).resource_id == "order"


@behaviour("data", "A bad input refuses the start, and no run is created", verdict="same", model=(21,))
async def test_bad_input_to_a_workflow_creates_no_run(place: Place) -> None:
    async with place.app(plain) as app:
        with pytest.raises(InvalidInput):
            await app.get_workflow(plain).start("x")
        assert (await app.list_runs()).runs == []


@behaviour(
    "run",
    "Runs are listed newest first, by workflow, status and resource, page by page without gaps",
    verdict="same",
    model=(71,),
)
async def test_runs_are_listed_newest_first_and_paged_without_gaps(place: Place) -> None:
    async with place.app(plain, asking, failing) as app:
        for number in range(7):
            run = await app.get_workflow(plain).create_run(run_id=f"p{number}", resource_id=f"res{number % 2}")
            await run.start(number)
        await (await app.get_workflow(asking).create_run(run_id="a")).start(1)
        await (await app.get_workflow(failing).create_run(run_id="f")).start(1)
        everything = [run.run_id for run in (await app.list_runs()).runs]
        assert everything == ["f", "a", *(f"p{number}" for number in range(6, -1, -1))]
        paged: list[str] = []
        cursor = None
        while True:
            page = await app.list_runs(limit=2, cursor=cursor)
            paged += [run.run_id for run in page.runs]
            if (cursor := page.cursor) is None:
                break
        assert paged == everything
        assert [r.run_id for r in (await app.list_runs(status="failed")).runs] == ["f"]
        assert [r.run_id for r in (await app.list_runs(workflow="asking")).runs] == ["a"]
        assert [r.run_id for r in (await app.list_runs(resource_id="res1")).runs] == ["p5", "p3", "p1"]


@behaviour(
    "events",
    "A stream gives typed events until the run rests; read again from any seq they are the same",
    verdict="same",
)
async def test_a_stream_gives_the_events_in_order_until_the_run_rests(place: Place) -> None:
    async with place.app(asking) as app:
        run = await app.get_workflow(asking).create_run()
        seen = [event async for event in run.stream(1)]
        names = [event.type for event in seen]
        assert names == [
            "run-started",
            "step-started",
            "step-succeeded",
            "step-started",
            "step-suspended",
            "run-suspended",
        ]
        await run.resume(data=5)
        later = [event async for event in run.events(after=seen[-1].seq)]
        assert [event.type for event in later] == ["step-resumed", "step-started", "step-succeeded", "run-finished"]
        again = [event async for event in run.events()]
        assert again == [*seen, *later], "read again from the journal, the events are the same"
        assert [event.seq for event in again] == sorted(event.seq for event in again)


@behaviour("events", "The events of a run that another process drives can be followed", verdict="new")
async def test_events_of_a_run_driven_elsewhere_are_seen(place: Place) -> None:
    async with place.app(asking) as driving, place.app(asking) as watching:
        run = await driving.get_workflow(asking).create_run(run_id="r1")
        await run.start(1)

        async def watch() -> list[str]:
            return [event.type async for event in (await watching.get_run("r1")).events()]

        watcher = asyncio.create_task(watch())
        await run.resume(data=2)
        assert (await watcher)[-1] == "run-finished"


@behaviour("run", "A history tells of each step what it was asked, what was answered and by whom", verdict="same")
async def test_history_tells_what_happened_at_each_step(place: Place) -> None:
    async with place.app(asking) as app:
        run = await app.get_workflow(asking).create_run()
        await run.start(1)
        await run.resume(data=5, actor="ada", channel="mail")
        history = await run.history()
    assert [(each.address, each.status) for each in history.steps] == [("first", "success"), ("ask", "success")]
    (asked,) = history.steps[1].suspensions
    assert (asked.actor, asked.channel, bytes(asked.payload)) == ("ada", "mail", b'"2?"')


@behaviour("run", "An app that is closed hands its runs over, and another finishes them", verdict="new")
async def test_a_closed_app_hands_its_runs_over_and_another_finishes_them(place: Place) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()
    calls: list[str] = []

    @step
    async def slow(number: int) -> int:
        calls.append("slow")
        began.set()
        await go_on.wait()
        return number

    flow = workflow("flow", input=int, output=int).then(first).then(slow).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        waiting = asyncio.create_task(run.start(1))
        await began.wait()
    with pytest.raises(AppClosed):
        await waiting
    with pytest.raises(AppClosed):
        await app.get_run("r1")
    go_on.set()
    async with place.app(flow) as app:
        result = await (await app.get_run("r1")).wait()
    assert result.status == "success"
    assert result.result == 2
    assert calls == ["slow", "slow"], "the step in flight ran again, the one before did not"


@behaviour("run", "A run goes on when the task that waits for it is cancelled", verdict="same")
async def test_a_run_goes_on_when_the_one_who_waits_for_it_is_cancelled(place: Place) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    @step
    async def slow(number: int) -> int:
        began.set()
        await go_on.wait()
        return number

    flow = workflow("flow", input=int, output=int).then(slow).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        waiting = asyncio.create_task(run.start(1))
        await began.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        go_on.set()
        assert (await run.wait()).status == "success"


async def test_what_is_not_registered_is_told_with_what_is(place: Place) -> None:
    async with place.app(plain) as app:
        with pytest.raises(UnknownWorkflow, match="'plain'"):
            app.get_workflow("plian")
        with pytest.raises(UnknownWorkflow):
            app.get_workflow(asking)
        with pytest.raises(RunNotFound):
            await app.get_run("nobody")
    with pytest.raises(DuplicateWorkflow, match="'plain'"):
        Waystation(workflows=[plain, plain], store="memory://")
    with pytest.raises(NotCommitted, match=r"\.commit\(\)"):
        Waystation(workflows=[workflow("x", input=int, output=int).then(first)], store="memory://")  # type: ignore[list-item]  # the point


@behaviour("run", "Scripts without an event loop have methods that wait", verdict="new")
def test_scripts_without_a_loop_have_sync_twins(place: Place) -> None:
    app = Waystation(
        workflows=[plain, asking],
        store=place.url,
    )
    result = app.run(plain, 1)
    assert result.status == "success"
    assert result.result == 2
    run = app.get_workflow(asking).create_run_sync(run_id="r1")
    assert run.start_sync(1).status == "suspended"
    assert [each.payload for each in app.pending_sync()] == ["2?"]
    assert app.get_run_sync("r1").resume_sync(data=3).status == "success"
    ended = run.result_sync()
    assert ended.status == "success"
    assert ended.result == 5
    app.close_sync()
    assert not [thread for thread in threading.enumerate() if thread.name == "waystation loop"]


async def test_sync_twins_refuse_to_block_a_loop_and_an_app_belongs_to_one_loop(place: Place) -> None:
    async with place.app(plain) as app:
        with pytest.raises(WrongLoop):
            app.run(plain, 1)

        def elsewhere() -> str:
            try:
                asyncio.run(app.get_workflow(plain).start(1))
            except WrongLoop as error:
                return error.code
            return "accepted"

        assert await asyncio.to_thread(elsewhere) == "wrong_loop"


@behaviour("run", "A thousand runs at once all end", verdict="same")
async def test_a_thousand_runs_at_once_all_end(place: Place) -> None:
    async with place.app(plain) as app:
        results = await asyncio.gather(*(app.get_workflow(plain).start(number) for number in range(1000)))
    assert [result.result for result in results if result.status == "success"] == list(range(1, 1001))


async def test_a_run_of_n_steps_is_n_and_one_writes(place: Place) -> None:
    flow = workflow("flow", input=int, output=int).then(first).then(first.clone(id="second")).commit()
    store = CrashingStore(await place.store(), at=0)
    async with Waystation(workflows=[flow], store=store) as app:
        assert (await app.get_workflow(flow).start(1, run_id="r1", resource_id="order")).status == "success"
        assert store.writes == 3, "created and started, the first step, the second and the end"
        with pytest.raises(RunAlreadyExists):
            await app.get_workflow(flow).start(1, run_id="r1")
        assert [run.resource_id for run in (await app.list_runs()).runs] == ["order"]


@pytest.mark.parametrize("run_id", ["", "x" * 201, "a\0b", "a\nb", "\ud800"])
async def test_an_id_that_no_run_can_have_is_refused(run_id: str, place: Place) -> None:
    async with place.app(plain) as app:
        with pytest.raises(InvalidId):
            await app.get_workflow(plain).create_run(run_id=run_id)
        with pytest.raises(InvalidId):
            await app.get_workflow(plain).start(1, run_id=run_id)
        assert (await app.list_runs()).runs == []
