"""Every route of the API: its path, who may use it, what it gives. Each is written down here once, and nowhere else.

The OpenAPI description is made of this, and so is the test that tries each route without, with too little and with
forged credentials: a route that is added here is in both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from http import HTTPStatus
from typing import Any, Literal, TypeAlias

from fastapi import APIRouter, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from waystation.server import (
    about,
    changes,
    events,
    inbox,
    replies,
    runs,
    schedules,
    session,
    streaming,
    workflows,
)
from waystation.server.access import Scope
from waystation.server.guarded import guarded
from waystation.server.problems import MEDIA_TYPE
from waystation.server.site import Site

Who: TypeAlias = Scope | Literal["known", "cookie", "anyone"]
"""Who may: those with a scope; all who are known; those who come for, or without, a cookie; anyone."""

_PROBLEM = {"$ref": "#/components/schemas/Problem"}

BEARER = HTTPBearer(auto_error=False, scheme_name="bearer", description="A token, or a JWT of the identity provider.")


@dataclass(frozen=True, slots=True)
class Row:
    """A route.

    Attributes:
        method, path: where it is, below ``/api/v1``.
        call: what it does; its docstring is the description.
        who: who may.
        gives: the model of its reply; None for no content, or where ``media`` is no JSON.
        status: that of a reply when it was done.
        refuses: which statuses of problems are its own, besides those that every route has.
        media: of what kind the reply is.
        tag: under which heading it is described.
        hosts: whether the ``Host`` header must name this server.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    call: Callable[..., Any]
    who: Who
    gives: type[BaseModel] | None
    tag: str
    _: KW_ONLY
    status: int = 200
    refuses: Sequence[int] = ()
    media: str = "application/json"
    hosts: bool = True

    @property
    def needs_principal(self) -> bool:
        """Whether it must be known who asks."""
        return self.who not in ("cookie", "anyone")

    @property
    def scope(self) -> Scope | None:
        """The scope they need; None for none."""
        if self.who == "known" or self.who == "cookie" or self.who == "anyone":  # noqa: PLR1714  (mypy narrows by no other form)
            return None
        return self.who


WORKFLOWS, RUNS, PEOPLE, EVENTS, SCHEDULES, ABOUT = "workflows", "runs", "people", "events", "schedules", "server"

