"""The stream of a run: all of its events, once each, whoever lost the connection and where."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import httpx
import pytest
from starlette.requests import Request

from tests.server.stock import Message, asked, code, comes_true, messages, read, served, started
from waystation.server import Limits, Principal, TokenAuthenticator, TokenFile, streaming

pytestmark = pytest.mark.anyio

STREAM = "/api/v1/runs/r1/stream"
RESUME = "/api/v1/runs/r1/resume"
YES = {"data": {"approved": True}}


async def ended(client: httpx.AsyncClient) -> None:
    """Have an approval begun and answered."""
    await started(client)
    reply = await client.post(RESUME, json={**YES, "wait_seconds": 10})
    assert reply.json()["status"] == "success"


async def test_the_events_of_a_run_come_in_order_and_its_end_last() -> None:
    async with served() as (client, _):
        await ended(client)
        *events, end = await read(client, STREAM)
        assert [message.event for message in events] == [
            "run-started",
            "step-started",
            "step-suspended",
            "run-suspended",
            "step-resumed",
            "step-started",
            "step-succeeded",
            "step-started",
            "step-succeeded",
            "run-finished",
        ]
        assert all(message.id == f"{message.data['seq']}.{message.data.get('part', 0)}" for message in events)
        assert all(message.data["type"] == message.event for message in events)
        assert (end.event, end.id, end.data["status"]) == ("end", "", "success")
        assert end.data["result"] == {"document_id": "DOC-1", "approved": True}


async def test_a_reader_goes_on_after_any_event_without_loss_or_repetition() -> None:
    async with served() as (client, _):
        await ended(client)
        whole = await read(client, STREAM)
        for place, message in enumerate(whole[:-1], 1):
            assert await read(client, STREAM, after=message.id) == whole[place:]
            assert await read(client, f"{STREAM}?after={message.id}") == whole[place:]
        entry = whole[3].data["seq"]
        assert await read(client, f"{STREAM}?after={entry}") == [
            message for message in whole if message.data.get("seq", 99) > entry
        ], "a seq alone means all of that entry"
        assert await read(client, f"{STREAM}?after=1", after=whole[-3].id) == whole[-2:], "the header goes first"


async def test_a_reader_who_is_cut_off_again_and_again_while_the_run_goes_on_misses_nothing() -> None:
    async with served() as (client, _):
        await client.post("/api/v1/workflows/counting/start", json={"input": 40, "run_id": "r1"})
        found: list[Message] = []
        while not found or found[-1].event != "end":
            last = next((message.id for message in reversed(found) if message.id), "")
            found += await read(client, STREAM, after=last, most=3)
        assert found == await read(client, STREAM)
        chunks = [chunk for message in found if message.event == "step-output" for chunk in message.data["chunks"]]
        assert chunks == list(range(40))


async def test_what_happens_while_a_reader_is_there_comes_at_once() -> None:
    async with served() as (client, site):
        await started(client)
        async with asyncio.timeout(20), client.stream("GET", STREAM) as reply, aclosing(messages(reply)) as coming:
            while (await anext(coming)).event != "run-suspended":
                pass
            await client.post(RESUME, json=YES)
            assert [message.event async for message in coming][-2:] == ["run-finished", "end"]
        await comes_true(lambda: site.busy.streams == 0)


async def test_a_reader_who_does_not_want_to_stay_gets_what_is_there() -> None:
    async with served() as (client, _):
        await started(client)
        assert [message.event for message in await read(client, f"{STREAM}?live=false")][-1] == "run-suspended"
        await client.post(RESUME, json={**YES, "wait_seconds": 10})
        assert [message.event for message in await read(client, f"{STREAM}?live=false")][-1] == "end"


async def test_a_stream_on_which_nothing_happens_is_seen_to_be_alive() -> None:
    async with served(limits=Limits(ping_seconds=0.05)) as (client, _):
        await started(client)
        last = (await read(client, f"{STREAM}?live=false"))[-1].id
        async with client.stream("GET", STREAM, headers={"Last-Event-ID": last}) as reply:
            pings = 0
            async with asyncio.timeout(10):
                async for line in reply.aiter_lines():
                    pings += line.startswith(": ping")
                    if pings == 3:
                        break


async def test_what_is_no_place_in_a_stream_is_refused() -> None:
    async with asked() as client:
        await started(client)
        for place in ["x", "1.2.3", "-1", "1.x", "9" * 30, "1,2"]:
            assert code(await client.get(STREAM, headers={"Last-Event-ID": place})) == (400, "bad_request")
            assert code(await client.get(STREAM, params={"after": place})) == (400, "bad_request")


async def test_a_run_that_is_deleted_under_its_reader_ends_the_stream_with_the_reason() -> None:
    async with served() as (client, _):
        await started(client)
        async with asyncio.timeout(20), client.stream("GET", STREAM) as reply, aclosing(messages(reply)) as coming:
            while (await anext(coming)).event != "run-suspended":
                pass
            assert (await client.delete("/api/v1/runs/r1")).status_code == 204
            (last,) = [message async for message in coming]
            assert (last.event, last.data["code"]) == ("problem", "run_not_found")


async def test_a_server_that_is_shut_down_ends_its_streams_and_who_waits_at_once() -> None:
    async with served() as (client, site):
        await started(client)
        await client.post("/api/v1/workflows/paid/start", json={"input": 1, "run_id": "p1"})
        past = len(await read(client, f"{STREAM}?live=false"))
        came: list[Message] = []
        ended = [asyncio.create_task(read(client, path, into=came)) for path in (STREAM, "/api/v1/stream")]
        waiter = asyncio.create_task(client.get("/api/v1/runs/p1?wait_seconds=60"))
        await comes_true(lambda: site.busy.waiting == 1 and len(came) == past + 1)
        began = asyncio.get_running_loop().time()
        site.busy.closing.set()  # as the server does when it is shut down: see test_serving
        await asyncio.gather(*ended)
        assert (await waiter).json()["status"] == "waiting"
        assert asyncio.get_running_loop().time() - began < 5


class Counting(TokenAuthenticator):
    """Counts how often someone was known."""

    known = 0

    async def authenticate(self, request: Request) -> Principal | None:
        found = await super().authenticate(request)
        self.known += found is not None
        return found


async def test_a_reader_whose_token_is_revoked_is_told_no_more(
    file: TokenFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "_RECHECK_SECONDS", 0.05)
    token, auth = file.new("ada", ["admin"]), Counting(file)
    async with served(auth=auth, headers={"Authorization": f"Bearer {token}"}) as (client, site):
        await started(client)
        past = len(await read(client, f"{STREAM}?live=false"))
        came: list[Message] = []
        ended = [asyncio.create_task(read(client, path, into=came)) for path in (STREAM, "/api/v1/stream")]
        await comes_true(lambda: len(came) == past + 1)
        before = auth.known
        await comes_true(lambda: auth.known >= before + 6)
        assert (len(came), site.busy.streams) == (past + 1, 2), (
            "who may read stays, and is told nothing of being looked at"
        )
        file.revoke(token.split("_")[1])
        await asyncio.gather(*ended)
        assert [(last.event, last.data["code"]) for last in came[-2:]] == [("problem", "unauthenticated")] * 2
        await comes_true(lambda: site.busy.streams == 0)


async def test_what_a_stream_tells_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with served() as (client, _):
        await started(client, document_id="of-nobodys-business")
        assert "of-nobodys-business" in str(await read(client, f"{STREAM}?live=false"))
    assert "of-nobodys-business" not in caplog.text
