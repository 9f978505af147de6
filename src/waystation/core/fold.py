"""The fold: what each journal entry makes of a run's state. Nothing else changes the state.

``apply`` folds one entry in; the state after it follows from the state before, the entry and the graph alone. So a
run that is live, one that is recovered and one that is merely looked at stand in the same place. What becomes
possible by an entry is noted in ``flow.fresh``: the machine makes actions of it.

Entries about the run are folded here, those about a step in ``step_effects`` (with the table of a step's
transitions, which ``docs/`` draws), those about control flow in ``node_effects``. What any of them brings about
elsewhere in the graph is in ``flow``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from waystation.core.addresses import Address, node_key
from waystation.core.entries import (
    AnyEntry,
    CancelRequested,
    DefinitionAdopted,
    RunCancelled,
    RunCreated,
    RunFailed,
    RunProceeded,
    RunStarted,
    RunSucceeded,
    StateReplaced,
    StepSuspended,
    UndoBegun,
)
from waystation.core.flow import Flow
from waystation.core.misfit import JournalMisfit
from waystation.core.node_effects import NODE_EFFECTS
from waystation.core.refs import Seq
from waystation.core.state import Frame, State, StepFrame, is_busy
from waystation.core.step_effects import STEP_EFFECTS
from waystation.define.nodes import UNDO, Graph

_F = TypeVar("_F", bound=Frame)


class Fold:
    """One run's state, and the values its frames refer to.

    Attributes:
        graph: the definition the run follows.
        state: where it stands. Read it; only ``apply`` and ``wake`` write it.
        flow: how it moves through the graph.
        values: the values that frames refer to, by seq.
        opened: suspensions opened; whoever makes them durable empties the list.
        asked: what was asked in those that were opened here, by seq; who is told that one was closed takes it out.
    """

    def __init__(self, graph: Graph, state: State | None = None) -> None:
        self.graph = graph
        self.state = state if state is not None else State()
        self.flow = Flow(graph, self.state)
        self.values = self.flow.values
        self.opened: list[tuple[Seq, Address]] = []
        self.asked: dict[Seq, StepSuspended] = {}

    def apply(self, entry: AnyEntry) -> None:
        """Fold one entry, the next of the journal, into the state.

        Raises:
            JournalMisfit: the entry cannot follow what came before it, under this graph.
        """
        self.state.last_seq += 1
        EFFECTS[type(entry)](self, entry)
        if self.flow.failing:
            self.flow.settle()

    def wake(self, address: Address) -> None:
        """The time of the waiting step at ``address`` has come: its next attempt may begin."""
        frame = self.state.frames[address]
        assert isinstance(frame, StepFrame), "only a step is woken"
        assert frame.phase == "waiting", "only a waiting step is woken"
        frame.phase = "ready"
        self.flow.recount(address, frame, was_busy=False, was_idle=True)

    def undo_next(self) -> None:
        """Begin the compensation of the step that completed last, of those that are left."""
        if self.state.undoable:
            last = self.state.undoable[-1]
            self.flow.put_step(Address(last.address + UNDO), last.output)

    def entered(self, address: Address, kind: type[_F]) -> _F:
        """The frame of an entry's node, which must be of ``kind``; else the entry is a ``JournalMisfit``."""
        frame = self.state.frames.get(address)
        if not isinstance(frame, kind):
            raise JournalMisfit(self.why_not_entered(address), address)
        return frame

    def why_not_entered(self, address: Address) -> str:
        """Why an entry about ``address`` cannot be, in words."""
        if node_key(address) not in self.graph.places:
            return f"{address!r} has run, but the definition has no such step or block"
        active = ", ".join(repr(key) for key in self.state.frames) or "the end of the workflow"
        return f"{address!r} has run, but by the definition the run would stand at {active}"


# --------------------------------------------------------------------------- entries about the run


def _created(fold: Fold, entry: RunCreated) -> None:
    fold.state.fingerprint = entry.fingerprint
    fold.state.inherited = entry.inherited


def _adopted(fold: Fold, entry: DefinitionAdopted) -> None:
    fold.state.fingerprint = entry.fingerprint


def _started(fold: Fold, entry: RunStarted) -> None:
    state = fold.state
    state.standing = "running"
    state.input_seq = state.last_seq
    state.shared = dict(entry.state)
    state.context = dict(entry.context)
    state.permits = 1 if entry.per_step else None
    fold.values.hold(state.last_seq, entry.input)
    fold.flow.enter(Address(fold.graph.root.children[0].id), state.last_seq)
    fold.values.drop_unused(state.last_seq)


def _proceeded(fold: Fold, entry: RunProceeded) -> None:
    fold.state.permits = 1 if entry.per_step else None
    fold.flow.fresh.extend(address for address, frame in fold.state.frames.items() if is_busy(frame))


def _state_replaced(fold: Fold, entry: StateReplaced) -> None:
    fold.state.shared.update(entry.changes)


def _cancel(fold: Fold, entry: CancelRequested) -> None:
    fold.state.cancel = fold.state.last_seq
    fold.state.cancel_reason = entry.reason
    fold.state.grace_ms = entry.grace_ms
    fold.state.permits = None
    fold.flow.cancel()


def _undo_begun(fold: Fold, entry: UndoBegun) -> None:  # noqa: ARG001  (its kind says it all)
    fold.state.unwinding = True
    fold.state.permits = None
    fold.undo_next()


def _ended(fold: Fold, entry: RunSucceeded | RunFailed | RunCancelled) -> None:
    match entry:
        case RunSucceeded():
            fold.state.standing = "success"
        case RunFailed():
            fold.state.standing = "failed"
            fold.state.failure = entry.error
        case RunCancelled():
            fold.state.standing = "cancelled"
    fold.flow.end()


_RUN_EFFECTS: Mapping[type[AnyEntry], Callable[..., None]] = {
    RunCreated: _created,
    RunStarted: _started,
    RunProceeded: _proceeded,
    DefinitionAdopted: _adopted,
    StateReplaced: _state_replaced,
    CancelRequested: _cancel,
    UndoBegun: _undo_begun,
    RunSucceeded: _ended,
    RunFailed: _ended,
    RunCancelled: _ended,
}
"""For each kind of entry about the run what it does."""

EFFECTS: Mapping[type[AnyEntry], Callable[..., None]] = {**_RUN_EFFECTS, **STEP_EFFECTS, **NODE_EFFECTS}
"""For each kind of entry what it does. Each function takes just the class it stands beside, which no type can say of
a dict; ``tests/unit/test_machine.py`` checks that every kind has its function."""
