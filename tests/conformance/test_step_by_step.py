"""A run that goes step by step: it pauses after each, and someone has it proceed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.conformance.apps import OwnTime, Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, ask, double, fail, lost, recorded, waits_at, won
from tests.conformance.waiting import a_timer, in_time
from waystation import Retry, RunResult, StepContext, step, workflow
from waystation.core.entries import StepSucceeded
from waystation.errors import RunNotActive, RunNotPaused

pytestmark = pytest.mark.anyio

chain = workflow("chain", input=int, output=int).then(add_one).then(double).then(add_one.clone(id="last")).commit()


def paused_before(result: RunResult[object]) -> list[str]:
    """Before which steps a run is paused, which it must be."""
    assert result.status == "paused", result
    return sorted(result.next_steps)


@behaviour(
    "run",
    "With `per_step` a run pauses after each step, and tells which are next; the last step ends it.",
    verdict="better",
    model=(67,),
    why="In the model the last step leaves the run paused too.",
)
async def test_a_run_goes_step_by_step_to_its_end(place: Place) -> None:
    async with in_time(), place.app(chain) as app:
        run = await app.get_workflow(chain).create_run()
        assert paused_before(await run.start(1, per_step=True)) == ["double"]
        assert await run.status() == "paused"
        result = await run.result()
        assert result.status == "paused"
        assert result.next_steps == ("double",)
        assert paused_before(await run.proceed(per_step=True)) == ["last"]
        assert [entry.address for entry in await recorded(run, StepSucceeded)] == ["add-one", "double"]
        assert won(await run.proceed(per_step=True)) == 5


@behaviour("run", "A paused run may also go on freely.", verdict="new")
async def test_a_paused_run_goes_on_freely(place: Place) -> None:
    async with in_time(), place.app(chain) as app:
        run = await app.get_workflow(chain).create_run()
        await run.start(1, per_step=True)
        assert won(await run.proceed()) == 5


@behaviour("run", "Of steps side by side one at a time is run, in the order they were written.", verdict="new")
async def test_steps_side_by_side_are_run_one_at_a_time(place: Place) -> None:
    called: list[str] = []

    @step
    async def work(number: int, ctx: StepContext) -> int:
        called.append(ctx.address)
        return number

    flow = workflow("flow", input=int, output=dict[str, int]).parallel([work.clone(id=name) for name in "abc"]).commit()
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert paused_before(await run.start(1, per_step=True)) == ["b", "c"]
        assert called == ["a"]
        assert paused_before(await run.proceed(per_step=True)) == ["c"]
        assert called == ["a", "b"]
        assert won(await run.proceed(per_step=True)) == {"a": 1, "b": 1, "c": 1}


@behaviour(
    "run", "Items of a foreach, turns of a loop and steps of nested workflows are steps like any other.", verdict="new"
)
async def test_items_turns_and_nested_steps_are_paused_between(place: Place) -> None:
    inner = workflow("inner", input=int, output=int).then(add_one).then(double).commit()

    @step
    async def total(numbers: list[int]) -> int:
        return sum(numbers)

    flow = (
        workflow("flow", input=list[int], output=int)
        .foreach(inner, id="items")
        .then(total)
        .do_until(add_one.clone(id="turn"), lambda number: number >= 12, id="loop")
        .commit()
    )
    seen: list[str] = []
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        result = await run.start([1, 2], per_step=True)
        while result.status == "paused":
            seen += result.next_steps
            result = await run.proceed(per_step=True)
        assert won(result) == 12
    assert seen == [
        "items[0]/inner/double",
        "items[1]/inner/add-one",
        "items[1]/inner/double",
        "total",
        "loop#1/turn",
        "loop#2/turn",
    ]


@behaviour(
    "run",
    "A paused run is parked: another process has it go on.",
    verdict="better",
    model=(67,),
    why="The model goes on by time travel.",
)
async def test_a_paused_run_goes_on_after_a_restart(place: Place) -> None:
    async with in_time():
        async with place.app(chain) as app:
            await (await app.get_workflow(chain).create_run(run_id="r1")).start(1, per_step=True)
        async with place.app(chain) as app:
            run = await app.get_run("r1")
            with pytest.raises(RunNotActive, match="is paused"):
                await run.restart()
            assert await run.status() == "paused", "nobody has it go on by itself"
            assert paused_before(await run.proceed(per_step=True)) == ["last"]
        async with place.app(chain) as app:
            assert (await (await app.get_run("r1")).proceed()).status == "success"


@behaviour(
    "run",
    "A step that suspends is a step that was run; its answer lets it go on with the next permission.",
    verdict="new",
)
async def test_a_step_that_suspends_takes_its_turn(place: Place) -> None:
    flow = workflow("flow", input=int, output=int).then(ask).then(double).commit()
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert waits_at(await run.start(1, per_step=True)) == ["ask"]
        with pytest.raises(RunNotPaused, match="suspended"):
            await run.proceed()
        assert paused_before(await run.resume(data=10)) == ["ask"]
        assert paused_before(await run.proceed(per_step=True)) == ["double"]
        assert won(await run.proceed(per_step=True)) == 22


@behaviour("run", "A step that is tried again is one step, with all its attempts.", verdict="new")
async def test_a_step_that_is_tried_again_is_one_step(place: Place) -> None:
    clock = OwnTime()
    called: list[str] = []

    @step(retry=Retry(attempts=2, initial=timedelta(hours=1)))
    async def shaky(number: int, ctx: StepContext) -> int:
        called.append(f"{ctx.address} {ctx.attempt}")
        if ctx.attempt == 1:
            raise ValueError
        return number

    flow = (
        workflow("flow", input=int, output=dict[str, int]).parallel([shaky.clone(id="a"), shaky.clone(id="b")]).commit()
    )
    async with in_time(), place.app(flow, clock=clock) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(1, per_step=True)
        await a_timer(clock)
        clock.move(timedelta(hours=1))
        assert paused_before(await run.wait()) == ["b"]
    assert called == ["a 1", "a 2"]


@behaviour("run", "Branches, maps and sleeps are no steps: a run does not pause before them.", verdict="new")
async def test_a_run_does_not_pause_before_what_is_no_step(place: Place) -> None:
    flow = (
        workflow("flow", input=int, output=int)
        .then(add_one)
        .map(lambda number: number * 3, output=int)
        .sleep(timedelta(0))
        .then(double)
        .commit()
    )
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert paused_before(await run.start(1, per_step=True)) == ["double"]
        assert won(await run.proceed(per_step=True)) == 12


@behaviour("run", "A step that fails ends the run, and what it did is undone without pausing.", verdict="new")
async def test_a_step_that_fails_ends_the_run_and_undoes_it_without_pausing(place: Place) -> None:
    undone: list[int] = []

    @step
    async def unbook(number: int) -> None:
        undone.append(number)

    @step(undo=unbook)
    async def book(number: int) -> int:
        return number + 1

    flow = workflow("flow", input=int, output=int).then(book.clone(id="a")).then(book.clone(id="b")).then(fail).commit()
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert paused_before(await run.start(0, per_step=True)) == ["b"]
        assert paused_before(await run.proceed(per_step=True)) == ["fail"]
        assert lost(await run.proceed(per_step=True)).address == "fail"
    assert undone == [2, 1]


@behaviour("run", "A paused run may be cancelled.", verdict="new")
async def test_a_paused_run_is_cancelled(place: Place) -> None:
    async with in_time(), place.app(chain) as app:
        run = await app.get_workflow(chain).create_run()
        await run.start(1, per_step=True)
        assert (await run.cancel()).status == "cancelled"
        with pytest.raises(RunNotPaused, match="cancelled"):
            await run.proceed()


@behaviour("run", "A run that is not paused cannot proceed, and is not changed by that.", verdict="new")
async def test_a_run_that_is_not_paused_cannot_proceed(place: Place) -> None:
    flow = workflow("flow", input=int, output=int).then(ask).commit()
    async with in_time(), place.app(flow, chain) as app:
        pending = await app.get_workflow(flow).create_run(run_id="pending")
        suspended = await app.get_workflow(flow).create_run(run_id="suspended")
        await suspended.start(1)
        ended = await app.get_workflow(chain).create_run(run_id="success")
        await ended.start(1)
        for run in (pending, suspended, ended):
            before = await run.journal()
            with pytest.raises(RunNotPaused, match=f"is {run.run_id}, not paused"):
                await run.proceed()
            assert await run.journal() == before
