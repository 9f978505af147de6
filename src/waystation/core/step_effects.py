"""What an entry about a step makes of the run's state; see ``fold``. The transitions of a step are a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from waystation.core.addresses import Address, node_key
from waystation.core.entries import (
    AnyEntry,
    InputReplaced,
    OnceRecorded,
    StepBailed,
    StepCancelled,
    StepEntry,
    StepFailed,
    StepRetrying,
    StepSucceeded,
    StepSuspended,
    StepWrote,
    SuspensionAnswered,
)
from waystation.core.misfit import JournalMisfit
from waystation.core.state import Phase, StepFrame, Undoable
from waystation.define.nodes import UNDO

if TYPE_CHECKING:
    from waystation.core.fold import Fold

TRANSITIONS: dict[tuple[Phase, type], Phase | None] = {
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
have is legal for a waiting one too; and nothing may depend on which of the two a step is. (A cancel makes it ready.)
"""


def _succeeded(fold: Fold, entry: StepSucceeded) -> None:
    address, state, flow = entry.address, fold.state, fold.flow
    frame = _moved(fold, address, entry)
    flow.take_step(address)
    if entry.state:
        state.shared.update(entry.state)
    if address.endswith(UNDO):
        _undone(fold)
    else:
        _done(fold)
        seq = state.last_seq
        if node_key(address) + UNDO in fold.graph.places and seq > state.inherited:
            state.undoable.append(Undoable(address, seq))
        if not state.cancel:
            fold.values.hold(seq, entry.output)
            flow.complete(address, seq)
            fold.values.drop_unused(seq)
    flow.let_go(frame)


def _bailed(fold: Fold, entry: StepBailed) -> None:
    frame = _moved(fold, entry.address, entry)
    fold.flow.take_step(entry.address)
    fold.state.shared.update(entry.state)
    _done(fold)
    if not fold.state.cancel:
        fold.values.hold(fold.state.last_seq, entry.output)
        fold.flow.bail(entry.address, fold.state.last_seq)
        fold.values.drop_unused(fold.state.last_seq)
    fold.flow.let_go(frame)


def _failed(fold: Fold, entry: StepFailed) -> None:
    frame = _moved(fold, entry.address, entry)
    fold.flow.take_step(entry.address)
    fold.flow.let_go(frame)
    if entry.address.endswith(UNDO):
        fold.state.undo_errors.append(entry.error)
        _undone(fold)
    else:
        _done(fold)
        if not fold.state.cancel:
            fold.flow.fail(entry.address, entry.error)


def _cancelled(fold: Fold, entry: StepCancelled) -> None:
    frame = _moved(fold, entry.address, entry)
    fold.flow.take_step(entry.address)
    fold.flow.let_go(frame)


def _done(fold: Fold) -> None:
    """A step came to an end of its own: one permit less, where steps are counted."""
    if fold.state.permits:
        fold.state.permits -= 1


def _undone(fold: Fold) -> None:
    """A compensation has ended, well or badly: go on with the next."""
    fold.state.undoable.pop()
    fold.undo_next()


def _retrying(fold: Fold, entry: StepRetrying) -> None:
    frame = _moved(fold, entry.address, entry)
    frame.attempt = entry.attempt + 1
    frame.first_began = frame.first_began or entry.began
    frame.retry_at = entry.retry_at


def _suspended(fold: Fold, entry: StepSuspended) -> None:
    frame = _moved(fold, entry.address, entry)
    seq = fold.state.last_seq
    for old in (frame.suspension, frame.answer):  # a new suspension replaces the one before it, and its answer
        if old:
            fold.values.release(old)
    frame.answer = 0
    frame.suspension = seq
    frame.label = entry.label
    fold.values.hold(seq, entry.payload)
    fold.values.retain(seq)
    fold.state.shared.update(entry.state)
    fold.opened.append((seq, entry.address))
    fold.asked[seq] = entry
    _done(fold)


def _answered(fold: Fold, entry: SuspensionAnswered) -> None:
    frame = _moved(fold, entry.address, entry)
    seq = fold.state.last_seq
    frame.answer = seq
    # The answer begins a new leg: it has the policy's attempts and times before it.
    frame.attempt = 1
    frame.first_began = 0
    fold.values.hold(seq, entry.data)
    fold.values.retain(seq)
    fold.state.context.update(entry.context)
    fold.flow.closed.append(entry.suspension)


def _once(fold: Fold, entry: OnceRecorded) -> None:
    frame = _moved(fold, entry.address, entry)
    frame.once[entry.name] = fold.state.last_seq
    fold.values.hold(fold.state.last_seq, entry.value)
    fold.values.retain(fold.state.last_seq)


def _wrote(fold: Fold, entry: StepWrote) -> None:
    _moved(fold, entry.address, entry)


def _input_replaced(fold: Fold, entry: InputReplaced) -> None:
    frame = _moved(fold, entry.address, entry)
    old, frame.input = frame.input, fold.state.last_seq
    fold.values.hold(fold.state.last_seq, entry.value)
    fold.values.retain(fold.state.last_seq)
    fold.values.release(old)


def _moved(
    fold: Fold, address: Address, entry: StepEntry | SuspensionAnswered | OnceRecorded | StepWrote | InputReplaced
) -> StepFrame:
    """The frame of the step an entry is about, moved to its next phase by the table."""
    frame = fold.state.frames.get(address)
    if not isinstance(frame, StepFrame):
        raise JournalMisfit(fold.why_not_entered(address), address)
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
        fold.flow.recount(address, frame, was_busy=busy, was_idle=not busy)
    return frame


STEP_EFFECTS: Mapping[type[AnyEntry], Callable[..., None]] = {
    StepSucceeded: _succeeded,
    StepFailed: _failed,
    StepRetrying: _retrying,
    StepSuspended: _suspended,
    StepBailed: _bailed,
    StepCancelled: _cancelled,
    SuspensionAnswered: _answered,
    OnceRecorded: _once,
    StepWrote: _wrote,
    InputReplaced: _input_replaced,
}
"""For each kind of entry about a step what it does."""
