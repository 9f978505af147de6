"""A handle on one run: start it, answer it, look at it. The run itself is in the store; a handle holds nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Generic, Never

from typing_extensions import TypeVar

from waystation.choosing import Selector, choose_suspension
from waystation.core.addresses import Address, node_key
from waystation.core.entries import AnyEntry, Seq, StepSuspended, decode_entry
from waystation.core.fold import JournalMisfit
from waystation.core.history import RunHistory, history_of
from waystation.core.machine import Machine
from waystation.define.step import Step
from waystation.define.workflow import Workflow
from waystation.engine import intake
from waystation.engine.events import AnyEvent, EventFold, RunFinishedEvent, RunSuspendedEvent
from waystation.engine.loading import load_machine
from waystation.errors import DataError, DefinitionChanged, InvalidInput, InvalidResumeData, RunNotFound
from waystation.results import (
    RunActive,
    RunFailed,
    RunResult,
    RunSucceeded,
    RunSuspended,
    Suspension,
    ended_result,
    suspension_of,
)
from waystation.store.protocol import RunRecord, RunStatus, StoredRun

if TYPE_CHECKING:
    from waystation.runtime import Waystation

In = TypeVar("In", default=object)
Out = TypeVar("Out", default=object)

_PAGE = 1000


class Run(Generic[In, Out]):
    """A run of a workflow. Made by ``create_run`` or ``get_run``.

    Attributes:
        run_id: its name, unique in the store.
        workflow: the workflow it is a run of.
    """

    def __init__(self, app: Waystation, workflow: Workflow[In, Out], run_id: str) -> None:
        self.run_id = run_id
        self.workflow = workflow
        self._app = app
        self._untyped: Workflow[object, object] = workflow  # type: ignore[assignment]  # the engine checks data by schema, not by static type

    def __repr__(self) -> str:
        return f"<run {self.run_id!r} of {self.workflow.id!r}>"

    # ------------------------------------------------------------------ start

    async def start(self, input: In | object) -> RunResult[Out]:
        """Start the run and wait until it rests: ended, or suspended.

        The input and the start are durable before the first step runs. If the waiting task is cancelled the run
        goes on all the same.

        Arguments:
            input: the workflow's input, as its type or as JSON-able data that fits it.

        Returns:
            ``RunSucceeded``, ``RunFailed`` or ``RunSuspended``; match on ``.status``. That a step failed is a
            result, not an exception.

        Raises:
            InvalidInput: the input does not fit; the run stays pending and nothing is written.
            RunAlreadyStarted: someone started it before.
            RunNotFound: it is not in the store.
            StoreError: the store failed; what was recorded is kept, and the run goes on when it is recovered.

        Example:
            ``result = await run.start({"document_id": "DOC-1"})``
        """
        await self.start_async(input)
        return await self._rest()

    async def start_async(self, input: In | object) -> None:
        """Start the run and do not wait. When this returns, the start is durable. Raises as ``start`` does."""
        engine, dispatcher = await self._app.opened()
        try:
            data = self.workflow.input.dump(self.workflow.input.validate(input))
        except DataError as error:
            raise error.located(InvalidInput, workflow_id=self.workflow.id, address="input") from None
        await dispatcher.ready()
        dispatcher.drive(await intake.start(engine, self._untyped, self.run_id, data))

    # ------------------------------------------------------------------ resume

    async def resume(
        self,
        *,
        data: object,
        step: Step[Never, object] | str | None = None,
        label: str | None = None,
        suspension: str | None = None,
        actor: str = "",
        channel: str = "python",
    ) -> RunResult[Out]:
        """Answer a suspension and wait until the run rests again.

        With one open suspension nothing need be named. Of several answers to one suspension, at once and from
        any process, exactly one is accepted.

        Arguments:
            data: the answer, as the step's resume type or as JSON-able data that fits it.
            step: the suspended step, or its address.
            label: the label it was suspended with.
            suspension: the id of the very suspension; an answer to one that was answered before never
                reaches a later one of the same step.
            actor: who answers; recorded.
            channel: by which way; recorded.

        Raises:
            InvalidResumeData: the answer does not fit; nothing is written, the suspension stays open.
            AlreadyAnswered: someone else was first.
            NotSuspended: there is no such open suspension.
            AmbiguousSuspension: several are open and none was named.
            UnknownStep: the workflow has no such step.
            DefinitionChanged: the code at hand cannot continue the run; nothing is changed.
            RunNotFound, StoreError: as for ``start``.
        """
        await self.resume_async(data=data, step=step, label=label, suspension=suspension, actor=actor, channel=channel)
        return await self._rest()

    async def resume_async(
        self,
        *,
        data: object,
        step: Step[Never, object] | str | None = None,
        label: str | None = None,
        suspension: str | None = None,
        actor: str = "",
        channel: str = "python",
    ) -> None:
        """Answer a suspension and do not wait. When this returns, the answer is durable. Raises as ``resume`` does."""
        engine, dispatcher = await self._app.opened()
        await dispatcher.ready()
        selector = Selector(step=step.id if isinstance(step, Step) else step, label=label, suspension=suspension)

        async def choose(stored: StoredRun, machine: Machine) -> tuple[Address, Seq, bytes]:
            address, seq = await choose_suspension(engine.store, self._untyped, stored, machine, selector)
            return address, seq, self._answer_data(address, data)

        taken = await intake.answer(engine, self._untyped, self.run_id, choose, actor=actor, channel=channel)
        if taken is not None:
            dispatcher.drive(taken)
        else:
            dispatcher.nudge(self.run_id)

    def _answer_data(self, address: Address, data: object) -> bytes:
        step = self.workflow.graph.step(node_key(address))
        assert step is not None, "only a step is suspended"
        assert step.resume is not None, "only one that declares resume="
        try:
            return step.resume.dump(step.resume.validate(data))
        except DataError as error:
            raise error.located(InvalidResumeData, workflow_id=self.workflow.id, address=address) from None

    async def _rest(self) -> RunResult[Out]:
        _, dispatcher = await self._app.opened()
        machine = await dispatcher.rest(self.run_id)
        ended = ended_result(self.workflow, self.run_id, machine)
        if ended is not None:
            return ended
        return RunSuspended(
            run_id=self.run_id,
            workflow_id=self.workflow.id,
            suspensions=await self._suspensions(machine),
        )

    async def _suspensions(self, machine: Machine) -> tuple[Suspension, ...]:
        engine, _ = await self._app.opened()
        found = {seq: address for address, seq in machine.suspensions().items()}
        entries = await engine.store.read_some(self.run_id, sorted(found))
        suspensions: list[Suspension] = []
        for seq in sorted(entries):
            entry = decode_entry(entries[seq])
            assert isinstance(entry, StepSuspended), "a suspension is known by the seq of its entry"
            suspensions.append(suspension_of(self._untyped, self.run_id, found[seq], seq, entry))
        return tuple(suspensions)

    # ------------------------------------------------------------------ looking

    async def result(self) -> RunSucceeded[Out] | RunFailed | RunSuspended | RunActive:
        """How the run stands now, without waiting.

        Raises:
            RunNotFound.
        """
        stored, machine = await self._load()
        ended = ended_result(self.workflow, self.run_id, machine)
        if ended is not None:
            return ended
        status = stored.record.status
        if status == "pending" or status == "running" or status == "waiting":  # noqa: PLR1714  (mypy narrows by no other form)
            return RunActive(run_id=self.run_id, workflow_id=self.workflow.id, status=status)
        return RunSuspended(
            run_id=self.run_id, workflow_id=self.workflow.id, suspensions=await self._suspensions(machine)
        )

    async def wait(self) -> RunResult[Out]:
        """Wait until the run rests, wherever it is driven, and give its result."""
        return await self._rest()

    async def status(self) -> RunStatus:
        """The run's status now. Raises ``RunNotFound``."""
        return (await self.record()).status

    async def record(self) -> RunRecord:
        """What the store's list knows of the run. Raises ``RunNotFound``."""
        engine, _ = await self._app.opened()
        record = await engine.store.get_run(self.run_id)
        if record is None:
            raise RunNotFound(f"there is no run {self.run_id!r} in the store", run_id=self.run_id)
        return record

    async def journal(self) -> Sequence[AnyEntry]:
        """Every entry of the run's journal, in order; the entry at index ``i`` has the seq ``i + 1``."""
        engine, _ = await self._app.opened()
        return [decode_entry(entry) for entry in await engine.store.read(self.run_id)]

    async def history(self) -> RunHistory:
        """What happened at each step so far, made from the journal."""
        return history_of(await self.journal(), self.workflow.graph)

    async def events(self, *, after: Seq = 0) -> AsyncIterator[AnyEvent]:
        """The run's events after journal entry ``after``, past ones first, then live ones, until the run ends.

        Made from the journal, so a reader that starts late, is slow, or sits in another process misses nothing;
        and one that lost its connection goes on from the last ``seq`` it has.
        """
        async for event in self._events(after, stop_at_suspension=False):
            yield event

    async def stream(self, input: In | object) -> AsyncIterator[AnyEvent]:
        """Start the run and give its events until it rests: ended, or suspended. Raises as ``start`` does."""
        await self.start_async(input)
        async for event in self._events(0, stop_at_suspension=True):
            yield event

    async def _events(self, after: Seq, *, stop_at_suspension: bool) -> AsyncIterator[AnyEvent]:
        engine, dispatcher = await self._app.opened()
        fold = EventFold(self.run_id, Machine(self.workflow.graph))
        read: Seq = 0
        with engine.hub.listening(self.run_id) as grown:
            dispatcher.watch()
            while True:
                grown.clear()
                page = await engine.store.read(self.run_id, after=read, limit=_PAGE)
                for data in page:
                    read += 1
                    for event in self._fold(fold, decode_entry(data)):
                        if event.seq > after:
                            yield event
                        if isinstance(event, RunFinishedEvent):
                            return
                        if stop_at_suspension and isinstance(event, RunSuspendedEvent):
                            return
                if len(page) < _PAGE:
                    await grown.wait()

    def _fold(self, fold: EventFold, entry: AnyEntry) -> list[AnyEvent]:
        try:
            return fold.feed(entry)
        except JournalMisfit as misfit:
            raise DefinitionChanged(
                run_id=self.run_id, workflow_id=self.workflow.id, differences=[misfit.reason]
            ) from None

    async def _load(self) -> tuple[StoredRun, Machine]:
        engine, _ = await self._app.opened()
        stored = await engine.store.load(self.run_id)
        if stored is None:
            raise RunNotFound(f"there is no run {self.run_id!r} in the store", run_id=self.run_id)
        return stored, await load_machine(engine.store, self._untyped, stored)

    # ------------------------------------------------------------------ for scripts

    def start_sync(self, input: In | object) -> RunResult[Out]:
        """``start`` for code that is not async."""
        return self._app.call(self.start(input))

    def resume_sync(
        self,
        *,
        data: object,
        step: Step[Never, object] | str | None = None,
        label: str | None = None,
        suspension: str | None = None,
        actor: str = "",
        channel: str = "python",
    ) -> RunResult[Out]:
        """``resume`` for code that is not async."""
        return self._app.call(
            self.resume(data=data, step=step, label=label, suspension=suspension, actor=actor, channel=channel)
        )

    def result_sync(self) -> RunSucceeded[Out] | RunFailed | RunSuspended | RunActive:
        """``result`` for code that is not async."""
        return self._app.call(self.result())
