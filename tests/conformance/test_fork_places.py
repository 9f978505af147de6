"""Forks at steps in loops, items, nested workflows and side by side; and what a fork does not undo."""

from __future__ import annotations

import asyncio

import pytest

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, ask, double, fail, lost, recorded, waits, waits_at, won
from tests.conformance.waiting import in_time
from waystation import StepContext, step, workflow
from waystation.core.entries import StepSucceeded
from waystation.errors import AlreadyAnswered, StepNotRun

pytestmark = pytest.mark.anyio


class Calls:
    """A step that adds one, and where it was called."""

    def __init__(self) -> None:
        self.at: list[str] = []

        @step
        async def work(number: int, ctx: StepContext) -> int:
            self.at.append(ctx.address)
            return number + 1

        self.work = work


@behaviour("run", "In a loop a fork begins at the turn that is named; by its id alone, at the last.", verdict="new")
async def test_a_loop_is_forked_at_a_turn(place: Place) -> None:
    calls = Calls()
    flow = (
        workflow("flow", input=int, output=int)
        .do_until(calls.work, lambda number: number >= 4, id="loop")
        .then(double)
        .commit()
    )
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert won(await run.start(0)) == 8
        calls.at.clear()
        assert won(await (await run.fork("loop#2/work", input=10)).wait()) == 22
        assert calls.at == ["loop#2/work"], "the condition was asked anew, about the new output"
        calls.at.clear()
        assert won(await (await run.fork(calls.work)).wait()) == 8
        assert calls.at == ["loop#4/work"]
        with pytest.raises(StepNotRun):
            await run.fork("loop#9/work")


@behaviour("run", "In a foreach a fork begins at one item; the others are shared.", verdict="new")
@pytest.mark.parametrize("concurrency", [1, 4])
async def test_a_foreach_is_forked_at_an_item(concurrency: int, place: Place) -> None:
    calls = Calls()
    flow = (
        workflow("flow", input=list[int], output=list[int])
        .foreach(calls.work, concurrency=concurrency, id="items")
        .commit()
    )
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert won(await run.start([10, 20, 30])) == [11, 21, 31]
        calls.at.clear()
        assert won(await (await run.fork("items[1]/work", input=99)).wait()) == [11, 100, 31]
        # One at a time, the items after it had not begun when it ran.
        assert calls.at == [f"items[{number}]/work" for number in ((1, 2) if concurrency == 1 else (1,))]


@behaviour(
    "run",
    "In a nested workflow a fork begins at its step, by its path or its id.",
    verdict="same",
    model=(66,),
)
@pytest.mark.parametrize("name", ["outer/inner/double", "outer.inner.double", "double"])
async def test_a_nested_workflow_is_forked_at_a_step(name: str, place: Place) -> None:
    calls = Calls()
    inner = workflow("inner", input=int, output=int).then(calls.work).then(double).commit()
    outer = workflow("outer", input=int, output=int).then(inner).then(add_one).commit()
    flow = workflow("flow", input=int, output=int).then(outer).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert won(await run.start(1)) == 5
        calls.at.clear()
        assert won(await (await run.fork(name, input=50)).wait()) == 101
        assert calls.at == []


@behaviour(
    "run",
    "Of steps side by side only the one that is named runs again; what is done beside it is shared.",
    verdict="new",
)
async def test_a_sibling_that_is_done_is_shared(place: Place) -> None:
    calls = Calls()
    flow = (
        workflow("flow", input=int, output=dict[str, int])
        .parallel([calls.work.clone(id="a"), calls.work.clone(id="b")])
        .commit()
    )
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start(1)
        calls.at.clear()
        fork = await run.fork("a", input=10)
        assert won(await fork.wait()) == {"a": 11, "b": 2}
        assert calls.at == ["a"]


@behaviour(
    "run",
    "A suspension beside the step is open in the fork too; an answer to one of both runs does not touch the other.",
    verdict="new",
)
async def test_a_siblings_open_suspension_is_open_in_the_fork_too(place: Place) -> None:
    flow = workflow("flow", input=int, output=dict[str, int]).parallel([add_one, ask]).commit()
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(run_id="old")
        (asked,) = waits(await run.start(1))
        fork = await run.fork(add_one, input=7, run_id="new")
        (asked_too,) = waits(await fork.wait())
        assert (asked_too.payload, asked_too.label) == (asked.payload, asked.label)
        assert {each.id for each in await app.pending()} == {asked.id, asked_too.id}
        assert asked.id != asked_too.id
        before = await run.journal()
        assert won(await fork.resume(data=10)) == {"add-one": 8, "ask": 11}
        assert await run.journal() == before
        assert [each.run_id for each in await app.pending()] == ["old"]
        assert won(await run.resume(data=20)) == {"add-one": 2, "ask": 21}


