"""``Waystation``: the app. The registry of what there is, and the life of what runs it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from types import MappingProxyType, TracebackType
from typing import Any, Generic, Self, TypeVar, cast, overload

from waystation.background import BackgroundLoop
from waystation.core.entries import StepSuspended, decode_entry
from waystation.define.workflow import Workflow
from waystation.dispatch.local import LocalDispatcher
from waystation.dispatch.protocol import Dispatcher
from waystation.engine import intake
from waystation.engine.clock import Clock, SystemClock
from waystation.engine.engine import Engine
from waystation.engine.leases import Lease, new_worker_id
from waystation.errors import (
    AppClosed,
    DataError,
    DuplicateWorkflow,
    InvalidInput,
    NotCommitted,
    RunNotFound,
    UnknownWorkflow,
    WrongLoop,
)
from waystation.results import RunResult, Suspension, suspension_of
from waystation.run import Run
from waystation.store import open_store
from waystation.store.protocol import RunFilter, RunPage, RunStatus, Store

In = TypeVar("In")
Out = TypeVar("Out")
T = TypeVar("T")


class Waystation:
    """An app: its workflows, what their steps reach, and the store its runs live in.

    Use it as an async context manager, so that it stops cleanly: what is in flight ends or is handed over. Without
    one it opens itself when first used; ``close`` then stops it. An app belongs to the event loop it is first used
    on. For scripts without a loop there are the ``_sync`` twins; they use a loop of their own, in a thread.

    Arguments:
        workflows: committed workflows.
        agents, tools: what steps reach as ``ctx.agents["name"]`` and ``ctx.tools["name"]``.
        store: an address, such as ``"sqlite:///waystation.db"`` (the default) or ``"memory://"``, or a ``Store``.
        recover: take over runs whose process died, and runs whose time has come, whoever began them. An app made
            only to look or to answer may say False; it then goes on only with runs it starts or answers itself.
        lease: how long this process may be silent before others take its runs over. Long steps do not matter:
            the lease is extended beside them, except by a step that blocks the event loop itself.
        grace: how long ``close`` lets steps in flight go on before it cancels them; they run again elsewhere.
        recover_every: how often to look for runs that nobody drives.
        look_every: how often to look for what other processes wrote to runs that are watched here.
        threads: how many step functions that are not ``async`` run at once.
        clock: where time comes from; for tests.

    Raises:
        DuplicateWorkflow, NotCommitted, StoreUrlInvalid.

    Example:
        ``async with Waystation(workflows=[approval_workflow]) as app: ...``
    """

    def __init__(
        self,
        *,
        workflows: Sequence[Workflow[Any, Any]] = (),
        agents: Mapping[str, object] | None = None,
        tools: Mapping[str, object] | None = None,
        store: str | Store = "sqlite:///waystation.db",
        recover: bool = True,
        lease: timedelta = timedelta(seconds=15),
        grace: timedelta = timedelta(seconds=5),
        recover_every: timedelta = timedelta(seconds=1),
        look_every: timedelta = timedelta(milliseconds=50),
        threads: int = 32,
        clock: Clock | None = None,
    ) -> None:
        self._workflows = _registry(workflows)
        self._agents = MappingProxyType(dict(agents or {}))
        self._tools = MappingProxyType(dict(tools or {}))
        self._store = open_store(store) if isinstance(store, str) else store
        self._clock = clock if clock is not None else SystemClock()
        self._recover, self._lease, self._grace = recover, lease, grace
        self._recover_every, self._look_every = recover_every, look_every
        self._threads = threads
        self._engine: Engine | None = None
        self._dispatcher: LocalDispatcher | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opening: asyncio.Lock | None = None
        self._background: BackgroundLoop | None = None
        self._closed = False

    # ------------------------------------------------------------------ life

    async def open(self) -> None:
        """Open the store and begin to look for runs to recover. Called by the first use, if not before.

        Raises:
            StoreError: of the kinds ``Store.open`` names.
            WrongLoop: the app is in use on another loop.
            AppClosed: it was closed.
        """
        loop = asyncio.get_running_loop()
        if self._closed:
            raise AppClosed("this app was closed; make another")
        if self._loop is not None and self._loop is not loop:
            raise WrongLoop
        if self._opening is None:
            self._loop, self._opening = loop, asyncio.Lock()
        async with self._opening:
            if self._engine is None:
                await self._open()

    async def _open(self) -> None:
        await self._store.open()
        worker_id = new_worker_id()
        engine = Engine(
            store=self._store,
            clock=self._clock,
            workflows=self._workflows,
            agents=self._agents,
            tools=self._tools,
            threads=ThreadPoolExecutor(self._threads, thread_name_prefix="waystation-step"),
            worker_id=worker_id,
        )
        self._dispatcher = LocalDispatcher(
            engine,
            Lease(self._store, self._clock, self._lease, worker_id),
            recover=self._recover,
            recover_every=self._recover_every,
            look_every=self._look_every,
            grace=self._grace,
        )
        await self._dispatcher.start()
        self._engine = engine

    def copy(self, *, store: str | Store | None = None, recover: bool | None = None) -> Waystation:
        """A new app with the same workflows, agents, tools and settings, not opened.

        Arguments:
            store: another store; by default the same.
            recover: whether the new one takes over runs that nobody drives; by default as this one.

        Raises:
            StoreUrlInvalid.
        """
        return Waystation(
            workflows=list(self._workflows.values()),
            agents=self._agents,
            tools=self._tools,
            store=self._store if store is None else store,
            recover=self._recover if recover is None else recover,
            lease=self._lease,
            grace=self._grace,
            recover_every=self._recover_every,
            look_every=self._look_every,
            threads=self._threads,
            clock=self._clock,
        )

    async def close(self) -> None:
        """Stop: no step is begun any more, those in flight end or are cancelled after the grace time, every run
        this process drove is handed over at once, and the store is closed. Closing twice is fine."""
        if self._closed:
            return
        self._closed = True
        if self._dispatcher is not None:
            await self._dispatcher.stop()
        if self._engine is not None:
            # A thread cannot be ended from outside: a sync step that hangs is left behind, its run handed over.
            self._engine.threads.shutdown(wait=False, cancel_futures=True)
            await self._store.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def opened(self) -> tuple[Engine, Dispatcher]:
        """The parts that do the work, opened if need be. For the library's own rooms."""
        if self._engine is None or self._closed or self._loop is not asyncio.get_running_loop():
            await self.open()
        assert self._engine is not None, "open() makes it"
        assert self._dispatcher is not None, "open() makes it"
        return self._engine, self._dispatcher

    # ------------------------------------------------------------------ registry

    @property
    def workflows(self) -> Mapping[str, Workflow[object, object]]:
        """The registered workflows by id."""
        return self._workflows

    @overload
    def get_workflow(self, workflow: str) -> RunnableWorkflow[object, object]: ...
    @overload
    def get_workflow(self, workflow: Workflow[In, Out]) -> RunnableWorkflow[In, Out]: ...
    def get_workflow(
        self, workflow: str | Workflow[In, Out]
    ) -> RunnableWorkflow[In, Out] | RunnableWorkflow[object, object]:
        """A registered workflow, to create runs of. By its id, or by itself: then its types are known.

        Raises:
            UnknownWorkflow.
        """
        id_ = workflow if isinstance(workflow, str) else workflow.id
        found = self._workflows.get(id_)
        if found is None or (isinstance(workflow, Workflow) and found is not workflow):
            known = ", ".join(map(repr, self._workflows)) or "none"
            raise UnknownWorkflow(f"workflow {id_!r} is not registered with this app; registered: {known}")
        return RunnableWorkflow(self, found)

    # ------------------------------------------------------------------ runs

    async def get_run(self, run_id: str) -> Run[object, object]:
        """The run of that id.

        Raises:
            RunNotFound.
            UnknownWorkflow: it is of a workflow that is not registered here.
        """
        engine, _ = await self.opened()
        record = await engine.store.get_run(run_id)
        if record is None:
            raise RunNotFound(f"there is no run {run_id!r} in the store", run_id=run_id)
        return Run(self, self.get_workflow(record.workflow_id).workflow, run_id)

    async def list_runs(
        self,
        *,
        workflow: str | None = None,
        status: RunStatus | None = None,
        resource_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> RunPage:
        """Runs, newest first.

        Arguments:
            workflow, status, resource_id: only these.
            since, until: only those created from ``since`` on and before ``until``; with a time zone.
            limit: at most so many, 1 to 1000.
            cursor: that of the page before.
        """
        engine, _ = await self.opened()
        where = RunFilter(
            workflow_id=workflow,
            status=status,
            resource_id=resource_id,
            since=None if since is None else round(since.timestamp() * 1000),
            until=None if until is None else round(until.timestamp() * 1000),
        )
        return await engine.store.list_runs(where, limit=max(1, min(limit, 1000)), cursor=cursor)

    async def pending(self, *, workflow: str | None = None, limit: int = 1000) -> Sequence[Suspension]:
        """The open suspensions of registered workflows, oldest first: what people are waited for."""
        engine, _ = await self.opened()
        found: list[Suspension] = []
        for row in await engine.store.open_suspensions(workflow_id=workflow, limit=limit):
            known = self._workflows.get(row.workflow_id)
            entry = decode_entry(row.entry)
            if known is not None and isinstance(entry, StepSuspended):
                found.append(suspension_of(known, row.run_id, row.address, row.seq, entry))
        return found

    # ------------------------------------------------------------------ for scripts

    def run(self, workflow: str | Workflow[In, Out], input: object) -> RunResult[Out]:
        """Create a run, start it and wait until it rests, from code that is not async."""
        # An id tells no types; whoever gives one gets the result as an object.
        runnable = self.get_workflow(cast("Workflow[In, Out]", workflow))
        return self.call(runnable.start(input))

    def get_run_sync(self, run_id: str) -> Run[object, object]:
        """``get_run`` for code that is not async."""
        return self.call(self.get_run(run_id))

    def pending_sync(self, *, workflow: str | None = None, limit: int = 1000) -> Sequence[Suspension]:
        """``pending`` for code that is not async."""
        return self.call(self.pending(workflow=workflow, limit=limit))

    def close_sync(self) -> None:
        """``close`` for code that is not async; also ends the loop that the ``_sync`` twins run on."""
        if self._background is not None:
            self._background.call(self.close())
            self._background.stop()
            self._background = None

    def call(self, work: Coroutine[object, object, T]) -> T:
        """Run ``work`` on the app's own loop, in a thread, and wait for it. What the ``_sync`` twins use."""
        if self._background is None:
            if self._loop is not None:
                work.close()
                raise WrongLoop("this app is in use on an event loop; its _sync methods need an app of their own")
            self._background = BackgroundLoop()
        return self._background.call(work)


class RunnableWorkflow(Generic[In, Out]):
    """A workflow together with the app that runs it.

    Attributes:
        workflow: the definition.
    """

    def __init__(self, app: Waystation, workflow: Workflow[In, Out]) -> None:
        self.workflow = workflow
        self._app = app

    def check_input(self, input: In | object) -> None:
        """Hold an input against the workflow's schema, and do nothing else.

        Raises:
            InvalidInput: it does not fit.
        """
        self._checked_input(input)

    def _checked_input(self, input: In | object) -> bytes:
        try:
            return self.workflow.input.dump(self.workflow.input.validate(input))
        except DataError as error:
            raise error.located(InvalidInput, workflow_id=self.workflow.id, address="input") from None

    async def create_run(self, *, run_id: str | None = None, resource_id: str | None = None) -> Run[In, Out]:
        """Create a run. It is pending, durably, when this returns.

        Arguments:
            run_id: its id; by default a new random one. 1 to 200 characters.
            resource_id: what the run is about (a user, an order), to list runs by.

        Raises:
            RunAlreadyExists: a run of that id is in the store.
            InvalidId: no run can have that id.
        """
        engine, _ = await self._app.opened()
        id_ = str(uuid.uuid4()) if run_id is None else run_id
        await intake.create(engine, cast("Workflow[object, object]", self.workflow), id_, resource_id)
        return Run(self._app, self.workflow, id_)

    async def start(
        self, input: In | object, *, run_id: str | None = None, resource_id: str | None = None
    ) -> RunResult[Out]:
        """Create a run, start it and wait until it rests. Creation and start are one write.

        Raises as ``create_run`` and ``Run.start`` do; then no run was created.
        """
        data = self._checked_input(input)
        engine, dispatcher = await self._app.opened()
        await dispatcher.ready()
        id_ = str(uuid.uuid4()) if run_id is None else run_id
        workflow = cast("Workflow[object, object]", self.workflow)
        dispatcher.drive(await intake.create_started(engine, workflow, id_, resource_id, data))
        return await Run(self._app, self.workflow, id_).wait()

    def create_run_sync(self, *, run_id: str | None = None, resource_id: str | None = None) -> Run[In, Out]:
        """``create_run`` for code that is not async."""
        return self._app.call(self.create_run(run_id=run_id, resource_id=resource_id))


def _registry(workflows: Sequence[object]) -> dict[str, Workflow[object, object]]:
    found: dict[str, Workflow[object, object]] = {}
    for workflow in workflows:
        if not isinstance(workflow, Workflow):
            raise NotCommitted(f"{workflow!r} is not a committed workflow: end its definition with .commit()")
        if workflow.id in found:
            raise DuplicateWorkflow(f"two workflows of this app have the id {workflow.id!r}; give one another id")
        found[workflow.id] = workflow
    return found
