"""An app of this process as a place for commands: what is done is recorded as done by the command, and by whom."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta

from waystation.core.entries import AnyEntry
from waystation.core.history import RunHistory
from waystation.define.workflow import Workflow
from waystation.engine.events import AnyEvent
from waystation.engine.schedules import ScheduleInfo
from waystation.results import (
    RunActive,
    RunCancelled,
    RunFailed,
    RunPaused,
    RunResult,
    RunSucceeded,
    RunSuspended,
    Suspension,
)
from waystation.run import Run
from waystation.runnable import RunnableWorkflow
from waystation.runtime import Waystation
from waystation.shapes import part_data, workflow_data
from waystation.store import export_run
from waystation.store.records import RunPage, RunRecord, RunStatus, WorkflowKey

CHANNEL = "cli"


class RunHere:
    """A run that this process drives, or looks at."""

    def __init__(self, app: Waystation, run: Run[object, object], actor: str) -> None:
        self.run_id = run.run_id
        self.workflow: Workflow[object, object] | None = run.workflow
        self._app = app
        self._run = run
        self._actor = actor

    async def start_async(
        self,
        input: object,
        *,
        state: object = None,
        request_context: Mapping[str, object] | None = None,
        per_step: bool = False,
    ) -> None:
        """See ``Run.start_async``."""
        await self._run.start_async(input, state=state, request_context=request_context, per_step=per_step)

    async def resume_async(
        self,
        *,
        data: object,
        step: str | None = None,
        label: str | None = None,
        item: int | None = None,
        suspension: str | None = None,
        request_context: Mapping[str, object] | None = None,
        idempotency_key: str = "",
    ) -> None:
        """See ``Run.resume_async``."""
        await self._run.resume_async(
            data=data,
            step=step,
            label=label,
            item=item,
            suspension=suspension,
            request_context=request_context,
            idempotency_key=idempotency_key,
            actor=self._actor,
            channel=CHANNEL,
        )

    async def cancel_async(self, *, reason: str = "", grace: timedelta | None = None) -> None:
        """See ``Run.cancel_async``."""
        await self._run.cancel_async(reason=reason, grace=grace, actor=self._actor, channel=CHANNEL)

    async def proceed_async(self, *, per_step: bool = False) -> None:
        """See ``Run.proceed_async``."""
        await self._run.proceed_async(per_step=per_step)

    async def restart_async(self) -> None:
        """See ``Run.restart_async``."""
        await self._run.restart_async()

    async def fork(
        self,
        from_step: str,
        *,
        input: object = None,
        state: Mapping[str, object] | None = None,
        run_id: str | None = None,
        resource_id: str | None = None,
    ) -> RunHere:
        """See ``Run.fork``."""
        made = await self._run.fork(from_step, input=input, state=state, run_id=run_id, resource_id=resource_id)
        return RunHere(self._app, made, self._actor)

    async def send_event(self, name: str, data: object = None, *, idempotency_key: str = "") -> None:
        """See ``Run.send_event``."""
        await self._run.send_event(name, data, idempotency_key=idempotency_key, actor=self._actor, channel=CHANNEL)

    async def wait(self) -> RunResult[object]:
        """See ``Run.wait``."""
        return await self._run.wait()

    async def result(
        self,
    ) -> RunSucceeded[object] | RunFailed | RunSuspended | RunCancelled | RunPaused | RunActive:
        """See ``Run.result``."""
        return await self._run.result()

    async def record(self) -> RunRecord:
        """See ``Run.record``."""
        return await self._run.record()

    async def history(self) -> RunHistory:
        """See ``Run.history``."""
        return await self._run.history()

    async def journal(self) -> Sequence[AnyEntry]:
        """See ``Run.journal``."""
        return await self._run.journal()

    def events(self, *, after: int = 0, part: int | None = None, live: bool = True) -> AsyncIterator[AnyEvent]:
        """See ``Run.events``."""
        return self._run.events(after=after, part=part, live=live)

    def export(self) -> AsyncIterator[bytes]:
        """See ``export_run``."""
        return export_run(self._app.store, self.run_id)


class WorkflowHere:
    """A workflow of an app of this process."""

    def __init__(self, app: Waystation, workflow: RunnableWorkflow[object, object], actor: str) -> None:
        self._app = app
        self._workflow = workflow
        self._actor = actor

    async def create_run(
        self, *, run_id: str | None = None, resource_id: str | None = None, idempotency_key: str | None = None
    ) -> RunHere:
        """See ``RunnableWorkflow.create_run``."""
        made = await self._workflow.create_run(run_id=run_id, resource_id=resource_id, idempotency_key=idempotency_key)
        return RunHere(self._app, made, self._actor)

    async def start_async(
        self,
        input: object,
        *,
        run_id: str | None = None,
        resource_id: str | None = None,
        idempotency_key: str | None = None,
        state: object = None,
        request_context: Mapping[str, object] | None = None,
        per_step: bool = False,
    ) -> RunHere:
        """See ``RunnableWorkflow.start_async``."""
        made = await self._workflow.start_async(
            input,
            run_id=run_id,
            resource_id=resource_id,
            idempotency_key=idempotency_key,
            state=state,
            request_context=request_context,
            per_step=per_step,
        )
        return RunHere(self._app, made, self._actor)


class Here:
    """An app of this process. It opens its store when that is first needed: a workflow is drawn without.

    Arguments:
        app: the app.
        actor: who does what is done.
    """

    def __init__(self, app: Waystation, actor: str = "") -> None:
        self._app = app
        self._actor = actor

    def get_workflow(self, workflow: str, *, version: str | None = None) -> WorkflowHere:
        """See ``Waystation.get_workflow``."""
        return WorkflowHere(self._app, self._app.get_workflow(workflow, version=version), self._actor)

    async def get_run(self, run_id: str) -> RunHere:
        """See ``Waystation.get_run``."""
        return RunHere(self._app, await self._app.get_run(run_id), self._actor)

    async def list_runs(
        self,
        *,
        workflow: str | None = None,
        status: Sequence[RunStatus] | None = None,
        resource_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> RunPage:
        """See ``Waystation.list_runs``."""
        return await self._app.list_runs(
            workflow=workflow,
            status=status,
            resource_id=resource_id,
            since=since,
            until=until,
            limit=limit,
            cursor=cursor,
        )

    async def pending(
        self, *, workflow: str | None = None, run_id: str | None = None, limit: int = 1000
    ) -> Sequence[Suspension]:
        """See ``Waystation.pending``."""
        return await self._app.pending(workflow=workflow, run_id=run_id, limit=limit)

    async def delete_run(self, run_id: str) -> None:
        """See ``Waystation.delete_run``."""
        await self._app.delete_run(run_id)

    async def send_event(
        self,
        name: str,
        data: object = None,
        *,
        workflow: str | None = None,
        resource_id: str | None = None,
        idempotency_key: str = "",
    ) -> Sequence[str]:
        """See ``Waystation.send_event``."""
        return await self._app.send_event(
            name,
            data,
            workflow=workflow,
            resource_id=resource_id,
            idempotency_key=idempotency_key,
            actor=self._actor,
            channel=CHANNEL,
        )

    async def list_schedules(self) -> Sequence[ScheduleInfo]:
        """See ``Waystation.list_schedules``."""
        return await self._app.list_schedules()

    async def pause_schedule(self, schedule_id: str) -> None:
        """See ``Waystation.pause_schedule``."""
        await self._app.pause_schedule(schedule_id)

    async def resume_schedule(self, schedule_id: str) -> None:
        """See ``Waystation.resume_schedule``."""
        await self._app.resume_schedule(schedule_id)

    async def run_schedule(self, schedule_id: str) -> RunHere:
        """See ``Waystation.run_schedule``."""
        return RunHere(self._app, await self._app.run_schedule(schedule_id), self._actor)

    def at_hand(self, workflow_id: str, version: str | None = None) -> Workflow[object, object] | None:
        """The workflow, if it is registered."""
        versions = self._app.versions
        return (
            self._app.workflows.get(workflow_id) if version is None else versions.get(WorkflowKey(workflow_id, version))
        )

    async def list_workflows(self) -> Sequence[Mapping[str, object]]:
        """The registered workflows, of several versions each."""
        current = self._app.workflows
        return [workflow_data(each, is_current=current[each.id] is each) for each in self._app.versions.values()]

    async def describe(self, workflow: str, *, version: str | None = None) -> Mapping[str, object]:
        """See ``Workflow.describe``; and as ``mermaid`` its flowchart."""
        found = self._app.get_workflow(workflow, version=version).workflow
        return {**found.describe(), "mermaid": found.mermaid()}

    async def list_agents(self) -> Sequence[Mapping[str, object]]:
        """What steps reach as ``ctx.agents``."""
        return [part_data(name, part) for name, part in self._app.agents.items()]

    async def list_tools(self) -> Sequence[Mapping[str, object]]:
        """What steps reach as ``ctx.tools``."""
        return [part_data(name, part) for name, part in self._app.tools.items()]

    async def close(self) -> None:
        """See ``Waystation.close``."""
        await self._app.close()