@behaviour(
    "run", "An answer that was given beside the step is shared with the fork, and not asked for again.", verdict="new"
)
async def test_a_siblings_answer_is_shared(place: Place) -> None:
    flow = workflow("flow", input=int, output=dict[str, int]).parallel([add_one, ask]).commit()
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        (asked,) = waits(await run.start(1))
        await run.resume(data=10)
        fork = await run.fork(add_one, input=5)
        assert won(await fork.wait()) == {"add-one": 6, "ask": 11}
        with pytest.raises(AlreadyAnswered):
            await run.resume(suspension=asked.id, data=1)


@behaviour("run", "A fork undoes what it did itself, and not what it shares: that stays the old run's.", verdict="new")
async def test_a_fork_does_not_undo_the_past_that_it_shares(place: Place) -> None:
    undone: list[str] = []

    @step
    async def unbook(_: int, ctx: StepContext) -> None:
        undone.append(f"{ctx.run_id} {ctx.address}")

    @step(undo=unbook)
    async def book(number: int) -> int:
        return number + 1

    flow = (
        workflow("flow", input=int, output=int)
        .then(book.clone(id="a"))
        .then(book.clone(id="b"))
        .then(book.clone(id="c"))
        .then(ask)
        .then(fail)
        .commit()
    )
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(run_id="old")
        assert waits_at(await run.start(1)) == ["ask"]
        fork = await run.fork("b", run_id="new")
        assert waits_at(await fork.wait()) == ["ask"]
    async with in_time(), place.app(flow) as app:
        lost(await (await app.get_run("new")).resume(data=1))
        assert undone == ["new c~undo", "new b~undo"]
        undone.clear()
        lost(await (await app.get_run("old")).resume(data=1))
        assert undone == ["old c~undo", "old b~undo", "old a~undo"]


@behaviour("run", "A fork of a run that was undone shares none of that: its past counts as done.", verdict="new")
async def test_a_run_that_was_undone_is_forked_as_if_it_was_not(place: Place) -> None:
    broken = True
    undone: list[int] = []

    @step
    async def unbook(number: int) -> None:
        undone.append(number)

    @step(undo=unbook)
    async def book(number: int) -> int:
        return number + 1

    @step
    async def flaky(number: int) -> int:
        if broken:
            raise ConnectionError
        return number

    flow = workflow("flow", input=int, output=int).then(book).then(flaky).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        lost(await run.start(1))
        assert undone == [2]
        broken = False
        fork = await run.fork(flaky)
        assert won(await fork.wait()) == 2
        assert [entry.address for entry in await recorded(fork, StepSucceeded)] == ["book", "flaky"]
    assert undone == [2]


@behaviour(
    "run", "What `once` recorded in the step that is forked is done again, as the step is another run's.", verdict="new"
)
async def test_effects_of_the_step_that_is_forked_are_done_again(place: Place) -> None:
    done: list[str] = []

    @step
    async def send(number: int, ctx: StepContext) -> int:
        await ctx.once("mail", lambda: done.append(ctx.idempotency_key))
        return number

    flow = workflow("flow", input=int, output=int).then(send).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(run_id="old")
        await run.start(1)
        await (await run.fork(send, run_id="new")).wait()
    assert done == ["old:send", "new:send"]


@behaviour(
    "run",
    "A run is forked while it goes on; each goes its own way.",
    verdict="better",
    model=(66,),
    why="The model refuses to travel in time while the run is running.",
)
async def test_a_run_is_forked_while_it_goes_on(place: Place) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    @step
    async def slow(number: int) -> int:
        if number == 2:
            began.set()
            await go_on.wait()
        return number

    flow = workflow("flow", input=int, output=int).then(add_one).then(slow).commit()
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(1)
        await began.wait()
        assert won(await (await run.fork(add_one, input=5)).wait()) == 6
        go_on.set()
        assert won(await run.wait()) == 2
