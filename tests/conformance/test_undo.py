"""Compensation: when a run fails or is cancelled, what its completed steps did is undone, the last first."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import BaseModel, Field

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import ask, fail, lost, waits_at, won
from tests.conformance.waiting import in_time
from waystation import Step, StepContext, step, workflow
from waystation.core.entries import RunCancelled, RunFailed, StepFailed, StepSucceeded, UndoBegun

pytestmark = pytest.mark.anyio

NEW = "The model has no compensation."


class Ledger:
    """Steps that book, each with a step that takes it back, and what they did in order."""

    def __init__(self) -> None:
        self.did: list[str] = []

    def book(self, name: str) -> Step[int, int]:
        """A step that adds one, under an id of its own."""

        @step(id=f"unbook-{name}")
        async def unbook(booked: int, ctx: StepContext) -> None:
            self.did.append(f"{ctx.address} {booked}")

        @step(id=name, undo=unbook)
        async def book(number: int, ctx: StepContext) -> int:
            self.did.append(f"{ctx.address} {number + 1}")
            return number + 1

        return book


@behaviour(
    "retry",
    "When a run fails, the `undo=` steps of its completed steps run, the last first, each on its step's output.",
    verdict="new",
    why=NEW,
)
async def test_a_failed_run_undoes_its_completed_steps_the_last_first(place: Place) -> None:
    ledger = Ledger()

    @step(undo=ledger.book("never").undo)
    async def failing(_: int) -> int:
        raise ValueError("full")

    flow = (
        workflow("flow", input=int, output=int)
        .then(ledger.book("a"))
        .then(ledger.book("b"))
        .then(ledger.book("c"))
        .then(failing)
        .then(ledger.book("later"))
        .commit()
    )
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        result = await run.start(0)
        assert lost(result).message == "full", "the run's error stays that of the step that failed"
        kinds = [type(entry) for entry in await run.journal()]
    assert ledger.did == ["a 1", "b 2", "c 3", "c~undo 3", "b~undo 2", "a~undo 1"]
    assert kinds[-6:] == [StepFailed, UndoBegun, StepSucceeded, StepSucceeded, StepSucceeded, RunFailed]


@behaviour("retry", "A run that goes well undoes nothing.", verdict="new")
async def test_a_run_that_goes_well_undoes_nothing(place: Place) -> None:
    ledger = Ledger()
    flow = workflow("flow", input=int, output=int).then(ledger.book("a")).then(ledger.book("b")).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(0)) == 2
    assert ledger.did == ["a 1", "b 2"]


@behaviour("retry", "A run that is cancelled undoes its completed steps, and ends after that.", verdict="new")
async def test_a_cancelled_run_undoes_its_completed_steps(place: Place) -> None:
    ledger = Ledger()
    flow = workflow("flow", input=int, output=int).then(ledger.book("a")).then(ledger.book("b")).then(ask).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert waits_at(await run.start(0)) == ["ask"]
        result = await run.cancel(reason="changed my mind")
        assert result.status == "cancelled"
        assert (result.reason, result.undo_errors) == ("changed my mind", ())
        assert isinstance((await run.journal())[-1], RunCancelled)
    assert ledger.did == ["a 1", "b 2", "b~undo 2", "a~undo 1"]


@behaviour("retry", "A step that was answered is undone like any other; one that still waits is not.", verdict="new")
async def test_a_step_that_was_answered_is_undone(place: Place) -> None:
    undone: list[int] = []

    @step
    async def forget(number: int) -> None:
        undone.append(number)

    @step(suspend=str, resume=int, undo=forget)
    async def asking(number: int, ctx: StepContext[str, int]) -> int:
        if ctx.resume_data is None:
            await ctx.suspend("?")
        return number + ctx.resume_data

    flow = workflow("flow", input=int, output=int).then(asking).then(asking.clone(id="again")).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start(1)
        await run.resume(data=10)
        assert (await run.cancel()).status == "cancelled"
    assert undone == [11]


@behaviour("retry", "Items of a foreach are undone each by itself, in the order opposite to their ends.", verdict="new")
async def test_items_are_undone(place: Place) -> None:
    ledger = Ledger()
    flow = workflow("flow", input=list[int], output=list[int]).foreach(ledger.book("a"), id="all").commit()
    after = workflow("after", input=list[int], output=list[int]).then(flow).then(fail_list).commit()
    async with place.app(after) as app:
        lost(await app.get_workflow(after).start([10, 20, 30]))
    assert ledger.did[3:] == ["flow/all[2]/a~undo 31", "flow/all[1]/a~undo 21", "flow/all[0]/a~undo 11"]


@step
async def fail_list(numbers: list[int]) -> list[int]:
    raise ValueError(numbers)


@behaviour("retry", "Of a foreach that fails, the items that are done are undone, and only those.", verdict="new")
async def test_only_the_items_that_are_done_are_undone(place: Place) -> None:
    undone: list[int] = []

    @step
    async def unbook(number: int) -> None:
        undone.append(number)

    @step(undo=unbook)
    async def book(number: int) -> int:
        if number == 30:
            raise ValueError
        return number

    flow = workflow("flow", input=list[int], output=list[int]).foreach(book).commit()
    async with place.app(flow) as app:
        lost(await app.get_workflow(flow).start([10, 20, 30, 40]))
    assert undone == [20, 10]


@behaviour("retry", "Turns of a loop are undone each by itself, the last first.", verdict="new")
async def test_turns_of_a_loop_are_undone(place: Place) -> None:
    ledger = Ledger()
    flow = (
        workflow("flow", input=int, output=int)
        .do_until(ledger.book("a"), lambda number: number >= 3, id="again")
        .then(fail)
        .commit()
    )
    async with place.app(flow) as app:
        lost(await app.get_workflow(flow).start(0))
    assert ledger.did[3:] == ["again#3/a~undo 3", "again#2/a~undo 2", "again#1/a~undo 1"]


@behaviour("retry", "Steps of nested workflows are undone as those around them.", verdict="new")
async def test_steps_of_nested_workflows_are_undone(place: Place) -> None:
    ledger = Ledger()
    inner = workflow("inner", input=int, output=int).then(ledger.book("a")).then(ledger.book("b")).commit()
    outer = workflow("outer", input=int, output=int).then(inner).then(ledger.book("c")).commit()
    flow = workflow("flow", input=int, output=int).then(outer).then(fail).commit()
    async with place.app(flow) as app:
        lost(await app.get_workflow(flow).start(0))
    assert ledger.did[3:] == ["outer/c~undo 3", "outer/inner/b~undo 2", "outer/inner/a~undo 1"]


@behaviour(
    "retry",
    "When one of several steps side by side fails, those that still run end first, and are undone too.",
    verdict="new",
)
async def test_a_sibling_in_flight_ends_and_is_undone(place: Place) -> None:
    failed = asyncio.Event()
    did: list[str] = []

    @step
    async def unbook(number: int) -> None:
        did.append("undone")

    @step(undo=unbook)
    async def slow(number: int) -> int:
        await failed.wait()
        did.append("done")
        return number

    @step
    async def bad(number: int) -> int:
        failed.set()
        raise ValueError

    flow = workflow("flow", input=int, output=dict[str, int]).parallel([slow, bad]).commit()
    async with in_time(), place.app(flow) as app:
        lost(await app.get_workflow(flow).start(0))
    assert did == ["done", "undone"]


@behaviour(
    "retry",
    "A failure that a parallel block allows undoes nothing; what is done there is undone if the run fails later.",
    verdict="new",
)
async def test_a_failure_that_is_allowed_undoes_nothing(place: Place) -> None:
    ledger = Ledger()
    inner = workflow("inner", input=int, output=int).then(ledger.book("a")).then(fail).commit()

    @step
    async def check(found: dict[str, int | None]) -> bool:
        ledger.did.append(f"check {found}")
        if found["b"] == 100:
            raise ValueError
        return True

    flow = (
        workflow("flow", input=int, output=bool)
        .parallel([inner, ledger.book("b")], allow_failure=True)
        .then(check)
        .commit()
    )
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(0))
        assert sorted(ledger.did) == ["b 1", "check {'inner': None, 'b': 1}", "inner/a 1"]
        ledger.did.clear()
        lost(await app.get_workflow(flow).start(99))
        assert sorted(ledger.did[-2:]) == ["b~undo 100", "inner/a~undo 100"]


class Large(BaseModel):
    a: int = Field(gt=100)


@behaviour(
    "retry",
    "A run whose output does not fit what its workflow declares fails, and undoes its steps.",
    verdict="new",
)
async def test_a_run_whose_output_does_not_fit_is_undone(place: Place) -> None:
    ledger = Ledger()
    book = ledger.book("a")
    flow = workflow("flow", input=int, output=Large).parallel([book]).commit()
    async with place.app(flow) as app:
        assert lost(await app.get_workflow(flow).start(0)).code == "invalid_output"
    assert ledger.did == ["a 1", "a~undo 1"]
