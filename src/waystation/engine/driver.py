"""Drives one run: does what the machine asks, and makes durable what the machine answers.

The order is the promise. Signals are handled, their entries committed, and only then is what follows begun and
announced. A driver owns its run by an epoch; when a commit is refused because of it, another process has taken the
run over, and this driver stops without a word.

A driver lives only while there is something to do: when nothing is left but waiting, the last commit parks the run
and the driver ends. Nothing in memory remembers a parked run.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine, Sequence
from functools import partial

from waystation.core.entries import AnyEntry, StepBailed
from waystation.core.misfit import JournalMisfit
from waystation.core.signals import (
    CheckOutput,
    Deed,
    RunStep,
    Signal,
    Woken,
)
from waystation.define.workflow import Workflow
from waystation.engine.access import StepControl
from waystation.engine.creation import Taken
from waystation.engine.decoding import entries_of
from waystation.engine.driver_access import DriverAccess, Written
from waystation.engine.engine import Engine
from waystation.engine.flow_runner import FlowRunner
from waystation.engine.in_flight import Beside, InFlight, Running
from waystation.engine.loading import load_machine
from waystation.engine.reading import RunReader, hold_missing
from waystation.engine.step_runner import Outcome, StepRunner
from waystation.engine.turns import Pace, StepTransaction, Turns
from waystation.engine.writes import commit_of, failed_by
from waystation.errors import LeaseLost, RunNotFound, TransactionMisused
from waystation.store.protocol import Fenced, JournalMoved


class Driver:
    """One run, driven by this process.

    Attributes:
        run_id: the run.
        machine: where it stands; after ``drive`` returns: where it rests.

    Arguments:
        taken: the run, taken for this process.
        apart: whether every step has a task of its own, also one that is all there is to do.
    """

    def __init__(
        self,
        engine: Engine,
        workflow: Workflow[object, object],
        taken: Taken,
        *,
        apart: bool = False,
    ) -> None:
        run_id, owning = taken.run_id, taken.owning
        self.run_id = run_id
        self.machine = taken.machine
        self._engine = engine
        self._workflow = workflow
        self._epoch = owning.epoch
        self._reader = RunReader(engine.store, run_id)
        self._outcomes: list[Outcome] = []
        self._something_came = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._turns = Turns(self._something_came.set)
        self._look_again = False
        self._draining = False
        self._in_flight = InFlight(run_id, engine.clock, self._came, self._failed)
        self._fault: BaseException | None = None
        # What no step of this run has touched; each begins with it, as after a restart.
        self._context = contextvars.copy_context()
        self._apart = apart
        self._alone: Running | None = None
        # Whether the machine may be ahead of the journal: a commit broke off.
        self._is_ahead = False
        self._written = Written(engine.clock)
        access = DriverAccess(self, self._reader, engine, owning, self._turns.outages, self._written)
        elsewhere = engine.steps_elsewhere(workflow, run_id, taken.created_at)
        self._steps = StepRunner(engine, workflow, run_id, access, elsewhere)
        self._flow = FlowRunner(engine, workflow, run_id, access)
        self._beside = Beside(run_id, self._failed)
        self._stop_timer = _nothing

    # ------------------------------------------------------------------ the loop

    async def drive(self) -> None:
        """Drive the run until it rests: parked or ended, durably.

        Raises:
            LeaseLost: another process has taken the run over.
            StoreError: the store failed; the run stands in the store as it was last committed.
        """
        try:
            if self.machine.state.fingerprint != self._workflow.graph.fingerprint:
                raise AssertionError("a driver is given a machine whose definition was adopted")
            self._task = asyncio.current_task()
            self._wake()
            self._heed_cancel()
            pace = Pace()
            while True:
                if self._fault is not None:
                    raise self._fault
                if self._draining and not self._in_flight.running and not self._outcomes:
                    return
                while self.machine.lacks_values() and not self._draining:
                    await hold_missing(self._engine.store, self.run_id, self.machine.values)
                alone = None if self._draining else self._begin()
                if alone is not None:
                    # One thing and nothing else that could come: done right here, without a task of its own.
                    await self._run_alone(alone)
                elif not self._can_commit():
                    if not self._outcomes and self.machine.is_at_rest() and not self._look_again:
                        # Loaded at rest (it begins by waiting, or what it was taken for has been dealt with
                        # meanwhile): park it, unless something comes in between (an event, an answer).
                        if await self.record([]):
                            return
                        continue
                    await self._wait()
                pace.begin_to_wait()
                if self._fault is not None:
                    raise self._fault  # also what came meanwhile is not recorded: what should go before it was lost
                if await self._commit():
                    return
                if pace.is_to_give_way():
                    await pace.give_way()
                if self.machine.state.idle:
                    self._wake()
        finally:
            await self._end()

    async def _end(self) -> None:
        self._stop_timer()
        for outcome in self._outcomes:
            if outcome.transaction is not None:
                await outcome.transaction.roll_back()
        await self._in_flight.cancel()
        await self._beside.cancel()
        del self._steps, self._flow  # they hold the driver too: all would wait for the garbage collector

    def _begin(self) -> Deed | None:
        """Begin what is not in flight yet; gives the one thing to do in place, if that is all there is."""
        actions = self.machine.take_actions()
        if (
            len(actions) == 1
            and not self._apart
            and not self._in_flight.running
            and not self._outcomes
            and not isinstance(actions[0], CheckOutput)
            and self.machine.is_alone()
        ):
            return actions[0]
        ended = {outcome.of for outcome in self._outcomes} if actions else ()
        for action in actions:
            if isinstance(action, CheckOutput):
                self._outcomes.append(Outcome(self._flow.check(action, self.machine)))
            else:
                running = Running(action, self._engine.clock.now())
                self._in_flight.begin(running, partial(self._do, running), self._context, ended)
        return None

    def _do(self, running: Running) -> Coroutine[object, object, Outcome]:
        """Do what the machine asks for; what comes of it."""
        action = running.action
        if isinstance(action, RunStep):
            return self._steps.run(action, self.machine, running.control)
        return self._flow.run(action, self.machine, running.control)

    async def _run_alone(self, action: Deed) -> None:
        task = self._task
        assert task is not None, "a driver runs in a task"
        running = Running(action, self._engine.clock.now(), StepControl(is_apart=False), task)
        self._in_flight.add(running)
        self._alone = running
        outcome: Outcome | None = None
        try:
            outcome = await self._do(running)
        except asyncio.CancelledError:
            if not running.is_cut or task.cancelling() > 1:
                raise
            outcome = running.cut_off(self._engine.clock.now())
        finally:
            self._alone = None
            self._in_flight.remove_alone()
            if running.is_cut:
                task.uncancel()
            # What a step leaves in its context would reach those after it, if they ran in this task too.
            self._apart = self._apart or contextvars.copy_context() != self._context
        if outcome is not None:  # not in one line with the await: meanwhile the loop gives another list
            self._outcomes.append(outcome)

    def _came(self, outcome: Outcome | None) -> None:
        if outcome is not None:
            self._outcomes.append(outcome)
        self._something_came.set()

    def _failed(self, error: BaseException) -> None:
        self._fault = self._fault or error
        self._something_came.set()

    async def _wait(self) -> None:
        """Until a signal came, a time has come, or someone asks to look at the journal again."""
        wake_at = self.machine.next_wake()
        self._stop_timer()
        if wake_at is not None:
            self._stop_timer = self._engine.clock.call_at(wake_at, self._something_came.set)
        await self._something_came.wait()
        self._something_came.clear()
        if self._look_again:
            async with self._turns.commit:
                await self._look()

    def _wake(self) -> None:
        now = self._engine.clock.now()
        if self.machine.wake(now):
            self._outcomes.append(Outcome(Woken(now)))

    def look_again(self) -> None:
        """Someone else may have appended to this run's journal (an answer, a cancel): read what came."""
        self._look_again = True
        self._something_came.set()
        if self._alone is not None:
            self._beside.insist(self._look_beside)

    async def _look_beside(self) -> None:
        """Look while the loop itself is busy with the one step that runs."""
        async with self._turns.commit:
            if self._alone is not None:
                await self._look()

    async def _look(self) -> None:
        """Fold in what someone else appended. To be called while nobody commits."""
        self._look_again = False
        if self._is_ahead:
            await self._reload()
            return
        journal = await self._engine.store.read(self.run_id, after=self.machine.state.last_seq)
        entries = entries_of(self.run_id, journal)
        if not entries:
            return
        try:
            for entry in entries:
                self.machine.apply(entry)
        except JournalMisfit:  # another owner has gone on with other code: the store will tell
            await self._reload()
            return
        self.machine.settled()  # whoever appended them has also written what they opened and closed
        self._reader.note(entries, self.machine.state.last_seq)
        self._wake()
        self._heed_cancel()
        self._something_came.set()

    async def caught_up(self) -> None:
        """See to it that the machine is not ahead of the journal: a commit may be under way, or have broken off."""
        async with self._turns.commit:
            if self._is_ahead:
                await self._reload()

    def drain(self) -> None:
        """Begin nothing more: what is in flight ends and is recorded, then ``drive`` returns."""
        self._draining = True
        self._something_came.set()

    def _heed_cancel(self) -> None:
        """If the run is cancelled: tell its steps, and see to it that they end."""
        if self.machine.is_cancelling():
            self._outcomes += self._in_flight.cancel_steps(self.machine, self.machine.state.grace_ms)
            if self._outcomes:
                self._something_came.set()

    # ------------------------------------------------------------------ making durable

    def _can_commit(self) -> bool:
        """Whether something has come that can be committed now: while a step has a transaction open, only that."""
        return bool(self._outcomes) and (
            self._turns.is_free or any(outcome.transaction is not None for outcome in self._outcomes)
        )

    async def _commit(self) -> bool:
        """Handle what has come and make durable what comes of it; whether the run rests by that."""
        outcomes, self._outcomes, resting = self._outcomes, [], False
        together: list[Outcome] = []
        signals: list[Signal] = []
        for outcome in outcomes:
            if outcome.transaction is None:
                together.append(outcome)
                signals.append(outcome.signal)
            else:
                resting = await self.record([outcome.signal], within=outcome.transaction)
        if not together:
            return resting
        await self._turns.commit.acquire()  # every step comes here: ``async with`` takes three times as long
        try:
            if self._turns.is_free:
                return await self._write_until_written(signals, None)
        finally:
            self._turns.commit.release()
        self._outcomes = [*together, *self._outcomes]  # another step has opened a transaction: it comes first
        return False

    async def begin_transaction(self) -> StepTransaction:
        """Open the store's database to a step's writes; until that is over, nothing else of the run is committed."""
        return await self._turns.begin(self._engine.store)

    async def record(self, given: Sequence[Signal], *, within: StepTransaction | None = None) -> bool:
        """Handle signals and write the entries in one commit, when it is their turn; whether the run rests by that."""
        try:
            while True:
                if within is None:
                    await self._turns.wait()
                async with self._turns.commit:
                    if within is not None or self._turns.is_free:
                        return await self._write_until_written(given, within)
        finally:
            if within is not None:
                await within.roll_back()  # of one that was committed nothing is left to roll back

    async def _write_until_written(self, given: Sequence[Signal], within: StepTransaction | None) -> bool:
        if self._written.chunks:
            given = [*self._written.take(), *given]
        if self._is_ahead or self._look_again:
            await self._look()  # what is known to have come is folded in, rather than run into
        while True:
            entries: list[AnyEntry] = []
            ours: list[AnyEntry] = []
            for signal in given:
                ours = self.machine.handle(signal)
                entries += ours
            if within is not None and not ours:
                await within.roll_back()  # the step was cancelled, or lost: what it wrote must not stay
                within = None
            resting = self.machine.is_at_rest()
            if not entries and not resting:
                return False
            resting_at = self._engine.clock.now() if resting else None
            write = commit_of(self.machine, self.run_id, self._epoch, entries, resting_at=resting_at)
            # Until it is known to be written. Whatever breaks off, be it the reading anew: the store will tell.
            self._is_ahead = True
            try:
                await self._engine.store.commit(write, within=within and within.inner)
            except Fenced:
                raise self._lost() from None
            except JournalMoved:
                await self._reload()
                continue
            except TransactionMisused as error:
                # A statement of the step has ended the transaction, or a constraint refuses its commit.
                await self._reload()
                given, within = [*given[:-1], failed_by(given[-1], error)], None
                continue
            self._is_ahead = False
            self._committed(entries)
            return resting

    def _committed(self, entries: Sequence[AnyEntry]) -> None:
        self._reader.note(entries, self.machine.state.last_seq)
        if self._in_flight.running and any(isinstance(entry, StepBailed) for entry in entries):
            self._in_flight.drop_missing(self.machine)
        if self.machine.state.cancel:
            self._heed_cancel()
        self._engine.hub.announce(self.run_id)

    async def _reload(self) -> None:
        """Start over from the store: someone else appended. What is in flight goes on, and is matched by address."""
        stored = await self._engine.store.load(self.run_id)
        if stored is None:
            raise RunNotFound(f"run {self.run_id!r} was deleted while it ran", run_id=self.run_id)
        if stored.record.epoch != self._epoch:
            raise self._lost()
        stepping = self.machine.stepping
        self.machine = await load_machine(self._engine.store, self._workflow, stored)
        self.machine.stepping = stepping
        self._is_ahead = False
        self._wake()
        self._reader.forget()
        self._heed_cancel()
        # The reload may have been for a commit of ctx.once, while the loop waits: what is new is begun there.
        self._something_came.set()

    def _lost(self) -> LeaseLost:
        return LeaseLost(f"run {self.run_id!r} was taken over by another process", run_id=self.run_id)

    def beside_the_loop(self, work: Coroutine[object, object, None]) -> None:
        """Have ``work`` done in a task of its own, that ends with the driver."""
        self._beside.begin(work)


def _nothing() -> None: ...
