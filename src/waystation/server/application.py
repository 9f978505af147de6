"""The ASGI application of one app: the API, and around it what is not the API's."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

from waystation.server.access import Authenticator
from waystation.server.feed import Feed
from waystation.server.problems import problem_of_http
from waystation.server.site import Limits, Site
from waystation.server.table import BASE, OUTSIDE, ROWS, add_to

if TYPE_CHECKING:
    from waystation.runtime import Waystation

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
    return Site(
        app=app,
        authenticator=auth,
        hosts=frozenset(host.lower() for host in hosts),
        origins=tuple(origins),
        limits=limits or Limits(),
        feed=Feed(app),
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
    add_to(router, ROWS, site)
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
        lifespan=_lifespan(site),
    )
    api.state.site = site
    router = APIRouter(prefix=BASE)
    add_to(router, ROWS, site)
    api.include_router(router)
    outside = APIRouter()
    add_to(outside, OUTSIDE, site)
    api.include_router(outside)
    api.add_exception_handler(HTTPException, _refused)
    if site.origins:
        api.add_middleware(
            CORSMiddleware,
            allow_origins=list(site.origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=list(_HEADERS),
            expose_headers=["Location", "Retry-After"],
        )
    return api


async def _refused(request: Request, error: Exception) -> Response:  # noqa: ARG001  (as handlers are called)
    assert isinstance(error, HTTPException), "it is registered for those"
    return problem_of_http(error)


def _lifespan(site: Site) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def living(api: FastAPI) -> AsyncGenerator[None]:  # noqa: ARG001  (as lifespans are called)
        was_open = site.app.is_open
        await site.app.open()
        try:
            yield
        finally:
            site.busy.closing.set()
            site.feed.stop()
            if not was_open:
                await site.app.close()

    return living
