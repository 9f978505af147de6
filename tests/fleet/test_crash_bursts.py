"""Many calls at once break no connection, and cost no more than as many calls one after another."""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx
import pytest
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, ResponseReceived, StreamReset

from tests.conformance.stock import add_one
from tests.restate_server import RestateServer
from waystation import Waystation, workflow
from waystation.dispatch.restate.address import RestateAddress
from waystation.dispatch.restate.client import RestateClient

pytestmark = pytest.mark.anyio

BURST = 50

plain = workflow("plain", input=int, output=int).then(add_one).commit()


async def answered(port: int) -> Counter[str]:
    """Open a connection, and on it many streams before a word of the other side was read; how each was answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    connection = H2Connection()
    connection.initiate_connection()
    for number in range(BURST):
        headers = [(":method", "GET"), (":path", "/health"), (":scheme", "http"), (":authority", "worker")]
        connection.send_headers(1 + 2 * number, headers, end_stream=True)
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
    return found


async def test_calls_that_come_before_the_worker_has_said_how_many_it_takes_are_answered(
    restate: RestateServer,
) -> None:
    app = Waystation(workflows=[plain], store="memory://", dispatch=restate.dispatch("bursts"))
    async with app, app.worker(port=0) as worker:
        assert await answered(int(worker.url.rpartition(":")[2])) == {"ResponseReceived": BURST}


async def test_of_many_who_want_to_know_at_once_one_asks_and_few_requests_are_under_way_at_a_time(
    restate: RestateServer,
) -> None:
    client = RestateClient(RestateAddress.parse(restate.dispatch("bursts")))
    asked: Counter[str] = Counter()
    under_way = most = 0

    async def begins(request: httpx.Request) -> None:
        nonlocal under_way, most
        asked[request.url.path.split("/")[-1]] += 1
        under_way += 1
        most = max(most, under_way)

    async def ends(response: httpx.Response) -> None:
        nonlocal under_way
        await response.aread()
        under_way -= 1

    vars(client)["_http"].event_hooks = {"request": [begins], "response": [ends]}
    app = Waystation(workflows=[plain], store="memory://", dispatch=restate.dispatch("bursts"))
    async with app, app.worker(port=0):
        try:
            await asyncio.gather(*(client.ready("plain") for _ in range(200)))
            await asyncio.gather(*(client.send("plain", f"r{n}", {}, key=None) for n in range(200)))
        finally:
            await client.close()
    assert asked == {"health": 1, "send": 200}
    assert 8 < most <= 32
