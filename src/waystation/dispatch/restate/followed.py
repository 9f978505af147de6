"""A run that another process drives, as a step of it that runs here sees it: read from the journal, and followed.

All steps of one run that are under way here share one, so that its journal is read once, and not once a step.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, Protocol

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
from waystation.engine.on_top import ChangesNothing, on_top
from waystation.engine.reading import RunReader, hold_missing
from waystation.errors import LeaseLost, RunNotFound, StoreBusy, StoreError, WaystationError
from waystation.store.protocol import Fenced, JournalMoved
from waystation.store.records import RunRecord

_MOST_TRIES = 100

_FOLLOW_EVERY = 0.1
"""What comes to a run is read at most so often, in seconds, for the steps of it that are under way."""

_log = logging.getLogger("waystation.dispatch")


class Follower(Protocol):
    """A step of the run that is under way here."""

    def moved(self) -> None:
        """The run stands elsewhere than before: see whether the step is to end."""

    def gone(self) -> None:
        """The run is not there any more, or cannot be read."""


class _Said(NamedTuple):
    """What an attempt has to record."""

    address: Address
    attempt: int
    given: Sequence[Signal]
    written: asyncio.Future[None]

    def failed(self, error: Exception) -> None:
        if not self.written.done():
            self.written.set_exception(error)
            self.written.exception()  # nobody may wait for it any more


class FollowedRun:
    """One run.

    Attributes:
        machine: where it stands, as far as it was read; nobody here decides by it.
        reader: reads what it recorded.
    """

    def __init__(self, engine: Engine, workflow: Workflow[object, object], run_id: str) -> None:
        self.run_id = run_id
        self.machine = Machine(workflow.graph)
        self.reader = RunReader(engine.store, run_id)
        self._engine = engine
        self._workflow = workflow
        self._is_read = False
        self._reading = asyncio.Lock()
        self._next: asyncio.Task[None] | None = None
        self._said: list[_Said] = []
        self._writing: asyncio.Task[None] | None = None
        self._followers: set[Follower] = set()
        self._following: asyncio.Task[None] | None = None

    # ------------------------------------------------------------------ reading

    async def catch_up(self) -> None:
        """Read what was appended. All who ask while it is read share the next reading.

        Raises:
            RunNotFound, DefinitionChanged, StoreError.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._read_next(), name=f"{self.run_id}:catching up")
            self._next.add_done_callback(lambda read: read.cancelled() or read.exception())  # nobody may wait any more
        await asyncio.shield(self._next)

    async def _read_next(self) -> None:
        async with self._reading:
            self._next = None  # whoever asks from now on may mean what this does not see any more
            await self._read()

    async def _read(self) -> None:
        if self._is_read:
            journal = await self._engine.store.read(self.run_id, after=self.machine.state.last_seq)
            entries = entries_of(self.run_id, journal)
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
        self.machine.take_actions()  # they are the driver's to take; here they would only become more
        await hold_missing(self._engine.store, self.run_id, self.machine.values)

    # ------------------------------------------------------------------ following

    @property
    def is_followed(self) -> bool:
        """Whether a step of it is under way here."""
        return bool(self._followers)

    @contextmanager
    def followed_by(self, step: Follower) -> Generator[None]:
        """Tell that step of what comes to the run."""
        self._followers.add(step)
        if self._following is None:
            self._following = asyncio.create_task(self._follow(), name=f"{self.run_id}:following")
        try:
            yield
        finally:
            self._followers.remove(step)
            if not self._followers:
                self._following.cancel()
                self._following = None

    async def _follow(self) -> None:
        with self._engine.hub.listening(self.run_id) as moved:
            while True:
                await moved.wait()
                moved.clear()
                try:
                    await self.catch_up()
                except StoreError:
                    moved.set()  # what came is still to be read
                except WaystationError as error:
                    _log.warning("the steps of run %s that are under way here are ended: %s", self.run_id, error)
                    for step in list(self._followers):
                        step.gone()
                else:
                    for step in list(self._followers):
                        step.moved()
                await asyncio.sleep(_FOLLOW_EVERY)

    # ------------------------------------------------------------------ where a step of it stands

    def frame(self, address: Address, attempt: int) -> StepFrame | None:
        """The frame of a step, if that attempt of it, which its run's driver has begun, still is to run."""
        frame = self.machine.step_frame(address)
        if self.machine.state.standing != "running" or frame is None or frame.attempt != attempt:
            return None
        self.machine.attempt_began(address)
        return frame if frame.phase == "ready" else None

    async def append(self, address: Address, attempt: int, given: Sequence[Signal]) -> None:
        """Record signals of a step, durably, beside the run's driver: with those that others of its steps have here
        meanwhile, in one commit.

        Raises:
            LeaseLost: the attempt is over: its run was cancelled, or the attempt was recorded otherwise.
            StoreError.
        """
        said = _Said(address, attempt, given, asyncio.get_running_loop().create_future())
        self._said.append(said)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_on(), name=f"{self.run_id}:writing")
        await asyncio.shield(said.written)

    async def _write_on(self) -> None:
        while self._said:
            said, self._said = self._said, []
            try:
                await self._write(said)
            except Exception as error:  # noqa: BLE001  (told to all who wait for it)
                for each in said:
                    each.failed(error)
        self._writing = None

    async def _write(self, said: list[_Said]) -> None:
        for _ in range(_MOST_TRIES):
            await self.catch_up()
            for each in said:
                try:
                    self.check(each.address, each.attempt)
                except LeaseLost as error:
                    each.failed(error)
            if not (left := [each for each in said if not each.written.done()]):
                return
            last_seq = self.machine.state.last_seq
            make = on_top(
                self._workflow, self.machine, last_seq, [signal for each in left for signal in each.given], _runs
            )
            try:
                await self._engine.store.commit_on_top(self.run_id, last_seq, make)
            except ChangesNothing:
                pass  # it is recorded already, by who else runs the attempt
            except (JournalMoved, Fenced):
                continue
            self._engine.hub.announce(self.run_id)
            for each in left:
                each.written.set_result(None)
            return
        raise StoreBusy(f"run {self.run_id!r} was written to by others {_MOST_TRIES} times in a row")

    def check(self, address: Address, attempt: int) -> None:
        """See to it that the attempt still is to run, as far as was read. Raises ``LeaseLost``."""
        if self.frame(address, attempt) is None:
            raise LeaseLost(f"attempt {attempt} of {address!r} in run {self.run_id!r} is over", run_id=self.run_id)


def _runs(record: RunRecord, entries: Sequence[AnyEntry]) -> bool:  # noqa: ARG001  (what came is folded in, and decides)
    return record.status == "running"
