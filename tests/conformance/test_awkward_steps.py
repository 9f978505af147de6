"""Steps that do what steps should not: their run ends all the same, and no other step is touched."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any

import pytest

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.gates import GatedStore
from tests.conformance.stock import add_one, lost, waits, won
from tests.conformance.waiting import in_time
from waystation import Step, StepContext, Waystation, Workflow, step, workflow
from waystation.core.entries import OnceRecorded
from waystation.errors import StoreBusy, StoreError
from waystation.store.protocol import StoreTransaction
from waystation.store.records import Commit

pytestmark = pytest.mark.anyio

_seen = contextvars.ContextVar("_seen", default=0)


def alone_or_beside(tried: Step[int, int], beside: bool) -> Workflow[int, Any]:
    """A workflow of that step, with another beside it or not: alone it runs in its driver's own task."""
    if beside:
        return workflow("flow", input=int, output=dict[str, int]).parallel([tried, add_one]).commit()
    return workflow("flow", input=int, output=int).then(tried).commit()


class NoException(BaseException):
    """What ``except Exception`` lets through."""


@behaviour("step", "Whatever a step raises is its failure, also what is no ``Exception``", verdict="new")
@pytest.mark.parametrize("beside", [False, True])
async def test_a_step_that_raises_what_is_no_exception_fails(beside: bool, place: Place) -> None:
    @step
    async def odd(number: int) -> int:
        raise NoException(f"not {number}")

    flow = alone_or_beside(odd, beside)
    async with in_time(), place.app(flow) as app:
        error = lost(await app.get_workflow(flow).start(1))
    assert (error.type, error.message) == ("NoException", "not 1")


@behaviour("step", "A condition that raises what is no ``Exception`` fails the run", verdict="new")
async def test_a_function_of_the_graph_that_raises_what_is_no_exception_fails_the_run(place: Place) -> None:
    def odd(_: int) -> bool:
        raise NoException("undecided")

    flow = workflow("flow", input=int, output=int).do_until(add_one, odd).commit()
    async with in_time(), place.app(flow) as app:
        assert lost(await app.get_workflow(flow).start(1)).type == "NoException"


@behaviour("suspend", "A step may suspend in a task of a task group", verdict="new")
@pytest.mark.parametrize("beside", [False, True])
async def test_a_step_that_suspends_in_a_task_group_is_suspended(beside: bool, place: Place) -> None:
    @step(suspend=str, resume=int)
    async def grouped(number: int, ctx: StepContext[str, int]) -> int:
        async def part() -> int:
            if ctx.resume_data is None:
                await ctx.suspend("?")
            return ctx.resume_data

        async with asyncio.TaskGroup() as group:
            asked = group.create_task(part())
            group.create_task(asyncio.sleep(0))
        return number + asked.result()

    flow = alone_or_beside(grouped, beside)
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert [suspension.payload for suspension in waits(await run.start(1))] == ["?"]
        assert won(await run.resume(data=2)) == ({"grouped": 3, "add-one": 2} if beside else 3)


async def test_what_fails_beside_the_suspension_in_a_task_group_fails_the_step(place: Place) -> None:
    @step(suspend=str, resume=int)
    async def grouped(number: int, ctx: StepContext[str, int]) -> int:
        async def suspends() -> None:
            await ctx.suspend("?")

        async def fails() -> None:
            raise ValueError(f"not {number}")

        async with asyncio.TaskGroup() as group:
            group.create_task(suspends())
            group.create_task(fails())
        return number

    flow = workflow("flow", input=int, output=int).then(grouped).commit()
    async with in_time(), place.app(flow) as app:
        assert lost(await app.get_workflow(flow).start(1)).type == "BaseExceptionGroup"


@behaviour("step", "What a step leaves in its context variables reaches no other step", verdict="new")
async def test_context_variables_that_a_step_sets_are_not_seen_by_the_next(place: Place) -> None:
    @step
    async def sets(number: int) -> int:
        _seen.set(number)
        return number

    @step
    async def reads(_: int) -> int:
        return _seen.get()

    flow = workflow("flow", input=int, output=int).then(sets).then(reads).commit()
    async with in_time(), place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) == 0


