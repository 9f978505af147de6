"""A worker: it serves what Restate calls, and is registered there for as long as it is open."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import timedelta
from types import TracebackType
from typing import Any, Self, cast

from waystation.dispatch.restate.dispatcher import RestateDispatcher
from waystation.dispatch.restate.endpoint import endpoint
from waystation.dispatch.restate.hanging_up import ending_with_its_connection
from waystation.dispatch.restate.listening import Listening, ListeningConfig
from waystation.dispatch.restate.streams import ToldOnly, keep_connections_whole
from waystation.engine.in_flight import cancel_all
from waystation.errors import DispatchError, ExtraMissing

try:
    from hypercorn.asyncio import serve  # pyright: ignore[reportUnknownVariableType]  # it is typed only in part
    from hypercorn.config import Config
except ImportError as error:
    raise ExtraMissing("a worker needs hypercorn: install waystation[restate], which brings it") from error

# The two libraries type the same ASGI application each in their own way, and one of them only in part.
_serve = cast("Callable[..., Coroutine[Any, Any, None]]", serve)

_log = logging.getLogger("waystation.worker")

_STREAMS_PER_CONNECTION = 2
"""Restate opens another connection when those it has are this full. Where several workers are behind one address, what
is spread over them is connections, by chance, so they are many and small: with a hundred spread steps under way, 8 on
each, the first of four workers had no more to do after 6.3 seconds, and the last after 8.8."""

_FAREWELLS = 5.0
"""How long, in seconds, the calls that are under way may take to end once their runs were handed over."""

_IDLE_FOR = 10.0
"""After so long, in seconds, a connection on which nothing is under way is closed. Restate opens another when it needs
one, which may go to a worker that was started since; else that would have little to do while the others live."""

_PRIVATE = ("127.0.0.1", "::1", "localhost")


class Worker:
    """Serves one app's workflows to Restate. An async context manager: open, it is registered.

    Arguments:
        opened: gives the app's dispatcher, opened; the others see ``Waystation.worker``.

    Attributes:
        url: where Restate reaches it.
        deployment_id: as which Restate knows it, once it is open.
    """

    def __init__(
        self,
        opened: Callable[[], Awaitable[RestateDispatcher]],
        *,
        host: str,
        port: int,
        advertise: str | None,
        identity_keys: Sequence[str],
        runs: int,
        steps: int,
        share_port: bool,
        deregister: bool,
    ) -> None:
        self._opened = opened
        self._dispatcher: RestateDispatcher | None = None
        self._host = host
        self._port = port
        self._advertise = advertise
        self._identity_keys = identity_keys
        self._runs = runs
        self._steps = steps
        self._share_port = share_port
        self._deregister = deregister
        self._ends = asyncio.Event()
        self._listening: Listening | None = None
        self._serving: asyncio.Task[None] | None = None
        self.url = ""
        self.deployment_id = ""

    async def open(self) -> None:
        """Listen, and register.

        Raises:
            DispatchUrlInvalid: the app has no Restate.
            ListenFailed, DispatchUnreachable, DispatchTooOld, RegistrationRefused: then nothing is served.
        """
        dispatcher = self._dispatcher = await self._opened()
        client = dispatcher.client
        await client.version()
        listening = self._listening = Listening.at(self._host, self._port, share_port=self._share_port)
        try:
            self.url = self._advertise or listening.url(self._host)
            workflow_ids = sorted({key.workflow_id for key in dispatcher.engine.workflows})
            placed = dispatcher.placed(self._runs)
            apart = dispatcher.apart(self._steps)
            app = endpoint(client.address, workflow_ids, placed.called, apart.run, identity_keys=self._identity_keys)
            if not self._identity_keys and self._host not in _PRIVATE:
                _log.warning(
                    "everyone who reaches %s may call this worker: give it the identity key of Restate", self.url
                )
            config = _config(listening, dispatcher.grace)
            serving = _serve(ending_with_its_connection(app), config, shutdown_trigger=self._ends.wait)
            self._serving = asyncio.create_task(serving, name="waystation worker")
            self.deployment_id = await client.register(self.url)
            dispatcher.use_room(placed)
        except BaseException:
            await self._stop_serving()
            listening.close()
            raise
        _log.info("serving %s to %s at %s", ", ".join(workflow_ids) or "nothing", client.address.admin, self.url)

    async def close(self) -> None:
        """Take no more calls, begin no more steps, let those in flight end for the app's time of ``grace``, and hand
        the runs over: Restate calls the other workers for them, at once. The app drives nothing any more then."""
        # Both first, so that the calls that end here are made again elsewhere. Those under way keep their connections.
        if self._deregister and self._dispatcher is not None and self.deployment_id:
            try:
                await self._dispatcher.client.deregister(self.deployment_id)
            except DispatchError as error:
                _log.warning("Restate was not told that this worker is gone: %s", error)
        self._take_no_more()
        if self._dispatcher is not None:
            _log.info("handing over the runs that are driven here, %d of them", len(self._dispatcher.driven))
            await self._dispatcher.drain()
        await self._stop_serving()

    def _take_no_more(self) -> None:
        if self._listening is not None:
            self._listening.accepts = False
        self._ends.set()

    async def _stop_serving(self) -> None:
        self._take_no_more()
        if self._serving is not None:
            # From Python 3.12 on the server waits for its last connection, however long that is.
            _, unfinished = await asyncio.wait([self._serving], timeout=2 * _FAREWELLS)
            await cancel_all(list(unfinished))
            with suppress(asyncio.CancelledError):  # calls that did not end in time were cut off
                if (error := self._serving.exception()) is not None:
                    _log.warning("the worker has ended with a fault: %r", error)
            self._serving = None

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _config(listening: Listening, grace: timedelta) -> Config:
    keep_connections_whole()
    config = ListeningConfig(listening)
    config.graceful_timeout = grace.total_seconds() + _FAREWELLS
    config.h2_max_concurrent_streams = ToldOnly(_STREAMS_PER_CONNECTION)
    config.keep_alive_timeout = _IDLE_FOR
    config.keep_alive_max_requests = 2**31
    config.accesslog = None
    config.errorlog = None
    config.loglevel = "WARNING"
    return config
