"""How many calls a connection to a worker carries at once, and what becomes of those that it takes no more."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, cast

from waystation.errors import ExtraMissing

try:
    import hypercorn.asyncio.tcp_server
    import hypercorn.protocol
    from h2.exceptions import ProtocolError
    from hypercorn.asyncio.worker_context import AsyncioSingleTask
    from hypercorn.events import Event, RawData, Updated
    from hypercorn.protocol.h2 import H2Protocol
    from hypercorn.typing import TaskGroup
except ImportError as error:
    raise ExtraMissing("a worker needs hypercorn: install waystation[restate], which brings it") from error


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
    """Hypercorn, once it is to end, refuses new calls. When the rest of such a call came it met a ``KeyError``, which
    broke the connection, and with it the calls that were to end there in peace; and a connection on which nothing but
    refused calls came was never closed, and kept the worker from ending."""

    async def handle(self, event: Event) -> None:
        """What came on the connection."""
        if not isinstance(self.streams, _Streams):
            self.streams = _Streams(self.streams)
        await super().handle(event)
        if isinstance(event, RawData) and self.context.terminated.is_set() and self.idle:
            with suppress(ProtocolError):  # it may have been closed by the other side
                self.connection.close_connection()
            await self._flush()
            await self.send(Updated(idle=True))  # so it is closed


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
