"""The fold: what each journal entry makes of a run's state. Nothing else changes the state.

``apply`` folds one entry in; the state after it follows from the state before, the entry and the graph alone. So a
run that is live, one that is recovered and one that is merely looked at stand in the same place. What becomes
possible by an entry is noted in ``flow.fresh``: the machine makes actions of it.

The transitions of a step are the table ``TRANSITIONS``; ``docs/`` draws it. What an entry brings about elsewhere in
the graph is in ``flow``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeVar

from waystation.core.addresses import Address, beside, node_key, of_turn
from waystation.core.entries import (
    AnyEntry,
    BranchTaken,
    CancelRequested,
    DefinitionAdopted,
    EventAwaited,
    EventDefaulted,
    EventMatched,
    EventReceived,
    EventTimedOut,
    ForeachBegun,
    InputReplaced,
    LoopDecided,
    Mapped,
    NodeFailed,
    OnceRecorded,
    OutputChecked,
    RunCancelled,
    RunCreated,
    RunFailed,
    RunProceeded,
    RunStarted,
    RunSucceeded,
    Seq,
    SleepBegun,
    SleepEnded,
    StateReplaced,
    StepBailed,
    StepCancelled,
    StepEntry,
    StepFailed,
    StepRetrying,
    StepSucceeded,
    StepSuspended,
    StepWrote,
    SuspensionAnswered,
    UndoBegun,
)
from waystation.core.flow import Flow, JournalMisfit
from waystation.core.state import (
    BlockFrame,
    ForeachFrame,
    Frame,
    LoopFrame,
    MapFrame,
    Phase,
    SleepFrame,
    State,
    StepFrame,
    Undoable,
    WaitFrame,
    is_busy,
)
from waystation.define.nodes import (
    UNDO,
    BranchNode,
    ForeachNode,
    Graph,
    LoopNode,
    ParallelNode,
    SwitchNode,
    WaitNode,
)

_F = TypeVar("_F", bound=Frame)

TRANSITIONS: dict[tuple[Phase, type[AnyEntry]], Phase | None] = {
    ("ready", StepSucceeded): None,
    ("ready", StepBailed): None,
    ("ready", StepFailed): None,
    ("ready", StepCancelled): None,
    ("ready", StepRetrying): "waiting",
    ("ready", StepSuspended): "suspended",
    ("ready", OnceRecorded): "ready",
    ("ready", StepWrote): "ready",
    ("ready", InputReplaced): "ready",
    ("suspended", SuspensionAnswered): "ready",
}
"""What an entry makes of the phase of the step it names; None: the step is done. Nothing else is legal.

