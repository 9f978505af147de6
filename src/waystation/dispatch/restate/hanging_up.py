"""What a worker still says to a connection that is gone goes nowhere, at once.

Hypercorn would have whoever ends a response wait until all of it is sent, and of a connection that was lost nothing is
sent any more: each call that was under way would stay for ever, and keep the worker from ending.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from typing import Any, TypeAlias

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


_gone: ContextVar[asyncio.Future[None] | None] = ContextVar("waystation_connection_gone", default=None)


class Connection:
    """That of a request."""

    def __init__(self, gone: asyncio.Future[None] | None) -> None:
        self._gone = gone

    @property
    def is_there(self) -> bool:
        """Whether what is said is heard."""
        return self._gone is None or not self._gone.done()

    def when_gone(self, tell: Callable[[], None]) -> None:
        """Have that told once it is gone."""
        if self._gone is not None:
            self._gone.add_done_callback(lambda _: tell())


def connection() -> Connection:
    """That of the request that is served just now."""
    return Connection(_gone.get())


def ending_with_its_connection(app: Application) -> Application:
    """The same ASGI application; what it sends waits for nobody once its connection is gone. It must go on receiving
    meanwhile, as that tells."""

    async def ending(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        _gone.set(gone)

        async def receiving() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect" and not gone.done():
                gone.set_result(None)
            return message

        async def sending(message: Message) -> None:
            if gone.done():
                return
            if message["type"] != "http.response.body":  # that alone may wait
                await send(message)
                return
            sent = asyncio.ensure_future(send(message))
            try:
                await asyncio.wait((sent, gone), return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not sent.done():
                    sent.cancel()
            if sent.done():
                sent.result()

        await app(scope, receiving, sending)

    return ending
