"""Follows a run on a server: every event once, through connections that break and servers that are started anew."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from waystation.client.connection import Connection, part
from waystation.client.pausing import pause
from waystation.client.sse import Message, MessageReader
from waystation.core.refs import Seq
from waystation.engine.events import AnyEvent, RunFinishedEvent
from waystation.errors import (
    AppClosed,
    NotWaystation,
    ServerUnreachable,
    StoreBusy,
    StoreUnavailable,
    TooManyStreams,
    WaystationError,
)

_QUIET = 45.0
"""The server is heard every 15 seconds, if only by a comment: three times as much silence is no connection."""

_LONGEST_PAUSE = 5.0

_FOR_NOW = (ServerUnreachable, TooManyStreams, StoreUnavailable, StoreBusy, AppClosed)
"""The server, or its store, is away, being started anew, or has too much to do."""

_ALL = 2**31
"""All that an entry announces is known."""

_event: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


async def follow(
    connection: Connection, run_id: str, *, after: Seq, last_part: int | None, live: bool
) -> AsyncGenerator[AnyEvent]:
    """The run's events after that one, until it ends; unless ``live``, only those that are there.

    Raises:
        RunNotFound, DefinitionChanged, and what else the server answers.
        ServerUnreachable: it was away for longer than ``reconnect_for``.
    """
    known = (after, _ALL if last_part is None else last_part)
    heard_at = time.monotonic()
    tries = 0
    while True:
        reader = MessageReader()
        lost: WaystationError = ServerUnreachable("the server ends streams of events as soon as they begin")
        try:
            async with aclosing(_messages(connection, run_id, known, reader, live=live)) as messages:
                async for message in messages:
                    tries = 0
                    if message.event == "end":
                        return
                    if message.event == "problem":
                        raise connection.told(message.data)
                    event = _read(message)
                    if (event.seq, event.part) <= known:
                        continue
                    known = (event.seq, event.part)
                    yield event
                    if isinstance(event, RunFinishedEvent):
                        return
            if not live:
                return
        except _FOR_NOW as error:
            lost = error
        now = time.monotonic()
        heard_at = now if reader.is_fed else heard_at
        if now - heard_at >= connection.settings.reconnect_for:
            raise lost
        # A server that ends the stream of a run that has not ended is being stopped. Whoever was told something before
        # comes again at once; else as soon as the server would have it.
        asked_for = 0.0 if tries == 0 or reader.retry is None else reader.retry / 1000
        tries += 1
        await asyncio.sleep(max(asked_for, pause(tries, _LONGEST_PAUSE)))


async def _messages(
    connection: Connection, run_id: str, known: tuple[Seq, int], reader: MessageReader, *, live: bool
) -> AsyncGenerator[Message]:
    seq, last_part = known
    last = str(seq) if last_part == _ALL else f"{seq}.{last_part}"
    headers = {"Cache-Control": "no-store"}
    if known != (0, _ALL):
        headers["Last-Event-ID"] = last
    params = {} if live else {"live": "false"}
    path = f"/runs/{part(run_id)}/stream"
    async with connection.stream(path, "text/event-stream", params=params, headers=headers, quiet=_QUIET) as pieces:
        async for piece in pieces:
            for message in reader.feed(piece):
                yield message


def _read(message: Message) -> AnyEvent:
    try:
        return _event.decode(message.data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotWaystation(
            f"the server told of an event {message.event!r} that this client does not know ({error}); it may be of a "
            "later version: install that here too"
        ) from None
