"""``Client``: a Waystation server, asked as an app in one's own process would be."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast, overload

import msgspec

from waystation.background import WithTwins
from waystation.client import reading, wire
from waystation.client.connection import Connection, Settings, part
from waystation.client.encoding import json_of
from waystation.client.run import RemoteRun
from waystation.client.workflow import RemoteWorkflow
from waystation.define.workflow import Workflow
from waystation.engine.schedules import ScheduleInfo
from waystation.errors import AppClosed, InvalidEventData, RemoteError, WrongLoop
from waystation.registry import Registry
from waystation.results import RunResult, Suspension
from waystation.store.records import RunPage, RunStatus, WorkflowKey

if TYPE_CHECKING:
    import httpx

In = TypeVar("In")
Out = TypeVar("Out")
T = TypeVar("T")


class Client(WithTwins):
    """A Waystation server, by its address: the same calls as an app's, made over HTTP.

    Use it as an async context manager. It belongs to the event loop it is first used on. For scripts without a loop
    there are the ``_sync`` twins; they use a loop of their own, in a thread.

    Requests that change nothing are made again while the server is away, for up to ``retry_for``; so are starts,
    answers and events, each with an idempotency key, so that each is done once. Others are made once.

    Arguments:
        url: where the server is: ``"http://127.0.0.1:8484"``. Without a name and password.
        token: who asks; None if the server asks for none.
        workflows: definitions that are at hand: what is read of their runs is of their types.
        timeout: how long the server may take to answer, beside the time that it is asked to wait.
        retry_for: for how long a request is made again where that does no harm.
        reconnect_for: for how long a reader of events tries to reach a server that is away.
        channel: by which way answers are said to come.
        transport: how httpx reaches the server, for certificates, proxies and tests of one's own; by default its own.

    Raises:
        ServerUrlInvalid, DuplicateWorkflow, NotCommitted.
        ExtraMissing: httpx is not installed.

    Example:
        ``async with Client("http://127.0.0.1:8484", token=token) as client: ...``
    """

    _what = "client"

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        workflows: Sequence[Workflow[Any, Any]] = (),
        timeout: timedelta = timedelta(seconds=10),
        retry_for: timedelta = timedelta(seconds=10),
        reconnect_for: timedelta = timedelta(minutes=2),
        channel: str = "",
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = url
        self._connection = Connection(
            Settings(
                url=url,
                token=token,
                channel=channel,
                timeout=timeout.total_seconds(),
                retry_for=retry_for.total_seconds(),
                reconnect_for=reconnect_for.total_seconds(),
                transport=transport,
            )
        )
        self._registry = Registry(workflows)
        self._closed = False

    # ------------------------------------------------------------------ life

    async def close(self) -> None:
        """Close its connections. The runs go on. Closing twice is fine."""
        self._closed = True
        await self._connection.close()

    async def __aenter__(self) -> Self:
        self.connection()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def connection(self) -> Connection:
        """What asks the server. For the library's own rooms.

        Raises:
            AppClosed: the client was closed.
            WrongLoop: it is in use on another loop.
        """
        if self._closed:
            raise AppClosed("this client was closed; make another")
        self._loop = self._loop or asyncio.get_running_loop()
        if self._loop is not asyncio.get_running_loop():
            raise WrongLoop("this client is in use on another event loop; make a client for each loop")
        return self._connection

    def known(self, workflow: Workflow[In, Out] | None = None) -> reading.Known:
        """The workflows that are at hand, and this one. For the library's own rooms."""
        if workflow is None:
            return self._registry.by_key
        untyped = cast("Workflow[object, object]", workflow)
        return {**self._registry.by_key, WorkflowKey(workflow.id, workflow.version): untyped}

    # ------------------------------------------------------------------ workflows

    @overload
    def get_workflow(self, workflow: str, *, version: str | None = None) -> RemoteWorkflow[object, object]: ...
    @overload
    def get_workflow(self, workflow: Workflow[In, Out]) -> RemoteWorkflow[In, Out]: ...
    def get_workflow(
        self, workflow: str | Workflow[In, Out], *, version: str | None = None
    ) -> RemoteWorkflow[In, Out] | RemoteWorkflow[object, object]:
        """A workflow of the server, to create runs of. By its id, or by its definition: then its types are known.

        Whether the server has it is found out by the first use: ``UnknownWorkflow``.

        Arguments:
            workflow: its id, or itself.
            version: which version; by default the server's current one.
        """
        if isinstance(workflow, Workflow):
            return RemoteWorkflow(self, workflow.id, workflow.version or None, workflow)
        return RemoteWorkflow(self, workflow, version, self.at_hand(workflow, version))

    def at_hand(self, workflow_id: str, version: str | None = None) -> Workflow[object, object] | None:
        """The definition of a workflow, if it was given to the client; None if not.

        Arguments:
            workflow_id: its id.
            version: which version; by default the one that was given last.
        """
        if version is None:
            return self._registry.current.get(workflow_id)
        return self._registry.by_key.get(WorkflowKey(workflow_id, version))

    async def list_workflows(self) -> Sequence[Mapping[str, object]]:
        """The server's workflows: id, version, how many steps, whether it starts by itself, its input's schema."""
        return await self._list("/workflows", "workflows")

    async def describe(self, workflow: str, *, version: str | None = None) -> Mapping[str, object]:
        """A workflow as JSON data, as ``Workflow.describe`` gives it, and as ``mermaid`` its flowchart.

        Raises:
            UnknownWorkflow.
        """
        params = {"version": version}
        return await self.connection().get(f"/workflows/{part(workflow)}", dict[str, object], params)

    async def list_agents(self) -> Sequence[Mapping[str, object]]:
        """What steps reach as ``ctx.agents``: name and kind."""
        return await self._list("/agents", "agents")

    async def list_tools(self) -> Sequence[Mapping[str, object]]:
        """What steps reach as ``ctx.tools``: name and kind."""
        return await self._list("/tools", "tools")

    async def _list(self, path: str, name: str) -> Sequence[Mapping[str, object]]:
        found = await self.connection().get(path, dict[str, list[dict[str, object]]])
        return found.get(name, [])

    async def me(self) -> Mapping[str, object]:
        """Who the server takes one for, and what one may: actor, scopes, and the version of the server."""
        return await self.connection().get("/me", dict[str, object])

    # ------------------------------------------------------------------ runs

    @overload
    async def get_run(self, run_id: str) -> RemoteRun[object, object]: ...
    @overload
    async def get_run(self, run_id: str, workflow: Workflow[In, Out]) -> RemoteRun[In, Out]: ...
    async def get_run(
        self, run_id: str, workflow: Workflow[In, Out] | None = None
    ) -> RemoteRun[In, Out] | RemoteRun[object, object]:
        """The run of that id.

        Arguments:
            run_id: its id.
            workflow: what it is a run of, for its types; by default one of ``workflows``, if it is of one.

        Raises:
            RunNotFound.
            RemoteError: it is a run of another workflow.
        """
        line = await self.connection().get(f"/runs/{part(run_id)}", wire.Summary)
        if workflow is None:
            return RemoteRun(self, run_id, self._registry.by_key.get(WorkflowKey(line.workflow_id, line.version)))
        if line.workflow_id != workflow.id:
            raise RemoteError(f"run {run_id!r} is of workflow {line.workflow_id!r}, not of {workflow.id!r}")
        return RemoteRun(self, run_id, workflow)

    async def list_runs(
        self,
        *,
        workflow: str | None = None,
        status: RunStatus | Sequence[RunStatus] | None = None,
        resource_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> RunPage:
        """Runs, newest first. Arguments are those of ``Waystation.list_runs``."""
        params = {
            "workflow": workflow,
            "status": [status] if isinstance(status, str) else status,
            "resource_id": resource_id,
            # One without a time zone is of this machine's, as it is in process.
            "since": None if since is None else since.astimezone().isoformat(),
            "until": None if until is None else until.astimezone().isoformat(),
            "limit": max(1, min(limit, 1000)),
            "cursor": cursor,
        }
        page = await self.connection().get("/runs", wire.Runs, params)
        return RunPage(runs=[reading.record_of(line) for line in page.runs], cursor=page.cursor)

    async def pending(
        self, *, workflow: str | None = None, run_id: str | None = None, limit: int = 1000
    ) -> Sequence[Suspension]:
        """The open suspensions, oldest first. Arguments are those of ``Waystation.pending``."""
        params = {"workflow": workflow, "run_id": run_id, "limit": max(1, min(limit, 1000))}
        found = await self.connection().get("/suspensions", wire.Suspensions, params)
        return [reading.suspension_of(each, self.known()) for each in found.suspensions]

    async def delete_run(self, run_id: str) -> None:
        """Delete a run, its journal and its open suspensions, for good. As ``Waystation.delete_run``."""
        await self.connection().do("DELETE", f"/runs/{part(run_id)}")

    async def send_event(
        self,
        name: str,
        data: object = None,
        *,
        workflow: str | None = None,
        resource_id: str | None = None,
        idempotency_key: str = "",
    ) -> Sequence[str]:
        """Send an event to every unfinished run whose workflow waits for it; gives the ids of the runs that have it. As
        ``Waystation.send_event``."""
        body = {
            "name": name,
            "data": json_of(data, InvalidEventData, address=name),
            "workflow": workflow,
            "resource_id": resource_id,
        }
        key = idempotency_key or str(uuid.uuid4())
        return list((await self.connection().post("/events", wire.Sent, body, key=key)).run_ids)

    # ------------------------------------------------------------------ schedules

    async def list_schedules(self) -> Sequence[ScheduleInfo]:
        """The schedules of the server's workflows, and when each fires next."""
        found = await self.connection().get("/schedules", wire.Schedules)
        return [reading.schedule_of(line) for line in found.schedules]

    async def pause_schedule(self, schedule_id: str) -> None:
        """Let no slot of it fire any more until it is resumed. Raises ``UnknownSchedule``."""
        await self.connection().post(f"/schedules/{part(schedule_id)}/pause", msgspec.Raw)

    async def resume_schedule(self, schedule_id: str) -> None:
        """Go on with its next slot from now. Raises ``UnknownSchedule``."""
        await self.connection().post(f"/schedules/{part(schedule_id)}/resume", msgspec.Raw)

    async def run_schedule(self, schedule_id: str) -> RemoteRun[object, object]:
        """Start a run of it now, beside its slots. Raises ``UnknownSchedule``."""
        made = await self.connection().post(f"/schedules/{part(schedule_id)}/run", wire.Detail)
        return RemoteRun(self, made.run_id, self._registry.by_key.get(WorkflowKey(made.workflow_id, made.version)))

    # ------------------------------------------------------------------ for scripts

    def run(self, workflow: str | Workflow[In, Out], input: object) -> RunResult[Out]:
        """Create a run, start it and wait until it rests, from code that is not async."""
        # An id tells no types; whoever gives one gets the result as an object.
        return self.call(self.get_workflow(cast("Workflow[In, Out]", workflow)).start(input))

    def get_run_sync(self, run_id: str) -> RemoteRun[object, object]:
        """``get_run`` for code that is not async."""
        return self.call(self.get_run(run_id))

    def pending_sync(self, *, workflow: str | None = None, limit: int = 1000) -> Sequence[Suspension]:
        """``pending`` for code that is not async."""
        return self.call(self.pending(workflow=workflow, limit=limit))
