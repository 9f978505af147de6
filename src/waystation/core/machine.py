"""The machine: the rules of a run, and nothing but the rules. Everything that moves a run's state lives here.

Theory of operation
-------------------
A run is its journal. ``apply`` folds one entry into the state; it is the only thing that changes the state.
``handle`` takes a signal (a step ended, someone answered, ...), decides which entries record it, and applies them.
The driver then makes these entries durable, and only after that asks ``take_actions`` what to do next. So:

- *durable before visible*: an action exists only because of an entry, and is handed out after its commit;
- *nothing runs twice*: a finished step has no frame, so no action for it can come about;
- live and recovered runs agree: both are the same fold of the same entries.

``handle`` applies what it decided at once, so many signals can go into one commit. If that commit is refused
(someone else appended first), the machine is thrown away, restored from the store, and the signals are handled
anew. A signal that no longer fits what it finds is answered with no entries: it lost a race, which is no error.

No clock, no chance, no I/O: signals bring times and chances with them. The graph is only read.

The transitions of a step are the table ``TRANSITIONS``; ``docs/`` draws it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec

from waystation.core import signals
from waystation.core.addresses import ROOT, Address, node_key
from waystation.core.entries import (
    AnyEntry,
    BranchFailed,
    BranchTaken,
    DefinitionAdopted,
    ErrorRecord,
    Joined,
    Millis,
    OnceRecorded,
    Ref,
    RunCreated,
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
from waystation.core.state import BlockFrame, Frame, Phase, State, StepFrame
from waystation.core.values import Values
from waystation.define.nodes import BranchNode, Graph, ParallelNode, Place, SequenceNode, StepNode
from waystation.define.retry import ONCE

TRANSITIONS: dict[tuple[Phase, type[AnyEntry]], Phase | None] = {
    ("ready", StepSucceeded): None,
    ("ready", StepFailed): None,
    ("ready", StepRetrying): "waiting",
    ("ready", StepSuspended): "suspended",
    ("ready", OnceRecorded): "ready",
    ("suspended", SuspensionAnswered): "ready",
}
"""What an entry makes of the phase of the step it names; None: the step is done. Nothing else is legal.

