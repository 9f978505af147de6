"""The stream of all runs: what moved, here and in other processes, and when to load the lists anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest

from tests.server.stock import DOC, Message, app_in, approval, messages, read, served, started
from waystation import Waystation
from waystation.server import feed as feeds
from waystation.server.feed import Feed
from waystation.store.records import RunStatus

pytestmark = pytest.mark.anyio

STREAM = "/api/v1/stream"


async def comes(coming: AsyncGenerator[Message], run_id: str, status: RunStatus) -> list[Message]:
    """Read to the message that tells that the run stands so; all that was read."""
    found: list[Message] = []
    async with asyncio.timeout(20):
        async for message in coming:
            found.append(message)
            if message.event == "run-changed" and (message.data["run_id"], message.data["status"]) == (run_id, status):
                break
    return found


async def answered(client: httpx.AsyncClient, run_id: str = "r1") -> None:
    """Have a run answered."""
    reply = await client.post(f"/api/v1/runs/{run_id}/resume", json={"data": {"approved": True}, "wait_seconds": 10})
    assert reply.json()["status"] == "success"


async def test_it_begins_with_resync_and_tells_of_each_run_that_moves() -> None:
    async with served() as (client, _), client.stream("GET", STREAM) as reply, aclosing(messages(reply)) as coming:
        first = await anext(coming)
        assert (first.event, first.data) == ("resync", {})
        await client.post("/api/v1/workflows/approval/runs", json={"run_id": "r1"})
        (created,) = await comes(coming, "r1", "pending")
        assert set(created.data) == {"run_id", "workflow_id", "status", "updated_at"}
        await client.post("/api/v1/runs/r1/start", json={"input": DOC})
        await comes(coming, "r1", "suspended")
        await answered(client)
        await comes(coming, "r1", "success")
        await client.delete("/api/v1/runs/r1")
        async with asyncio.timeout(20):
            gone = await anext(coming)
        assert (gone.event, gone.data) == ("run-deleted", {"run_id": "r1"})


async def test_a_reader_who_was_away_is_told_what_they_missed_and_nothing_twice() -> None:
    async with served() as (client, _):
        async with client.stream("GET", STREAM) as reply, aclosing(messages(reply)) as coming:
            await anext(coming)
            await started(client)
            seen = await comes(coming, "r1", "suspended")
        await answered(client)
        again = client.stream("GET", STREAM, headers={"Last-Event-ID": seen[-1].id})
        async with again as reply, aclosing(messages(reply)) as coming:
            missed = await comes(coming, "r1", "success")
        assert "resync" not in {message.event for message in missed}
        assert not {message.id for message in seen} & {message.id for message in missed}


@pytest.mark.parametrize("last", ["0", "elsewhere.7", "x", "{name}.99999", "{name}.x", "{name}." + "9" * 5000])
async def test_a_reader_from_elsewhere_is_told_to_load_anew(last: str) -> None:
    async with served() as (client, _):
        (first,) = await read(client, STREAM, most=1)
        name = first.id.partition(".")[0]
        (again,) = await read(client, STREAM, after=last.format(name=name), most=1)
        assert again.event == "resync"


async def test_what_another_process_does_on_the_same_file_is_told_too(tmp_path: Path) -> None:
    await told_of_another(f"sqlite:///{tmp_path / 'runs.db'}")


async def test_what_another_process_does_on_the_same_postgresql_is_told_too(postgres: str) -> None:
    await told_of_another(postgres)


async def told_of_another(store: str) -> None:
    """Have a run begun, answered and deleted by an app of another store object, and read of it here."""
    async with served(app_in(store, recover=False)) as (client, _), app_in(store) as other:
        old = await other.get_workflow(approval).start(DOC, run_id="old")
        assert old.status == "suspended"
        async with client.stream("GET", STREAM) as reply, aclosing(messages(reply)) as coming:
            assert (await anext(coming)).event == "resync"
            await other.get_workflow(approval).start(DOC, run_id="r1")
            await comes(coming, "r1", "suspended")
            run = await other.get_run("old")
            await run.resume(data={"approved": True})
            await comes(coming, "old", "success")
            await other.delete_run("r1")
            async with asyncio.timeout(20):
                while (message := await anext(coming)).event != "run-deleted":
                    pass
            assert message.data == {"run_id": "r1"}


async def test_many_runs_that_move_at_once_are_told_of_together() -> None:
    async with served() as (client, site), client.stream("GET", STREAM) as reply, aclosing(messages(reply)) as coming:
        await anext(coming)
        engine, _ = await site.app.opened()
        for number in range(600):
            engine.hub.announce(f"none-{number}")
        async with asyncio.timeout(20):
            assert (await anext(coming)).event == "resync"


async def test_a_reader_who_is_slower_than_the_ring_is_told_to_load_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Waystation(workflows=[approval], store="memory://") as app:
        feed = Feed(app)
        async with aclosing(feed.read()) as slow:
            assert (await anext(slow)).event == "resync"
            for number in range(feeds._RING + 1):
                feed._tell("run-changed", {"run_id": str(number)})
            assert (await anext(slow)).event == "resync"
            feed._tell("run-changed", {"run_id": "last"})
            assert (await anext(slow)).data == {"run_id": "last"}
        feed.stop()


async def test_without_readers_nothing_is_listened_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "_LINGER", 0.0)
    async with served() as (client, site):
        await read(client, STREAM, most=1)
        engine, _ = await site.app.opened()
        async with asyncio.timeout(20):
            while engine.hub.has_listeners:
                await asyncio.sleep(0.001)
