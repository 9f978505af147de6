"""The fold: what each journal entry makes of a run's state. Nothing else changes the state.

``apply`` folds one entry in; the state after it follows from the state before, the entry and the graph alone. So a
run that is live, one that is recovered and one that is merely looked at stand in the same place. What becomes
possible by an entry is noted in ``fresh``: the machine makes actions of it.

The transitions of a step are the table ``TRANSITIONS``; ``docs/`` draws it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from waystation.core.addresses import ROOT, Address, node_key
from waystation.core.entries import (
    AnyEntry,
    BranchFailed,
    BranchTaken,
    DefinitionAdopted,
    ErrorRecord,
    Joined,
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


class JournalMisfit(Exception):
    """An entry does not fit the state: the journal was made under another graph (or is damaged)."""

    def __init__(self, reason: str, address: Address) -> None:
        self.reason = reason
        self.address = address
        super().__init__(reason)


class Fold:
    """One run's state, and the values its frames refer to.

    Attributes:
        graph: the definition the run follows.
        state: where it stands. Read it; only ``apply`` and ``wake`` write it.
        values: the values that frames refer to, by seq.
        opened, closed: suspensions opened and closed; whoever makes them durable empties the lists.
        fresh: addresses at which something can be done now; ``ROOT`` for the workflow's output.
    """

    def __init__(self, graph: Graph, state: State | None = None) -> None:
        self.graph = graph
        self.state = state if state is not None else State()
        self.values = Values()
        self.opened: list[tuple[Seq, Address]] = []
        self.closed: list[Seq] = []
        self.fresh: list[Address] = []
        for frame in self.state.frames.values():
            self._retain_frame(frame)
        if self.state.output is not None:
            self.values.retain(self.state.output)

    def apply(self, entry: AnyEntry) -> None:
        """Fold one entry, the next of the journal, into the state.

        Raises:
            JournalMisfit: the entry cannot follow what came before it, under this graph.
        """
        self.state.last_seq += 1
        self._apply[type(entry)](self, entry)

    def wake(self, address: Address) -> None:
        """The time of the waiting step at ``address`` has come: its next attempt may begin."""
        frame = self.state.frames[address]
        assert isinstance(frame, StepFrame), "only a step is woken"
        assert frame.phase == "waiting", "only a waiting step is woken"
        frame.phase = "ready"
        self.state.busy += 1
        self.fresh.append(address)

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
        self.closed.extend(
            frame.suspension
            for frame in self.state.frames.values()
            if isinstance(frame, StepFrame) and frame.phase == "suspended"
        )
        self.state.frames.clear()
        self.state.busy = 0
        self.fresh.clear()

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
        self.fresh.append(entry.address)

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
                self.fresh.append(address)
            case ParallelNode():
                open_ids = [child.id for child in node.children]
                self.state.frames[address] = BlockFrame(input=ref, open=open_ids)
                for child_id in list(open_ids):
                    self._enter(Address(child_id), ref)
            case BranchNode():
                self.state.frames[address] = BlockFrame(input=ref)
                self.values.retain(ref)
                self.state.busy += 1
                self.fresh.append(address)
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
                self.fresh.append(ROOT)

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

    # Each function takes just the class it stands beside, which no type can say of a dict.
    # ``tests/unit/test_fold.py`` checks that every kind of entry has its function.
    _apply: ClassVar[dict[type, Callable[..., None]]] = {
        RunCreated: _apply_created,
        RunStarted: _apply_started,
        DefinitionAdopted: _apply_adopted,
        RunSucceeded: _apply_ended,
        RunFailed: _apply_ended,
        StepSucceeded: _apply_step_succeeded,
        StepFailed: _apply_step_failed,
        StepRetrying: _apply_retrying,
        StepSuspended: _apply_suspended,
        SuspensionAnswered: _apply_answered,
        OnceRecorded: _apply_once,
        BranchTaken: _apply_branch_taken,
        BranchFailed: _apply_branch_failed,
    }