ROWS: Sequence[Row] = (
    Row("GET", "/workflows", workflows.list_workflows, "read", replies.WorkflowList, WORKFLOWS),
    Row(
        "GET",
        "/workflows/{workflow_id}",
        workflows.describe_workflow,
        "read",
        replies.WorkflowDescription,
        WORKFLOWS,
        refuses=(404,),
    ),
    Row(
        "POST",
        "/workflows/{workflow_id}/runs",
        runs.create_run,
        "run",
        replies.RunSummary,
        RUNS,
        status=201,
        refuses=(404, 409),
    ),
    Row(
        "POST",
        "/workflows/{workflow_id}/start",
        runs.start_new_run,
        "run",
        replies.RunDetail,
        RUNS,
        status=201,
        refuses=(404, 409, 429),
    ),
    Row("GET", "/runs", runs.list_runs, "read", replies.RunPage, RUNS),
    Row("POST", "/runs/{run_id:path}/start", runs.start_run, "run", replies.RunDetail, RUNS, refuses=(404, 409, 429)),
    Row("GET", "/runs/{run_id:path}/history", runs.get_history, "read", replies.History, RUNS, refuses=(404, 409)),
    Row("GET", "/runs/{run_id:path}/journal", runs.get_journal, "read", replies.JournalPage, RUNS, refuses=(404,)),
    Row("GET", "/runs/{run_id:path}/logs", runs.get_logs, "read", replies.LogPage, RUNS, refuses=(404,)),
    Row(
        "GET",
        "/runs/{run_id:path}/export",
        runs.export,
        "read",
        None,
        RUNS,
        media="application/x-ndjson",
        refuses=(404,),
    ),
    Row("DELETE", "/runs/{run_id:path}", runs.delete_run, "admin", None, RUNS, status=204, refuses=(404, 409)),
    Row(
        "POST",
        "/runs/{run_id:path}/resume",
        changes.answer,
        "answer",
        replies.RunDetail,
        PEOPLE,
        refuses=(404, 409, 429),
    ),
    Row("POST", "/runs/{run_id:path}/cancel", changes.cancel, "run", replies.RunDetail, RUNS, refuses=(404, 409, 429)),
    Row(
        "POST", "/runs/{run_id:path}/restart", changes.restart, "run", replies.RunDetail, RUNS, refuses=(404, 409, 429)
    ),
    Row(
        "POST", "/runs/{run_id:path}/proceed", changes.proceed, "run", replies.RunDetail, RUNS, refuses=(404, 409, 429)
    ),
    Row(
        "POST",
        "/runs/{run_id:path}/fork",
        changes.fork,
        "run",
        replies.RunDetail,
        RUNS,
        status=201,
        refuses=(404, 409, 429),
    ),
    Row(
        "POST",
        "/runs/{run_id:path}/events",
        events.send_event,
        "run",
        replies.Sent,
        EVENTS,
        status=202,
        refuses=(404, 409),
    ),
    Row("POST", "/events", events.broadcast_event, "run", replies.Sent, EVENTS, status=202, refuses=(404, 409)),
    Row("GET", "/suspensions", inbox.list_suspensions, "read", replies.SuspensionList, PEOPLE),
    Row("GET", "/schedules", schedules.list_schedules, "read", replies.ScheduleList, SCHEDULES),
    Row(
        "POST",
        "/schedules/{schedule_id:path}/pause",
        schedules.pause_schedule,
        "admin",
        replies.Schedule,
        SCHEDULES,
        refuses=(404,),
    ),
    Row(
        "POST",
        "/schedules/{schedule_id:path}/resume",
        schedules.resume_schedule,
        "admin",
        replies.Schedule,
        SCHEDULES,
        refuses=(404,),
    ),
    Row(
        "POST",
        "/schedules/{schedule_id:path}/run",
        schedules.run_schedule,
        "run",
        replies.RunDetail,
        SCHEDULES,
        status=201,
        refuses=(404, 409),
    ),
    Row("GET", "/agents", about.list_agents, "read", replies.AgentList, ABOUT),
    Row("GET", "/tools", about.list_tools, "read", replies.ToolList, ABOUT),
    Row("GET", "/me", about.me, "known", replies.Me, ABOUT),
    Row("POST", "/session", session.log_in, "cookie", None, ABOUT, status=204, refuses=(401,)),
    Row("DELETE", "/session", session.log_out, "cookie", None, ABOUT, status=204),
    Row(
        "GET",
        "/runs/{run_id:path}/stream",
        streaming.stream_run,
        "read",
        None,
        RUNS,
        media="text/event-stream",
        refuses=(404, 429),
    ),
    Row("GET", "/runs/{run_id:path}", runs.get_run, "read", replies.RunDetail, RUNS, refuses=(404, 409, 429)),
    Row("GET", "/stream", streaming.stream_all, "read", None, RUNS, media="text/event-stream", refuses=(429,)),
)
"""All that is below ``/api/v1``, but for its own description. The id of a run or schedule may have slashes in it, so
the routes whose paths end in a word of their own come first."""

OUTSIDE: Sequence[Row] = (
    Row("GET", "/health/live", about.live, "anyone", replies.Health, ABOUT, hosts=False),
    Row("GET", "/health/ready", about.ready, "anyone", replies.Health, ABOUT, hosts=False),
    Row("GET", "/metrics", about.metrics, "read", None, ABOUT, media="text/plain"),
)
"""What is not below it."""


def add_to(router: APIRouter, rows: Sequence[Row], site: Site, *, is_guest: bool = False) -> None:
    """Make the routes of ``rows``, for one site; ``is_guest`` where another application describes them."""
    for row in rows:
        no_content = row.status == HTTPStatus.NO_CONTENT
        router.add_api_route(
            row.path,
            row.call,
            methods=[row.method],
            status_code=row.status,
            response_model=row.gives,
            response_model_exclude_unset=True,
            response_class=Response if no_content or row.gives is None else JSONResponse,
            tags=[row.tag],
            summary=row.call.__name__.replace("_", " ").capitalize(),
            responses=_responses(row, site, is_guest=is_guest),
            dependencies=[Security(BEARER)] if site.authenticator is not None and row.needs_principal else [],
            openapi_extra={"x-waystation-who": row.who},
            route_class_override=guarded(site, row),
        )


def _responses(row: Row, site: Site, *, is_guest: bool) -> dict[int | str, dict[str, Any]]:
    """What a route may answer with, for its description."""
    refused = {503} if row.who == "anyone" else {400, 403, 421, 422, 503, *row.refuses}
    if row.needs_principal and site.authenticator is not None:
        refused |= {401}
    if row.method != "GET":
        refused |= {413, 415}
    found: dict[int | str, dict[str, Any]] = {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": _PROBLEM}}}
        for status in sorted(refused)
    }
    if is_guest:
        found[503]["model"] = replies.Problem  # so that its schema is described there too
    if row.gives is None and row.status == HTTPStatus.OK:
        schema = {"type": "object"} if row.media == "application/json" else {"type": "string"}
        found[200] = {"description": "Successful Response", "content": {row.media: {"schema": schema}}}
    return found
