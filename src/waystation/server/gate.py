"""What is asked of a request before anything else: whom it is for, where it comes from, how long it is.

A server without an authenticator is protected by where it can be reached from; but a browser on the same machine runs
the programs of any site it has open. They are kept out by three rules, which also keep a session's cookie from being
used by others:

1. The ``Host`` header names this server. A name that someone points at 127.0.0.1 (DNS rebinding) is another.
2. A request of a page of another site is refused, by its ``Origin`` or by what the browser says of it
   (``Sec-Fetch-Site``), unless that site's origin is allowed.
3. What changes anything carries the header ``X-Waystation``. A page of another site cannot send it without asking first
   (CORS), and is not allowed to.

A request with a bearer token of its own does not come from a browser's habit, so rules 2 and 3 are not for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import Message, Receive

from waystation.errors import BodyTooLarge, CrossSiteRefused, NotJson, WrongHost
from waystation.server.access import bearer_of
from waystation.server.site import Site

HEADER = "x-waystation"

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_Reading = Callable[[], Awaitable[Message]]


def check_host(request: Request, site: Site) -> None:
    """Refuse a request to a name that this server does not go by. Raises ``WrongHost``."""
    host = _name_of(request.headers.get("host", ""))
    if host in LOOPBACK or host in site.hosts or "*" in site.hosts:
        return
    raise WrongHost(
        f"this server does not go by the name {host!r}; if it should, give it that name (hosts=, or --allow-host)"
    )


def _name_of(host: str) -> str:
    """The name in a Host header, without the port."""
    host = host.strip().lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].rstrip(".")


def check_origin(request: Request, site: Site) -> None:
    """Refuse what a page of another site asks. Raises ``CrossSiteRefused``."""
    if site.authenticator is not None and bearer_of(request) is not None:
        return
    origin = request.headers.get("origin")
    if origin is not None:
        if origin not in site.origins and urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower():
            raise CrossSiteRefused(f"pages of {origin!r} may not use this server; it can be allowed to (origins=)")
    elif (
        request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        and request.headers.get("sec-fetch-mode") != "navigate"
    ):
        raise CrossSiteRefused
    if request.method not in _SAFE and not request.headers.get(HEADER):
        raise CrossSiteRefused(
            "a request that changes something must carry the header 'X-Waystation: 1', or a bearer token: "
            "so that no page of another site can send it"
        )


def check_json(request: Request) -> None:
    """Refuse a body that is not JSON by what it says of itself. Raises ``NotJson``."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise NotJson


async def body_of(request: Request, most: int) -> bytes:
    """The body of the request.

    Raises:
        BodyTooLarge: it is longer than ``most`` bytes.
    """
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > most:
        raise _too_large(most)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise _too_large(most)
    return bytes(body)


def _too_large(most: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body of the request is larger than {most} bytes")


def with_body(request: Request, body: bytes) -> Request:
    """The same request, its body to be read again."""
    return Request(request.scope, _after(body, request.receive))


def _after(body: bytes, receive: Receive) -> _Reading:
    given = False

    async def read() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return read
