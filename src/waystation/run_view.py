"""Looks at a run: how it stands, what happened in it, what it gave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Generic

from typing_extensions import TypeVar

from waystation.core.entries import AnyEntry, StepSuspended
from waystation.core.history import RunHistory, history_of
from waystation.core.machine import Machine
from waystation.core.refs import Seq
from waystation.define.workflow import Workflow
from waystation.engine.decoding import entries_of, entry_of
from waystation.engine.events import AnyEvent
from waystation.engine.following import follow
from waystation.engine.loading import load_machine
from waystation.errors import RunNotFound
from waystation.results import (
    RunActive,
    RunCancelled,
    RunFailed,
    RunPaused,
    RunResult,
    RunSucceeded,
    RunSuspended,
    Suspension,
    ended_result,
    suspension_of,
)
from waystation.store.records import RunRecord, RunStatus, StoredRun

if TYPE_CHECKING:
    from waystation.runtime import Waystation

In = TypeVar("In", default=object)
Out = TypeVar("Out", default=object)


class RunView(Generic[In, Out]):
    """What can be asked of a run; ``Run`` adds what can be done with it.

    Attributes:
        run_id: its name, unique in the store.
        workflow: the workflow it is a run of.
    """

    def __init__(
        self, app: Waystation, workflow: Workflow[In, Out], run_id: str, *, as_created: StoredRun | None = None
    ) -> None:
        self.run_id = run_id
        self._as_created = as_created
        self.workflow = workflow
        self._app = app
        self._untyped: Workflow[object, object] = workflow  # type: ignore[assignment]  # the engine checks data by schema, not by static type

    def __repr__(self) -> str:
        return f"<run {self.run_id!r} of {self.workflow.id!r}>"

    # ------------------------------------------------------------------ results

    async def _rest(self) -> RunResult[Out]:
        _, dispatcher = await self._app.opened()
        return await self.rested(await dispatcher.rest(self.run_id))

    async def rested(self, machine: Machine) -> RunResult[Out]:
        """The result of a run that rests as ``machine`` does. For the library's own rooms."""
        ended = ended_result(self.workflow, self.run_id, machine)
        if ended is not None:
            return ended
        if machine.is_paused():
            return RunPaused(run_id=self.run_id, workflow_id=self.workflow.id, next_steps=tuple(machine.ready_steps()))
        return RunSuspended(
            run_id=self.run_id, workflow_id=self.workflow.id, suspensions=await self._suspensions(machine)
        )

    async def _suspensions(self, machine: Machine) -> tuple[Suspension, ...]:
        found = {seq: address for address, seq in machine.suspensions().items()}
        entries: dict[Seq, AnyEntry] = {seq: machine.asked[seq] for seq in found if seq in machine.asked}
        if len(entries) < len(found):
            engine, _ = await self._app.opened()
            read = await engine.store.read_some(self.run_id, sorted(found.keys() - entries.keys()))
            entries |= {seq: entry_of(self.run_id, entry) for seq, entry in read.items()}
        suspensions: list[Suspension] = []
        for seq in sorted(entries):
            entry = entries[seq]
            assert isinstance(entry, StepSuspended), "a suspension is known by the seq of its entry"
            suspensions.append(suspension_of(self._untyped, self.run_id, found[seq], seq, entry))
        return tuple(suspensions)

    async def result(
        self,
    ) -> RunSucceeded[Out] | RunFailed | RunSuspended | RunCancelled | RunPaused | RunActive:
        """How the run stands now, without waiting.

        Raises:
            RunNotFound.
        """
        stored, machine = await self._load()
        status = stored.record.status
        if status == "pending" or status == "running" or status == "waiting":  # noqa: PLR1714  (mypy narrows by no other form)
            return RunActive(run_id=self.run_id, workflow_id=self.workflow.id, status=status)
        return await self.rested(machine)

    async def wait(self) -> RunResult[Out]:
        """Wait until the run rests, wherever it is driven, and give its result."""
        return await self._rest()

    # ------------------------------------------------------------------ looking

    async def status(self) -> RunStatus:
        """The run's status now. Raises ``RunNotFound``."""
        return (await self.record()).status

    async def record(self) -> RunRecord:
        """What the store's list knows of the run. Raises ``RunNotFound``."""
        engine, _ = await self._app.opened()
        # Some stores read without waiting: whoever asks again and again must let the run itself have its turn.
        await asyncio.sleep(0)
        record = await engine.store.get_run(self.run_id)
        if record is None:
            raise RunNotFound(f"there is no run {self.run_id!r} in the store", run_id=self.run_id)
        return record

    async def journal(self) -> Sequence[AnyEntry]:
        """Every entry of the run's journal, in order; the entry at index ``i`` has the seq ``i + 1``."""
        engine, _ = await self._app.opened()
        return entries_of(self.run_id, await engine.store.read(self.run_id))

    async def history(self) -> RunHistory:
        """What happened at each step so far, made from the journal."""
        return history_of(await self.journal(), self.workflow.graph)

    async def events(self, *, after: Seq = 0, part: int | None = None, live: bool = True) -> AsyncIterator[AnyEvent]:
        """The run's events after journal entry ``after``, past ones first, then live ones, until the run ends.

        Made from the journal, so a reader that starts late, is slow, or sits in another process misses nothing; and one
        that lost its connection goes on from the ``seq`` and ``part`` of the last event it has.

        Arguments:
            after: the ``seq`` of the last event that is known.
            part: its ``part``, as one entry may announce several events; None if all of them are known.
            live: wait for those to come; else it is over with the last that is there.
        """
        engine, dispatcher = await self._app.opened()
        if live:
            dispatcher.watch()
        async for event in follow(engine, self._untyped, self.run_id, after, part, live=live):
            yield event

    async def _load(self) -> tuple[StoredRun, Machine]:
        engine, _ = await self._app.opened()
        stored = await engine.store.load(self.run_id)
        if stored is None:
            raise RunNotFound(f"there is no run {self.run_id!r} in the store", run_id=self.run_id)
        return stored, await load_machine(engine.store, self._untyped, stored)