async def test_a_step_sees_the_context_in_which_its_run_was_started(place: Place) -> None:
    @step
    async def reads(_: int) -> int:
        return _seen.get()

    flow = (
        workflow("flow", input=int, output=list[int])
        .then(reads.clone(id="first"))
        .parallel([reads, reads.clone(id="second")])
    )
    gathered = flow.map(lambda found: [found["reads"], found["second"]], output=list[int]).commit()
    async with in_time(), place.app(gathered) as app:
        token = _seen.set(7)
        run = await app.get_workflow(gathered).start_async(1)
        _seen.reset(token)
        assert won(await run.wait()) == [7, 7]


@behaviour("flow", "A sibling that does not heed its cancellation does not hold up the end of the run", verdict="new")
async def test_a_run_ends_though_a_cancelled_sibling_goes_on(place: Place) -> None:
    end = asyncio.Event()
    going = asyncio.Event()

    @step
    async def stubborn(number: int) -> int:
        going.set()
        while not end.is_set():
            try:
                await end.wait()
            except asyncio.CancelledError:
                continue
        return number

    @step
    async def leave(number: int, ctx: StepContext) -> int:
        await going.wait()
        await ctx.bail({"leave": number})

    flow = workflow("flow", input=int, output=dict[str, int]).parallel([stubborn, leave]).commit()
    async with place.app(flow) as app:
        try:
            async with in_time():
                assert won(await app.get_workflow(flow).start(1)) == {"leave": 1}
        finally:
            end.set()


@behaviour("step", "A step that cancels its own task fails; it does not take its run with it", verdict="new")
@pytest.mark.parametrize("beside", [False, True])
async def test_a_step_that_cancels_its_own_task_fails(beside: bool, place: Place) -> None:
    @step
    async def cancels(number: int) -> int:
        task = asyncio.current_task()
        assert task is not None
        task.cancel("of its own")
        await asyncio.sleep(0)
        return number

    flow = alone_or_beside(cancels, beside)
    async with in_time(), place.app(flow) as app:
        assert lost(await app.get_workflow(flow).start(1)).type == "CancelledError"


@behaviour(
    "step", "A step that cancels its own task fails, also while the app wakes up to look for work", verdict="new"
)
@pytest.mark.parametrize("beside", [False, True])
async def test_a_step_cancels_its_own_task_just_as_a_pause_of_the_app_ends(beside: bool, place: Place) -> None:
    """A pause that ends cancels what pauses, for a moment (``asyncio.timeout``): that is no end of the app."""

    @step
    async def cancels(number: int) -> int:
        pausing = [
            task for task in asyncio.all_tasks() if task.get_name() in ("waystation recovery", "waystation look-out")
        ]
        while not any(task.cancelling() for task in pausing):
            await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        task.cancel("of its own")
        raise asyncio.CancelledError

    flow = alone_or_beside(cancels, beside)
    async with in_time(), place.app(flow) as app:
        assert lost(await app.get_workflow(flow).start(1)).type == "CancelledError"


class FailingOnce(GatedStore):
    """Refuses the first record of an effect, as a store that is busy does."""

    failed = False

    async def commit(self, commit: Commit, *, within: StoreTransaction | None = None) -> None:
        if not self.failed and any(isinstance(entry, OnceRecorded) for entry in self.entries(commit)):
            self.failed = True
            raise StoreBusy("busy")
        await super().commit(commit, within=within)


@behaviour("step", "An effect whose record failed is not taken for recorded", verdict="new")
@pytest.mark.parametrize("beside", [False, True])
async def test_an_effect_whose_record_failed_can_be_tried_again_in_the_same_attempt(beside: bool, place: Place) -> None:
    @step
    async def effect(_: int, ctx: StepContext) -> int:
        try:
            return await ctx.once("effect", lambda: 7)
        except StoreError:
            return await ctx.once("effect", lambda: 8)

    flow = alone_or_beside(effect, beside)
    store = FailingOnce(await place.store())
    async with in_time(), Waystation(workflows=[flow], store=store) as app:
        assert won(await app.get_workflow(flow).start(1)) == ({"effect": 8, "add-one": 2} if beside else 8)
