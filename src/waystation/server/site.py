"""What the routes of one server share: the app, who may ask, and the limits. Routes get it as an argument ``site``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends
from starlette.requests import Request

from waystation.server.access import Authenticator, Principal
from waystation.server.feed import Feed
from waystation.server.logs import Logs
from waystation.server.metrics import Metrics

if TYPE_CHECKING:
    from waystation.runtime import Waystation

BASE = "/api/v1"
"""All of the API is below this path."""

KEY = "waystation.site"
PRINCIPAL = "waystation.principal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one server does at once.

    Attributes:
        body_bytes: how long the body of a request may be.
        streams: how many streams may be open.
        waiting: how many requests may wait for runs (``wait_seconds``).
        ping_seconds: how often a stream on which nothing happens sends a comment, so that it is seen to be alive.
    """

    body_bytes: int = 1024 * 1024
    streams: int = 200
    waiting: int = 1000
    ping_seconds: float = 15.0


@dataclass(slots=True)
class Busy:
    """What a server does just now.

    Attributes:
        streams: so many streams are open.
        waiting: so many requests wait for runs.
        closing: set when the server is being shut down: whoever waits or streams ends then.
    """

    streams: int = 0
    waiting: int = 0
    closing: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What the routes of one server share.

    Attributes:
        app: whose runs it is about.
        authenticator: who knows who asks; None where everyone may.
        hosts: the names that this server goes by, besides those of the machine itself; ``"*"`` for any.
        origins: the origins of other sites whose pages may ask.
        limits: how much it does at once.
        busy: what it does just now.
        logs: what steps have logged.
        feed: news of all runs.
        metrics: how it is used.
    """

    app: Waystation
    authenticator: Authenticator | None
    hosts: frozenset[str]
    origins: Sequence[str]
    limits: Limits
    feed: Feed
    metrics: Metrics
    busy: Busy = field(default_factory=Busy)
    logs: Logs = field(default_factory=Logs)


def site_of(request: Request) -> Site:
    """The site that a request came to."""
    return cast("Site", request.scope[KEY])


def asker(request: Request) -> Principal:
    """Who sent the request."""
    return cast("Principal", request.scope[PRINCIPAL])


Here = Annotated[Site, Depends(site_of)]
Asker = Annotated[Principal, Depends(asker)]
