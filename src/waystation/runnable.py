"""A workflow together with the app that runs it: where runs are created."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from waystation.beginning import begin, input_data
from waystation.core.entries import RunStarted
from waystation.define.workflow import Workflow
from waystation.engine import creation, intake
from waystation.engine.decoding import entry_of
from waystation.engine.hooks import ask_to_start
from waystation.errors import IdempotencyConflict, RunAlreadyStarted, RunEnded
from waystation.results import RunResult
from waystation.run import Run
from waystation.store.protocol import IdempotencyKeyUsed, Store

if TYPE_CHECKING:
    from waystation.runtime import Waystation

_PAGE = 100

In = TypeVar("In")
Out = TypeVar("Out")


class RunnableWorkflow(Generic[In, Out]):
    """A workflow together with the app that runs it.

    Attributes:
        workflow: the definition.
    """

    def __init__(self, app: Waystation, workflow: Workflow[In, Out]) -> None:
        self.workflow = workflow
        self._app = app
        self._untyped = cast("Workflow[object, object]", workflow)

    def check_input(self, input: In | object) -> None:
        """Hold an input against the workflow's schema, and do nothing else.

        Raises:
            InvalidInput: it does not fit.
        """
        input_data(self._untyped, input)

    async def create_run(
        self,
        *,
        run_id: str | None = None,
        resource_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Run[In, Out]:
        """Create a run. It is pending, durably, when this returns.

        Arguments:
            run_id: its id; by default a new random one. 1 to 200 characters.
            resource_id: what the run is about (a user, an order), to list runs by.
            idempotency_key: of several creations with one key the first makes the run; the others give that run, as it
                stands by then. To create and start just once, give the key to ``start`` instead.

        Raises:
            RunAlreadyExists: a run of that id is in the store.
            InvalidId: no run can have that id.
        """
        engine, _ = await self._app.opened()
        names = _names(run_id, resource_id, idempotency_key)
        try:
            stored = await creation.create(engine, self._untyped, names)
        except IdempotencyKeyUsed as used:
            return await self._made_before(used.run_id)
        return Run(self._app, self.workflow, names.run_id, as_created=stored)

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
        """Create a run, start it and wait until it rests. Creation and start are one write.

        With an ``idempotency_key`` that was used before, nothing is started: this waits for the run that was, and
        gives its result.

        Raises as ``create_run`` and ``Run.start`` do; then no run was created. And:
            IdempotencyConflict: the run of that key was started with other input.
        """
        beginning = begin(self._untyped, input, state=state, request_context=request_context, per_step=per_step)
        names = await self._asked(beginning, run_id, resource_id, idempotency_key)
        engine, dispatcher = await self._app.opened()
        starting = creation.create_started(engine, self._untyped, names, beginning)
        try:
            machine = await dispatcher.take_to_rest(names.run_id, self.workflow.id, starting)
        except IdempotencyKeyUsed as used:
            run = await self._go_on_with(used.run_id, names, input, state, request_context, per_step=per_step)
            return await run.wait()
        return await Run(self._app, self.workflow, names.run_id).rested(machine)

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
    ) -> Run[In, Out]:
        """Create a run and start it, and do not wait: when this returns, the start is durable. As ``start`` else."""
        beginning = begin(self._untyped, input, state=state, request_context=request_context, per_step=per_step)
        names = await self._asked(beginning, run_id, resource_id, idempotency_key)
        engine, dispatcher = await self._app.opened()
        try:
            await dispatcher.take(
                names.run_id, self.workflow.id, creation.create_started(engine, self._untyped, names, beginning)
            )
        except IdempotencyKeyUsed as used:
            return await self._go_on_with(used.run_id, names, input, state, request_context, per_step=per_step)
        return Run(self._app, self.workflow, names.run_id)

    async def _asked(
        self, beginning: creation.Beginning, run_id: str | None, resource_id: str | None, idempotency_key: str | None
    ) -> creation.Names:
        """The names of a new run, which the hook has allowed to start."""
        names = _names(run_id, resource_id, idempotency_key)
        if self.workflow.hooks.on_start is not None:
            await ask_to_start(
                self._untyped, names.run_id, self.workflow.input.load(beginning.input), names.resource_id
            )
        return names

    async def _go_on_with(
        self,
        run_id: str,
        names: creation.Names,
        input: object,
        state: object,
        request_context: Mapping[str, object] | None,
        *,
        per_step: bool,
    ) -> Run[In, Out]:
        """The run that was made with the key of ``names`` before, started if it was only created."""
        run = await self._made_before(run_id)
        its = cast("Workflow[object, object]", run.workflow)
        beginning = begin(its, input, state=state, request_context=request_context, per_step=per_step)
        await self._start_made_before(run, beginning, str(names.idempotency_key))
        return run

    async def _made_before(self, run_id: str) -> Run[In, Out]:
        """The run that was made with a key; it may be of another version of the workflow, and goes on as that."""
        return cast("Run[In, Out]", await self._app.get_run(run_id))

    async def _start_made_before(self, run: Run[In, Out], beginning: creation.Beginning, key: str) -> None:
        """Start it, if it was only created; else see to it that it was started with the same input."""
        engine, dispatcher = await self._app.opened()
        if await run.status() == "pending":
            try:
                its = cast("Workflow[object, object]", run.workflow)
                await dispatcher.take(run.run_id, its.id, intake.start(engine, its, run.run_id, beginning))
            except (RunAlreadyStarted, RunEnded):
                pass  # by another, just now: its input is looked at below
            else:
                return
        started = await _start_of(engine.store, run.run_id)
        if started is not None and bytes(started.input) != beginning.input:
            raise IdempotencyConflict(
                f"run {run.run_id!r} was started with the idempotency key {key!r} and other input; "
                "use a key of its own for each start that is meant to be one",
                run_id=run.run_id,
            )

    def create_run_sync(self, *, run_id: str | None = None, resource_id: str | None = None) -> Run[In, Out]:
        """``create_run`` for code that is not async."""
        return self._app.call(self.create_run(run_id=run_id, resource_id=resource_id))


async def _start_of(store: Store, run_id: str) -> RunStarted | None:
    """The entry that started the run; before it there may be events, any number of them. None if there is none yet."""
    after = 0
    while page := await store.read(run_id, after=after, limit=_PAGE):
        for data in page:
            if isinstance(entry := entry_of(run_id, data), RunStarted):
                return entry
        after += len(page)
    return None


def _names(run_id: str | None, resource_id: str | None, idempotency_key: str | None) -> creation.Names:
    return creation.Names(
        run_id=str(uuid.uuid4()) if run_id is None else run_id,
        resource_id=resource_id,
        idempotency_key=idempotency_key,
    )
