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

import re
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.types import Message, Receive

from waystation.errors import BodyTooLarge, CrossSiteRefused, NotJson, WrongHost
from waystation.server.access import bearer_of
from waystation.server.site import Site

HEADER = "x-waystation"

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^\s:/\\?#@,\[\]]+))(?::[0-9]*)?")
_ORIGIN = re.compile(r"https?://(.+)")

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_Reading = Callable[[], Awaitable[Message]]


def check_host(request: Request, site: Site) -> None:
    """Refuse a request to a name that this server does not go by. Raises ``WrongHost``."""
    given = request.headers.get("host", "")
    host = _name_of(given)
    if "*" in site.hosts or (host and (host in LOOPBACK or host in site.hosts)):
        return
    raise WrongHost(
        f"this server does not go by the name {given!r}; if it should, give it that name (hosts=, or --allow-host)"
    )


def _name_of(host: str) -> str:
    """The name in a Host header, without the port, and without the brackets of an address; "" if there is none."""
    found = _HOST.fullmatch(host.strip().lower())
    return "" if found is None else found[1] or found[2].removesuffix(".")


def check_origin(request: Request, site: Site) -> None:
    """Refuse what a page of another site asks. Raises ``CrossSiteRefused``."""
    if site.authenticator is not None and bearer_of(request) is not None:
        return
    origin = request.headers.get("origin")
    if origin is not None:
        if origin not in site.origins and not _is_own(origin, request.headers.get("host", "")):
            raise CrossSiteRefused(f"pages of {origin!r} may not use this server; it can be allowed to (origins=)")
    elif request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not _is_followed(request):
        raise CrossSiteRefused
    if request.method not in _SAFE and not request.headers.get(HEADER):
        raise CrossSiteRefused(
            "a request that changes something must carry the header 'X-Waystation: 1', or a bearer token: "
            "so that no page of another site can send it"
        )


def _is_followed(request: Request) -> bool:
    """Whether it is a link that someone followed, and no frame within another site's page."""
    mode, to = request.headers.get("sec-fetch-mode"), request.headers.get("sec-fetch-dest", "document")
    return mode == "navigate" and to == "document"


def _is_own(origin: str, host: str) -> bool:
    """Whether it is the origin of this server's own pages. What is before it may have it reached by https."""
    found = _ORIGIN.fullmatch(origin.lower())
    return found is not None and found[1] == host.lower()


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
