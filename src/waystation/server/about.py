"""What this server is: who asks it, what steps reach, whether it is well."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping
from importlib.metadata import version

from waystation.errors import StoreError, StoreUnavailable
from waystation.server.site import Asker, Here

_READY_SECONDS = 5.0


def me(asker: Asker) -> dict[str, object]:
    """Who asks, and what they may."""
    return {
        "actor": asker.actor,
        "scopes": asker.all_scopes(),
        "auth": asker.auth,
        "version": version("waystation"),
    }


def list_agents(site: Here) -> dict[str, object]:
    """What steps reach as `ctx.agents`."""
    return {"agents": _parts(site.app.agents)}


def list_tools(site: Here) -> dict[str, object]:
    """What steps reach as `ctx.tools`."""
    return {"tools": _parts(site.app.tools)}


def _parts(found: Mapping[str, object]) -> list[dict[str, object]]:
    return [{"name": name, "kind": _kind(part), "description": _description(part)} for name, part in found.items()]


def _kind(part: object) -> str:
    return "function" if inspect.isroutine(part) else type(part).__qualname__


def _description(part: object) -> str | None:
    """The first line of what a part says of itself; not of what its class does, which is the same for all."""
    text = part.__doc__ if inspect.isroutine(part) else getattr(part, "description", None)
    return text.strip().partition("\n")[0] if isinstance(text, str) and text.strip() else None


def live() -> dict[str, object]:
    """That the process answers."""
    return {"status": "ok"}


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
