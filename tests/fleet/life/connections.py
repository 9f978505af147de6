"""A worker's end of a connection, and its caller's, without a network between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import hypercorn.protocol
from h2.config import H2Configuration
from h2.connection import H2Connection
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.task_group import TaskGroup
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.typing import ConnectionState

from waystation.dispatch.restate.streams import keep_connections_whole


class BothEnds:
    """Both of them.

    Arguments:
        tasks: where the worker's tasks run.
        config: what the worker's server is told.

    Attributes:
        ends: the worker is to end when the test says so.
        answers: all calls are answered when the test says so.
        is_told_idle: whether the worker takes the connection for idle.
    """

    def __init__(self, tasks: TaskGroup, config: Config | None = None) -> None:
        self.ends = WorkerContext(None)
        self.caller = H2Connection(H2Configuration(client_side=True))
        self.caller.initiate_connection()
        self.answers = asyncio.Event()
        self.sent: list[bytes] = []
        self._has_sent = asyncio.Event()
        self.is_told_idle = False
        keep_connections_whole()
        make = cast("Any", hypercorn.protocol).H2Protocol
        app = ASGIWrapper(cast("Any", self._app))
        self.connection = make(
            app, config or Config(), self.ends, tasks, ConnectionState({}), False, None, None, self._send
        )

    async def _app(self, *_: object) -> None:
        await self.answers.wait()

    async def _send(self, event: Event) -> None:
        if isinstance(event, RawData):
            self.sent.append(event.data)
            self._has_sent.set()
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

    async def next_heard(self) -> list[object]:
        """What the caller hears next; it acknowledges what is to be acknowledged."""
        await self._has_sent.wait()
        self._has_sent.clear()
        heard = self.heard()
        await self.connection.handle(RawData(self.caller.data_to_send()))
        return heard


@asynccontextmanager
async def both_ends(config: Config | None = None) -> AsyncGenerator[BothEnds]:
    """Both ends of a connection that is closed afterwards, when all its calls have been answered."""
    async with asyncio.timeout(10), TaskGroup(asyncio.get_running_loop()) as tasks:
        ends = BothEnds(tasks, config)
        try:
            yield ends
        finally:
            ends.answers.set()
            await ends.connection.handle(Closed())
