"""The machine: the rules of a run, and nothing but the rules. It decides.

Theory of operation
-------------------
A run is its journal. ``Fold.apply`` folds one entry into the state; it is the only thing that changes the state.
``handle`` takes a signal (a step ended, someone answered, ...), decides which entries record it, and applies them.
The driver then makes these entries durable, and only after that asks ``take_actions`` what to do next. So:

- *durable before visible*: an action exists only because of an entry, and is handed out after its commit;
- *nothing runs twice*: a finished step has no frame, so no action for it can come about;
- live and recovered runs agree: both are the same fold of the same entries.

``handle`` applies what it decided at once, so many signals can go into one commit. If that commit is refused
(someone else appended first), the machine is thrown away, restored from the store, and the signals are handled
anew. A signal that no longer fits what it finds is answered with no entries: it lost a race, which is no error.

No clock, no chance, no I/O: signals bring times and chances with them. The graph is only read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

import msgspec

from waystation.core import signals
from waystation.core.addresses import ROOT, Address, node_key
from waystation.core.entries import (
    AnyEntry,
    BranchFailed,
    BranchTaken,
    DefinitionAdopted,
    Millis,
    OnceRecorded,
    RunFailed,
    RunStarted,
    RunSucceeded,
    Seq,
    StepFailed,
    StepRetrying,
    StepSucceeded,
    StepSuspended,
    SuspensionAnswered,
)
from waystation.core.fold import Fold
from waystation.core.state import BlockFrame, State, StepFrame
from waystation.define.nodes import Graph


class Machine:
    """One run: its graph, its state, and what can be done next.

    Attributes:
        graph: the definition it follows.
        state: where it stands. Read it; only the fold writes it.
        values: the values that frames refer to, by seq.
    """

    def __init__(self, graph: Graph, state: State | None = None) -> None:
        self._fold = Fold(graph, state)
        self.graph = graph
        self.state = self._fold.state
        self.values = self._fold.values
        self._renew()

    # ------------------------------------------------------------------ folding

    def apply(self, entry: AnyEntry) -> None:
        """Fold one entry, the next of the journal, into the state.

        Raises:
            JournalMisfit: the entry cannot follow what came before it, under this graph.
        """
        self._fold.apply(entry)

    def restore(self, entries: Iterable[AnyEntry]) -> None:
        """Fold entries that are already durable. Raises ``JournalMisfit`` as ``apply`` does."""
        for entry in entries:
            self._fold.apply(entry)
        self.settled()
        self._renew()

    def _renew(self) -> None:
        """Whatever is under way by the state can be begun: nothing is known to be in flight."""
        self._fold.fresh = list(self.state.frames)
        if self.state.output is not None and self.state.standing == "running":
            self._fold.fresh.append(ROOT)

    # ------------------------------------------------------------------ deciding

    def handle(self, signal: signals.Signal) -> list[AnyEntry]:
        """The entries that record ``signal``, already applied; none if it no longer fits."""
        entries = self._decide[type(signal)](self, signal)
        for entry in entries:
            self.apply(entry)
        if entries:
            ending = self._ending(signal.at)
            if ending is not None:
                self.apply(ending)
                entries.append(ending)
        return entries

    def wake(self, now: Millis) -> None:
        """Let the attempts begin whose time has come."""
        for address, frame in self.state.frames.items():
            if isinstance(frame, StepFrame) and frame.phase == "waiting" and frame.retry_at <= now:
                self._fold.wake(address)

    # ------------------------------------------------------------------ asking

    def take_actions(self) -> list[signals.Action]:
        """What there is to do since this was last asked. Call it only once the entries are durable."""
        actions: list[signals.Action] = []
        # A step may have become possible twice since the last asking (woken, then answered): it is one action.
        for address in dict.fromkeys(self._fold.fresh):
            if address == ROOT:
                if self.state.output is not None and self.state.standing == "running":
                    actions.append(signals.CheckOutput(self.state.output))
                continue
            frame = self.state.frames.get(address)
            if isinstance(frame, StepFrame) and frame.phase == "ready":
                actions.append(signals.RunStep(address, frame.attempt, frame.input, frame.suspension, frame.answer))
            elif isinstance(frame, BlockFrame) and frame.open is None:
                actions.append(signals.DecideBranch(address, frame.input))
        self._fold.fresh.clear()
        return actions

    def settled(self) -> tuple[Sequence[tuple[Seq, Address]], Sequence[Seq]]:
        """The suspensions opened and closed since this was last asked; one both opened and closed is in neither."""
        opened, closed = self._fold.opened, self._fold.closed
        self._fold.opened, self._fold.closed = [], []
        if opened and closed:
            both = {seq for seq, _ in opened} & set(closed)
            opened = [pair for pair in opened if pair[0] not in both]
            closed = [seq for seq in closed if seq not in both]
        return opened, closed

    def next_wake(self) -> Millis | None:
        """The earliest time a waiting step may go on."""
        times = [
            frame.retry_at
            for frame in self.state.frames.values()
            if isinstance(frame, StepFrame) and frame.phase == "waiting"
        ]
        return min(times, default=None)

    def suspensions(self) -> dict[Address, Seq]:
        """The open suspensions: address to seq."""
        return {
            address: frame.suspension
            for address, frame in self.state.frames.items()
            if isinstance(frame, StepFrame) and frame.phase == "suspended"
        }

    def step_frame(self, address: Address) -> StepFrame | None:
        """The frame of a step that was entered and is not done."""
        frame = self.state.frames.get(address)
        return frame if isinstance(frame, StepFrame) else None

    # ------------------------------------------------------------------ decisions, one for each signal

    def _start(self, signal: signals.Start) -> list[AnyEntry]:
        if self.state.standing != "pending":
            return []
        return [RunStarted(at=signal.at, input=msgspec.Raw(signal.input))]

    def _step_succeeded(self, signal: signals.Succeeded) -> list[AnyEntry]:
        if self._running(signal.address, signal.attempt) is None:
            return []
        return [
            StepSucceeded(
                at=signal.at,
                address=signal.address,
                attempt=signal.attempt,
                began=signal.began,
                output=msgspec.Raw(signal.output),
            )
        ]

    def _step_failed(self, signal: signals.Failed) -> list[AnyEntry]:
        if self._running(signal.address, signal.attempt) is None:
            return []
        step = self.graph.step(node_key(signal.address))
        retry = (step.retry if step is not None else None) or self.graph.retry
        if signal.retryable and signal.attempt < retry.attempts:
            return [
                StepRetrying(
                    at=signal.at,
                    address=signal.address,
                    attempt=signal.attempt,
                    began=signal.began,
                    error=signal.error,
                    retry_at=signal.at + retry.delay_ms(signal.attempt, signal.chance),
                )
            ]
        return [
            StepFailed(
                at=signal.at,
                address=signal.address,
                attempt=signal.attempt,
                began=signal.began,
                error=signal.error,
            )
        ]

    def _step_suspended(self, signal: signals.Suspended) -> list[AnyEntry]:
        if self._running(signal.address, signal.attempt) is None:
            return []
        return [
            StepSuspended(
                at=signal.at,
                address=signal.address,
                attempt=signal.attempt,
                began=signal.began,
                payload=msgspec.Raw(signal.payload),
                label=signal.label,
            )
        ]

    def _recorded(self, signal: signals.Recorded) -> list[AnyEntry]:
        frame = self.step_frame(signal.address)
        if frame is None or frame.phase != "ready" or signal.name in frame.once:
            return []
        return [OnceRecorded(at=signal.at, address=signal.address, name=signal.name, value=msgspec.Raw(signal.value))]

    def _answered(self, signal: signals.Answered) -> list[AnyEntry]:
        frame = self.step_frame(signal.address)
        if frame is None or frame.phase != "suspended" or frame.suspension != signal.suspension:
            return []
        return [
            SuspensionAnswered(
                at=signal.at,
                address=signal.address,
                suspension=signal.suspension,
                data=msgspec.Raw(signal.data),
                actor=signal.actor,
                channel=signal.channel,
            )
        ]

    def _decided(self, signal: signals.Decided) -> list[AnyEntry]:
        frame = self.state.frames.get(signal.address)
        if not isinstance(frame, BlockFrame) or frame.open is not None:
            return []
        if signal.error is not None:
            return [BranchFailed(at=signal.at, address=signal.address, error=signal.error)]
        return [BranchTaken(at=signal.at, address=signal.address, taken=signal.taken)]

    def _checked(self, signal: signals.Checked) -> list[AnyEntry]:
        if self.state.standing != "running" or self.state.output is None:
            return []
        if signal.error is not None:
            return [RunFailed(at=signal.at, error=signal.error)]
        return [RunSucceeded(at=signal.at, result=self.state.output)]

    def _adopted(self, signal: signals.Adopted) -> list[AnyEntry]:
        return [DefinitionAdopted(at=signal.at, fingerprint=signal.fingerprint)]

    def _ending(self, at: Millis) -> AnyEntry | None:
        """The entry that ends the run, if nothing is left to do that could change how it ends."""
        state = self.state
        if state.standing != "running":
            return None
        if state.failure is not None:
            # What is in flight or will be tried again ends first, and is recorded; what waits for a person
            # would wait for nothing, and is closed.
            if state.busy or self.next_wake() is not None:
                return None
            return RunFailed(at=at, error=state.failure)
        if state.output is not None and self.graph.output_is_last:
            return RunSucceeded(at=at, result=state.output)
        return None

    def _running(self, address: Address, attempt: int) -> StepFrame | None:
        """The frame of a step whose attempt ``attempt`` is on; None if that is not so (any more)."""
        frame = self.step_frame(address)
        return frame if frame is not None and frame.phase == "ready" and frame.attempt == attempt else None

    # Each function takes just the class it stands beside, which no type can say of a dict.
    # ``tests/unit/test_machine.py`` checks that every kind of signal has its function.
    _decide: ClassVar[dict[type, Callable[..., list[AnyEntry]]]] = {
        signals.Start: _start,
        signals.Succeeded: _step_succeeded,
        signals.Failed: _step_failed,
        signals.Suspended: _step_suspended,
        signals.Recorded: _recorded,
        signals.Answered: _answered,
        signals.Decided: _decided,
        signals.Checked: _checked,
        signals.Adopted: _adopted,
    }
