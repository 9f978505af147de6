"""Many calls at once break no connection, and cost no more than as many calls one after another; connections that are
idle are given up."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial

import aiohttp
import pytest
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, ResponseReceived, StreamReset

from tests.conformance.stock import add_one
from tests.restate_server import RestateServer
from waystation import Waystation, workflow
from waystation.dispatch.restate import worker as worker_module
from waystation.dispatch.restate.address import RestateAddress
from waystation.dispatch.restate.calls import RunCall
from waystation.dispatch.restate.client import RestateClient

pytestmark = pytest.mark.anyio

BURST = 50
HEALTH = [(":method", "GET"), (":path", "/health"), (":scheme", "http"), (":authority", "worker")]

plain = workflow("plain", input=int, output=int).then(add_one).commit()


async def answered(port: int) -> Counter[str]:
    """Open a connection, and on it many streams before a word of the other side was read; how each was answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    connection = H2Connection()
    connection.initiate_connection()
    for number in range(BURST):
        connection.send_headers(1 + 2 * number, HEALTH, end_stream=True)
    writer.write(connection.data_to_send())
    found: Counter[str] = Counter()
    try:
        async with asyncio.timeout(20):
            while sum(found.values()) < BURST and (data := await reader.read(65536)):
                for event in connection.receive_data(data):
                    if isinstance(event, ResponseReceived | StreamReset | ConnectionTerminated):
                        found[type(event).__name__] += 1
                writer.write(connection.data_to_send())
    finally:
        writer.close()
        await writer.wait_closed()
    return found


async def test_calls_that_come_before_the_worker_has_said_how_many_it_takes_are_answered(
    restate: RestateServer,
) -> None:
    app = Waystation(workflows=[plain], store="memory://", dispatch=restate.dispatch("bursts"))
    async with app, app.worker(port=0) as worker:
        assert await answered(int(worker.url.rpartition(":")[2])) == {"ResponseReceived": BURST}


async def test_a_connection_that_is_idle_is_closed_so_that_the_next_may_go_to_another_worker(
    restate: RestateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "_IDLE_FOR", 0.05)
    app = Waystation(workflows=[plain], store="memory://", dispatch=restate.dispatch("bursts"))
    async with app, app.worker(port=0) as worker:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(worker.url.rpartition(":")[2]))
        connection = H2Connection()
        connection.initiate_connection()
        connection.send_headers(1, HEALTH, end_stream=True)
        writer.write(connection.data_to_send())
        async with asyncio.timeout(20):
            while await reader.read(65536):  # the answer, and then its end
                pass
        writer.close()
        await writer.wait_closed()


class Relay:
    """Stands before a Restate's ingress, and counts what goes through.

    Attributes:
        asked: how many requests there were, by what they ask for.
        most: how many connections were open at once.
    """

    def __init__(self, restate: RestateServer) -> None:
        self.asked: Counter[str] = Counter()
        self.most = 0
        self._open = 0
        self._port = int(restate.ingress.rpartition(":")[2])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self._open += 1
        self.most = max(self.most, self._open)
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._port)
        await asyncio.gather(self._pass_on(reader, there_writer, count=True), self._pass_on(there_reader, writer))
        self._open -= 1

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, count: bool = False
    ) -> None:
        while data := await reader.read(65536):
            if count:
                self.asked += Counter(words[1].split(b"/")[-1].decode() for words in map(bytes.split, requests(data)))
            writer.write(data)
        writer.close()
        await writer.wait_closed()


def requests(data: bytes) -> list[bytes]:
    """The lines that begin a request."""
    return [line for line in data.split(b"\r\n") if line.endswith(b" HTTP/1.1")]


async def test_of_many_who_want_to_know_at_once_one_asks_and_few_requests_are_under_way_at_a_time(
    restate: RestateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: Counter[str] = Counter()
    under_way = most = 0

    async def begins(_: object, __: object, sent: aiohttp.TraceRequestHeadersSentParams) -> None:
        nonlocal under_way, most
        asked[sent.url.path.split("/")[-1]] += 1
        under_way += 1
        most = max(most, under_way)

    async def ends(_: object, __: object, ___: object) -> None:
        nonlocal under_way
        under_way -= 1

    watching = aiohttp.TraceConfig()
    watching.on_request_headers_sent.append(begins)
    watching.on_request_end.append(ends)
    app = Waystation(workflows=[plain], store="memory://", dispatch=restate.dispatch("bursts"))
    async with app, app.worker(port=0):
        monkeypatch.setattr(aiohttp, "ClientSession", partial(aiohttp.ClientSession, trace_configs=[watching]))
        client = RestateClient(RestateAddress.parse(restate.dispatch("bursts")))
        try:
            await asyncio.gather(*(client.ready("plain") for _ in range(200)))
            await asyncio.gather(*(client.call_run(RunCall("plain", f"r{n}", 0, 1), again=True) for n in range(200)))
        finally:
            await client.close()
    assert asked == {"health": 1, "send": 200}
    assert 8 < most <= 32
