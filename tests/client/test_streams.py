"""A reader of a run's events on a server has each once, whatever becomes of connections and servers."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.client.conftest import an_app, approval, counting, served, wired
from waystation import Event, StepOutputEvent, Waystation
from waystation.client import Client, RemoteRun
from waystation.errors import RunNotFound, ServerUnreachable

pytestmark = pytest.mark.anyio


async def of_the_app(app: Waystation, run_id: str) -> list[Event]:
    return [event async for event in (await app.get_run(run_id)).events(live=False)]


async def test_past_events_come_first_then_live_ones_until_the_run_ends(app: Waystation, client: Client) -> None:
    run = await client.get_workflow(approval).start_async({"document_id": "D"}, run_id="r1")
    await run.wait()
    events = run.events()
    seen = [await anext(events) for _ in await of_the_app(app, "r1")]
    assert seen[-1].type == "run-suspended"
    await run.resume_async(data={"approved": True})
    seen += [event async for event in events]
    assert seen == await of_the_app(app, "r1")
    assert seen[-1].type == "run-finished"


async def test_a_reader_goes_on_after_any_event(app: Waystation, client: Client) -> None:
    await client.get_workflow(counting).start([2, 1], run_id="r1")
    run = await client.get_run("r1")
    events = await of_the_app(app, "r1")
    for number, last in enumerate(events):
        assert [event async for event in run.events(after=last.seq, part=last.part)] == events[number + 1 :]
        assert [event async for event in run.events(after=last.seq)] == [each for each in events if each.seq > last.seq]


async def test_a_stream_of_a_start_ends_when_the_run_rests(client: Client) -> None:
    run = await client.get_workflow(approval).create_run()
    assert [event.type async for event in run.stream({"document_id": "D"})][-1] == "run-suspended"


async def test_who_does_not_wait_for_more_has_what_is_there(app: Waystation, client: Client) -> None:
    await client.get_workflow(approval).start({"document_id": "D"}, run_id="r1")
    run = await client.get_run("r1")
    assert [event async for event in run.events(live=False)] == await of_the_app(app, "r1")


async def test_text_that_some_take_for_the_end_of_a_line_comes_whole(client: Client) -> None:
    run = await client.get_workflow(counting).create_run()
    chunks = [event.chunks async for event in run.stream([1]) if isinstance(event, StepOutputEvent)]
    assert chunks == [({"chunk": 0, "text": "lines\u2028that are\x85none\r\n"},)]


async def test_a_run_that_is_not_there_or_goes_away_is_told_of(client: Client) -> None:
    run = await client.get_workflow(approval).start_async({"document_id": "D"})
    await run.wait()
    events = run.events()
    while (await anext(events)).type != "run-suspended":
        pass
    await run.cancel_async()
    while (await anext(events)).type != "run-finished":
        pass
    await client.delete_run(run.run_id)
    with pytest.raises(RunNotFound):
        await anext(run.events())


@pytest.mark.parametrize("seed", range(3))
async def test_no_event_is_lost_or_comes_twice_through_connections_that_break_anywhere(
    app: Waystation, url: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waystation.client.pausing._SHORTEST", 0.001)
    monkeypatch.setattr("waystation.client.following._LONGEST_PAUSE", 0.01)
    monkeypatch.setattr("waystation.server.streaming._RETRY_MS", 1)
    rng = random.Random(seed)
    run = await app.get_workflow(counting).create_run(run_id="r1")
    async with wired(url) as wire, Client(wire.url) as client:
        wire.cut(lambda number: None if number > 25 else rng.choice([0, 1, 200, 700, 1500, 3000]))
        remote = await client.get_run("r1")
        reading = asyncio.create_task(_all(remote.events()))
        await run.start([5, 4, 3, 2, 1, 0])
        events = await asyncio.wait_for(reading, 30)
        assert wire.connections > 5
    assert events == await of_the_app(app, "r1")


async def test_a_reader_goes_on_with_a_server_that_is_started_anew(store: str) -> None:
    before, after = an_app(store), an_app(store)
    async with served(before) as url:
        port = int(url.rsplit(":", 1)[1])
        client = Client(url)
        run = await client.get_workflow(approval).start_async({"document_id": "D"}, run_id="r1")
        events = run.events()
        seen = [await anext(events)]
        while seen[-1].type != "run-suspended":
            seen.append(await anext(events))
        more = asyncio.create_task(_all(events))
        await asyncio.sleep(0)  # it is being read when the server ends
    async with served(after, port=port):
        await run.resume(data={"approved": True})
        seen += await asyncio.wait_for(more, 30)
        assert seen == await of_the_app(after, "r1")
        await client.close()


async def test_a_server_that_stays_away_is_told_of_when_the_time_is_over(store: str) -> None:
    async with served(an_app(store)) as url:
        client = Client(url, reconnect_for=timedelta(seconds=0.3))
        run = await client.get_workflow(approval).start_async({"document_id": "D"}, run_id="r1")
        await run.wait()
        events = run.events()
        known = [await anext(events) for _ in itertools.repeat(None, 6)]
        assert known[-1].type == "run-suspended"
    with pytest.raises(ServerUnreachable, match="is it started"):
        await anext(events)
    await client.close()


async def _all(events: AsyncIterator[Event]) -> list[Event]:
    return [event async for event in events]


async def test_a_server_that_ends_each_stream_at_once_is_not_asked_for_ever() -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with Client(url, reconnect_for=timedelta(seconds=0.3)) as client:
        with pytest.raises(ServerUnreachable, match="as soon as they begin"):
            await anext(RemoteRun(client, "r1", None).events())
    server.close()
    await server.wait_closed()
