"""Runs: created, started, listed, looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, cast
from urllib.parse import quote

import msgspec
from fastapi import Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BeforeValidator

from waystation.server.details import detail, record_of, wait_for_rest, waiting
from waystation.server.requests import CreateRun, StartNewRun, StartRun
from waystation.server.site import BASE, Here
from waystation.shapes import history_data, record_data, time_text
from waystation.store.records import RunStatus
from waystation.store.transfer import export_run

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="Of several requests with one key only the first does anything; the others get what it made.",
    ),
]


def _is_text(value: object) -> object:
    """Refuse a bare number, which pydantic would take for seconds, or for milliseconds."""
    if isinstance(value, str) and value.replace(".", "", 1).lstrip("+-").isdecimal():
        raise ValueError("give a time as ISO 8601, with a time zone")
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_is_text)]
Limit = Annotated[int, Query(ge=1, le=1000, description="At most so many.")]
WaitQuery = Annotated[float, Query(ge=0, le=60, description="Wait up to so long for the run to rest.")]


async def create_run(
    site: Here,
    request: Request,
    response: Response,
    workflow_id: str,
    body: CreateRun | None = None,
    idempotency_key: Key = None,
) -> dict[str, object]:
    """Create a run, and do not start it yet: it is pending, durably, when this answers."""
    body = body or CreateRun()
    runnable = site.app.get_workflow(workflow_id, version=body.version)
    run = await runnable.create_run(run_id=body.run_id, resource_id=body.resource_id, idempotency_key=idempotency_key)
    locate(request, response, run.run_id)
    return record_data(await run.record())


async def start_new_run(
    site: Here, request: Request, response: Response, workflow_id: str, body: StartNewRun, idempotency_key: Key = None
) -> dict[str, object]:
    """Create a run and start it, in one write. With `wait_seconds` it is waited for until it rests, or so long."""
    runnable = site.app.get_workflow(workflow_id, version=body.version)
    with waiting(site, body.wait_seconds):
        run = await runnable.start_async(
            body.input,
            run_id=body.run_id,
            resource_id=body.resource_id,
            idempotency_key=idempotency_key,
            state=body.state,
            request_context=body.request_context,
            per_step=body.per_step,
        )
        await wait_for_rest(site, run, body.wait_seconds)
    locate(request, response, run.run_id)
    return await detail(site, run.run_id)


def locate(request: Request, response: Response, run_id: str) -> None:
    """Say in the reply where the new run is: below the path that the API was asked at."""
    before = request.url.path.partition(f"{BASE}/")[0]
    response.headers["Location"] = f"{before}{BASE}/runs/{quote(run_id, safe='')}"


async def start_run(site: Here, run_id: str, body: StartRun) -> dict[str, object]:
    """Start a run that was created."""
    run = await site.app.get_run(run_id)
    with waiting(site, body.wait_seconds):
        await run.start_async(
            body.input, state=body.state, request_context=body.request_context, per_step=body.per_step
        )
        await wait_for_rest(site, run, body.wait_seconds)
    return await detail(site, run_id)


async def list_runs(
    site: Here,
    workflow: Annotated[str | None, Query(description="Only of this workflow.")] = None,
    status: Annotated[
        Sequence[RunStatus] | None, Query(description="Only those that stand so; may be repeated.")
    ] = None,
    resource_id: Annotated[str | None, Query(description="Only about this.")] = None,
    since: Annotated[Instant | None, Query(description="Only those created from then on; with a time zone.")] = None,
    until: Annotated[Instant | None, Query(description="Only those created before; with a time zone.")] = None,
    limit: Limit = 50,
    cursor: Annotated[str | None, Query(description="That of the page before.")] = None,
) -> dict[str, object]:
    """Runs, newest first."""
    page = await site.app.list_runs(
        workflow=workflow,
        status=status or None,
        resource_id=resource_id,
        since=since,
        until=until,
        limit=limit,
        cursor=cursor,
    )
    return {"runs": [record_data(record) for record in page.runs], "cursor": page.cursor}


async def get_run(site: Here, run_id: str, wait_seconds: WaitQuery = 0) -> dict[str, object]:
    """A run, and how it stands. With `wait_seconds` it is waited for until it rests, or so long."""
    if wait_seconds:
        run = await site.app.get_run(run_id)
        with waiting(site, wait_seconds):
            await wait_for_rest(site, run, wait_seconds)
    return await detail(site, run_id)


async def get_history(site: Here, run_id: str) -> dict[str, object]:
    """What happened in a run: its steps with their attempts, outputs and errors, who was asked, and who answered."""
    run = await site.app.get_run(run_id)
    return history_data(await run.record(), await run.history())


async def get_journal(
    site: Here,
    run_id: str,
    after: Annotated[int, Query(ge=0, le=2**53, description="Only entries after this one.")] = 0,
    limit: Limit = 100,
) -> dict[str, object]:
    """The run's journal, entry by entry, as it was recorded."""
    await record_of(site, run_id)
    engine, _ = await site.app.opened()
    found = await engine.store.read(run_id, after=after, limit=limit + 1)
    entries = [{"seq": seq, **_decoded(data)} for seq, data in enumerate(found[:limit], after + 1)]
    return {"entries": entries, "next_after": after + limit if len(found) > limit else None}


async def get_logs(
    site: Here,
    run_id: str,
    after: Annotated[int, Query(ge=0, le=2**53, description="Only lines after this one.")] = 0,
    limit: Limit = 100,
) -> dict[str, object]:
    """What the run's steps have logged by `ctx.logger`: the last lines, of what ran in this server's own process since
    it was started, and of what the levels of the loggers let through. Nothing of it is durable."""
    await record_of(site, run_id)
    found = site.logs.read(run_id, after=after, limit=limit)
    lines = [{**line._asdict(), "at": time_text(line.at)} for line in found]
    return {"lines": lines, "last": found[-1].n if found else after}


def _decoded(entry: bytes) -> dict[str, object]:
    return cast("dict[str, object]", msgspec.json.decode(entry))


async def delete_run(site: Here, run_id: str) -> None:
    """Delete a run and all that is kept of it, for good. One that is under way must be cancelled first."""
    await site.app.delete_run(run_id)


async def export(site: Here, run_id: str) -> StreamingResponse:
    """The run as lines of JSON, to be imported elsewhere: the same as `waystation db export` writes."""
    engine, _ = await site.app.opened()
    lines = export_run(engine.store, run_id)
    first = await anext(lines)  # what keeps the run from being read at all is a problem, not half a file

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for line in lines:
            yield line

    return StreamingResponse(whole(), media_type="application/x-ndjson")
