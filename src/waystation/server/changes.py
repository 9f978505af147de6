"""What moves a run that is there: answers, cancels, forks, and the rest."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import Header, Request, Response

from waystation.server.details import detail, wait_for_rest, waiting
from waystation.server.requests import Answer, Cancel, Fork, Proceed, Wait
from waystation.server.runs import Key, locate
from waystation.server.site import Asker, Here

_CHANNELS = frozenset({"studio", "cli", "python"})

ChannelHeader = Annotated[
    str,
    Header(alias="X-Waystation-Channel", description="By which way someone came: `studio`, `cli`; recorded."),
]


def channel_of(named: str) -> str:
    """By which way it came, as it is recorded."""
    return named if named in _CHANNELS else "http"


async def answer(
    site: Here, asker: Asker, run_id: str, body: Answer, idempotency_key: Key = None, channel: ChannelHeader = ""
) -> dict[str, object]:
    """Answer a suspension. Of several answers to one exactly one is accepted; the others get 409 `already_answered`."""
    run = await site.app.get_run(run_id)
    with waiting(site, body.wait_seconds):
        await run.resume_async(
            data=body.data,
            step=body.step,
            label=body.label,
            item=body.item,
            suspension=body.suspension,
            request_context=body.request_context,
            idempotency_key=idempotency_key or "",
            actor=asker.actor,
            channel=channel_of(channel),
        )
        await wait_for_rest(site, run, body.wait_seconds)
    return await detail(site, run_id)


async def cancel(
    site: Here, asker: Asker, run_id: str, body: Cancel | None = None, channel: ChannelHeader = ""
) -> dict[str, object]:
    """Cancel a run. When this answers the wish is durable; a run that has ended is not changed."""
    body = body or Cancel()
    run = await site.app.get_run(run_id)
    with waiting(site, body.wait_seconds):
        await run.cancel_async(
            reason=body.reason,
            grace=None if body.grace_seconds is None else timedelta(seconds=body.grace_seconds),
            actor=asker.actor,
            channel=channel_of(channel),
        )
        await wait_for_rest(site, run, body.wait_seconds)
    return await detail(site, run_id)


async def restart(site: Here, run_id: str, body: Wait | None = None) -> dict[str, object]:
    """Take over a run whose process is gone. Completed steps do not run again."""
    body = body or Wait()
    run = await site.app.get_run(run_id)
    with waiting(site, body.wait_seconds):
        await run.restart_async()
        await wait_for_rest(site, run, body.wait_seconds)
    return await detail(site, run_id)


async def proceed(site: Here, run_id: str, body: Proceed | None = None) -> dict[str, object]:
    """Have a paused run go on."""
    body = body or Proceed()
    run = await site.app.get_run(run_id)
    with waiting(site, body.wait_seconds):
        await run.proceed_async(per_step=body.per_step)
        await wait_for_rest(site, run, body.wait_seconds)
    return await detail(site, run_id)


async def fork(site: Here, request: Request, response: Response, run_id: str, body: Fork) -> dict[str, object]:
    """Begin a new run that shares this one's past up to a step, and runs that step again. This one is untouched."""
    run = await site.app.get_run(run_id)
    with waiting(site, body.wait_seconds):
        forked = await run.fork(
            body.from_step, input=body.input, state=body.state, run_id=body.run_id, resource_id=body.resource_id
        )
        await wait_for_rest(site, forked, body.wait_seconds)
    locate(request, response, forked.run_id)
    return await detail(site, forked.run_id)
