"""``Waystation``: the app. The registry of what there is, and the life of what runs it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType, TracebackType
from typing import Any, Self, TypeVar, cast, overload

from waystation.all_runs import broadcast, check_all, open_suspensions, run_filter, tell_hooks
from waystation.background import BackgroundLoop
from waystation.beginning import start_scheduled
from waystation.core.machine import Machine
from waystation.define.workflow import Workflow
from waystation.dispatch.protocol import Dispatcher
from waystation.engine import intake
from waystation.engine.clock import Clock
from waystation.engine.engine import Engine
from waystation.engine.retention import ago, prune
from waystation.engine.schedules import ScheduledWorkflow, ScheduleInfo, Scheduler
from waystation.errors import AppClosed, RunNotFound, WrongLoop
from waystation.registry import Registry
from waystation.results import Misfit, RunResult, Suspension
from waystation.run import Run
from waystation.runnable import RunnableWorkflow
from waystation.settings import Parts, Settings, assemble, clock_of
from waystation.store.codec import Codec
from waystation.store.protocol import Store
from waystation.store.records import RunPage, RunStatus, WorkflowKey

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
        codec: how data is kept in it: encrypted, compressed, beside it; None to keep it as it is.
        recover: take over runs whose process died, and runs whose time has come, whoever began them. An app made
            only to look or to answer may say False; it then goes on only with runs it starts or answers itself.
        lease: how long this process may be silent before others take its runs over. Long steps do not matter:
            the lease is extended beside them, except by a step that blocks the event loop itself.
        grace: how long ``close`` lets steps in flight go on before it cancels them; they run again elsewhere.
        recover_every: how often to look for runs that nobody drives.
        look_every: how often to look for what other processes wrote to runs that are watched here.
        threads: how many step functions that are not ``async`` run at once.
        retention: for how long runs that have ended are kept; None for ever. Old ones are deleted bit by bit.
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
        codec: Codec | None = None,
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
        self._settings = Settings(
            agents=MappingProxyType(dict(agents or {})),
            tools=MappingProxyType(dict(tools or {})),
            recover=recover,
            lease=lease,
            grace=grace,
            recover_every=recover_every,
            look_every=look_every,
            threads=threads,
            retention=retention,
            cancel_grace=cancel_grace,
            clock=clock,
            codec=codec,
        )
        self._registry = Registry(workflows)
        self._store = self._settings.home(store)
        self._parts: Parts | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opening = asyncio.Lock()
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
        if self._closed:
            raise AppClosed("this app was closed; make another")
        self._loop = self._loop or asyncio.get_running_loop()
        if self._loop is not asyncio.get_running_loop():
            raise WrongLoop
        async with self._opening:
            if self._closed:
                raise AppClosed
            if self._parts is None:
                await self._store.open()
                parts = assemble(
                    self._settings,
                    self._registry,
                    self._store,
                    clock=self._settings.clock or await clock_of(self._store),
                    start_scheduled=self._start_scheduled,
                    on_rest=self._rested,
                )
                await parts.dispatcher.start()
                self._parts = parts

    async def _rested(self, run_id: str, machine: Machine) -> None:
        await tell_hooks(self._at_work()[0], self._registry, run_id, machine)

    def copy(
        self, *, store: str | Store | None = None, recover: bool | None = None, clock: Clock | None = None
    ) -> Waystation:
        """A new app with the same workflows, agents, tools and settings, not opened.

        Arguments:
            store: another store, with the same codec; by default the same.
            recover: whether the new one takes over runs that nobody drives; by default as this one.
            clock: another clock, for tests; by default the same.

        Raises:
            StoreUrlInvalid.
        """
        home = self._store if store is None else self._settings.home(store)
        new = Waystation(workflows=list(self._registry.by_key.values()), store=home)
        new._settings = replace(
            self._settings,
            recover=self._settings.recover if recover is None else recover,
            clock=self._settings.clock if clock is None else clock,
        )
        return new

    async def close(self) -> None:
        """Stop: no step is begun any more, those in flight end or are cancelled after the grace time, every run
        this process drove is handed over at once, and the store is closed. Closing twice is fine."""
        if self._closed:
            return
        self._closed = True
        async with self._opening:  # that which is under way comes to its end first
            if self._parts is not None:
                await self._parts.dispatcher.stop()
                # A thread cannot be ended from outside: a sync step that hangs is left behind, its run handed over.
                self._parts.engine.threads.shutdown(wait=False, cancel_futures=True)
                await self._store.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _at_work(self) -> tuple[Engine, Dispatcher]:
        """The parts that do the work, for what is done within it, also while the app is being closed."""
        if self._parts is None:
            raise AppClosed
        return self._parts.engine, self._parts.dispatcher

    async def opened(self) -> tuple[Engine, Dispatcher]:
        """The parts that do the work, opened if need be. For the library's own rooms."""
        if self._parts is None or self._closed or self._loop is not asyncio.get_running_loop():
            await self.open()
        return self._at_work()

    # ------------------------------------------------------------------ registry

    @property
    def store(self) -> Store:
        """Where its runs live: opened and closed with the app."""
        return self._store

    @property
    def workflows(self) -> Mapping[str, Workflow[object, object]]:
        """The registered workflows by id; of several versions the one that was given last."""
        return self._registry.current

    @property
    def versions(self) -> Mapping[WorkflowKey, Workflow[object, object]]:
        """The registered workflows by id and version."""
        return self._registry.by_key

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
            if self._registry.by_key.get(WorkflowKey(workflow.id, workflow.version)) is not workflow:
                raise self._registry.unknown(workflow.id, workflow.version)
            return RunnableWorkflow(self, workflow)
        return RunnableWorkflow(self, self._registry.find(workflow, version))

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
        return Run(self, self._registry.find(record.workflow_id, record.version), run_id)

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
            limit, cursor: at most so many, 1 to 1000; the cursor of the page before.
        """
        engine, _ = await self.opened()
        where = run_filter(workflow, status, resource_id, since, until)
        return await engine.store.list_runs(where, limit=max(1, min(limit, 1000)), cursor=cursor)

    async def pending(
        self, *, workflow: str | None = None, run_id: str | None = None, limit: int = 1000
    ) -> Sequence[Suspension]:
        """The open suspensions of registered workflows, oldest first: what people are waited for.

        Arguments:
            workflow, run_id, limit: only those of this workflow, or this run; at most so many.
        """
        engine, _ = await self.opened()
        return await open_suspensions(engine.store, self._registry, workflow_id=workflow, run_id=run_id, limit=limit)

    async def delete_run(self, run_id: str) -> None:
        """Delete a run, its journal and its open suspensions, for good. One that is under way must be cancelled first.

        Raises:
            RunNotFound, RunIsRunning.
        """
        engine, dispatcher = await self.opened()
        if not await engine.store.delete_run(run_id):
            raise RunNotFound(f"there is no run {run_id!r} in the store", run_id=run_id)
        dispatcher.deleted(run_id)

    async def prune(self, older_than: timedelta) -> int:
        """Delete the runs that ended longer ago than ``older_than``, in small batches; gives how many."""
        engine, _ = await self.opened()
        return await prune(engine.store, ago(engine.clock, older_than))

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
        engine, dispatcher = await self.opened()
        event = intake.NewEvent(name=name, key=idempotency_key, actor=actor, channel=channel)
        sending = broadcast(engine, dispatcher, self._registry, event, data, workflow=workflow, resource_id=resource_id)
        return [run_id async for run_id in sending]

    async def check(self) -> Sequence[Misfit]:
        """The unfinished runs that the code at hand cannot continue, and why: the question to ask before a deploy.

        Nothing is changed. ``waystation check --app module:app`` asks it on the command line.
        """
        engine, _ = await self.opened()
        return await check_all(engine.store, self._registry)

    # ------------------------------------------------------------------ schedules

    async def _start_scheduled(self, scheduled: ScheduledWorkflow, run_id: str, slot: int) -> None:  # noqa: ARG002  (the run's id tells the slot)
        engine, dispatcher = self._at_work()
        await start_scheduled(engine, dispatcher, self._registry.by_key[scheduled.workflow], scheduled.cron, run_id)

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
        assert self._parts is not None, "opening the app makes them"
        return self._parts.scheduler

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
