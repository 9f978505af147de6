"""What this server is: who asks it, what steps reach, whether it is well."""

from __future__ import annotations

import asyncio
from importlib.metadata import version

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from waystation.errors import StoreError, StoreUnavailable
from waystation.server.site import Asker, Here
from waystation.shapes import part_data

_READY_SECONDS = 5.0


async def me(asker: Asker) -> dict[str, object]:
    """Who asks, and what they may."""
    return {
        "actor": asker.actor,
        "scopes": asker.all_scopes(),
        "auth": asker.auth,
        "version": version("waystation"),
    }


async def list_agents(site: Here) -> dict[str, object]:
    """What steps reach as `ctx.agents`."""
    return {"agents": [part_data(name, part) for name, part in site.app.agents.items()]}


async def list_tools(site: Here) -> dict[str, object]:
    """What steps reach as `ctx.tools`."""
    return {"tools": [part_data(name, part) for name, part in site.app.tools.items()]}


async def live() -> dict[str, object]:
    """That the process answers."""
    return {"status": "ok"}


async def metrics(site: Here) -> Response:
    """How the API is used and how the runs stand, for Prometheus."""
    engine, _ = await site.app.opened()
    busy = site.busy
    text = await site.metrics.text(engine.store, streams=busy.streams, waiting=busy.waiting)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


async def ready(site: Here) -> dict[str, object]:
    """That runs can be started and looked at: the app is open, and its store answers."""
    try:
        async with asyncio.timeout(_READY_SECONDS):
            engine, _ = await site.app.opened()
            await engine.store.last_seqs(["-"])
    except TimeoutError:
        raise StoreUnavailable("the store does not answer") from None
    except StoreError as error:
        raise type(error) from None  # who asks need not be known: where the store is, is not told
    return {"status": "ok"}