A step is ``ready`` once it is entered. ``waiting`` becomes ``ready`` by time alone (``wake``), which is not
recorded: whoever folds the journal can see the time for itself. So while folding, an entry that a ready step may
have is legal for a waiting one too.
"""


class Fold:
    """One run's state, and the values its frames refer to.

    Attributes:
        graph: the definition the run follows.
        state: where it stands. Read it; only ``apply``, ``wake`` and ``tried`` write it.
        flow: how it moves through the graph.
        values: the values that frames refer to, by seq.
        opened: suspensions opened; whoever makes them durable empties the list.
    """

    def __init__(self, graph: Graph, state: State | None = None) -> None:
        self.graph = graph
        self.state = state if state is not None else State()
        self.flow = Flow(graph, self.state)
        self.values = self.flow.values
        self.opened: list[tuple[Seq, Address]] = []

    def apply(self, entry: AnyEntry) -> None:
        """Fold one entry, the next of the journal, into the state.

        Raises:
            JournalMisfit: the entry cannot follow what came before it, under this graph.
        """
        self.state.last_seq += 1
        self._apply[type(entry)](self, entry)
        if self.flow.failing:
            self.flow.settle()

    def wake(self, address: Address) -> None:
        """The time of the waiting step at ``address`` has come: its next attempt may begin."""
        frame = self.state.frames[address]
        assert isinstance(frame, StepFrame), "only a step is woken"
        assert frame.phase == "waiting", "only a waiting step is woken"
        frame.phase = "ready"
        self.flow.recount(address, frame, was_busy=False, was_idle=True)

    def tried(self, address: Address, events: tuple[Seq, ...]) -> None:
        """None of ``events`` fits the wait at ``address``. Not recorded: whoever folds the journal tries them anew."""
        frame = self.state.frames.get(address)
        if isinstance(frame, WaitFrame) and not frame.timing:
            frame.untried = [seq for seq in frame.untried if seq not in events]
            if not frame.untried:
                self.flow.recount(address, frame, was_busy=True, was_idle=False)
            else:
                self.flow.fresh.append(address)

    # ------------------------------------------------------------------ the run

    def _apply_created(self, entry: RunCreated) -> None:
        self.state.fingerprint = entry.fingerprint
        self.state.inherited = entry.inherited

    def _apply_adopted(self, entry: DefinitionAdopted) -> None:
        self.state.fingerprint = entry.fingerprint

    def _apply_started(self, entry: RunStarted) -> None:
        state = self.state
        state.standing = "running"
        state.input_seq = state.last_seq
        state.shared = dict(entry.state)
        state.context = dict(entry.context)
        state.permits = 1 if entry.per_step else None
        self.values.hold(state.last_seq, entry.input)
        self.flow.enter(Address(self.graph.root.children[0].id), state.last_seq)
        self.values.drop_unused(state.last_seq)

    def _apply_proceeded(self, entry: RunProceeded) -> None:
        self.state.permits = 1 if entry.per_step else None
        self.flow.fresh.extend(address for address, frame in self.state.frames.items() if is_busy(frame))

    def _apply_state_replaced(self, entry: StateReplaced) -> None:
        self.state.shared.update(entry.changes)

    def _apply_cancel(self, entry: CancelRequested) -> None:
        self.state.cancel = self.state.last_seq
        self.state.cancel_reason = entry.reason
        self.state.grace_ms = entry.grace_ms
        self.state.permits = None
        self.flow.cancel()

    def _apply_undo_begun(self, entry: UndoBegun) -> None:  # noqa: ARG002  (its kind says it all)
        self.state.unwinding = True
        self.state.permits = None
        self.flow.undo_next()

    def _apply_ended(self, entry: RunSucceeded | RunFailed | RunCancelled) -> None:
        match entry:
            case RunSucceeded():
                self.state.standing = "success"
            case RunFailed():
                self.state.standing = "failed"
                self.state.failure = entry.error
            case RunCancelled():
                self.state.standing = "cancelled"
        self.flow.end()

    # ------------------------------------------------------------------ steps

    def _apply_step_succeeded(self, entry: StepSucceeded) -> None:
        frame = self._moved(entry.address, entry)
        self.flow.take(entry.address)
        self.state.shared.update(entry.state)
        if entry.address.endswith(UNDO):
            self._undone()
        else:
            self._done()
            seq = self.state.last_seq
            step = self.graph.step(node_key(entry.address))
            if step is not None and step.undo is not None and seq > self.state.inherited:
                self.state.undoable.append(Undoable(entry.address, seq))
            if not self.state.cancel:
                self.values.hold(seq, entry.output)
                self.flow.complete(entry.address, seq)
                self.values.drop_unused(seq)
        self.flow.let_go(frame)

    def _apply_step_bailed(self, entry: StepBailed) -> None:
        frame = self._moved(entry.address, entry)
        self.flow.take(entry.address)
        self.state.shared.update(entry.state)
        self._done()
        if not self.state.cancel:
            self.values.hold(self.state.last_seq, entry.output)
            self.flow.bail(entry.address, self.state.last_seq)
            self.values.drop_unused(self.state.last_seq)
        self.flow.let_go(frame)

    def _apply_step_failed(self, entry: StepFailed) -> None:
        frame = self._moved(entry.address, entry)
        self.flow.take(entry.address)
        self.flow.let_go(frame)
        if entry.address.endswith(UNDO):
            self.state.undo_errors.append(entry.error)
            self._undone()
        else:
            self._done()
            if not self.state.cancel:
                self.flow.fail(entry.address, entry.error)

    def _apply_step_cancelled(self, entry: StepCancelled) -> None:
        frame = self._moved(entry.address, entry)
        self.flow.take(entry.address)
        self.flow.let_go(frame)

    def _done(self) -> None:
        """A step came to an end of its own: one permit less, where steps are counted."""
        if self.state.permits:
            self.state.permits -= 1

    def _undone(self) -> None:
        """A compensation has ended, well or badly: go on with the next."""
        self.state.undoable.pop()
        self.flow.undo_next()

    def _apply_retrying(self, entry: StepRetrying) -> None:
        frame = self._moved(entry.address, entry)
        frame.attempt = entry.attempt + 1
        frame.first_began = frame.first_began or entry.began
        frame.retry_at = entry.retry_at

    def _apply_suspended(self, entry: StepSuspended) -> None:
        frame = self._moved(entry.address, entry)
        seq = self.state.last_seq
        for old in (frame.suspension, frame.answer):  # a new suspension replaces the one before it, and its answer
            if old:
                self.values.release(old)
        frame.answer = 0
        frame.suspension = seq
        frame.label = entry.label
        self.values.hold(seq, entry.payload)
        self.values.retain(seq)
        self.state.shared.update(entry.state)
        self.opened.append((seq, entry.address))
        self._done()

    def _apply_answered(self, entry: SuspensionAnswered) -> None:
        frame = self._moved(entry.address, entry)
        seq = self.state.last_seq
        frame.answer = seq
        # The answer begins a new leg: it has the policy's attempts and times before it.
        frame.attempt = 1
        frame.first_began = 0
        self.values.hold(seq, entry.data)
        self.values.retain(seq)
        self.state.context.update(entry.context)
        self.flow.closed.append(entry.suspension)

    def _apply_once(self, entry: OnceRecorded) -> None:
        frame = self._moved(entry.address, entry)
        frame.once[entry.name] = self.state.last_seq
        self.values.hold(self.state.last_seq, entry.value)
        self.values.retain(self.state.last_seq)

    def _apply_wrote(self, entry: StepWrote) -> None:
        self._moved(entry.address, entry)

    def _apply_input_replaced(self, entry: InputReplaced) -> None:
        frame = self._moved(entry.address, entry)
        old, frame.input = frame.input, self.state.last_seq
        self.values.hold(self.state.last_seq, entry.value)
        self.values.retain(self.state.last_seq)
        self.values.release(old)

    # ------------------------------------------------------------------ control flow

    def _apply_node_failed(self, entry: NodeFailed) -> None:
        frame = self.state.frames.get(entry.address)
        if frame is None or isinstance(frame, StepFrame):
            raise JournalMisfit(self._why_not_entered(entry.address), entry.address)
        self.flow.drop(entry.address)
        self.flow.fail(entry.address, entry.error)

    def _apply_output_checked(self, entry: OutputChecked) -> None:
        self.flow.end_checked(entry.address)

    def _apply_branch_taken(self, entry: BranchTaken) -> None:
        frame = self._entered(entry.address, BlockFrame)
        node = self.flow.place(entry.address).node
        if frame.open is not None or not isinstance(node, (BranchNode, SwitchNode)):
            raise JournalMisfit(self._why_not_entered(entry.address), entry.address)
        known = {child.id for child in node.children}
        for child_id in entry.taken:
            if child_id not in known:
                raise JournalMisfit(f"{entry.address!r} took {child_id!r}, which is gone", entry.address)
        frame.open = list(entry.taken)
        self.flow.recount(entry.address, frame, was_busy=True, was_idle=False)
        for child_id in entry.taken:
            self.flow.enter(beside(entry.address, child_id), frame.input)
        if not entry.taken:
            assert not isinstance(node, SwitchNode), "a switch takes exactly one"
            self.flow.join(entry.address, frame, node)
        self.values.release(frame.input)

    def _apply_foreach_begun(self, entry: ForeachBegun) -> None:
        frame = self._entered(entry.address, ForeachFrame)
        node = self.flow.place(entry.address).node
        if frame.count >= 0 or not isinstance(node, ForeachNode):
            raise JournalMisfit(self._why_not_entered(entry.address), entry.address)
        frame.count, frame.concurrency = entry.count, entry.concurrency
        frame.outputs = [None] * entry.count
        self.flow.recount(entry.address, frame, was_busy=True, was_idle=False)
        self.flow.go_on(entry.address, frame, node)

    def _apply_loop_decided(self, entry: LoopDecided) -> None:
        frame = self._entered(entry.address, LoopFrame)
        node = self.flow.place(entry.address).node
        output = frame.output
        if output is None or frame.turn != entry.turn or not isinstance(node, LoopNode):
            raise JournalMisfit(self._why_not_entered(entry.address), entry.address)
        if entry.again:
            frame.output = None
            frame.turn += 1
            self.flow.recount(entry.address, frame, was_busy=True, was_idle=False)
            self.flow.enter(of_turn(entry.address, frame.turn, node.child.id), output)
            self.values.release(output)
        else:
            self.flow.take(entry.address)
            self.flow.complete(entry.address, output)
            self.flow.let_go(frame)

    def _apply_mapped(self, entry: Mapped) -> None:
        self._entered(entry.address, MapFrame)
        self._gave(entry.address, entry)

    def _apply_sleep_begun(self, entry: SleepBegun) -> None:
        frame = self._entered(entry.address, SleepFrame)
        if frame.until is not None:
            raise JournalMisfit(f"{entry.address!r} sleeps already", entry.address)
        frame.until = entry.until
        self.flow.recount(entry.address, frame, was_busy=True, was_idle=False)

    def _apply_sleep_ended(self, entry: SleepEnded) -> None:
        frame = self._entered(entry.address, SleepFrame)
        self.flow.take(entry.address)
        self.flow.complete(entry.address, frame.input)
        self.flow.let_go(frame)

    # ------------------------------------------------------------------ events

    def _apply_event_awaited(self, entry: EventAwaited) -> None:
        frame = self._entered(entry.address, WaitFrame)
        frame.until, frame.timing = entry.until, False
        if frame.untried:
            self.flow.fresh.append(entry.address)
        self.flow.recount(entry.address, frame, was_busy=True, was_idle=False)

    def _apply_event_received(self, entry: EventReceived) -> None:
        seq = self.state.last_seq
        self.state.events.setdefault(entry.name, []).append(seq)
        self.values.hold(seq, entry.data)
        self.values.retain(seq)
        for address, frame in self.state.frames.items():
            if isinstance(frame, WaitFrame):
                node = self.flow.place(address).node
                if isinstance(node, WaitNode) and node.event == entry.name:
                    busy = is_busy(frame)
                    frame.untried.append(seq)
                    self.flow.recount(address, frame, was_busy=busy, was_idle=not busy)

    def _apply_event_matched(self, entry: EventMatched) -> None:
        frame = self._entered(entry.address, WaitFrame)
        node = self.flow.place(entry.address).node
        kept = self.state.events.get(node.event) if isinstance(node, WaitNode) else None
        if kept is None or entry.event not in kept:
            raise JournalMisfit(f"{entry.address!r} took an event that is not kept", entry.address)
        kept.remove(entry.event)
        if not kept:
            assert isinstance(node, WaitNode), "only a wait matches an event"
            del self.state.events[node.event]
        self.flow.take(entry.address)
        for address, other in self.state.frames.items():
            if isinstance(other, WaitFrame) and entry.event in other.untried:
                other.untried.remove(entry.event)
                busy = is_busy(other)
                if not busy:
                    self.flow.recount(address, other, was_busy=True, was_idle=False)
        self.flow.complete(entry.address, entry.event)
        self.flow.let_go(frame)
        self.values.release(entry.event)

    def _apply_event_timed_out(self, entry: EventTimedOut) -> None:
        self._entered(entry.address, WaitFrame)
        self.flow.drop(entry.address)
        self.flow.fail(entry.address, entry.error)

    def _apply_event_defaulted(self, entry: EventDefaulted) -> None:
        self._entered(entry.address, WaitFrame)
        self._gave(entry.address, entry)

    def _gave(self, address: Address, entry: Mapped | EventDefaulted) -> None:
        """The node at ``address`` gave the output that the entry holds."""
        frame = self.flow.take(address)
        self.values.hold(self.state.last_seq, entry.output)
        self.flow.complete(address, self.state.last_seq)
        self.flow.let_go(frame)
        self.values.drop_unused(self.state.last_seq)

    # ------------------------------------------------------------------ frames

    def _moved(self, address: Address, entry: StepEntry | SuspensionAnswered | OnceRecorded | StepWrote | InputReplaced) -> StepFrame:
        """The frame of the step an entry is about, moved to its next phase by the table."""
        frame = self._entered(address, StepFrame)
        before: Phase = "ready" if frame.phase == "waiting" else frame.phase
        try:
            after = TRANSITIONS[before, type(entry)]
        except KeyError:
            raise JournalMisfit(
                f"step {address!r} is {frame.phase}; {type(entry).__name__} cannot follow", address
            ) from None
        if after is None:
            after = "ready"  # its frame is taken away as it is
        if after != frame.phase:
            busy = frame.phase == "ready"
            frame.phase = after
            self.flow.recount(address, frame, was_busy=busy, was_idle=not busy)
        return frame

    def _entered(self, address: Address, kind: type[_F]) -> _F:
        frame = self.state.frames.get(address)
        if not isinstance(frame, kind):
            raise JournalMisfit(self._why_not_entered(address), address)
        return frame

    def _why_not_entered(self, address: Address) -> str:
        if node_key(address) not in self.graph.places:
            return f"{address!r} has run, but the definition has no such step or block"
        active = ", ".join(repr(key) for key in self.state.frames) or "the end of the workflow"
        return f"{address!r} has run, but by the definition the run would stand at {active}"

    # Each function takes just the class it stands beside, which no type can say of a dict.
    # ``tests/unit/test_machine.py`` checks that every kind of entry has its function.
    _apply: ClassVar[dict[type, Callable[..., None]]] = {
        RunCreated: _apply_created,
        RunStarted: _apply_started,
        RunProceeded: _apply_proceeded,
        DefinitionAdopted: _apply_adopted,
        StateReplaced: _apply_state_replaced,
        CancelRequested: _apply_cancel,
        UndoBegun: _apply_undo_begun,
        RunSucceeded: _apply_ended,
        RunFailed: _apply_ended,
        RunCancelled: _apply_ended,
        StepSucceeded: _apply_step_succeeded,
        StepFailed: _apply_step_failed,
        StepRetrying: _apply_retrying,
        StepSuspended: _apply_suspended,
        StepBailed: _apply_step_bailed,
        StepCancelled: _apply_step_cancelled,
        SuspensionAnswered: _apply_answered,
        OnceRecorded: _apply_once,
        StepWrote: _apply_wrote,
        InputReplaced: _apply_input_replaced,
        NodeFailed: _apply_node_failed,
        OutputChecked: _apply_output_checked,
        BranchTaken: _apply_branch_taken,
        ForeachBegun: _apply_foreach_begun,
        LoopDecided: _apply_loop_decided,
        Mapped: _apply_mapped,
        SleepBegun: _apply_sleep_begun,
        SleepEnded: _apply_sleep_ended,
        EventAwaited: _apply_event_awaited,
        EventReceived: _apply_event_received,
        EventMatched: _apply_event_matched,
        EventTimedOut: _apply_event_timed_out,
        EventDefaulted: _apply_event_defaulted,
    }
