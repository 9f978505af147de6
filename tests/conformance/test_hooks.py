"""Hooks: functions of a program that are asked when a run starts, and told when it stops."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from pydantic import BaseModel

from tests.conformance.apps import OwnTime, Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, ask, fail, lost, waits, won
from tests.conformance.waiting import a_timer, in_time
from waystation import ErrorRecord, HookEvent, Retry, Suspension, Workflow, step, workflow
from waystation.errors import InvalidInput, RunAlreadyStarted, StartRefused

pytestmark = pytest.mark.anyio


class Order(BaseModel):
    name: str


class Told:
    """Hooks that note what they are told, as ``hook status``."""

    def __init__(self) -> None:
        self.events: list[tuple[str, HookEvent]] = []

    def on_start(self, event: HookEvent) -> None:
        self.events.append(("start", event))

    async def on_finish(self, event: HookEvent) -> None:
        await asyncio.sleep(0)
        self.events.append(("finish", event))

    def on_error(self, event: HookEvent) -> None:
        self.events.append(("error", event))

    async def on_suspend(self, event: HookEvent) -> None:
        self.events.append(("suspend", event))

    def names(self) -> list[str]:
        return [f"{name} {event.status}" for name, event in self.events]

    def last(self) -> HookEvent:
        return self.events[-1][1]


def hooked(told: Told, *, failing: bool = False) -> Workflow[int, int]:
    """A workflow that asks, and then ends well or badly."""
    return (
        workflow(
            "flow",
            input=int,
            output=int,
            version="3",
            on_start=told.on_start,
            on_finish=told.on_finish,
            on_error=told.on_error,
            on_suspend=told.on_suspend,
        )
        .then(ask)
        .then(fail if failing else add_one)
        .commit()
    )


@behaviour(
    "run",
    "`on_start` is asked before a run starts; `on_suspend` is told when it is parked for an answer; `on_finish` when "
    "it has ended. Each is told once, and may be async.",
    verdict="better",
    model=(32, 88),
    why="The model's onFinish fires at every stop, also at a suspension.",
)
async def test_each_hook_is_told_once_of_what_it_is_for(place: Place) -> None:
    told = Told()
    flow = hooked(told)
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1", resource_id="ada")
        assert told.names() == []
        (asked,) = waits(await run.start(1))
        assert told.names() == ["start running", "suspend suspended"]
        assert won(await run.resume(data=10)) == 12
    assert told.names() == ["start running", "suspend suspended", "finish success"]
    for _, event in told.events:
        assert (event.run_id, event.workflow_id, event.version, event.resource_id) == ("r1", "flow", "3", "ada")
    start, suspend, finish = (event for _, event in told.events)
    assert (start.input, start.result, start.suspensions) == (1, None, ())
    (suspension,) = suspend.suspensions
    assert isinstance(suspension, Suspension)
    assert suspension.id == asked.id
    assert (finish.result, finish.error) == (12, None)


@behaviour("run", "`on_error` is told of a run that failed, after `on_finish`.", verdict="same", model=(55,))
async def test_a_failed_run_is_told_to_on_finish_and_then_to_on_error(place: Place) -> None:
    told = Told()
    flow = hooked(told, failing=True)
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start(1)
        lost(await run.resume(data=1))
    assert told.names() == ["start running", "suspend suspended", "finish failed", "error failed"]
    assert isinstance(told.last().error, ErrorRecord)
    assert told.last().result is None


@behaviour(
    "run",
    "`on_finish` is told of a run that was cancelled, also before it was started; `on_error` is not.",
    verdict="same",
    model=(55,),
)
async def test_a_cancelled_run_is_told_to_on_finish(place: Place) -> None:
    told = Told()
    flow = hooked(told)
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start(1)
        await run.cancel()
        await (await app.get_workflow(flow).create_run()).cancel()
    assert told.names() == ["start running", "suspend suspended", "finish cancelled", "finish cancelled"]


@behaviour("run", "A run that is parked for a time only is told to nobody.", verdict="new")
async def test_a_run_that_waits_for_a_time_is_told_to_nobody(place: Place) -> None:
    told = Told()
    clock = OwnTime()

    @step(retry=Retry(attempts=2, initial=timedelta(hours=1)))
    async def shaky(number: int) -> int:
        if clock.now() == OwnTime().now():
            raise ConnectionError
        return number

    flow = (
        workflow("flow", input=int, output=int, on_finish=told.on_finish, on_suspend=told.on_suspend)
        .then(shaky)
        .sleep(timedelta(hours=1))
        .commit()
    )
    async with in_time(), place.app(flow, clock=clock) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(1)
        for _ in range(2):
            await a_timer(clock)
            assert told.names() == []
            clock.move(timedelta(hours=1))
        assert won(await run.wait()) == 1
    assert told.names() == ["finish success"]


@behaviour(
    "run", "A run of a workflow that is parked again, for another answer, is told again.", verdict="same", model=(32,)
)
async def test_each_time_a_run_is_parked_is_told(place: Place) -> None:
    told = Told()
    flow = (
        workflow("flow", input=int, output=dict[str, int], on_suspend=told.on_suspend)
        .parallel([ask.clone(id="a"), ask.clone(id="b")])
        .commit()
    )
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start(1)
        await run.resume(step="a", data=1)
        await run.resume(data=1)
    assert [len(event.suspensions) for _, event in told.events] == [2, 1]


@behaviour(
    "run",
    "An `on_start` that raises refuses the start: nothing runs, the run stays pending, and may be started later.",
    verdict="same",
    model=(31,),
)
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_on_start_may_refuse_and_the_run_stays_startable(asynchronous: bool, place: Place) -> None:
    open_now = False

    def gate(event: HookEvent) -> None:
        assert isinstance(event.input, Order)
        if not open_now:
            raise PermissionError(f"{event.input.name} must wait")

    async def gate_later(event: HookEvent) -> None:
        await asyncio.sleep(0)
        gate(event)

    @step
    async def work(order: Order) -> str:
        return order.name

    flow = workflow("flow", input=Order, output=str, on_start=gate_later if asynchronous else gate).then(work).commit()
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        before = await run.journal()
        with pytest.raises(StartRefused, match="ada must wait") as caught:
            await run.start({"name": "ada"})
        assert caught.value.run_id == "r1"
        assert isinstance(caught.value.__cause__, PermissionError)
        assert await run.status() == "pending"
        assert await run.journal() == before
        with pytest.raises(StartRefused):
            await app.get_workflow(flow).start({"name": "bob"})
        assert [each.run_id for each in (await app.list_runs()).runs] == ["r1"], "a refused start creates no run"
        open_now = True
        assert won(await run.start({"name": "ada"})) == "ada"


@behaviour(
    "run",
    "`on_start` is asked of no bad input, of no second start, and not when a run goes on.",
    verdict="same",
    model=(88,),
)
async def test_on_start_is_asked_on_no_other_occasion(place: Place) -> None:
    told = Told()
    flow = hooked(told)
    async with in_time():
        async with place.app(flow) as app:
            run = await app.get_workflow(flow).create_run(run_id="r1")
            with pytest.raises(InvalidInput):
                await run.start("one")
            assert told.names() == []
            await run.start(1)
            with pytest.raises(RunAlreadyStarted):
                await run.start(1)
        async with place.app(flow) as app:
            again = await app.get_run("r1")
            assert (await again.resume(data=1)).status == "success"
            await again.restart()
            assert (await (await again.fork("add-one")).wait()).status == "success"
    assert told.names() == ["start running", "suspend suspended", "finish success", "finish success"]


@pytest.mark.parametrize("asynchronous", [False, True])
@behaviour("run", "What any other hook raises is logged and changes nothing.", verdict="same", model=(32,))
async def test_a_hook_that_raises_changes_nothing(
    asynchronous: bool, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    told = Told()

    def broken(event: HookEvent) -> None:
        raise RuntimeError(f"broken at {event.status}")

    async def broken_later(event: HookEvent) -> None:
        broken(event)

    hook = broken_later if asynchronous else broken
    flow = (
        workflow("flow", input=int, output=int, on_finish=hook, on_error=told.on_error, on_suspend=hook)
        .then(ask)
        .then(fail)
        .commit()
    )
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        waits(await run.start(1))
        assert lost(await run.resume(data=1)).address == "fail"
    assert told.names() == ["error failed"], "the hook after it is told all the same"
    logged = [str(record.exc_info[1]) for record in caplog.records if record.exc_info is not None]
    assert logged == ["broken at suspended", "broken at failed"]


@behaviour("run", "A hook is told when all is durable, and before who waits for the run.", verdict="new")
async def test_a_hook_finds_the_run_in_the_store_as_it_is_told(place: Place) -> None:
    seen: list[str] = []

    async def look(event: HookEvent) -> None:
        run = await app.get_run(event.run_id)
        seen.append(f"{event.status} {await run.status()}")

    flow = workflow("flow", input=int, output=int, on_finish=look, on_suspend=look).then(ask).commit()
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start(1)
        assert seen == ["suspended suspended"]
        await run.resume(data=1)
        assert seen == ["suspended suspended", "success success"]


@behaviour("run", "The hooks are those of the run's own workflow, not of workflows nested in it.", verdict="same")
async def test_hooks_of_a_nested_workflow_are_not_told(place: Place) -> None:
    outer, inner = Told(), Told()
    nested = workflow("inner", input=int, output=int, on_start=inner.on_start, on_finish=inner.on_finish)
    flow = (
        workflow("flow", input=int, output=int, on_start=outer.on_start, on_finish=outer.on_finish)
        .then(nested.then(add_one).commit())
        .commit()
    )
    async with in_time(), place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) == 2
    assert outer.names() == ["start running", "finish success"]
    assert inner.names() == []
