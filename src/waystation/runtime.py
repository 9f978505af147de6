"""``Waystation``: the app. The registry of what there is, and the life of what runs it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from types import MappingProxyType, TracebackType
from typing import Any, Self, TypeVar, cast, overload

from waystation.background import BackgroundLoop
from waystation.beginning import begin
from waystation.core.entries import StepSuspended, decode_entry
from waystation.core.machine import Machine
from waystation.define.hooks import Hooks
from waystation.define.schedule import schedules_by_id
from waystation.define.workflow import Workflow
from waystation.dispatch.local import LocalDispatcher
from waystation.dispatch.protocol import Dispatcher
from waystation.engine import creation
from waystation.engine.clock import Clock, SystemClock
from waystation.engine.engine import Engine
from waystation.engine.hooks import ask_to_start, tell_of_rest
from waystation.engine.leases import Lease, new_worker_id
from waystation.engine.loading import misfits
from waystation.engine.retention import prune
from waystation.engine.schedules import ScheduledWorkflow, ScheduleInfo, Scheduler
from waystation.errors import (
    AppClosed,
    DuplicateWorkflow,
    InvalidDuration,
    NotCommitted,
    RunAlreadyExists,
    RunEnded,
    RunNotFound,
    UnknownEvent,
    UnknownWorkflow,
    WrongLoop,
)
from waystation.results import Misfit, RunResult, Suspension, suspension_of
from waystation.run import Run
from waystation.runnable import RunnableWorkflow
from waystation.store import open_store
from waystation.store.protocol import UNFINISHED, RunFilter, RunPage, RunRecord, RunStatus, Store, WorkflowKey

In = TypeVar("In")
Out = TypeVar("Out")
T = TypeVar("T")

_NO_HOOKS = Hooks()


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
        retention: for how long runs that have ended are kept; None for ever. They are deleted in small batches while
            others work.
        cancel_grace: how long steps in flight of a cancelled run may go on, where ``cancel`` says nothing else.
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
        retention: timedelta | None = None,
        cancel_grace: timedelta = timedelta(seconds=5),
        clock: Clock | None = None,
    ) -> None:
        if retention is not None and retention < timedelta(0):
            raise InvalidDuration(f"retention={retention} is negative; give how long to keep runs that have ended")
        self._workflows = _registry(workflows)
        self._agents = MappingProxyType(dict(agents or {}))
        self._tools = MappingProxyType(dict(tools or {}))
        self._store = open_store(store) if isinstance(store, str) else store
        self._clock = clock if clock is not None else SystemClock()
        self._recover, self._lease, self._grace = recover, lease, grace
        self._recover_every, self._look_every = recover_every, look_every
        self._threads = threads
        self._retention, self._cancel_grace = retention, cancel_grace
        self._scheduler: Scheduler | None = None
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
            cancel_grace=self._cancel_grace,
        )
        self._scheduler = Scheduler(self._store, self._clock, self._scheduled(), self._start_scheduled)
        self._dispatcher = LocalDispatcher(
            engine,
            Lease(self._store, self._clock, self._lease, worker_id),
            recover=self._recover,
            recover_every=self._recover_every,
            look_every=self._look_every,
            grace=self._grace,
            schedules=self._scheduler if self._recover else None,
            retention=self._retention,
            on_rest=self._rested,
        )
        await self._dispatcher.start()
        self._engine = engine

    async def _rested(self, run_id: str, machine: Machine) -> None:
        engine = self._engine
        workflow = self._workflows[WorkflowKey(machine.graph.workflow_id, machine.graph.version)]
        if engine is None or workflow.hooks == _NO_HOOKS:
            return
        suspensions: Sequence[Suspension] = ()
        if machine.state.standing == "running" and machine.suspensions():
            suspensions = await self.pending(run_id=run_id)
        await tell_of_rest(engine, workflow, run_id, machine, suspensions)

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
            retention=self._retention,
            cancel_grace=self._cancel_grace,
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

    def _parts(self) -> tuple[Engine, Dispatcher]:
        if self._engine is None or self._dispatcher is None or self._closed:
            raise AppClosed
        return self._engine, self._dispatcher

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
        """The registered workflows by id; of several versions the one that was given last."""
        return {key.workflow_id: workflow for key, workflow in self._workflows.items()}

    @property
    def versions(self) -> Mapping[WorkflowKey, Workflow[object, object]]:
        """The registered workflows by id and version."""
        return self._workflows

    @overload
    def get_workflow(self, workflow: str, *, version: str | None = None) -> RunnableWorkflow[object, object]: ...
    @overload
    def get_workflow(self, workflow: Workflow[In, Out]) -> RunnableWorkflow[In, Out]: ...
    def get_workflow(
        self, workflow: str | Workflow[In, Out], *, version: str | None = None
    ) -> RunnableWorkflow[In, Out] | RunnableWorkflow[object, object]:
        """A registered workflow, to create runs of. By its id, or by itself: then its types are known.

        Arguments:
            workflow: its id, or itself.
            version: which version; by default, of several the one that was given last to ``workflows=``.

        Raises:
            UnknownWorkflow.
        """
        if isinstance(workflow, Workflow):
            found = self._workflows.get(WorkflowKey(workflow.id, workflow.version))
            if found is not workflow:
                raise self._unknown(workflow.id, workflow.version)
            return RunnableWorkflow(self, workflow)
        named = self.workflows.get(workflow) if version is None else self._workflows.get(WorkflowKey(workflow, version))
        if named is None:
            raise self._unknown(workflow, version)
        return RunnableWorkflow(self, named)

    def _unknown(self, id_: str, version: str | None) -> UnknownWorkflow:
        known = ", ".join(
            f"{key.workflow_id!r}" + (f" {key.version!r}" if key.version else "") for key in self._workflows
        )
        of_version = f" in version {version!r}" if version else ""
        return UnknownWorkflow(
            f"workflow {id_!r}{of_version} is not registered with this app; registered: {known or 'none'}"
        )

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
        workflow = self._workflows.get(record.key)
        if workflow is None:
            raise self._unknown(record.workflow_id, record.version)
        return Run(self, workflow, run_id)

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
        """Runs, newest first.

        Arguments:
            workflow, resource_id: only these.
            status: only runs that stand so; one status or several.
            since, until: only those created from ``since`` on and before ``until``; with a time zone.
            limit: at most so many, 1 to 1000.
            cursor: that of the page before.
        """
        engine, _ = await self.opened()
        where = RunFilter(
            workflow_id=workflow,
            statuses=(status,) if isinstance(status, str) else status,
            resource_id=resource_id,
            since=_millis(since),
            until=_millis(until),
        )
        return await engine.store.list_runs(where, limit=max(1, min(limit, 1000)), cursor=cursor)

    async def pending(
        self, *, workflow: str | None = None, run_id: str | None = None, limit: int = 1000
    ) -> Sequence[Suspension]:
        """The open suspensions of registered workflows, oldest first: what people are waited for.

        Arguments:
            workflow, run_id: only those of this workflow, or this run.
            limit: at most so many.
        """
        engine, _ = await self.opened()
        found: list[Suspension] = []
        for row in await engine.store.open_suspensions(run_id=run_id, workflow_id=workflow, limit=limit):
            known = self._workflows.get(WorkflowKey(row.workflow_id, row.version))
            entry = decode_entry(row.entry)
            if known is not None and isinstance(entry, StepSuspended):
                found.append(suspension_of(known, row.run_id, row.address, row.seq, entry))
        return found

    async def delete_run(self, run_id: str) -> None:
        """Delete a run, its journal and its open suspensions, for good. One that is under way must be cancelled first.

        Raises:
            RunNotFound, RunIsRunning.
        """
        engine, _ = await self.opened()
        if not await engine.store.delete_run(run_id):
            raise RunNotFound(f"there is no run {run_id!r} in the store", run_id=run_id)

    async def prune(self, older_than: timedelta) -> int:
        """Delete the runs that ended longer ago than ``older_than``, in small batches; gives how many."""
        engine, _ = await self.opened()
        return await prune(engine.store, engine.clock, older_than)

    async def send_event(
        self,
        name: str,
        data: object = None,
        *,
        workflow: str | None = None,
        resource_id: str | None = None,
        idempotency_key: str = "",
        actor: str = "",
        channel: str = "python",
    ) -> Sequence[str]:
        """Send an event to every unfinished run whose workflow waits for it, whether it has come to the wait or not;
        each ``match`` decides whether the event is for that run. Gives the ids of the runs that have it, durably.

        It goes to one run after another. If that breaks off in the middle, send it again with the same
        ``idempotency_key``: runs that have it do not get it twice.

        Arguments:
            name: the event's name.
            data: its data.
            workflow, resource_id: only to runs of this workflow, or about this.
            idempotency_key, actor, channel: as for ``Run.send_event``.

        Raises:
            UnknownEvent: no registered workflow waits for it.
            InvalidEventData: the data does not fit; then no run of that workflow has it.
        """
        await self.opened()
        waiting = {
            key: known
            for key, known in self._workflows.items()
            if name in known.graph.waits() and workflow in (None, key.workflow_id)
        }
        if not waiting:
            raise UnknownEvent(f"no registered workflow waits for the event {name!r}")
        sent: list[str] = []
        for workflow_id in dict.fromkeys(key.workflow_id for key in waiting):
            where = RunFilter(workflow_id=workflow_id, statuses=UNFINISHED, resource_id=resource_id)
            async for record in self._all_runs(where):
                if record.key in waiting:
                    run = Run(self, waiting[record.key], record.run_id)
                    try:
                        await run.send_event(name, data, idempotency_key=idempotency_key, actor=actor, channel=channel)
                    except (RunEnded, RunNotFound):
                        continue  # meanwhile
                    sent.append(record.run_id)
        return sent

    async def _all_runs(self, where: RunFilter) -> AsyncIterator[RunRecord]:
        engine, _ = await self.opened()
        cursor: str | None = None
        while True:
            page = await engine.store.list_runs(where, limit=500, cursor=cursor)
            for record in page.runs:
                yield record
            cursor = page.cursor
            if cursor is None:
                return

    async def check(self) -> Sequence[Misfit]:
        """The unfinished runs that the code at hand cannot continue, and why: the question to ask before a deploy.

        Nothing is changed. ``waystation check --app module:app`` asks it on the command line.
        """
        engine, _ = await self.opened()
        found: list[Misfit] = []
        async for record in self._all_runs(RunFilter(statuses=UNFINISHED)):
            workflow = self._workflows.get(record.key)
            if workflow is None:
                reasons: Sequence[str] = [str(self._unknown(record.workflow_id, record.version))]
            else:
                reasons = await misfits(engine.store, workflow, record.run_id)
            if reasons:
                found.append(
                    Misfit(
                        run_id=record.run_id,
                        workflow_id=record.workflow_id,
                        version=record.version,
                        status=record.status,
                        reasons=tuple(reasons),
                    )
                )
        return found

    # ------------------------------------------------------------------ schedules

    def _scheduled(self) -> list[ScheduledWorkflow]:
        # Of several versions only the current one starts by itself.
        return [
            ScheduledWorkflow(schedule_id, WorkflowKey(workflow.id, workflow.version), cron)
            for workflow in self.workflows.values()
            for schedule_id, cron in schedules_by_id(workflow.id, workflow.schedules).items()
        ]

    async def _start_scheduled(self, scheduled: ScheduledWorkflow, run_id: str, slot: int) -> None:  # noqa: ARG002  (the run's id tells the slot)
        workflow = self._workflows[scheduled.workflow]
        engine, dispatcher = self._parts()
        beginning = begin(workflow, scheduled.cron.input, state=scheduled.cron.state)
        await ask_to_start(workflow, run_id, workflow.input.load(beginning.input), None)
        await dispatcher.ready()
        try:
            taken = await creation.create_started(engine, workflow, creation.Names(run_id=run_id), beginning)
        except RunAlreadyExists:
            return  # another process was first
        dispatcher.drive(taken)

    async def list_schedules(self) -> Sequence[ScheduleInfo]:
        """The schedules of this app's workflows, and when each fires next."""
        return await (await self._schedules()).list()

    async def pause_schedule(self, schedule_id: str) -> None:
        """Let no slot of it fire any more, in any process, until it is resumed. Raises ``UnknownSchedule``."""
        await (await self._schedules()).pause(schedule_id)

    async def resume_schedule(self, schedule_id: str) -> None:
        """Go on with its next slot from now. Raises ``UnknownSchedule``."""
        await (await self._schedules()).resume(schedule_id)

    async def run_schedule(self, schedule_id: str) -> Run[object, object]:
        """Start a run of it now, beside its slots. Raises ``UnknownSchedule``."""
        return await self.get_run(await (await self._schedules()).run_now(schedule_id))

    async def _schedules(self) -> Scheduler:
        await self.opened()
        assert self._scheduler is not None, "opening the app makes it"
        return self._scheduler

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


def _registry(workflows: Sequence[object]) -> dict[WorkflowKey, Workflow[object, object]]:
    found: dict[WorkflowKey, Workflow[object, object]] = {}
    for workflow in workflows:
        if not isinstance(workflow, Workflow):
            raise NotCommitted(f"{workflow!r} is not a committed workflow: end its definition with .commit()")
        key = WorkflowKey(workflow.id, workflow.version)
        if key in found:
            version = f" and the version {key.version!r}" if key.version else ""
            raise DuplicateWorkflow(
                f"two workflows of this app have the id {workflow.id!r}{version}; give one another id or version"
            )
        found[key] = workflow
    return found


def _millis(time: datetime | None) -> int | None:
    return None if time is None else round(time.timestamp() * 1000)
