"""Runs that move from one kind of store to another, through a file: they go on there as they would have here."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.conformance.apps import OwnTime, Place
from tests.conformance.stock import add_one, ask, comes_to, double, waits, won
from tests.postgres_server import Databases
from waystation import StepContext, Store, export_run, import_run, step, workflow
from waystation.errors import AlreadyAnswered, RunAlreadyExists
from waystation.store.records import RunFilter

pytestmark = pytest.mark.anyio

INNER = workflow("inner", input=int, output=int).then(ask).then(double).commit()
NESTED = workflow("nested", input=int, output=int).then(add_one).then(INNER).then(ask.clone(id="ask-again")).commit()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Place]:
    """Another place than ``place``, of each kind."""
    kind: str = request.param
    folder = tmp_path / "other"
    folder.mkdir()
    if kind != "postgres":
        yield Place(kind, folder)
        return
    databases: Databases = request.getfixturevalue("databases")
    with databases.lent() as url:
        yield Place(kind, folder, url)


async def file_of(store: Store, run_id: str) -> bytes:
    return b"".join([line async for line in export_run(store, run_id)])


async def moved(here: Place, there: Place, run_id: str) -> None:
    """Export it here, and import it there."""
    old, new = await here.store(), await there.store()
    await old.open()
    await new.open()
    await import_run(new, [await file_of(old, run_id)])
    await old.close()
    await new.close()


async def test_a_suspended_run_is_answered_on_each_kind_of_store_and_its_journal_stays_byte_for_byte(
    place: Place, other: Place
) -> None:
    async with place.app(NESTED) as app:
        started = await app.get_workflow(NESTED).start(1, run_id="r1", resource_id="order", idempotency_key="k")
        (asked,) = waits(started)
        assert asked.payload == "2?"
    await moved(place, other, "r1")
    assert await other.journal("r1") == await place.journal("r1")

    async with other.app(NESTED) as app:
        (suspension,) = await app.pending()
        assert (suspension.id, suspension.payload, suspension.address) == (asked.id, asked.payload, "inner/ask")
        found = await app.get_run("r1")
        (again,) = waits(await found.resume(data=10))
        assert again.payload == "24?"
        with pytest.raises(AlreadyAnswered):
            await found.resume(suspension=asked.id, data=11)
        same = await app.get_workflow(NESTED).start(1, run_id="r2", idempotency_key="k")
        assert same.run_id == "r1"

    third = Place("sqlite", other.folder / "third")
    third.folder.mkdir()
    await moved(other, third, "r1")
    async with third.app(NESTED) as app:
        assert won(await (await app.get_run("r1")).resume(data=100)) == 124
    whole = await third.journal("r1")
    assert whole[: len(await other.journal("r1"))] == await other.journal("r1")
    assert whole[: len(await place.journal("r1"))] == await place.journal("r1")


async def test_a_running_run_is_taken_over_where_it_arrives_and_finished_steps_do_not_run_again(
    place: Place, other: Place
) -> None:
    ran: list[str] = []
    began, gate = asyncio.Event(), asyncio.Event()

    @step
    async def first(number: int, ctx: StepContext) -> int:
        ran.append(f"first {ctx.attempt}")
        return number + 1

    @step
    async def slow(number: int, ctx: StepContext) -> int:
        ran.append(ctx.idempotency_key)
        await ctx.once("charge", lambda: ran.append("charged"))
        began.set()
        await gate.wait()
        return number * 10

    flow = workflow("flow", input=int, output=int).then(first).then(slow).commit()
    async with place.app(flow) as here:
        run = await here.get_workflow(flow).create_run(run_id="r1")
        await run.start_async(1)
        await began.wait()
        file = await file_of(here.store, "r1")
        gate.set()
        async with other.app(flow) as there:
            await import_run(there.store, [file])
            arrived = await there.get_run("r1")
            assert won(await arrived.wait()) == 20
            assert (await arrived.record()).epoch > 1_000_000
        assert won(await run.wait()) == 20
    assert ran[0] == "first 1"
    assert ran.count("first 1") == 1
    assert ran.count("charged") == 1
    assert len({key for key in ran if key not in {"first 1", "charged"}}) == 1, "it has the key that it had"


async def test_a_sleeping_run_wakes_at_its_time_where_it_arrives(place: Place, other: Place) -> None:
    flow = workflow("flow", input=int, output=int).sleep(timedelta(hours=1)).then(double).commit()
    clock = OwnTime()
    async with place.app(flow, clock=clock) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        await run.start_async(4)
        await comes_to(run, "waiting")
    await moved(place, other, "r1")
    clock.move(timedelta(minutes=61))
    async with other.app(flow, clock=clock) as app:
        assert won(await (await app.get_run("r1")).wait()) == 8


async def test_a_run_that_has_ended_tells_its_result_and_history_where_it_arrives(place: Place, other: Place) -> None:
    flow = workflow("flow", input=int, output=int).then(add_one).then(double).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        assert won(await run.start(1)) == 4
        history = await run.history()
    await moved(place, other, "r1")
    async with other.app(flow) as app:
        found = await app.get_run("r1")
        assert won(await found.wait()) == 4
        assert await found.history() == history
        assert won(await (await found.fork(from_step="double", input=21)).wait()) == 42


async def test_a_fork_travels_by_itself(place: Place, other: Place) -> None:
    flow = workflow("flow", input=int, output=int).then(add_one).then(ask).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        await run.start(1)
        fork = await run.fork(from_step="ask", input=5)
        (asked,) = waits(await fork.wait())
        assert asked.payload == "5?"
    await moved(place, other, fork.run_id)
    async with other.app(flow) as app:
        found = await app.get_run(fork.run_id)
        assert (await found.history()).forked_from == "r1"
        assert won(await found.resume(data=1)) == 6
        assert [each.run_id for each in (await app.list_runs()).runs] == [fork.run_id]


async def test_new_code_is_held_against_a_run_from_elsewhere_as_against_any(place: Place, other: Place) -> None:
    old = workflow("flow", input=int, output=int).then(ask).commit()
    new = workflow("flow", input=int, output=int).then(add_one).then(ask).commit()
    async with place.app(old) as app:
        await (await app.get_workflow(old).create_run(run_id="r1")).start(1)
    await moved(place, other, "r1")
    async with other.app(new) as app:
        (misfit,) = await app.check()
        assert misfit.run_id == "r1"
        assert "ask" in misfit.reasons[0]
    async with other.app(old) as app:
        assert await app.check() == []


async def test_of_many_imports_of_one_run_at_once_one_is_accepted(place: Place) -> None:
    async with place.app(NESTED) as app:
        await (await app.get_workflow(NESTED).create_run(run_id="r1")).start(1)
        file = await file_of(app.store, "r1")
        await app.delete_run("r1")
        told = await asyncio.gather(*(import_run(app.store, [file]) for _ in range(10)), return_exceptions=True)
        assert sum(isinstance(each, RunAlreadyExists) for each in told) == 9
        assert [each.run_id for each in (await app.store.list_runs(RunFilter(), limit=9)).runs] == ["r1"]
        assert len(await app.pending()) == 1
