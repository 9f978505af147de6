"""Where the runs are that a command works on: in a store that an app here opens, or on a server.

A command knows these protocols alone. ``waystation.client.Client`` does what they say by itself, an app by ``Here``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

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
from waystation.store.records import RunPage, RunRecord, RunStatus


class AnyRun(Protocol):
    """A run, wherever it is."""

    @property
    def run_id(self) -> str:
        """Its name."""
        ...

    @property
    def workflow(self) -> Workflow[object, object] | None:
        """The workflow it is a run of, if its definition is at hand."""
        ...

    async def start_async(
        self,
        input: object,
        *,
        state: object = None,
        request_context: Mapping[str, object] | None = None,
        per_step: bool = False,
    ) -> None:
        """See ``Run.start_async``."""
        ...

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
        ...

    async def cancel_async(self, *, reason: str = "", grace: timedelta | None = None) -> None:
        """See ``Run.cancel_async``."""
        ...

    async def proceed_async(self, *, per_step: bool = False) -> None:
        """See ``Run.proceed_async``."""
        ...

    async def restart_async(self) -> None:
        """See ``Run.restart_async``."""
        ...

    async def fork(
        self,
        from_step: str,
        *,
        input: object = None,
        state: Mapping[str, object] | None = None,
        run_id: str | None = None,
        resource_id: str | None = None,
    ) -> AnyRun:
        """See ``Run.fork``."""
        ...

    async def send_event(self, name: str, data: object = None, *, idempotency_key: str = "") -> None:
        """See ``Run.send_event``."""
        ...

    async def wait(self) -> RunResult[object]:
        """See ``Run.wait``."""
        ...

    async def result(
        self,
    ) -> RunSucceeded[object] | RunFailed | RunSuspended | RunCancelled | RunPaused | RunActive:
        """See ``Run.result``."""
        ...

    async def record(self) -> RunRecord:
        """See ``Run.record``."""
        ...

    async def history(self) -> RunHistory:
        """See ``Run.history``."""
        ...

    async def journal(self) -> Sequence[AnyEntry]:
        """See ``Run.journal``."""
        ...

    def events(self, *, after: int = 0, part: int | None = None, live: bool = True) -> AsyncIterator[AnyEvent]:
        """See ``Run.events``."""
        ...

    def export(self) -> AsyncIterator[bytes]:
        """The run as JSON lines: see ``export_run``."""
        ...


class AnyWorkflow(Protocol):
    """A workflow that runs can be made of."""

    async def create_run(
        self, *, run_id: str | None = None, resource_id: str | None = None, idempotency_key: str | None = None
    ) -> AnyRun:
        """See ``RunnableWorkflow.create_run``."""
        ...

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
    ) -> AnyRun:
        """See ``RunnableWorkflow.start_async``."""
        ...


class Place(Protocol):
    """Where runs are."""

    def get_workflow(self, workflow: str, *, version: str | None = None) -> AnyWorkflow:
        """See ``Waystation.get_workflow``."""
        ...

    async def get_run(self, run_id: str) -> AnyRun:
        """See ``Waystation.get_run``."""
        ...

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
        ...

    async def pending(
        self, *, workflow: str | None = None, run_id: str | None = None, limit: int = 1000
    ) -> Sequence[Suspension]:
        """See ``Waystation.pending``."""
        ...

    async def delete_run(self, run_id: str) -> None:
        """See ``Waystation.delete_run``."""
        ...

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
        ...

    async def list_schedules(self) -> Sequence[ScheduleInfo]:
        """See ``Waystation.list_schedules``."""
        ...

    async def pause_schedule(self, schedule_id: str) -> None:
        """See ``Waystation.pause_schedule``."""
        ...

    async def resume_schedule(self, schedule_id: str) -> None:
        """See ``Waystation.resume_schedule``."""
        ...

    async def run_schedule(self, schedule_id: str) -> AnyRun:
        """See ``Waystation.run_schedule``."""
        ...

    def at_hand(self, workflow_id: str, version: str | None = None) -> Workflow[object, object] | None:
        """The definition of a workflow, if it is known here."""
        ...

    async def list_workflows(self) -> Sequence[Mapping[str, object]]:
        """The workflows: id, version, how many steps, whether it starts by itself, its input's schema."""
        ...

    async def describe(self, workflow: str, *, version: str | None = None) -> Mapping[str, object]:
        """A workflow as JSON data, as ``Workflow.describe`` gives it, and as ``mermaid`` its flowchart."""
        ...

    async def list_agents(self) -> Sequence[Mapping[str, object]]:
        """What steps reach as ``ctx.agents``."""
        ...

    async def list_tools(self) -> Sequence[Mapping[str, object]]:
        """What steps reach as ``ctx.tools``."""
        ...

    async def close(self) -> None:
        """Leave it; what is under way is kept."""
        ...
