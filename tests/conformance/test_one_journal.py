"""A run is one journal: what is in it is all there is, and it is written by one writer at a time."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.gates import GatedStore
from tests.conformance.stock import add_one, ask, recorded, until, won
from tests.conformance.waiting import in_time
from waystation import Store, Waystation, step, workflow
from waystation.core.entries import AnyEntry, RunStarted, StepSucceeded
from waystation.errors import RunAlreadyExists, StoreFull
from waystation.store.protocol import StoreTransaction
from waystation.store.records import Commit

pytestmark = pytest.mark.anyio


@behaviour(
    "suspend",
    "A suspension in a nested workflow is one run, one entry of the inbox",
    verdict="better",
    model=(82,),
    why="it is two suspended rows of one run id",
)
async def test_a_nested_suspension_is_one_run_and_one_question(place: Place) -> None:
    inner = workflow("inner", input=int, output=int).then(ask).commit()
    outer = workflow("outer", input=int, output=int).then(inner).commit()
    async with place.app(outer, inner) as app:
        run = await app.get_workflow(outer).create_run(run_id="r1")
        await run.start(1)
        assert [(each.run_id, each.workflow_id) for each in (await app.list_runs()).runs] == [("r1", "outer")]
        assert [(each.run_id, each.address) for each in await app.pending()] == [("r1", "inner/ask")]


class FullOnce(GatedStore):
    """A store whose disk is full when a step's result is to be written, once."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.is_full = True

    async def commit(self, commit: Commit, *, within: StoreTransaction | None = None) -> None:
        if self.is_full and any(isinstance(entry, StepSucceeded) for entry in self.entries(commit)):
            self.is_full = False
            raise StoreFull
        await super().commit(commit, within=within)


@behaviour(
    "run",
    "When the store fails as a result is written, who waits is told, nothing follows, and the step runs again later",
    verdict="same",
    model=(83,),
)
async def test_a_result_that_could_not_be_written_has_not_happened(place: Place) -> None:
    ran: list[str] = []
    is_waited_for = asyncio.Event()

    @step
    async def first(number: int) -> int:
        ran.append("first")
        await is_waited_for.wait()
        return number + 1

    @step
    async def second(number: int) -> int:
        ran.append("second")
        return number * 10

    flow = workflow("flow", input=int, output=int).then(first).then(second).commit()
    store = FullOnce(await place.store())
    async with Waystation(workflows=[flow], store=store) as app, in_time():
        run = await app.get_workflow(flow).start_async(1)
        waiting = asyncio.create_task(run.wait())
        for _ in range(10):  # it has its turn, and waits
            await asyncio.sleep(0)
        is_waited_for.set()
        with pytest.raises(StoreFull):
            await waiting
        assert won(await run.wait()) == 20
        assert len(await recorded(run, StepSucceeded)) == 2
    assert ran == ["first", "first", "second"]


@behaviour(
    "run",
    "Creating a run again changes nothing of the one there is, whatever it is doing",
    verdict="same",
    model=(84,),
)
async def test_a_late_creation_does_not_touch_a_run_that_is_under_way(place: Place) -> None:
    go_on = asyncio.Event()

    @step
    async def hold(number: int) -> int:
        await go_on.wait()
        return number

    flow = workflow("flow", input=int, output=int).then(add_one).then(hold).commit()
    async with place.app(flow) as app, place.app(flow) as other:
        run = await app.get_workflow(flow).start_async(1, run_id="r1")
        await until(run.events(), "step-succeeded", "add-one")
        before = await run.journal()
        with pytest.raises(RunAlreadyExists):
            await other.get_workflow(flow).create_run(run_id="r1")
        with pytest.raises(RunAlreadyExists):
            await other.get_workflow(flow).start_async(7, run_id="r1")
        assert (await run.journal(), await run.status()) == (before, "running")
        go_on.set()
        assert won(await run.wait()) == 2


def ends_well(entry: AnyEntry) -> bool:
    return isinstance(entry, StepSucceeded)


@behaviour(
    "run",
    "A cancel that meets the last step's result: which is written first counts, and all are told the same",
    verdict="same",
    model=(86,),
)
@pytest.mark.parametrize("cancel_is_first", [False, True])
async def test_a_cancel_that_races_with_success_has_one_outcome(cancel_is_first: bool, place: Place) -> None:
    flow = workflow("flow", input=int, output=int).then(add_one).commit()
    store = GatedStore(await place.store())
    async with Waystation(workflows=[flow], store=store) as app, in_time():
        store.hold(ends_well, before=cancel_is_first)
        run = await app.get_workflow(flow).create_run(run_id="r1")
        starting = asyncio.create_task(run.start(1))
        await store.reached.wait()
        cancelling = asyncio.create_task((await app.get_run("r1")).cancel())
        await (until(run.events(), "cancel-requested") if cancel_is_first else until(run.events(), "run-finished"))
        store.let_go.set()
        expected = "cancelled" if cancel_is_first else "success"
        assert (await starting).status == (await cancelling).status == await run.status() == expected


LOOKS_LIKE = {
    "kind": "run-failed",
    "at": 1,
    "error": {"code": "x", "type": "X", "message": "made up"},
    "suspensions": [{"address": "ask"}],
    "__workflow_meta": {"runId": "another", "path": ["ask"]},
}


@behaviour(
    "data",
    "Data that looks like the engine's own records is data, in outputs, answers and questions",
    verdict="same",
    model=(87,),
)
async def test_data_that_looks_like_the_engines_records_is_data(place: Place) -> None:
    @step
    async def pass_on(data: dict[str, object]) -> dict[str, object]:
        return data

    inner = workflow("inner", input=dict[str, object], output=dict[str, object]).then(pass_on).commit()
    flow = (
        workflow("flow", input=dict[str, object], output=dict[str, object])
        .then(inner)
        .map(lambda data: [data, data], output=list[dict[str, object]], id="two")
        .foreach(pass_on.clone(id="each"))
        .map(lambda data: data[0], output=dict[str, object], id="one")
        .sleep(timedelta(0))
        .commit()
    )
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert won(await run.start(LOOKS_LIKE)) == LOOKS_LIKE
        assert len(await recorded(run, RunStarted)) == 1
        assert [each.status for each in (await run.history()).steps] == ["success"] * 3
