"""What is asked again when its answer was lost is done once; what cannot be is not asked again."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Never

import pytest

from tests.client.conftest import Decision, Wire, adding, an_app, approval, served, waiting, wired
from waystation import Waystation
from waystation.client import Client
from waystation.core.entries import EventReceived, SuspensionAnswered
from waystation.errors import (
    AlreadyAnswered,
    IdempotencyConflict,
    RunNotPaused,
    ServerUnreachable,
    StoreUnavailable,
    TooManyStreams,
)
from waystation.server import Limits

pytestmark = pytest.mark.anyio


@pytest.fixture
async def wire(url: str) -> AsyncGenerator[Wire]:
    async with wired(url) as made:
        yield made


@pytest.fixture
async def far(wire: Wire) -> AsyncGenerator[Client]:
    """A client beyond the wire."""
    async with Client(wire.url, retry_for=timedelta(seconds=20)) as client:
        yield client


async def lose_the_first(wire: Wire, count: int = 2) -> None:
    """Lose the answers on the next connections, once the server has begun to give them."""
    await wire.disconnect()  # what is kept open would be used again
    wire.cut(lambda number: 0 if number <= count else None)


async def test_a_start_whose_answer_is_lost_is_made_once(app: Waystation, wire: Wire, far: Client) -> None:
    await lose_the_first(wire)
    result = await far.get_workflow(adding).start(1)
    assert result.status == "success"
    assert result.result == 3
    assert wire.connections == 3
    assert [run.run_id for run in (await app.list_runs()).runs] == [result.run_id]


async def test_a_creation_whose_answer_is_lost_is_made_once(app: Waystation, wire: Wire, far: Client) -> None:
    await lose_the_first(wire)
    run = await far.get_workflow(adding).create_run(run_id="r1")
    assert (run.run_id, wire.connections) == ("r1", 3)
    assert len((await app.list_runs()).runs) == 1


async def test_an_answer_whose_answer_is_lost_is_given_once_and_is_no_conflict(
    app: Waystation, wire: Wire, far: Client
) -> None:
    run = await far.get_workflow(approval).start_async({"document_id": "D"}, run_id="r1")
    await run.wait()
    await lose_the_first(wire)
    done = await run.resume(data={"approved": True})
    assert done.status == "success"
    assert wire.connections >= 3
    journal = await (await app.get_run("r1")).journal()
    assert sum(isinstance(entry, SuspensionAnswered) for entry in journal) == 1
    with pytest.raises(AlreadyAnswered):
        await run.resume(data={"approved": True})


async def test_an_event_whose_answer_is_lost_is_sent_once(app: Waystation, wire: Wire, far: Client) -> None:
    run = await far.get_workflow(waiting).start_async(1, run_id="r1")
    await lose_the_first(wire)
    await run.send_event("decided", Decision(approved=True))
    assert wire.connections >= 3
    assert (await run.wait()).status == "success"
    journal = await (await app.get_run("r1")).journal()
    assert sum(isinstance(entry, EventReceived) for entry in journal) == 1


async def test_what_only_looks_is_asked_again(wire: Wire, far: Client) -> None:
    await far.get_workflow(adding).start(1, run_id="r1")
    await lose_the_first(wire)
    assert [run.run_id for run in (await far.list_runs()).runs] == ["r1"]
    assert wire.connections == 3


async def test_what_might_be_done_twice_is_asked_once_and_says_that_it_may_have_been_done(
    app: Waystation, wire: Wire, far: Client
) -> None:
    run = await far.get_workflow(adding).create_run(run_id="r1")
    await run.start(1, per_step=True)
    await lose_the_first(wire)
    with pytest.raises(ServerUnreachable, match="whether it did what it was asked for is not known"):
        await run.proceed()
    assert wire.connections == 1
    local = await app.get_run("r1")
    await local.wait()
    with pytest.raises(RunNotPaused):
        await local.proceed()


async def test_one_key_means_one_start_for_whoever_gives_it(client: Client) -> None:
    first = await client.get_workflow(adding).start(1, idempotency_key="order-7")
    again = await client.get_workflow(adding).start(1, idempotency_key="order-7")
    assert (first.run_id, first) == (again.run_id, again)
    with pytest.raises(IdempotencyConflict):
        await client.get_workflow(adding).start(2, idempotency_key="order-7")


async def test_a_server_that_has_no_place_for_those_who_wait_is_asked_again_and_again() -> None:
    async with served(an_app(), limits=Limits(waiting=0)) as url, Client(url) as client:
        result = await client.get_workflow(approval).start({"document_id": "D"}, run_id="r1")
        assert result.status == "suspended"
        run = await client.get_run("r1")
        assert (await run.resume(data={"approved": True})).status == "success"
        assert (await run.wait()).status == "success"


async def test_a_server_that_has_no_place_for_readers_is_asked_for_as_long_as_one_that_is_away() -> None:
    async with (
        served(an_app(), limits=Limits(streams=0)) as url,
        Client(url, reconnect_for=timedelta(seconds=0.2)) as client,
    ):
        run = await client.get_workflow(adding).create_run()
        with pytest.raises(TooManyStreams):
            await anext(run.events())


async def test_a_store_that_is_away_is_waited_for_as_the_server_asks(app: Waystation, client: Client) -> None:
    times = 0

    async def away(*_: object, **__: object) -> Never:
        nonlocal times
        times += 1
        if times == 2:
            app.store.list_runs = whole  # type: ignore[method-assign]  # it is back
        raise StoreUnavailable

    whole, app.store.list_runs = app.store.list_runs, away  # type: ignore[method-assign]  # it goes away
    assert (await client.list_runs()).runs == []
    assert times == 2


async def test_a_server_that_comes_back_in_time_was_never_away(store: str) -> None:
    async with served(an_app(store)) as url:
        port = int(url.rsplit(":", 1)[1])
    async with Client(url, retry_for=timedelta(seconds=0)) as hasty:
        with pytest.raises(ServerUnreachable):
            await hasty.list_runs()
    async with served(an_app(store), port=port), Client(url) as patient:
        assert (await patient.list_runs()).runs == []
