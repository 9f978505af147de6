"""The ASGI application of one app: the API, and around it what is not the API's."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

from waystation.errors import OriginInvalid, WrongHost
from waystation.server.access import Authenticator
from waystation.server.description import openapi_of, page_of
from waystation.server.feed import Feed
from waystation.server.gate import check_host
from waystation.server.headers import SafeHeaders
from waystation.server.metrics import Metrics
from waystation.server.pages import Pages
from waystation.server.problems import internal_problem, problem_of, problem_of_http
from waystation.server.site import BASE, Limits, Site
from waystation.server.table import ABOUT, OUTSIDE, ROWS, Row, add_to

if TYPE_CHECKING:
    from waystation.runtime import Waystation

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+")

_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "X-Waystation", "X-Waystation-Channel")


def make_site(
    app: Waystation,
    *,
    auth: Authenticator | None,
    hosts: Sequence[str],
    origins: Sequence[str],
    limits: Limits | None,
) -> Site:
    """What the routes of a server share; see ``Waystation.asgi``."""
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise OriginInvalid(f"{origin!r} is not the origin of a site: give it as 'https://example.org'")
    return Site(
        app=app,
        authenticator=auth,
        hosts=frozenset(host.lower().strip("[]") for host in hosts),
        origins=tuple(origins),
        limits=limits or Limits(),
        feed=Feed(app),
        metrics=Metrics(version("waystation")),
    )


def make_router(
    app: Waystation,
    *,
    auth: Authenticator | None = None,
    hosts: Sequence[str] = (),
    origins: Sequence[str] = (),
    limits: Limits | None = None,
) -> APIRouter:
    """The API as a router; see ``Waystation.router``."""
    site = make_site(app, auth=auth, hosts=hosts, origins=origins, limits=limits)
    router = APIRouter(prefix=BASE, lifespan=_lifespan(site))
    add_to(router, ROWS, site, is_guest=True)
    return router


def make_asgi(
    app: Waystation,
    *,
    auth: Authenticator | None = None,
    hosts: Sequence[str] = (),
    origins: Sequence[str] = (),
    studio: bool = True,
    limits: Limits | None = None,
) -> FastAPI:
    """The app as an ASGI application; see ``Waystation.asgi``."""
    site = make_site(app, auth=auth, hosts=hosts, origins=origins, limits=limits)
    return application(site, studio=studio)


def application(site: Site, *, studio: bool) -> FastAPI:
    """The ASGI application of a site."""
    api = FastAPI(
        title="Waystation",
        version=version("waystation"),
        description="Durable, typed workflows that pause for people.",
        openapi_url=None,
        redirect_slashes=False,  # it would send whoever asks to the name that they gave, before that is looked at
        lifespan=_lifespan(site),
    )
    router = APIRouter(prefix=BASE)
    add_to(router, (*ROWS, *_description(api)), site)
    api.include_router(router)
    outside = APIRouter()
    add_to(outside, OUTSIDE, site)
    api.include_router(outside)
    api.add_exception_handler(HTTPException, _elsewhere(site, Pages() if studio else None))
    api.add_exception_handler(Exception, _faulty)
    if site.origins:
        api.add_middleware(
            CORSMiddleware,
            allow_origins=list(site.origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=list(_HEADERS),
            expose_headers=["Location", "Retry-After"],
        )
    api.add_middleware(SafeHeaders)
    return api


def _description(api: FastAPI) -> Sequence[Row]:
    """The routes that describe all others."""

    def openapi() -> Response:
        """The description of the API, as OpenAPI."""
        return openapi_of(api)

    def docs() -> Response:
        """The description of the API, as a page."""
        return page_of(api)

    return (
        Row("GET", "/openapi.json", openapi, "read", None, ABOUT),
        Row("GET", "/docs", docs, "read", None, ABOUT, media="text/html"),
    )


def _elsewhere(site: Site, pages: Pages | None) -> Callable[[Request, Exception], Awaitable[Response]]:
    """What is answered where the API has nothing: the studio, or that there is nothing."""

    async def answer(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException), "it is registered for those"
        path = request.url.path
        is_page = error.status_code == HTTPStatus.NOT_FOUND and not f"{path}/".startswith("/api/")
        if pages is None or not is_page or request.method not in ("GET", "HEAD"):
            return problem_of_http(error)
        try:
            check_host(request, site)
            return await pages.page(request)
        except WrongHost as wrong:
            return problem_of(wrong)
        except HTTPException as missing:
            return problem_of_http(missing)

    return answer


async def _faulty(request: Request, error: Exception) -> Response:  # noqa: ARG001  (as handlers are called)
    return internal_problem()


def _lifespan(site: Site) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def living(api: FastAPI) -> AsyncGenerator[None]:  # noqa: ARG001  (as lifespans are called)
        was_open = site.app.is_open
        await site.app.open()
        try:
            with site.logs.kept():
                yield
        finally:
            site.busy.closing.set()
            site.feed.stop()
            if not was_open:
                await site.app.close()

    return living
