"""Moments around a commit: it is durable before its writer is told, and whoever waits may be gone by then."""

from __future__ import annotations

import asyncio

import pytest

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.gates import GatedStore
from tests.conformance.stock import add_one, won
from tests.conformance.waiting import in_time
from waystation import StepContext, Waystation, step, workflow
from waystation.core.entries import AnyEntry, StepSucceeded

pytestmark = pytest.mark.anyio


def first_succeeded(entry: AnyEntry) -> bool:
    return isinstance(entry, StepSucceeded) and entry.address == "first"


@behaviour("step", "A step may ask for results in the moment in which another's becomes durable", verdict="new")
async def test_a_result_asked_for_while_another_is_being_committed_does_not_disturb_what_follows(place: Place) -> None:
    store = GatedStore(await place.store())
    asking, asked = asyncio.Event(), asyncio.Event()

    @step
    async def first(number: int) -> int:
        await asking.wait()
        return number + 1

    @step
    async def second(number: int, ctx: StepContext) -> int:
        asking.set()
        await store.reached.wait()  # the result of the first is durable, and its driver does not know it yet
        before = await ctx.get_step_result(add_one)
        assert before == number
        store.let_go.set()
        asked.set()
        return number

    @step
    async def third(number: int, ctx: StepContext) -> int:
        await asked.wait()
        return number + 1

    @step
    async def last(_: dict[str, int], ctx: StepContext) -> list[int | None]:
        return [await ctx.get_step_result(each) for each in (add_one, first, second, third)]

    flow = (
        workflow("flow", input=int, output=list[int | None])
        .then(add_one)
        .parallel([first, second, third])
        .then(last)
        .commit()
    )
    store.hold(first_succeeded)
    async with in_time(), Waystation(workflows=[flow], store=store) as app:
        assert won(await app.get_workflow(flow).start(1)) == [2, 3, 2, 3]
