"""A run that another process drives, as a step of it that runs here sees it: read from the journal, and followed.

All steps of one run that are under way here share one, so that its journal is read once, and not once a step.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from waystation.core.addresses import Address
from waystation.core.entries import AnyEntry
from waystation.core.machine import Machine
from waystation.core.misfit import JournalMisfit
from waystation.core.signals import Signal
from waystation.core.state import StepFrame
from waystation.define.workflow import Workflow
from waystation.engine.decoding import entries_of
from waystation.engine.engine import Engine
from waystation.engine.loading import load_machine
from waystation.engine.on_top import on_top
from waystation.engine.reading import RunReader, hold_missing
from waystation.errors import LeaseLost, RunNotFound, StoreBusy
from waystation.store.protocol import Fenced, JournalMoved
from waystation.store.records import RunRecord

_MOST_TRIES = 100


class FollowedRun:
    """One run.

    Attributes:
        machine: where it stands, as far as it was read; nobody here decides by it.
        reader: reads what it recorded.
        users: how many steps of it are under way here.
    """

    def __init__(self, engine: Engine, workflow: Workflow[object, object], run_id: str) -> None:
        self.run_id = run_id
        self.machine = Machine(workflow.graph)
        self.reader = RunReader(engine.store, run_id)
        self.users = 0
        self._engine = engine
        self._workflow = workflow
        self._is_read = False
        self._reading = asyncio.Lock()

    async def catch_up(self) -> None:
        """Read what was appended.

        Raises:
            RunNotFound, DefinitionChanged, StoreError.
        """
        async with self._reading:
            if self._is_read:
                entries = entries_of(
                    self.run_id, await self._engine.store.read(self.run_id, after=self.machine.state.last_seq)
                )
                try:
                    for entry in entries:
                        self.machine.apply(entry)
                    self.machine.settled()
                    self.reader.note(entries, self.machine.state.last_seq)
                except JournalMisfit:
                    self._is_read = False
            if not self._is_read:
                stored = await self._engine.store.load(self.run_id)
                if stored is None:
                    raise RunNotFound(f"run {self.run_id!r} was deleted while it ran", run_id=self.run_id)
                self.machine = await load_machine(self._engine.store, self._workflow, stored)
                self.reader.forget()
                self._is_read = True
            await hold_missing(self._engine.store, self.run_id, self.machine.values)

    def frame(self, address: Address, attempt: int) -> StepFrame | None:
        """The frame of a step, if that attempt of it still is to run."""
        frame = self.machine.step_frame(address)
        if self.machine.state.standing != "running" or frame is None:
            return None
        return frame if frame.phase == "ready" and frame.attempt == attempt else None

    async def append(self, address: Address, attempt: int, given: Sequence[Signal]) -> None:
        """Record signals of a step, durably, beside the run's driver.

        Raises:
            LeaseLost: the attempt is over: its run was cancelled, or the attempt was recorded otherwise.
            StoreError.
        """
        for _ in range(_MOST_TRIES):
            await self.catch_up()
            self.check(address, attempt)
            state = self.machine.state
            make = on_top(self._workflow, self.machine, state.last_seq, given, _runs)
            try:
                await self._engine.store.commit_on_top(self.run_id, state.last_seq, make)
            except (JournalMoved, Fenced):
                continue
            self._engine.hub.announce(self.run_id)
            return
        raise StoreBusy(f"run {self.run_id!r} was written to by others {_MOST_TRIES} times in a row")

    def check(self, address: Address, attempt: int) -> None:
        """See to it that the attempt still is to run, as far as was read. Raises ``LeaseLost``."""
        if self.frame(address, attempt) is None:
            raise LeaseLost(f"attempt {attempt} of {address!r} in run {self.run_id!r} is over", run_id=self.run_id)


def _runs(record: RunRecord, entries: Sequence[AnyEntry]) -> bool:  # noqa: ARG001  (what came is folded in, and decides)
    return record.status == "running"
