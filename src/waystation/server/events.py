"""Events that runs wait for."""

from __future__ import annotations

from waystation.server.changes import ChannelHeader, channel_of
from waystation.server.requests import BroadcastEvent, SendEvent
from waystation.server.runs import Key
from waystation.server.site import Asker, Here


async def send_event(
    site: Here, asker: Asker, run_id: str, body: SendEvent, idempotency_key: Key = None, channel: ChannelHeader = ""
) -> dict[str, object]:
    """Send a run an event. It is kept until a wait takes it, also if the run has not come there yet."""
    run = await site.app.get_run(run_id)
    await run.send_event(
        body.name,
        body.data,
        idempotency_key=idempotency_key or "",
        actor=asker.actor,
        channel=channel_of(channel),
    )
    return {"run_ids": [run_id]}


async def broadcast_event(
    site: Here, asker: Asker, body: BroadcastEvent, idempotency_key: Key = None, channel: ChannelHeader = ""
) -> dict[str, object]:
    """Send an event to every unfinished run whose workflow waits for it. If it breaks off in the middle, send it again
    with the same `Idempotency-Key`: runs that have it do not get it twice."""
    run_ids = await site.app.send_event(
        body.name,
        body.data,
        workflow=body.workflow,
        resource_id=body.resource_id,
        idempotency_key=idempotency_key or "",
        actor=asker.actor,
        channel=channel_of(channel),
    )
    return {"run_ids": list(run_ids)}
