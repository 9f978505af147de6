"""The way of a request to a route of the API: past the gate, who asks and whether they may, then what is done.

It is the route's own way, and no middleware of an application: a router that is mounted in another application
(``Waystation.router``) is as well guarded as the server of its own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from waystation.errors import BadRequest, WaystationError
from waystation.json_depth import is_deeper
from waystation.schema.limits import MOST_DEPTH
from waystation.server import gate
from waystation.server.access import allow, principal_of
from waystation.server.problems import internal_problem, problem_of, problem_of_http, problem_of_request
from waystation.server.site import KEY, PRINCIPAL, Site

if TYPE_CHECKING:
    from waystation.server.table import Row

_MOST_DEPTH = 2 * MOST_DEPTH
"""Of a body. That of a value is told with the place of the value; this refuses what no value in it could be, whatever
depth a version of Python gives up at."""

_log = logging.getLogger("waystation.server")

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class JsonRequest(Request):
    """A request whose body is read as JSON by the book: no NaN, no half of a surrogate pair."""

    async def json(self) -> object:
        """The body, read.

        Raises:
            BadRequest: it is not JSON.
        """
        body = await self.body()
        try:
            found: object = msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError) as error:
            raise BadRequest(f"the body of the request is not JSON: {error}") from None
        if is_deeper(body, _MOST_DEPTH):
            raise BadRequest(f"the body of the request is nested deeper than {_MOST_DEPTH} levels")
        return found


def guarded(site: Site, row: Row) -> type[APIRoute]:
    """The class of the route that ``row`` tells of, on this site."""

    class Guarded(APIRoute):
        def get_route_handler(self) -> Handler:
            handle = super().get_route_handler()

            async def guard(request: Request) -> Response:
                began = time.perf_counter()
                try:
                    response = await handle(await _let_in(request, site, row))
                except Exception as error:  # noqa: BLE001  (each becomes a response)
                    response = _told(error)
                site.metrics.observe(row.method, row.path, response.status_code, time.perf_counter() - began)
                response.headers.setdefault("Cache-Control", "no-store")
                response.headers.setdefault("X-Content-Type-Options", "nosniff")
                return response

            return guard

    return Guarded


async def _let_in(request: Request, site: Site, row: Row) -> Request:
    """The request as the route is to have it.

    Raises:
        RequestRefused: of the kinds that the gate and ``access`` name.
    """
    if row.hosts:
        gate.check_host(request, site)
    if row.who != "anyone":
        gate.check_origin(request, site)
    request.scope[KEY] = site
    if row.needs_principal:
        request.scope[PRINCIPAL] = principal = await principal_of(request, site.authenticator)
        if (scope := row.scope) is not None:
            allow(principal, scope)
    if request.method in ("GET", "HEAD"):
        return request
    body = await gate.body_of(request, site.limits.body_bytes)
    if body:
        gate.check_json(request)
    return JsonRequest(request.scope, gate.with_body(request, body).receive)


def _told(error: Exception) -> Response:
    """The response that tells of an error."""
    cause = error.__cause__ if isinstance(error, HTTPException) else error
    if isinstance(cause, WaystationError):
        return problem_of(cause)
    match error:
        case RequestValidationError():
            return problem_of_request(error)
        case HTTPException():
            return problem_of_http(error)
        case _:
            _log.error("a request met a fault in the server", exc_info=error)
            return internal_problem()
