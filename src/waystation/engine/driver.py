"""Drives one run: does what the machine asks, and makes durable what the machine answers.

The order is the promise. Signals are handled, their entries committed, and only then is what follows begun and
announced. A driver owns its run by an epoch; when a commit is refused because of it, another process has taken the
run over, and this driver stops without a word.

A driver lives only while there is something to do: when nothing is left but waiting, the last commit parks the run
and the driver ends. Nothing in memory remembers a parked run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence

from waystation.core.addresses import Address
from waystation.core.entries import AnyEntry, Seq, StepSucceeded, decode_entry, encode_entry, value_of
from waystation.core.machine import Machine
from waystation.core.signals import Action, CheckOutput, DecideBranch, Recorded, RunStep, Signal
from waystation.core.state import encode_state
from waystation.define.workflow import Workflow
from waystation.engine.engine import Engine
from waystation.engine.loading import load_machine
from waystation.engine.step_runner import StepRunner
from waystation.errors import LeaseLost, RunNotFound, StoreCorrupt
from waystation.store.protocol import Commit, Fenced, Head, JournalMoved, Opened, RunStatus

_YIELD_EVERY = 0.01
"""A run whose steps never wait gives way to others this often, in seconds."""


class Driver:
    """One run, driven by this process.

    Attributes:
        run_id: the run.
        machine: where it stands; after ``drive`` returns: where it rests.
    """

    def __init__(
        self, engine: Engine, workflow: Workflow[object, object], run_id: str, epoch: int, machine: Machine
    ) -> None:
        self.run_id = run_id
        self.machine = machine
        self._engine = engine
        self._workflow = workflow
        self._epoch = epoch
        self._runner = StepRunner(engine, workflow, run_id, self)
        self._commit_lock = asyncio.Lock()
        self._signals: list[Signal] = []
        self._something_came = asyncio.Event()
        self._look_again = False
        self._draining = False
        self._in_flight: dict[tuple[Address, int, Seq], asyncio.Task[None]] = {}
        self._outputs: dict[Address, Seq] | None = None
        self._stop_timer = _nothing

    # ------------------------------------------------------------------ the loop

    async def drive(self) -> None:
        """Drive the run until it rests: parked or ended, durably.

        Raises:
            LeaseLost: another process has taken the run over.
            StoreError: the store failed; the run stands in the store as it was last committed.
        """
        loop = asyncio.get_running_loop()
        try:
            if self.machine.state.fingerprint != self._workflow.graph.fingerprint:
                raise AssertionError("a driver is given a machine whose definition was adopted")
            self.machine.wake(self._engine.clock.now())
            gave_way = loop.time()
            while True:
                if self._draining and not self._in_flight and not self._signals:
                    return
                alone = None if self._draining else self._begin(self.machine.take_actions())
                if alone is not None:
                    # One step and nothing else that could come: run it right here, without a task of its own.
                    signal = await self._runner.run(alone, self.machine)
                    self._signals.append(signal)
                    if (now := loop.time()) - gave_way > _YIELD_EVERY:
                        await asyncio.sleep(0)
                        gave_way = now
                elif not self._signals:
                    if self.is_at_rest() and not self._look_again:
                        # Loaded at rest (an answer that someone else has meanwhile taken further): park it anew.
                        await self._commit([])
                        return
                    await self._wait()
                signals, self._signals = self._signals, []
                if await self._commit(signals):
                    return
                self.machine.wake(self._engine.clock.now())
        finally:
            self._stop_timer()
            await self._cancel_in_flight()

    def _begin(self, actions: Sequence[Action]) -> RunStep | None:
        """Begin what is not in flight yet; gives the one step to run in place, if that is all there is."""
        if (
            len(actions) == 1
            and not self._in_flight
            and not self._signals
            and isinstance(actions[0], RunStep)
            and len(self.machine.state.frames) == 1
        ):
            return actions[0]
        for action in actions:
            match action:
                case RunStep():
                    # After a reload the machine names everything that is active; what runs already goes on.
                    key = (action.address, action.attempt, action.answer)
                    self._launch(key, self._runner.run(action, self.machine))
                case DecideBranch():
                    self._launch((action.address, 0, 0), self._runner.decide(action, self.machine))
                case CheckOutput():
                    self._signals.append(self._runner.check(action, self.machine))
        return None

    def _launch(self, key: tuple[Address, int, Seq], work: Coroutine[object, object, Signal]) -> None:
        if key in self._in_flight:
            work.close()
            return

        async def run() -> None:
            try:
                signal = await work
                # Not in one line with the await: the loop takes the list away meanwhile, and gives a new one.
                self._signals.append(signal)
            finally:
                del self._in_flight[key]
                self._something_came.set()

        self._in_flight[key] = asyncio.create_task(run(), name=f"{self.run_id}:{key[0] or 'output'}")

    async def _wait(self) -> None:
        """Until a signal came, a retry's time has come, or someone asks to look at the journal again."""
        wake_at = self.machine.next_wake()
        self._stop_timer()
        if wake_at is not None:
            self._stop_timer = self._engine.clock.call_at(wake_at, self._something_came.set)
        await self._something_came.wait()
        self._something_came.clear()
        if self._look_again:
            self._look_again = False
            if await self._engine.store.read(self.run_id, after=self.machine.state.last_seq, limit=1):
                await self._reload()

    def look_again(self) -> None:
        """Someone else may have appended to this run's journal (an answer): read what came."""
        self._look_again = True
        self._something_came.set()

    def drain(self) -> None:
        """Begin nothing more: what is in flight ends and is recorded, then ``drive`` returns."""
        self._draining = True
        self._something_came.set()

    # ------------------------------------------------------------------ making durable

    async def _commit(self, signals: Sequence[Signal]) -> bool:
        """Handle the signals and make durable what comes of them; whether the run rests by that."""
        async with self._commit_lock:
            while True:
                entries: list[AnyEntry] = []
                for signal in signals:
                    entries += self.machine.handle(signal)
                resting = self.is_at_rest()
                if not entries and not resting:
                    return False
                try:
                    await self._engine.store.commit(self._write(entries, resting=resting))
                except JournalMoved:
                    await self._reload()
                    continue
                except Fenced:
                    raise LeaseLost(
                        f"run {self.run_id!r} was taken over by another process", run_id=self.run_id
                    ) from None
                if self._outputs is not None:
                    self._note_outputs(entries)
                self._engine.hub.announce(self.run_id)
                return resting

    def _write(self, entries: Sequence[AnyEntry], *, resting: bool) -> Commit:
        machine = self.machine
        opened, closed = machine.settled()
        encoded = [encode_entry(entry) for entry in entries]
        after = machine.state.last_seq - len(entries)
        if not resting:
            return Commit(
                run_id=self.run_id,
                epoch=self._epoch,
                after=after,
                entries=encoded,
                opened=[Opened(seq=seq, address=address) for seq, address in opened],
                closed=closed,
            )
        return Commit(
            run_id=self.run_id,
            epoch=self._epoch,
            after=after,
            entries=encoded,
            head=self._resting_head(),
            frontier=encode_state(machine.state),
            opened=[Opened(seq=seq, address=address) for seq, address in opened],
            closed=closed,
        )

    def is_at_rest(self) -> bool:
        """Whether nothing is left to do now: then the run is parked or ended by the very commit that made it so."""
        return self.machine.state.standing != "running" or self.machine.state.busy == 0

    def _resting_head(self) -> Head:
        state = self.machine.state
        wake_at = None
        status: RunStatus
        if state.standing != "running":
            status = state.standing
        else:
            wake_at = self.machine.next_wake()
            # A run that will go on by itself is waiting, whatever else it also waits for.
            status = "suspended" if wake_at is None else "waiting"
        return Head(
            status=status,
            epoch=self._epoch,
            owner=None,
            wake_at=wake_at,
            fingerprint=state.fingerprint,
            updated_at=self._engine.clock.now(),
        )

    async def _reload(self) -> None:
        """Start over from the store: someone else appended. What is in flight goes on, and is matched by address."""
        stored = await self._engine.store.load(self.run_id)
        if stored is None:
            raise RunNotFound(f"run {self.run_id!r} was deleted while it ran", run_id=self.run_id)
        if stored.record.epoch != self._epoch:
            raise LeaseLost(f"run {self.run_id!r} was taken over by another process", run_id=self.run_id)
        self.machine = await load_machine(self._engine.store, self._workflow, stored)
        self.machine.wake(self._engine.clock.now())
        self._outputs = None
        # The reload may have been for a commit of ctx.once, while the loop waits: what is new is begun there.
        self._something_came.set()

    # ------------------------------------------------------------------ what steps ask for (RunAccess)

    async def recorded(self, address: Address, name: str) -> bytes | None:
        """The value ``ctx.once`` recorded under ``name``."""
        frame = self.machine.step_frame(address)
        seq = frame.once.get(name) if frame is not None else None
        return None if seq is None else self.machine.values.json(seq)

    async def record(self, address: Address, name: str, value: bytes) -> None:
        """Record a value of ``ctx.once``, durably."""
        await self._commit([Recorded(address, self._engine.clock.now(), name, value)])

    async def step_output(self, address: str) -> bytes | None:
        """The output of a step that has succeeded."""
        outputs = self._outputs
        if outputs is None:
            # Not part of the frontier, so that it stays small: read once, when first asked for.
            outputs = dict[Address, Seq]()
            journal = await self._engine.store.read(self.run_id)
            read = len(journal)
            for seq, data in enumerate(journal, 1):
                entry = decode_entry(data)
                if isinstance(entry, StepSucceeded):
                    outputs[entry.address] = seq
            # Kept only if nothing was committed while it was read: else it may lack what was.
            if read == self.machine.state.last_seq:
                self._outputs = outputs
        found = outputs.get(Address(address))
        return None if found is None else await self._value_at(found)

    async def run_input(self) -> bytes:
        """The run's input."""
        return await self._value_at(self.machine.state.input_seq)

    async def _value_at(self, seq: Seq) -> bytes:
        found = await self._engine.store.read_some(self.run_id, [seq])
        value = value_of(decode_entry(found[seq])) if seq in found else None
        if value is None:
            raise StoreCorrupt(f"the journal of run {self.run_id!r} lacks the value of entry {seq}")
        return bytes(value)

    def _note_outputs(self, entries: Sequence[AnyEntry]) -> None:
        assert self._outputs is not None, "asked only once the outputs are known"
        first = self.machine.state.last_seq - len(entries) + 1
        for seq, entry in enumerate(entries, first):
            if isinstance(entry, StepSucceeded):
                self._outputs[entry.address] = seq

    # ------------------------------------------------------------------ stopping

    async def _cancel_in_flight(self) -> None:
        tasks = list(self._in_flight.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def _nothing() -> None:
    """There is no timer to stop."""
