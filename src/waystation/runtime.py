"""``Waystation``: the app, and what can be done with it. Its life is in ``app_life``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeVar, cast, overload

from waystation.all_runs import broadcast, check_all, open_suspensions, run_filter
from waystation.app_life import AppLife
from waystation.define.workflow import Workflow
from waystation.dispatch.resubmitted import Resubmitted
from waystation.engine import intake
from waystation.engine.retention import ago, prune
from waystation.engine.schedules import ScheduleInfo
from waystation.errors import DispatchUrlInvalid, ExtraMissing, RunNotFound
from waystation.results import Misfit, RunResult, Suspension
from waystation.run import Run
from waystation.runnable import RunnableWorkflow
from waystation.settings import DEFAULT_WORKER_PORT
from waystation.store.records import RunPage, RunStatus, WorkflowKey

if TYPE_CHECKING:
    from fastapi import APIRouter, FastAPI

    from waystation.dispatch.restate.dispatcher import RestateDispatcher
    from waystation.dispatch.restate.worker import Worker
    from waystation.server import Authenticator, Limits

In = TypeVar("In")
Out = TypeVar("Out")


class Waystation(AppLife):
    """An app: its workflows, what their steps reach, and the store its runs live in.

    Use it as an async context manager, so that it stops cleanly: what is in flight ends or is handed over. Without
    one it opens itself when first used; ``close`` then stops it. An app belongs to the event loop it is first used
    on. For scripts without a loop there are the ``_sync`` twins; they use a loop of their own, in a thread.

    Arguments:
        workflows: committed workflows.
        agents, tools: what steps reach as ``ctx.agents["name"]`` and ``ctx.tools["name"]``.
        store: an address, such as ``"sqlite:///waystation.db"`` (the default) or ``"memory://"``, or a ``Store``.
        codec: how data is kept in it: encrypted, compressed, beside it; None to keep it as it is.
        dispatch: who places runs on processes: None for this one, which drives what it takes, or the address of a
            Restate, ``"restate://HOST:8080?admin=http://HOST:9070"``, whose workers do. Needs ``waystation[restate]``.
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

    # ------------------------------------------------------------------ registry

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

    # ------------------------------------------------------------------ over HTTP

    def asgi(
        self,
        *,
        auth: Authenticator | None = None,
        hosts: Sequence[str] = (),
        origins: Sequence[str] = (),
        studio: bool = True,
        limits: Limits | None = None,
    ) -> FastAPI:
        """The app as an HTTP API and a studio, for any ASGI server. Needs ``waystation[server]``.

        It is opened and closed with the server, unless it was open before. ``waystation serve`` does all of it.

        Arguments:
            auth: who knows who asks: a ``TokenAuthenticator``, an ``OidcAuthenticator``, or one's own. None lets
                everyone do everything: for one's own machine, where only it can reach the server.
            hosts: the names the server goes by, besides ``localhost`` and its addresses; ``"*"`` for any.
            origins: the origins of other sites whose pages may use the API, such as ``"https://example.org"``.
            studio: whether to serve the studio.
            limits: how much it does at once.

        Raises:
            ExtraMissing.

        Example:
            ``api = Waystation(workflows=[approval]).asgi()``, and then ``uvicorn module:api``
        """
        _need_server()
        from waystation.server import make_asgi

        return make_asgi(self, auth=auth, hosts=hosts, origins=origins, studio=studio, limits=limits)

    def router(
        self,
        *,
        auth: Authenticator | None = None,
        hosts: Sequence[str] = (),
        origins: Sequence[str] = (),
        limits: Limits | None = None,
    ) -> APIRouter:
        """The HTTP API as a router, to include in a FastAPI application of one's own. Needs ``waystation[server]``.

        Its routes guard themselves just as those of ``asgi``, whatever the application does. Arguments as there.

        Example:
            ``api.include_router(app.router(auth=TokenAuthenticator("tokens.json")))``
        """
        _need_server()
        from waystation.server import make_router

        return make_router(self, auth=auth, hosts=hosts, origins=origins, limits=limits)

    # ------------------------------------------------------------------ on a fleet

    def worker(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = DEFAULT_WORKER_PORT,
        advertise: str | None = None,
        identity_keys: Sequence[str] = (),
        runs: int = 100,
        steps: int = 100,
        share_port: bool = False,
        deregister: bool = False,
    ) -> Worker:
        """A worker of this app, whose ``dispatch`` names a Restate: open, it drives the runs that are placed on it.
        ``waystation worker`` does all of it.

        Arguments:
            host, port: where it listens; port 0 for a free one.
            advertise: the URL at which Restate reaches it, or the balancer before it and others like it; by default
                where it listens.
            identity_keys: the public keys (``publickeyv1_...``) of the Restates that may call it; an unsigned call is
                refused then. Empty where everyone who reaches it may.
            runs: how many runs it drives at once; others wait.
            steps: how many steps of ``placement="spread"`` it runs at once, beside those of the runs it drives.
            share_port: whether other workers on this machine may listen at the same port.
            deregister: whether Restate is to forget it when it is closed.

        Raises:
            ExtraMissing.
            DispatchUrlInvalid: the app has no ``dispatch``; that and what follows when it is opened.
            ListenFailed, DispatchUnreachable, DispatchTooOld, RegistrationRefused.

        Example:
            ``async with app, app.worker(): await asyncio.Event().wait()``
        """
        from waystation.dispatch.restate.worker import Worker

        return Worker(
            self._placing,
            host=host,
            port=port,
            advertise=advertise,
            identity_keys=identity_keys,
            runs=runs,
            steps=steps,
            share_port=share_port,
            deregister=deregister,
        )

    async def resubmit(self) -> Resubmitted:
        """Call every unfinished run that can go on again, from the store: now, or when its time comes. For when Restate
        has lost its data. Nothing is run twice: a call that it still has is not made again, and a run that is driven
        already is left to who drives it. ``waystation resubmit`` does it.

        Raises:
            DispatchUrlInvalid: the app has no ``dispatch``.
            DispatchUnreachable, StoreError: those that came before are called.
        """
        dispatcher = await self._placing()
        return await dispatcher.call_all()

    async def _placing(self) -> RestateDispatcher:
        if self._settings.dispatch is None:  # before it is opened: it would begin to drive runs
            raise DispatchUrlInvalid(
                "this app drives its runs itself, and has no fleet: make it with dispatch='restate://HOST:8080', or "
                "name that with --dispatch"
            )
        from waystation.dispatch.restate.dispatcher import RestateDispatcher

        _, dispatcher = await self.opened()
        assert isinstance(dispatcher, RestateDispatcher), "the app has a dispatch"
        return dispatcher

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


def _need_server() -> None:
    for name in ("fastapi", "sse_starlette", "prometheus_client", "joserfc", "httpx", "uvicorn"):
        if find_spec(name) is None:
            raise ExtraMissing(f"the HTTP API needs {name}, which is not installed: pip install 'waystation[server]'")
