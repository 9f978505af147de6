"""A handle on one run: start it, answer it, look at it. The run itself is in the store; a handle holds nothing."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Never

from typing_extensions import TypeVar

from waystation.beginning import begin, event_data
from waystation.choosing import Given, Selector, choose_answer
from waystation.core.machine import Machine
from waystation.define.executable import Executable
from waystation.dispatch.protocol import Taking
from waystation.engine import creation, intake, taking_over
from waystation.engine.events import RESTING, AnyEvent
from waystation.engine.hooks import ask_to_start
from waystation.forks import make_fork
from waystation.results import RunActive, RunCancelled, RunFailed, RunPaused, RunResult, RunSucceeded, RunSuspended
from waystation.run_view import RunView
from waystation.store.records import StoredRun

In = TypeVar("In", default=object)
Out = TypeVar("Out", default=object)


class Run(RunView[In, Out]):
    """A run of a workflow. Made by ``create_run`` or ``get_run``.

    Attributes:
        run_id: its name, unique in the store.
        workflow: the workflow it is a run of.
    """

    # ------------------------------------------------------------------ start

    async def start(
        self,
        input: In | object,
        *,
        state: object = None,
        request_context: Mapping[str, object] | None = None,
        per_step: bool = False,
    ) -> RunResult[Out]:
        """Start the run and wait until it rests: ended, suspended, or paused.

        The input and the start are durable before the first step runs. If the waiting task is cancelled the run
        goes on all the same. A run that only sleeps, or waits for an event, does not rest: this waits with it.

        Arguments:
            input: the workflow's input, as its type or as JSON-able data that fits it.
            state: the run state it begins with, as the workflow's state type or as data that fits it.
            request_context: what steps see as ``ctx.request_context``: a JSON-able mapping.
            per_step: pause after each step, for debugging; ``proceed`` goes on.

        Returns:
            ``RunSucceeded``, ``RunFailed``, ``RunSuspended``, ``RunCancelled`` or ``RunPaused``; match on
            ``.status``. That a step failed is a result, not an exception.

        Raises:
            InvalidInput, InvalidState, InvalidRequestContext: what was given does not fit; the run stays pending and
                nothing is written.
            StartRefused: the workflow's ``on_start`` hook raised; the run stays pending.
            RunAlreadyStarted: someone started it before.
            RunEnded: someone cancelled it before.
            RunNotFound: it is not in the store.
            StoreError: the store failed; what was recorded is kept, and the run goes on when it is recovered.

        Example:
            ``result = await run.start({"document_id": "DOC-1"})``
        """
        _, dispatcher = await self._app.opened()
        starting = await self._starting(input, state, request_context, per_step=per_step)
        return await self.rested(await dispatcher.take_to_rest(self.run_id, self.workflow.id, starting))

    async def start_async(
        self,
        input: In | object,
        *,
        state: object = None,
        request_context: Mapping[str, object] | None = None,
        per_step: bool = False,
    ) -> None:
        """Start the run and do not wait. When this returns, the start is durable. Raises as ``start`` does."""
        _, dispatcher = await self._app.opened()
        starting = await self._starting(input, state, request_context, per_step=per_step)
        await dispatcher.take(self.run_id, self.workflow.id, starting)

    async def _starting(
        self, input: object, state: object, request_context: Mapping[str, object] | None, *, per_step: bool
    ) -> Taking:
        engine, _ = await self._app.opened()
        beginning = begin(self._untyped, input, state=state, request_context=request_context, per_step=per_step)
        if self.workflow.hooks.on_start is not None:
            record = await self.record()
            if record.status == "pending":  # else there is no start to be asked about
                await ask_to_start(
                    self._untyped, self.run_id, self.workflow.input.load(beginning.input), record.resource_id
                )
        known, self._as_created = self._as_created, None
        return intake.start(engine, self._untyped, self.run_id, beginning, known=known)

    # ------------------------------------------------------------------ resume

    async def resume(
        self,
        *,
        data: object,
        step: Executable[Never, object] | str | None = None,
        label: str | None = None,
        item: int | None = None,
        suspension: str | None = None,
        request_context: Mapping[str, object] | None = None,
        idempotency_key: str = "",
        actor: str = "",
        channel: str = "python",
    ) -> RunResult[Out]:
        """Answer a suspension and wait until the run rests again.

        With one open suspension nothing need be named. Of several answers to one suspension, at once and from
        any process, exactly one is accepted; answers to different suspensions of one run do not disturb each other.

        Arguments:
            data: the answer, as the step's resume type or as JSON-able data that fits it.
            step: the suspended step, its id, or its address; of a nested workflow also ``"inner.review"``, or the
                workflow itself.
            label: the label it was suspended with.
            item: of a step in a foreach: the number of the item, from 0.
            suspension: the id of the very suspension; an answer to one that was answered before never
                reaches a later one of the same step.
            request_context: what to add to the request context, or change of it.
            idempotency_key: the same answer of the same actor with the same key again is not another: it is as if only
                the first had been given.
            actor: who answers; recorded.
            channel: by which way; recorded.

        Raises:
            InvalidResumeData: the answer does not fit; nothing is written, the suspension stays open.
            InvalidRequestContext: so does the request context.
            AlreadyAnswered: someone else was first.
            IdempotencyConflict: with that key another answer was given.
            NotSuspended: there is no such open suspension (``UnknownLabel``, ``UnknownItem`` where that is why).
            AmbiguousSuspension: several are open and none was named.
            UnknownStep: the workflow has no such step.
            DefinitionChanged: the code at hand cannot continue the run; nothing is changed.
            RunNotFound, StoreError: as for ``start``.
        """
        _, dispatcher = await self._app.opened()
        given = Given(
            selector=Selector(step=_name(step), label=label, item=item, suspension=suspension),
            data=data,
            request_context=request_context,
            actor=actor,
            channel=channel,
            key=idempotency_key,
        )
        return await self.rested(
            await dispatcher.take_to_rest(self.run_id, self.workflow.id, await self._answering(given))
        )

    async def resume_async(
        self,
        *,
        data: object,
        step: Executable[Never, object] | str | None = None,
        label: str | None = None,
        item: int | None = None,
        suspension: str | None = None,
        request_context: Mapping[str, object] | None = None,
        idempotency_key: str = "",
        actor: str = "",
        channel: str = "python",
    ) -> None:
        """Answer a suspension and do not wait. When this returns, the answer is durable. Raises as ``resume`` does."""
        _, dispatcher = await self._app.opened()
        given = Given(
            selector=Selector(step=_name(step), label=label, item=item, suspension=suspension),
            data=data,
            request_context=request_context,
            actor=actor,
            channel=channel,
            key=idempotency_key,
        )
        await dispatcher.take(self.run_id, self.workflow.id, await self._answering(given))

    async def _answering(self, given: Given) -> Taking:
        engine, _ = await self._app.opened()

        async def choose(stored: StoredRun, machine: Machine) -> intake.Answer | None:
            return await choose_answer(engine.store, self._untyped, stored, machine, given)

        return intake.answer(engine, self._untyped, self.run_id, choose)

    # ------------------------------------------------------------------ cancel, restart, step by step

    async def cancel(
        self, *, reason: str = "", grace: timedelta | None = None, actor: str = "", channel: str = "python"
    ) -> RunResult[Out]:
        """Cancel the run, and wait until it has ended; gives how.

        Nothing new is begun. What waits (for people, times, events), at whatever depth, is given up. Steps in flight
        see ``ctx.cancelled()``; those still going after the time of grace are cancelled, or, if they are not
        ``async``, left behind. Then the compensations of completed steps run. A run that has ended is not changed.

        Arguments:
            reason: why, for people; recorded.
            grace: how long steps in flight may go on; by default the app's ``cancel_grace``.
            actor, channel: who cancels, and by which way; recorded.

        Raises:
            RunNotFound, DefinitionChanged, StoreError.
        """
        await self.cancel_async(reason=reason, grace=grace, actor=actor, channel=channel)
        return await self._rest()

    async def cancel_async(
        self, *, reason: str = "", grace: timedelta | None = None, actor: str = "", channel: str = "python"
    ) -> None:
        """Cancel the run and do not wait. When this returns, the wish is durable. Raises as ``cancel`` does."""
        engine, dispatcher = await self._app.opened()
        grace_ms = round((engine.cancel_grace if grace is None else grace).total_seconds() * 1000)
        cancelling = intake.cancel(
            engine, self._untyped, self.run_id, reason=reason, actor=actor, channel=channel, grace_ms=max(grace_ms, 0)
        )
        await dispatcher.take(self.run_id, self.workflow.id, cancelling)

    async def proceed(self, *, per_step: bool = False) -> RunResult[Out]:
        """Have a paused run go on, and wait until it rests again.

        Arguments:
            per_step: pause again after the next step; else it goes on freely.

        Raises:
            RunNotPaused, RunNotFound, DefinitionChanged, StoreError.
        """
        await self.proceed_async(per_step=per_step)
        return await self._rest()

    async def proceed_async(self, *, per_step: bool = False) -> None:
        """Have a paused run go on, and do not wait. Raises as ``proceed`` does."""
        engine, dispatcher = await self._app.opened()
        await dispatcher.take(
            self.run_id, self.workflow.id, intake.proceed(engine, self._untyped, self.run_id, per_step=per_step)
        )

    async def restart(self) -> RunResult[Out]:
        """Take over the run if the process that drove it is gone, and wait until it rests; of a run that has ended,
        its result.

        Completed steps do not run again, also not those beside one that was in flight. The app does this by itself
        (``recover=True``); this is for those who do not want to wait, or have it off.

        Raises:
            RunIsRunning: a live process drives it: there is one owner.
            RunNotActive: it is pending, parked or paused: nothing of it is under way.
            RunNotFound, DefinitionChanged, StoreError.
        """
        await self.restart_async()
        return await self._rest()

    async def restart_async(self) -> None:
        """Take over the run, and do not wait. Raises as ``restart`` does."""
        engine, dispatcher = await self._app.opened()
        await dispatcher.take(self.run_id, self.workflow.id, taking_over.restart(engine, self._untyped, self.run_id))

    async def fork(
        self,
        from_step: Executable[Never, object] | str,
        *,
        input: object = None,
        state: Mapping[str, object] | None = None,
        run_id: str | None = None,
        resource_id: str | None = None,
    ) -> Run[In, Out]:
        """Begin a new run that shares this one's past up to a step, and runs that step again. This one is untouched.

        Shared is what came before the step, and what ran beside it and is done; the effects of that stay this run's:
        the fork does not compensate them. When this returns, the fork is durable and under way; ``wait()`` for it.

        Arguments:
            from_step: a step that has run here: itself, its id, or its address (needed where it has run several times).
            input: what to give the step instead of what reached it; fits its input type. None for the same.
            state: what to change of the run state.
            run_id: the new run's id; by default a random one.
            resource_id: what the new run is about.

        Raises:
            UnknownStep: the workflow has no such step.
            StepNotRun: it has not run in this run.
            InvalidInput, InvalidState: what was given does not fit.
            RunAlreadyExists, RunNotFound, DefinitionChanged, StoreError.
        """
        engine, dispatcher = await self._app.opened()
        await self._load()  # so that a journal that does not fit the code at hand is refused as such
        entries = await self.journal()
        made = make_fork(
            self._untyped,
            self.run_id,
            entries,
            _name(from_step) or "",
            at=engine.clock.now(),
            input=input,
            state=state,
        )
        names = creation.Names(run_id=str(uuid.uuid4()) if run_id is None else run_id, resource_id=resource_id)
        await dispatcher.take(
            names.run_id, self.workflow.id, creation.create_taken(engine, self._untyped, names, *made)
        )
        return Run(self._app, self.workflow, names.run_id)

    # ------------------------------------------------------------------ events

    async def send_event(
        self, name: str, data: object = None, *, idempotency_key: str = "", actor: str = "", channel: str = "python"
    ) -> None:
        """Send the run an event. It is durable when this returns, and kept until a ``wait_for`` of that name takes it,
        also if the run has not come there yet.

        Arguments:
            name: the event's name.
            data: its data, as the type of the wait, or as JSON-able data that fits it.
            idempotency_key: of several events with one key the run takes the first.
            actor, channel: who sends it, and by which way; recorded.

        Raises:
            UnknownEvent: the workflow waits for no event of that name.
            InvalidEventData: the data does not fit.
            RunEnded: the run takes no event any more.
            RunNotFound, DefinitionChanged, StoreError.
        """
        engine, dispatcher = await self._app.opened()
        event = intake.NewEvent(
            name=name,
            data=event_data(self._untyped, name, data, self.run_id),
            key=idempotency_key,
            actor=actor,
            channel=channel,
        )
        await dispatcher.take(
            self.run_id, self.workflow.id, intake.send_event(engine, self._untyped, self.run_id, event)
        )

    # ------------------------------------------------------------------ following it

    async def stream(
        self,
        input: In | object,
        *,
        state: object = None,
        request_context: Mapping[str, object] | None = None,
        per_step: bool = False,
    ) -> AsyncIterator[AnyEvent]:
        """Start the run and give its events until it rests. Arguments and errors are those of ``start``."""
        await self.start_async(input, state=state, request_context=request_context, per_step=per_step)
        async for event in self.events():
            yield event
            if isinstance(event, RESTING):
                return

    # ------------------------------------------------------------------ for scripts

    def start_sync(self, input: In | object) -> RunResult[Out]:
        """``start`` for code that is not async."""
        return self._app.call(self.start(input))

    def resume_sync(
        self,
        *,
        data: object,
        step: Executable[Never, object] | str | None = None,
        label: str | None = None,
        item: int | None = None,
        suspension: str | None = None,
        actor: str = "",
        channel: str = "python",
    ) -> RunResult[Out]:
        """``resume`` for code that is not async."""
        return self._app.call(
            self.resume(
                data=data, step=step, label=label, item=item, suspension=suspension, actor=actor, channel=channel
            )
        )

    def cancel_sync(self, *, reason: str = "", grace: timedelta | None = None) -> RunResult[Out]:
        """``cancel`` for code that is not async."""
        return self._app.call(self.cancel(reason=reason, grace=grace))

    def result_sync(self) -> RunSucceeded[Out] | RunFailed | RunSuspended | RunCancelled | RunPaused | RunActive:
        """``result`` for code that is not async."""
        return self._app.call(self.result())


def _name(step: Executable[Never, object] | str | None) -> str | None:
    return step.id if isinstance(step, Executable) else step
