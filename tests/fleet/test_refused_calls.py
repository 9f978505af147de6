"""What becomes of a connection to a worker that ends, when one more call comes on it."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import hypercorn.protocol
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, StreamReset
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.task_group import TaskGroup
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.typing import ConnectionState

from waystation.dispatch.restate.streams import keep_connections_whole

pytestmark = pytest.mark.anyio


class Ending:
    """A worker's end of a connection, and its caller's; the worker is to end when the test says so."""

    def __init__(self, tasks: TaskGroup) -> None:
        self.ends = WorkerContext(None)
        self.caller = H2Connection(H2Configuration(client_side=True))
        self.caller.initiate_connection()
        self.answers = asyncio.Event()
        self.sent: list[bytes] = []
        self.is_told_idle = False
        keep_connections_whole()
        make = cast("Any", hypercorn.protocol).H2Protocol
        app = ASGIWrapper(cast("Any", self._app))
        self.connection = make(app, Config(), self.ends, tasks, ConnectionState({}), False, None, None, self._send)

    async def _app(self, *_: object) -> None:
        await self.answers.wait()

    async def _send(self, event: Event) -> None:
        if isinstance(event, RawData):
            self.sent.append(event.data)
        elif isinstance(event, Updated):
            self.is_told_idle = event.idle

    async def call(self, stream_id: int) -> None:
        """A call, and what it brings, before the caller has heard whether it is refused."""
        headers = [(":method", "POST"), (":path", "/"), (":authority", "a"), (":scheme", "http")]
        self.caller.send_headers(stream_id, headers)
        self.caller.send_data(stream_id, b"what the call brings", end_stream=True)
        await self.connection.handle(RawData(self.caller.data_to_send()))

    def heard(self) -> list[object]:
        """What the caller hears."""
        heard = [event for data in self.sent for event in self.caller.receive_data(data)]
        self.sent.clear()
        return list(heard)


async def test_a_call_that_comes_as_a_worker_ends_is_refused_and_those_under_way_stay() -> None:
    async with asyncio.timeout(10), TaskGroup(asyncio.get_running_loop()) as tasks:
        ending = Ending(tasks)
        await ending.connection.initiate()
        await ending.call(1)
        await ending.ends.terminated.set()
        await ending.call(3)
        heard = ending.heard()
        assert [event.stream_id for event in heard if isinstance(event, StreamReset)] == [3]
        assert not any(isinstance(event, ConnectionTerminated) for event in heard)
        assert not ending.is_told_idle
        ending.answers.set()
        await ending.connection.handle(Closed())


async def test_a_connection_on_which_all_calls_are_refused_is_closed() -> None:
    async with asyncio.timeout(10), TaskGroup(asyncio.get_running_loop()) as tasks:
        ending = Ending(tasks)
        await ending.ends.terminated.set()
        await ending.connection.initiate()
        await ending.call(1)
        assert any(isinstance(event, ConnectionTerminated) for event in ending.heard())
        assert ending.is_told_idle
        await ending.connection.handle(Closed())
