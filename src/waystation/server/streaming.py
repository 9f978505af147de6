"""Streams of server-sent events: of a run, and of all runs.

A reader that lost its connection goes on with the last ``id`` it has: browsers do so by themselves (``Last-Event-ID``).
Of a run, nothing is lost or told twice: its events are made from the journal, for whoever asks. Streams end at once
when the server is shut down.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated

import msgspec
from fastapi import Header, Query
from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from waystation.core.refs import Seq
from waystation.errors import BadRequest, TooManyStreams, WaystationError
from waystation.run import Run
from waystation.server.access import allow, principal_of
from waystation.server.site import Here, Site
from waystation.shapes import compact, error_data, result_data
from waystation.store.records import ENDED

_log = logging.getLogger("waystation.server")
logging.getLogger("sse_starlette").setLevel(logging.INFO)  # below that it says all that is sent: what runs hold

_PLACE = re.compile(r"(\d{1,18})(?:\.(\d{1,9}))?")

_RETRY_MS = 1000
"""So long a browser waits before it connects again."""

_SEND_SECONDS = 30.0
"""A reader that takes nothing for so long is let go."""

_RECHECK_SECONDS = 5.0
"""So often it is looked whether a reader still may: tokens are revoked, and their time comes to an end."""

LastEventId = Annotated[
    str | None, Header(alias="Last-Event-ID", description="The `id` of the last event that is known.")
]


class Stream(EventSourceResponse):
    """A stream of server-sent events. It has had a place among the open ones, and gives it back when it ends."""

    site: Site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            _log.info("a reader of a stream took nothing for %s seconds, and was let go", _SEND_SECONDS)
        finally:
            self.site.busy.streams -= 1


def _begun(site: Site, request: Request, events: AsyncIterator[ServerSentEvent]) -> Stream:
    """A stream of these events, for whoever sent the request.

    Raises:
        TooManyStreams.
    """
    if site.busy.streams >= site.limits.streams:
        raise TooManyStreams(f"{site.limits.streams} streams are open, and no more may be; close some")
    sent = _until_closing(site, request, events)
    stream = Stream(sent, ping=site.limits.ping_seconds, sep="\n", send_timeout=_SEND_SECONDS)
    stream.site = site
    site.busy.streams += 1
    return stream


async def _until_closing(
    site: Site, request: Request, events: AsyncIterator[ServerSentEvent]
) -> AsyncIterator[ServerSentEvent]:
    """The events, until the server is shut down, or the reader may not read any more; what keeps them from going on is
    told as the last of them."""
    closing = asyncio.ensure_future(site.busy.closing.wait())
    coming: asyncio.Future[ServerSentEvent] | None = None
    looked = time.monotonic()
    try:
        yield ServerSentEvent(retry=_RETRY_MS, comment="waystation")
        while not closing.done():
            coming = coming or asyncio.ensure_future(anext(events))
            await asyncio.wait((coming, closing), timeout=_RECHECK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if time.monotonic() >= looked + _RECHECK_SECONDS:
                allow(await principal_of(request, site.authenticator), "read")
                looked = time.monotonic()
            if coming.done():
                event, coming = coming.result(), None
                yield event
    except StopAsyncIteration:
        return
    except WaystationError as error:
        yield ServerSentEvent(event="problem", data=compact(error_data(error)))
    finally:
        closing.cancel()
        if coming is not None:
            coming.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration, WaystationError):
                await coming


async def stream_run(
    site: Here,
    request: Request,
    run_id: str,
    *,
    after: Annotated[str | None, Query(description="As `Last-Event-ID`, which goes before it.")] = None,
    live: Annotated[bool, Query(description="Whether to stay for what is to come.")] = True,
    last_event_id: LastEventId = None,
) -> Stream:
    """The run's events as JSON, past ones first, then live ones. The `id` is `<seq>.<part>`, the kind is the `event`.

    When the run has ended, an event `end` tells how it stands, and the stream closes: do not connect again then. An
    event `problem` tells what keeps the stream from going on."""
    run = await site.app.get_run(run_id)
    seq, part = _place(last_event_id or after)
    return _begun(site, request, _events_of(run, seq, part, live=live))


def _place(text: str | None) -> tuple[Seq, int | None]:
    if not text:
        return 0, None
    found = _PLACE.fullmatch(text)
    if found is None:
        raise BadRequest(f"{text!r} is not the id of an event: give '<seq>.<part>', or '<seq>' for all of that entry")
    return int(found[1]), None if found[2] is None else int(found[2])


async def _events_of(
    run: Run[object, object], seq: Seq, part: int | None, *, live: bool
) -> AsyncIterator[ServerSentEvent]:
    async for event in run.events(after=seq, part=part, live=live):
        data = msgspec.json.encode(event).decode()
        yield ServerSentEvent(id=f"{event.seq}.{event.part}", event=event.type, data=data)
    result = await run.result()
    if result.status in ENDED:
        yield ServerSentEvent(event="end", data=compact(result_data(run.workflow, result)))


async def stream_all(site: Here, request: Request, last_event_id: LastEventId = None) -> Stream:
    """Which runs move, here and in other processes: `run-changed` with the run's status, `run-deleted`. `resync`, at
    the start and whenever something may have been missed, says: load your lists anew."""
    await site.app.opened()
    return _begun(site, request, _news_of(site, last_event_id or ""))


async def _news_of(site: Site, last_id: str) -> AsyncIterator[ServerSentEvent]:
    async for message in site.feed.read(last_id):
        yield ServerSentEvent(id=message.id, event=message.event, data=compact(message.data))