A step is ``ready`` once it is entered. ``waiting`` becomes ``ready`` by time alone (``wake``), which is not
recorded: whoever folds the journal can see the time for itself. So while folding, an entry that a ready step may
have is legal for a waiting one too.
"""


class JournalMisfit(Exception):  # noqa: N818  (a finding, turned into DefinitionChanged where it meets a user)
    """An entry does not fit the state: the journal was made under another graph (or is damaged)."""

    def __init__(self, reason: str, address: Address) -> None:
        self.reason = reason
        self.address = address
        super().__init__(reason)


FrameT = TypeVar("FrameT", StepFrame, BlockFrame)


class Machine:
    """One run: its graph, its state, and the values its frames refer to.

    Attributes:
        graph: the definition it follows.
        state: where it stands. Read it; only ``apply`` writes it.
        values: the values that frames refer to, by seq.
        opened, closed: suspensions opened and closed since ``settled`` was last called.
    """

    def __init__(self, graph: Graph, state: State | None = None) -> None:
        self.graph = graph
        self.state = state if state is not None else State()
        self.values = Values()
        self.opened: list[tuple[Seq, Address]] = []
        self.closed: list[Seq] = []
        self._fresh: list[Address] = list(self.state.frames)
        for frame in self.state.frames.values():
            self._retain_frame(frame)
        if self.state.output is not None:
            self._fresh.append(ROOT)
            self.values.retain(self.state.output)

    # ------------------------------------------------------------------ folding

    def apply(self, entry: AnyEntry) -> None:
        """Fold one entry, the next of the journal, into the state.

        Raises:
            JournalMisfit: the entry cannot follow what came before it, under this graph.
        """
        self.state.last_seq += 1
        _APPLY[type(entry)](self, entry)

    def restore(self, entries: Iterable[AnyEntry]) -> None:
        """Fold entries that are already durable."""
        for entry in entries:
            self.apply(entry)
        self.settled()
        self._fresh = list(self.state.frames)
        if self.state.output is not None and self.state.standing == "running":
            self._fresh.append(ROOT)

    # ------------------------------------------------------------------ deciding

    def handle(self, signal: signals.Signal) -> list[AnyEntry]:
        """The entries that record ``signal``, already applied; none if it no longer fits."""
        entries = _DECIDE[type(signal)](self, signal)
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
                frame.phase = "ready"
                self.state.busy += 1
                self._fresh.append(address)

    # ------------------------------------------------------------------ asking

    def take_actions(self) -> list[signals.Action]:
        """What there is to do since this was last asked. Call it only once the entries are durable."""
        actions: list[signals.Action] = []
        for address in self._fresh:
            if address == ROOT:
                if self.state.output is not None and self.state.standing == "running":
                    actions.append(signals.CheckOutput(self.state.output))
                continue
            frame = self.state.frames.get(address)
            if isinstance(frame, StepFrame) and frame.phase == "ready":
                actions.append(
                    signals.RunStep(address, frame.attempt, frame.input, frame.suspension, frame.answer)
                )
            elif isinstance(frame, BlockFrame) and frame.open is None:
                actions.append(signals.DecideBranch(address, frame.input))
        self._fresh.clear()
        return actions

    def settled(self) -> tuple[Sequence[tuple[Seq, Address]], Sequence[Seq]]:
        """The suspensions opened and closed since this was last asked; one both opened and closed is in neither."""
        opened, closed = self.opened, self.closed
        self.opened, self.closed = [], []
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
        retry = (step.retry if step is not None else None) or self.graph.retry or ONCE
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
        return [
            OnceRecorded(
                at=signal.at, address=signal.address, name=signal.name, value=msgspec.Raw(signal.value)
            )
        ]

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

    # ------------------------------------------------------------------ effects, one for each entry

    def _apply_created(self, entry: RunCreated) -> None:
        self.state.fingerprint = entry.fingerprint

    def _apply_adopted(self, entry: DefinitionAdopted) -> None:
        self.state.fingerprint = entry.fingerprint

    def _apply_started(self, entry: RunStarted) -> None:
        self.state.standing = "running"
        self.state.input_seq = self.state.last_seq
        self.values.hold(self.state.last_seq, entry.input)
        self._enter(Address(self.graph.root.children[0].id), self.state.last_seq)
        self.values.drop_unused(self.state.last_seq)

    def _apply_ended(self, entry: RunSucceeded | RunFailed) -> None:
        self.state.standing = "success" if isinstance(entry, RunSucceeded) else "failed"
        self.closed.extend(self.suspensions().values())
        self.state.frames.clear()
        self.state.busy = 0
        self._fresh.clear()

    def _apply_step_succeeded(self, entry: StepSucceeded) -> None:
        frame = self._moved(entry.address, entry)
        del self.state.frames[entry.address]
        self.values.hold(self.state.last_seq, entry.output)
        self._complete(entry.address, self.state.last_seq)
        self._release_frame(frame)
        self.values.drop_unused(self.state.last_seq)

    def _apply_step_failed(self, entry: StepFailed) -> None:
        frame = self._moved(entry.address, entry)
        del self.state.frames[entry.address]
        self._release_frame(frame)
        self._fail(entry.error)

    def _apply_retrying(self, entry: StepRetrying) -> None:
        frame = self._moved(entry.address, entry)
        frame.attempt = entry.attempt + 1
        frame.retry_at = entry.retry_at

    def _apply_suspended(self, entry: StepSuspended) -> None:
        frame = self._moved(entry.address, entry)
        seq = self.state.last_seq
        self._forget_answer(frame)
        frame.suspension = seq
        frame.label = entry.label
        self.values.hold(seq, entry.payload)
        self.values.retain(seq)
        self.opened.append((seq, entry.address))

    def _apply_answered(self, entry: SuspensionAnswered) -> None:
        frame = self._moved(entry.address, entry)
        seq = self.state.last_seq
        frame.answer = seq
        # The answer begins a new leg: it has the policy's attempts before it.
        frame.attempt = 1
        self.values.hold(seq, entry.data)
        self.values.retain(seq)
        self.closed.append(entry.suspension)
        self._fresh.append(entry.address)

    def _apply_once(self, entry: OnceRecorded) -> None:
        frame = self._moved(entry.address, entry)
        frame.once[entry.name] = self.state.last_seq
        self.values.hold(self.state.last_seq, entry.value)
        self.values.retain(self.state.last_seq)

    def _apply_branch_taken(self, entry: BranchTaken) -> None:
        frame, node = self._undecided(entry.address)
        known = {child.id for child in node.children}
        for child_id in entry.taken:
            if child_id not in known:
                raise JournalMisfit(f"branch {entry.address!r} took {child_id!r}, which is gone", entry.address)
        self.state.busy -= 1
        frame.open = list(entry.taken)
        if frame.open:
            for child_id in entry.taken:
                self._enter(Address(child_id), frame.input)
            self.values.release(frame.input)
        else:
            self._join(entry.address, frame, node)
            self.values.release(frame.input)

    def _apply_branch_failed(self, entry: BranchFailed) -> None:
        frame, _ = self._undecided(entry.address)
        self.state.busy -= 1
        del self.state.frames[entry.address]
        self.values.release(frame.input)
        self._fail(entry.error)

    # ------------------------------------------------------------------ moving through the graph

    def _enter(self, address: Address, ref: Ref) -> None:
        """Begin the node at ``address`` with ``ref`` as its input."""
        node = self._place(address).node
        match node:
            case StepNode():
                self.state.frames[address] = StepFrame(input=ref)
                self.values.retain(ref)
                self.state.busy += 1
                self._fresh.append(address)
            case ParallelNode():
                open_ids = [child.id for child in node.children]
                self.state.frames[address] = BlockFrame(input=ref, open=open_ids)
                for child_id in list(open_ids):
                    self._enter(Address(child_id), ref)
            case BranchNode():
                self.state.frames[address] = BlockFrame(input=ref)
                self.values.retain(ref)
                self.state.busy += 1
                self._fresh.append(address)
            case SequenceNode():
                self._enter(Address(node.children[0].id), ref)

    def _complete(self, address: Address, ref: Ref) -> None:
        """The node at ``address`` gave ``ref``: go on to what follows it."""
        place = self._place(address)
        if place.next is not None:
            self._enter(Address(place.next), ref)
            return
        parent = Address(place.parent or ROOT)
        node = self._place(parent).node
        if isinstance(node, (ParallelNode, BranchNode)):
            frame = self.state.frames.get(parent)
            if not isinstance(frame, BlockFrame) or frame.open is None:
                raise JournalMisfit(f"step {address!r} is done, but its block {parent!r} was not begun", address)
            frame.open.remove(place.node.id)
            frame.outputs[place.node.id] = ref
            self.values.retain(ref)
            if not frame.open:
                self._join(parent, frame, node)
        else:
            self.state.output = ref
            self.values.retain(ref)
            if not self.graph.output_is_last:
                self.state.busy += 1
                self._fresh.append(ROOT)

    def _join(self, address: Address, frame: BlockFrame, node: ParallelNode | BranchNode) -> None:
        """Every child of the block is done: its output is the object of theirs, in the order of the definition."""
        del self.state.frames[address]
        parts = {child.id: frame.outputs[child.id] for child in node.children if child.id in frame.outputs}
        self._complete(address, Joined(parts=parts))
        for part in parts.values():
            self.values.release(part)

    def _fail(self, error: ErrorRecord) -> None:
        if self.state.failure is None:
            self.state.failure = error

    # ------------------------------------------------------------------ frames

    def _running(self, address: Address, attempt: int) -> StepFrame | None:
        """The frame of a step whose attempt ``attempt`` is on; None if that is not so (any more)."""
        frame = self.step_frame(address)
        return frame if frame is not None and frame.phase == "ready" and frame.attempt == attempt else None

    def _moved(self, address: Address, entry: AnyEntry) -> StepFrame:
        """The frame of the step an entry is about, moved to its next phase by the table."""
        frame = self.state.frames.get(address)
        if not isinstance(frame, StepFrame):
            raise JournalMisfit(self._why_not_entered(address), address)
        before: Phase = "ready" if frame.phase == "waiting" else frame.phase
        try:
            after = TRANSITIONS[before, type(entry)]
        except KeyError:
            raise JournalMisfit(
                f"step {address!r} is {frame.phase}; {type(entry).__name__} cannot follow", address
            ) from None
        # ``busy`` counts ready steps: keep it while the phase changes.
        self.state.busy += (after == "ready") - (frame.phase == "ready")
        if after is not None:
            frame.phase = after
        return frame

    def _undecided(self, address: Address) -> tuple[BlockFrame, BranchNode]:
        frame = self.state.frames.get(address)
        node = self._place(address).node
        if not isinstance(frame, BlockFrame) or frame.open is not None or not isinstance(node, BranchNode):
            raise JournalMisfit(self._why_not_entered(address), address)
        return frame, node

    def _why_not_entered(self, address: Address) -> str:
        if node_key(address) not in self.graph.places:
            return f"{address!r} has run, but the definition has no such step or block"
        active = ", ".join(repr(key) for key in self.state.frames) or "the end of the workflow"
        return f"{address!r} has run, but by the definition the run would stand at {active}"

    def _place(self, address: Address) -> Place:
        place = self.graph.places.get(node_key(address))
        if place is None:
            raise JournalMisfit(f"{address!r} has run, but the definition has no such step or block", address)
        return place

    def _forget_answer(self, frame: StepFrame) -> None:
        """A new suspension replaces the one before it, and its answer."""
        for seq in (frame.suspension, frame.answer):
            if seq:
                self.values.release(seq)
        frame.answer = 0

    def _retain_frame(self, frame: Frame) -> None:
        if isinstance(frame, StepFrame):
            for seq in (frame.suspension, frame.answer, *frame.once.values()):
                if seq:
                    self.values.retain(seq)
            self.values.retain(frame.input)
        else:
            if frame.open is None:
                self.values.retain(frame.input)
            for ref in frame.outputs.values():
                self.values.retain(ref)

    def _release_frame(self, frame: StepFrame) -> None:
        self.values.release(frame.input)
        for seq in (frame.suspension, frame.answer, *frame.once.values()):
            if seq:
                self.values.release(seq)


# The two tables below are typed by their keys: each function takes just the class it stands beside, which no type
# can say of a dict. ``tests/unit/test_machine.py`` checks that every signal and every entry has its function.
_DECIDE: dict[type, Callable[[Machine, object], list[AnyEntry]]] = {
    signals.Start: Machine._start,
    signals.Succeeded: Machine._step_succeeded,
    signals.Failed: Machine._step_failed,
    signals.Suspended: Machine._step_suspended,
    signals.Recorded: Machine._recorded,
    signals.Answered: Machine._answered,
    signals.Decided: Machine._decided,
    signals.Checked: Machine._checked,
    signals.Adopted: Machine._adopted,
}  # type: ignore[dict-item]

_APPLY: dict[type, Callable[[Machine, object], None]] = {
    RunCreated: Machine._apply_created,
    RunStarted: Machine._apply_started,
    DefinitionAdopted: Machine._apply_adopted,
    RunSucceeded: Machine._apply_ended,
    RunFailed: Machine._apply_ended,
    StepSucceeded: Machine._apply_step_succeeded,
    StepFailed: Machine._apply_step_failed,
    StepRetrying: Machine._apply_retrying,
    StepSuspended: Machine._apply_suspended,
    SuspensionAnswered: Machine._apply_answered,
    OnceRecorded: Machine._apply_once,
    BranchTaken: Machine._apply_branch_taken,
    BranchFailed: Machine._apply_branch_failed,
}  # type: ignore[dict-item]
