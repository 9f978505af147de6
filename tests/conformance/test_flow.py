"""Sequences: each step runs on what the one before it gave."""

from __future__ import annotations

import pytest

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, double, fail, lost, recorded, won
from waystation import step, workflow
from waystation.core.entries import StepFailed, StepSucceeded

pytestmark = pytest.mark.anyio


@behaviour("flow", "Each step runs on the output of the one before; a clone has an id of its own", verdict="same")
async def test_each_step_runs_on_the_output_of_the_one_before(place: Place) -> None:
    flow = workflow("flow", input=int, output=int).then(add_one).then(double).then(add_one.clone(id="again")).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert won(await run.start(3)) == 9
        assert [entry.address for entry in await recorded(run, StepSucceeded)] == ["add-one", "double", "again"]


@behaviour("flow", "When a step fails, what comes after it does not run", verdict="same")
async def test_nothing_runs_after_a_failed_step(place: Place) -> None:
    flow = workflow("flow", input=int, output=int).then(add_one).then(fail).then(double).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        error = lost(await run.start(3))
        assert (error.address, error.type, error.message) == ("fail", "ValueError", "not 4")
        assert [entry.address for entry in await recorded(run, StepSucceeded)] == ["add-one"]
        assert [entry.address for entry in await recorded(run, StepFailed)] == ["fail"]


@behaviour("flow", "A step that gives nothing gives None to the next", verdict="same", model=(78,))
async def test_a_step_that_gives_nothing_gives_none_to_the_next(place: Place) -> None:
    given: list[object] = []

    @step
    async def nothing(_: int) -> None:
        """Gives nothing."""

    @step
    async def look(nothing_at_all: None) -> bool:
        given.append(nothing_at_all)
        return True

    flow = workflow("flow", input=int, output=bool).then(nothing).then(look).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) is True
    assert given == [None]


@behaviour("flow", "A chain of ten thousand steps ends", verdict="new")
async def test_a_chain_of_ten_thousand_steps_ends(place: Place) -> None:
    building = workflow("long", input=int, output=int).then(add_one.clone(id="s0"))
    for number in range(1, 10_000):
        building = building.then(add_one.clone(id=f"s{number}"))
    flow = building.commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(0)) == 10_000
