"""How many calls a connection to a worker carries at once, and what becomes of those that it takes no more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, cast

from waystation.errors import ExtraMissing

try:
    import hypercorn.asyncio.tcp_server
    import hypercorn.protocol
    from h2.events import Event as FrameEvent
    from h2.events import RequestReceived, SettingsAcknowledged
    from h2.exceptions import ProtocolError
    from h2.settings import SettingCodes
    from hypercorn.asyncio.worker_context import AsyncioSingleTask
    from hypercorn.events import Closed, Event, RawData, Updated
    from hypercorn.protocol.h2 import H2Protocol
    from hypercorn.typing import TaskGroup
except ImportError as error:
    raise ExtraMissing("a worker needs hypercorn: install waystation[restate], which brings it") from error


_WAY_AFTER = 0.1
_WAY_AFTER_AT_MOST = 5.0
"""After how long, in seconds, way is made on a full connection for calls that may be queued behind those under way;
from one time to the next twice as long, while nobody comes."""

_WAY_FOR = 50
"""For how many: Restate gives a connection that is new to it as many calls, before it hears of any limit."""


class ToldOnly(int):
    """A limit that is told to whoever calls, and not held against it.

    Until it was told, it may open as many streams as it likes; then it keeps to it. The server would hold it from the
    first frame on, and close the connection, with all that is under way on it, when a burst of calls comes first.
    """

    def __lt__(self, count: int, /) -> bool:
        """Whether ``count`` is too many; it is how h2 asks, with the sides changed, as this is an int of its own."""
        return False


class _Refused:
    """A call that was refused, to which something more is said: it had been said before that was heard."""

    async def handle(self, _: object) -> None:
        """It goes nowhere."""


class _Streams(dict[int, Any]):
    def __missing__(self, _: int) -> _Refused:
        return _Refused()


class _Connection(H2Protocol):
    """Hypercorn's, with two things changed.

    Hypercorn, once it is to end, refuses new calls. When the rest of such a call came it met a ``KeyError``, which
    broke the connection, and with it the calls that were to end there in peace; and a connection on which nothing but
    refused calls came was never closed, and kept the worker from ending.

    And way is made on a full connection. Restate may have handed calls to it before the limit came; those that were not
    sent by then wait in Restate until the calls under way have ended, however long that is: for ever, if one of these
    drives a run whose step is queued so. Nobody here sees that any wait. So the limit is lifted now and then, until the
    other side has acknowledged that, by when it sends them.
    """

    def __init__(self, *given: object, **named: object) -> None:
        cast("Any", super().__init__)(*given, **named)
        self._limit: int = self.config.h2_max_concurrent_streams
        self._is_making_way = False
        self._acknowledged = asyncio.Event()
        self._ended = asyncio.Event()

    async def handle(self, event: Event) -> None:
        """What came on the connection."""
        if not isinstance(self.streams, _Streams):
            self.streams = _Streams(self.streams)
        await super().handle(event)
        if isinstance(event, Closed):
            self._ended.set()
            self._acknowledged.set()
        if isinstance(event, RawData) and self.context.terminated.is_set() and self.idle:
            with suppress(ProtocolError):  # it may have been closed by the other side
                self.connection.close_connection()
            await self._flush()
            await self.send(Updated(idle=True))  # so it is closed

    async def _handle_events(self, events: Sequence[FrameEvent]) -> None:
        if any(isinstance(event, SettingsAcknowledged) for event in events):
            self._acknowledged.set()
        await super()._handle_events(list(events))

    async def _create_stream(self, request: RequestReceived) -> None:
        await super()._create_stream(request)
        if self._is_full and not self._is_making_way:
            self._is_making_way = True
            cast("Any", self.task_group).spawn(self._make_way)

    @property
    def _is_full(self) -> bool:
        return not self._ended.is_set() and len(self.streams) >= self._limit

    async def _make_way(self) -> None:
        """Until the connection is full no more."""
        pause = _WAY_AFTER
        while self._is_full and not await self._ends_within(pause) and not self.context.terminated.is_set():
            before = self.keep_alive_requests
            self._acknowledged.clear()
            await self._tell(ToldOnly(len(self.streams) + _WAY_FOR))
            await self._acknowledged.wait()
            if not self._ended.is_set() and not self.context.terminated.is_set():
                await self._tell(self._limit)
            has_come = self.keep_alive_requests > before
            pause = _WAY_AFTER if has_come else min(2 * pause, _WAY_AFTER_AT_MOST)
        self._is_making_way = False

    async def _ends_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        return self._ended.is_set()

    async def _tell(self, limit: int) -> None:
        with suppress(ProtocolError):  # it may have been closed
            self.connection.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: limit})
        await self._flush()


class _IdleTask(AsyncioSingleTask):
    """Hypercorn, when a connection becomes idle as it is closed, left behind a coroutine that nobody awaits."""

    async def restart(self, task_group: TaskGroup, action: Callable[..., Any]) -> None:
        """Begin to wait anew."""
        made: list[Coroutine[Any, Any, None]] = []

        def make() -> Coroutine[Any, Any, None]:
            made.append(action())
            return made[0]

        try:
            await cast("Any", super()).restart(task_group, make)
        except RuntimeError:  # the connection's tasks have ended
            for each in made:
                each.close()
            raise


def keep_connections_whole() -> None:
    """Have connections outlive the calls that are refused on them. (Hypercorn has no place to say so.)"""
    cast("Any", hypercorn.asyncio.tcp_server).AsyncioSingleTask = _IdleTask
    cast("Any", hypercorn.protocol).H2Protocol = _Connection
