"""What an entry about control flow makes of the run's state: branches, loops, maps, sleeps, events; see ``fold``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from waystation.core.addresses import ROOT, Address, beside, of_turn
from waystation.core.entries import (
    AnyEntry,
    BranchTaken,
    EventAwaited,
    EventDefaulted,
    EventMatched,
    EventReceived,
    EventsPassed,
    EventTimedOut,
    ForeachBegun,
    LoopDecided,
    Mapped,
    NodeFailed,
    OutputChecked,
    SleepBegun,
    SleepEnded,
)
from waystation.core.misfit import JournalMisfit
from waystation.core.refs import Joined, Listed, Null
from waystation.core.state import (
    BlockFrame,
    ForeachFrame,
    LoopFrame,
    MapFrame,
    SleepFrame,
    StepFrame,
    WaitFrame,
    is_busy,
)
from waystation.define.nodes import BranchNode, ForeachNode, LoopNode, SwitchNode, WaitNode, WorkflowNode

if TYPE_CHECKING:
    from waystation.core.fold import Fold


def _node_failed(fold: Fold, entry: NodeFailed) -> None:
    if entry.address == ROOT:
        fold.flow.refuse_output(entry.error)
        return
    frame = fold.state.frames.get(entry.address)
    if frame is None or isinstance(frame, StepFrame):
        raise JournalMisfit(fold.why_not_entered(entry.address), entry.address)
    fold.flow.drop(entry.address)
    fold.flow.fail(entry.address, entry.error)


def _output_checked(fold: Fold, entry: OutputChecked) -> None:
    node = fold.flow.place(entry.address).node
    known = isinstance(node, WorkflowNode) and node.workflow.graph.output_is_last
    if not known:  # else its types were changed since, so that there is nothing to check any more
        fold.flow.end_checked(entry.address)


def _branch_taken(fold: Fold, entry: BranchTaken) -> None:
    frame = fold.entered(entry.address, BlockFrame)
    node = fold.flow.place(entry.address).node
    if frame.open is not None or not isinstance(node, (BranchNode, SwitchNode)):
        raise JournalMisfit(fold.why_not_entered(entry.address), entry.address)
    if isinstance(node, SwitchNode) and len(entry.taken) != 1:
        raise JournalMisfit(f"{entry.address!r} took {len(entry.taken)}, but as a switch it takes one", entry.address)
    known = {child.id for child in node.children}
    for child_id in entry.taken:
        if child_id not in known:
            raise JournalMisfit(f"{entry.address!r} took {child_id!r}, which is gone", entry.address)
    frame.open = list(entry.taken)
    fold.flow.recount(entry.address, frame, was_busy=True, was_idle=False)
    for child_id in entry.taken:
        fold.flow.enter(beside(entry.address, child_id), frame.input)
    if not entry.taken:
        assert isinstance(node, BranchNode), "a switch takes exactly one"
        fold.flow.join(entry.address, frame, node)
    fold.values.release(frame.input)


def _foreach_begun(fold: Fold, entry: ForeachBegun) -> None:
    frame = fold.entered(entry.address, ForeachFrame)
    node = fold.flow.place(entry.address).node
    if frame.count >= 0 or not isinstance(node, ForeachNode):
        raise JournalMisfit(fold.why_not_entered(entry.address), entry.address)
    of = frame.input
    if isinstance(of, (Joined, Null)) or (isinstance(of, Listed) and len(of.parts) != entry.count):
        raise JournalMisfit(f"{entry.address!r} was given another list than what reaches it now", entry.address)
    frame.count, frame.concurrency = entry.count, entry.concurrency
    frame.outputs = [None] * entry.count
    fold.flow.recount(entry.address, frame, was_busy=True, was_idle=False)
    fold.flow.go_on(entry.address, frame, node)


def _loop_decided(fold: Fold, entry: LoopDecided) -> None:
    frame = fold.entered(entry.address, LoopFrame)
    node = fold.flow.place(entry.address).node
    output = frame.output
    if output is None or frame.turn != entry.turn or not isinstance(node, LoopNode):
        raise JournalMisfit(fold.why_not_entered(entry.address), entry.address)
    if entry.again:
        frame.output = None
        frame.turn += 1
        fold.flow.recount(entry.address, frame, was_busy=True, was_idle=False)
        fold.flow.enter(of_turn(entry.address, frame.turn, node.child.id), output)
        fold.values.release(output)
    else:
        fold.flow.take(entry.address)
        fold.flow.complete(entry.address, output)
        fold.flow.let_go(frame)


def _mapped(fold: Fold, entry: Mapped) -> None:
    fold.entered(entry.address, MapFrame)
    _gave(fold, entry.address, entry)


def _sleep_begun(fold: Fold, entry: SleepBegun) -> None:
    frame = fold.entered(entry.address, SleepFrame)
    if frame.until is not None:
        raise JournalMisfit(f"{entry.address!r} sleeps already", entry.address)
    frame.until = entry.until
    fold.flow.recount(entry.address, frame, was_busy=True, was_idle=False)


def _sleep_ended(fold: Fold, entry: SleepEnded) -> None:
    frame = fold.entered(entry.address, SleepFrame)
    fold.flow.take(entry.address)
    fold.flow.complete(entry.address, frame.input)
    fold.flow.let_go(frame)


# --------------------------------------------------------------------------- events


def _event_awaited(fold: Fold, entry: EventAwaited) -> None:
    frame = fold.entered(entry.address, WaitFrame)
    busy = is_busy(frame)  # of a wait whose timeout was taken away since, nothing was left to be decided
    frame.until, frame.timing = entry.until, False
    if frame.untried:
        fold.flow.fresh.append(entry.address)
    fold.flow.recount(entry.address, frame, was_busy=busy, was_idle=not busy)


def _event_received(fold: Fold, entry: EventReceived) -> None:
    seq = fold.state.last_seq
    fold.state.events.setdefault(entry.name, []).append(seq)
    fold.values.hold(seq, entry.data)
    fold.values.retain(seq)
    for address, frame in fold.state.frames.items():
        if isinstance(frame, WaitFrame):
            node = fold.flow.place(address).node
            if frame.until is not None and entry.at > frame.until:
                continue  # too late for this one, though nobody has recorded yet that its time is over
            if isinstance(node, WaitNode) and node.event == entry.name:
                busy = is_busy(frame)
                frame.untried.append(seq)
                fold.flow.recount(address, frame, was_busy=busy, was_idle=not busy)


def _event_matched(fold: Fold, entry: EventMatched) -> None:
    frame = fold.entered(entry.address, WaitFrame)
    node = fold.flow.place(entry.address).node
    kept = fold.state.events.get(node.event) if isinstance(node, WaitNode) else None
    if kept is None or entry.event not in kept:
        raise JournalMisfit(f"{entry.address!r} took an event that is not kept", entry.address)
    kept.remove(entry.event)
    if not kept:
        assert isinstance(node, WaitNode), "only a wait matches an event"
        del fold.state.events[node.event]
    fold.flow.take(entry.address)
    for address, other in fold.state.frames.items():
        if isinstance(other, WaitFrame) and entry.event in other.untried:
            other.untried.remove(entry.event)
            busy = is_busy(other)
            if not busy:
                fold.flow.recount(address, other, was_busy=True, was_idle=False)
    fold.flow.complete(entry.address, entry.event)
    fold.flow.let_go(frame)
    fold.values.release(entry.event)


def _events_passed(fold: Fold, entry: EventsPassed) -> None:
    frame = fold.entered(entry.address, WaitFrame)
    busy = is_busy(frame)
    frame.untried = [seq for seq in frame.untried if seq not in entry.events]
    fold.flow.recount(entry.address, frame, was_busy=busy, was_idle=not busy)
    if frame.untried:
        fold.flow.fresh.append(entry.address)


def _event_timed_out(fold: Fold, entry: EventTimedOut) -> None:
    fold.entered(entry.address, WaitFrame)
    fold.flow.drop(entry.address)
    fold.flow.fail(entry.address, entry.error)


def _event_defaulted(fold: Fold, entry: EventDefaulted) -> None:
    fold.entered(entry.address, WaitFrame)
    _gave(fold, entry.address, entry)


def _gave(fold: Fold, address: Address, entry: Mapped | EventDefaulted) -> None:
    """The node at ``address`` gave the output that the entry holds."""
    frame = fold.flow.take(address)
    fold.values.hold(fold.state.last_seq, entry.output)
    fold.flow.complete(address, fold.state.last_seq)
    fold.flow.let_go(frame)
    fold.values.drop_unused(fold.state.last_seq)


NODE_EFFECTS: Mapping[type[AnyEntry], Callable[..., None]] = {
    NodeFailed: _node_failed,
    OutputChecked: _output_checked,
    BranchTaken: _branch_taken,
    ForeachBegun: _foreach_begun,
    LoopDecided: _loop_decided,
    Mapped: _mapped,
    SleepBegun: _sleep_begun,
    SleepEnded: _sleep_ended,
    EventAwaited: _event_awaited,
    EventReceived: _event_received,
    EventMatched: _event_matched,
    EventsPassed: _events_passed,
    EventTimedOut: _event_timed_out,
    EventDefaulted: _event_defaulted,
}
"""For each kind of entry about control flow what it does."""
