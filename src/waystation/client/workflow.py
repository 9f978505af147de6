"""A workflow on a server: where runs of it are created."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

from waystation.beginning import input_data
from waystation.client import wire
from waystation.client.bodies import beginning
from waystation.client.connection import part
from waystation.client.run import WAIT, RemoteRun
from waystation.define.workflow import Workflow
from waystation.errors import TooManyWaiting
from waystation.results import RunResult

if TYPE_CHECKING:
    from waystation.client.client import Client
    from waystation.client.encoding import Json

In = TypeVar("In")
Out = TypeVar("Out")


class RemoteWorkflow(Generic[In, Out]):
    """A workflow on a server. It does what ``RunnableWorkflow`` does.

    Attributes:
        workflow_id, version: which; the version is None for the server's current one.
        workflow: its definition, if it is at hand: then input is checked here too, and output is of its type.
    """

    def __init__(
        self, client: Client, workflow_id: str, version: str | None, workflow: Workflow[In, Out] | None
    ) -> None:
        self.workflow_id = workflow_id
        self.version = version
        self.workflow = workflow
        self._client = client
        self._path = f"/workflows/{part(workflow_id)}"

    def __repr__(self) -> str:
        return f"<workflow {self.workflow_id!r} on {self._client.url}>"

    def check_input(self, input: In | object) -> None:
        """Hold an input against the workflow's schema, if its definition is at hand; else the server does it, at the
        start.

        Raises:
            InvalidInput: it does not fit.
        """
        if self.workflow is not None:
            input_data(self.workflow, input)

    async def create_run(
        self, *, run_id: str | None = None, resource_id: str | None = None, idempotency_key: str | None = None
    ) -> RemoteRun[In, Out]:
        """Create a run. It is pending, durably, when this returns. As ``RunnableWorkflow.create_run``."""
        body = {"run_id": run_id, "resource_id": resource_id, "version": self.version}
        key = idempotency_key or str(uuid.uuid4())
        made = await self._client.connection().post(f"{self._path}/runs", wire.Summary, body, key=key)
        return RemoteRun(self._client, made.run_id, self.workflow)

    async def start(
        self,
        input: In | object,
        *,
        run_id: str | None = None,
        resource_id: str | None = None,
        idempotency_key: str | None = None,
        state: object = None,
        request_context: Mapping[str, object] | None = None,
        per_step: bool = False,
    ) -> RunResult[Out]:
        """Create a run, start it and wait until it rests. As ``RunnableWorkflow.start``.

        The client gives the start an idempotency key if you give none: it is made once, also when its answer was lost
        on the way and it was asked for again.
        """
        begun = beginning(self.workflow, input, state, request_context, per_step=per_step)
        body = {**begun, "run_id": run_id, "resource_id": resource_id, "version": self.version}
        detail = await self._started(body, idempotency_key, wait=True)
        return await RemoteRun(self._client, detail.run_id, self.workflow).rested(detail)

    async def start_async(
        self,
        input: In | object,
        *,
        run_id: str | None = None,
        resource_id: str | None = None,
        idempotency_key: str | None = None,
        state: object = None,
        request_context: Mapping[str, object] | None = None,
        per_step: bool = False,
    ) -> RemoteRun[In, Out]:
        """Create a run and start it, and do not wait: when this returns, the start is durable. As ``start`` else."""
        begun = beginning(self.workflow, input, state, request_context, per_step=per_step)
        body = {**begun, "run_id": run_id, "resource_id": resource_id, "version": self.version}
        detail = await self._started(body, idempotency_key, wait=False)
        return RemoteRun(self._client, detail.run_id, self.workflow)

    async def _started(self, body: Json, idempotency_key: str | None, *, wait: bool) -> wire.Detail:
        connection, path = self._client.connection(), f"{self._path}/start"
        key = idempotency_key or str(uuid.uuid4())
        if not wait:
            return await connection.post(path, wire.Detail, body, key=key)
        try:
            return await connection.post(path, wire.Detail, {**body, "wait_seconds": WAIT}, key=key, wait=WAIT)
        except TooManyWaiting:  # then nothing was done
            return await connection.post(path, wire.Detail, body, key=key)

    def create_run_sync(self, *, run_id: str | None = None, resource_id: str | None = None) -> RemoteRun[In, Out]:
        """``create_run`` for code that is not async."""
        return self._client.call(self.create_run(run_id=run_id, resource_id=resource_id))
