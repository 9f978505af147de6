"""What becomes of a connection to a worker that ends, when one more call comes on it."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import hypercorn.protocol
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, StreamReset
from hypercorn.asyncio.task_group import TaskGroup
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData
from hypercorn.typing import ConnectionState

from waystation.dispatch.restate.streams import keep_connections_whole

pytestmark = pytest.mark.anyio


async def test_a_call_that_comes_as_a_worker_ends_is_refused_and_the_connection_stays() -> None:
    caller = H2Connection(H2Configuration(client_side=True))
    caller.initiate_connection()
    sent: list[bytes] = []

    async def send(event: Event) -> None:
        if isinstance(event, RawData):
            sent.append(event.data)

    keep_connections_whole()
    protocol = cast("Any", hypercorn.protocol).H2Protocol
    ends = WorkerContext(None)
    await ends.terminated.set()
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(10), TaskGroup(loop) as tasks:
        connection = protocol(None, Config(), ends, tasks, ConnectionState({}), False, None, None, send)
        await connection.initiate()
        # The call, and what it brings, before the caller has heard that it is refused.
        caller.send_headers(1, [(":method", "POST"), (":path", "/"), (":authority", "a"), (":scheme", "http")])
        caller.send_data(1, b"what the call brings", end_stream=True)
        await connection.handle(RawData(caller.data_to_send()))
        heard = [event for data in sent for event in caller.receive_data(data)]
        assert [event.stream_id for event in heard if isinstance(event, StreamReset)] == [1]
        assert not any(isinstance(event, ConnectionTerminated) for event in heard)
        await connection.handle(Closed())
