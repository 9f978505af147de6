"""By what an open suspension is named: step, address, label, item."""

from __future__ import annotations

import pytest

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, ask, double, waits_at, won
from waystation import workflow
from waystation.errors import NotSuspended, UnknownLabel, UnknownStep

pytestmark = pytest.mark.anyio

items = workflow("items", input=list[int], output=list[int]).foreach(ask, concurrency=3, id="each").commit()
reviewed = workflow("reviewed", input=int, output=int).then(add_one).then(ask).then(double).commit()
each_reviewed = (
    workflow("each-reviewed", input=list[int], output=list[int]).foreach(reviewed, concurrency=2, id="each").commit()
)


@behaviour(
    "suspend",
    "A label that nobody gave is refused, and nothing is answered",
    verdict="better",
    model=(49,),
    why="the label is ignored, and the one suspended step completed",
)
async def test_an_unknown_label_is_a_typed_error(place: Place) -> None:
    async with place.app(items) as app:
        run = await app.get_workflow(items).create_run(run_id="r1")
        await run.start([1])
        before = await place.journal("r1")
        with pytest.raises(UnknownLabel, match="'lable-1'"):
            await run.resume(label="lable-1", data=1)
        assert await place.journal("r1") == before
        assert won(await run.resume(label="label-1", data=1)) == [2]


@behaviour("suspend", "An item may be answered by the label its step gave", verdict="same", model=(49,))
async def test_an_item_is_answered_by_its_label(place: Place) -> None:
    async with place.app(items) as app:
        run = await app.get_workflow(items).create_run()
        await run.start([1, 2, 3])
        await run.resume(label="label-2", data=10)
        await run.resume(label="label-3", data=10)
        assert won(await run.resume(label="label-1", data=10)) == [11, 12, 13]


@behaviour("suspend", "The whole address of a suspension names it, though others end in the same step", verdict="new")
async def test_a_whole_address_names_one_though_others_end_alike(place: Place) -> None:
    flow = workflow("flow", input=int, output=dict[str, int]).parallel([ask, reviewed]).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert waits_at(await run.start(1)) == ["ask", "reviewed/ask"]
        assert waits_at(await run.resume(step="ask", data=1)) == ["reviewed/ask"]
        assert won(await run.resume(step="reviewed.ask", data=1)) == {"ask": 2, "reviewed": 6}


@behaviour("suspend", "An item's address may be written with dots", verdict="new")
async def test_an_items_address_may_be_written_with_dots(place: Place) -> None:
    async with place.app(each_reviewed) as app:
        run = await app.get_workflow(each_reviewed).create_run()
        await run.start([10, 20])
        await run.resume(step="each[1].reviewed.ask", data=1)
        assert won(await run.resume(data=0)) == [22, 44]


@behaviour(
    "suspend",
    "A step that is there and not suspended is refused, and the error lists what is",
    verdict="same",
    model=(36,),
)
async def test_a_step_that_is_not_suspended_is_refused(place: Place) -> None:
    async with place.app(each_reviewed) as app:
        run = await app.get_workflow(each_reviewed).create_run()
        await run.start([10, 20])
        with pytest.raises(NotSuspended, match="'each\\[0\\]/reviewed/ask', 'each\\[1\\]/reviewed/ask'"):
            await run.resume(step="add-one", data=1)
        with pytest.raises(UnknownStep, match="'each/reviewed/ask'"):
            await run.resume(step="reviewed.aks", data=1)
