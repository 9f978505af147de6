"""Whether a run's journal keeps the rules, entry by entry. It has rules of its own: nothing is asked of the core."""

from __future__ import annotations

from waystation.core.addresses import Address, node_key
from waystation.core.entries import (
    AnyEntry,
    BranchTaken,
    CancelRequested,
    EventAwaited,
    EventDefaulted,
    EventMatched,
    EventReceived,
    EventTimedOut,
    ForeachBegun,
    LoopDecided,
    Mapped,
    NodeFailed,
    OutputChecked,
    RunCancelled,
    RunFailed,
    RunProceeded,
    RunSucceeded,
    SleepBegun,
    SleepEnded,
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
from waystation.core.refs import Seq
from waystation.define.nodes import UNDO, Graph, WaitNode

_BEGINS_SOMETHING = (
    BranchTaken,
    EventAwaited,
    EventDefaulted,
    EventMatched,
    EventTimedOut,
    ForeachBegun,
    LoopDecided,
    Mapped,
    NodeFailed,
    OutputChecked,
    RunProceeded,
    RunSucceeded,
    SleepBegun,
    SleepEnded,
    StepRetrying,
    StepSuspended,
    SuspensionAnswered,
)
"""What a cancelled run never records, compensations aside."""


class Judge:
    """Reads a run's journal as it grows, by rules of its own: it knows nothing of the machine's state.

    Attributes:
        completed: steps that are done for good.
    """

    def __init__(self, graph: Graph) -> None:
        self.completed: set[Address] = set()
        self._graph = graph
        self._seq: Seq = 0
        self._inherited: Seq = 0
        self._open: dict[Seq, Address] = {}
        self._events: dict[Seq, str] = {}
        self._to_undo: list[Address] = []
        self._unwinding = False
        self._cancelled = False
        self._ended = False
        self._turns: dict[Address, int] = {}
        self._decided: set[Address] = set()
        self._attempts: dict[Address, int] = {}
        self._failed_at: Seq = 0

    def inherit(self, seq: Seq) -> None:
        """The entries up to ``seq`` are another run's past: nothing of it is undone here."""
        self._inherited = seq

    def read(self, entry: AnyEntry) -> None:
        """The next entry of the journal."""
        self._seq += 1
        assert not self._ended, f"{entry} follows the end"
        if self._cancelled and not self._unwinding:
            assert not isinstance(entry, _BEGINS_SOMETHING), f"{entry} in a cancelled run"
        address: Address | None = getattr(entry, "address", None)
        assert address is None or address not in self.completed, f"{entry} is about a completed step"
        if isinstance(entry, (StepEntry, StepWrote)):
            attempt = self._attempts.get(entry.address, 1)
            assert entry.attempt == attempt, f"{entry}, and attempt {attempt} is on"
        self._read_step(entry)
        self._read_node(entry)
        self._read_run(entry)

    def _read_step(self, entry: AnyEntry) -> None:
        match entry:
            case StepSucceeded() | StepFailed() | StepBailed() | StepCancelled():
                self._step_ended(entry)
            case StepRetrying():
                self._attempts[entry.address] = entry.attempt + 1
            case StepSuspended():
                self._open[self._seq] = entry.address
            case SuspensionAnswered():
                assert self._open.pop(entry.suspension, None) == entry.address, f"{entry} answers nothing open"
                self._attempts[entry.address] = 1
            case _:
                pass

    def _read_node(self, entry: AnyEntry) -> None:
        match entry:
            case NodeFailed() | EventTimedOut():
                self._failed_at = self._seq
            case EventReceived():
                self._events[self._seq] = entry.name
            case EventMatched():
                node = self._graph.places[node_key(entry.address)].node
                assert isinstance(node, WaitNode)
                assert self._events.pop(entry.event, None) == node.event, f"{entry} took what was not there"
            case LoopDecided():
                turn = self._turns.get(entry.address, 0) + 1
                assert entry.turn == turn, f"{entry} is not about turn {turn}"
                self._turns[entry.address] = turn
            case BranchTaken() | ForeachBegun():
                assert entry.address not in self._decided, f"{entry} decides again"
                self._decided.add(entry.address)
            case _:
                pass

    def _read_run(self, entry: AnyEntry) -> None:
        match entry:
            case CancelRequested():
                assert not self._cancelled, "cancelled twice"
                assert not self._unwinding, "cancelled while it is undone"
                self._cancelled = True
            case UndoBegun():
                assert not self._unwinding, "undone twice"
                self._unwinding = True
            case RunSucceeded():
                self._ended = True
                assert not self._cancelled, "a cancelled run succeeded"
            case RunFailed() | RunCancelled():
                self._ended = True
                assert not self._to_undo, f"{self._to_undo} were not undone"
                if isinstance(entry, RunFailed):
                    assert self._failed_at > self._inherited, "a run failed, and nothing in it"
            case _:
                pass

    def _step_ended(self, entry: StepSucceeded | StepFailed | StepBailed | StepCancelled) -> None:
        address = entry.address
        self.completed.add(address)
        if isinstance(entry, StepFailed) and not address.endswith(UNDO):
            self._failed_at = self._seq
        if address.endswith(UNDO):
            assert self._unwinding, f"{entry} before the run is undone"
            assert self._to_undo.pop() + UNDO == address, f"{entry} is out of order"
            return
        assert not self._unwinding, f"{entry} while the run is undone"
        step = self._graph.step(node_key(address))
        if isinstance(entry, StepSucceeded) and step is not None and step.undo and self._seq > self._inherited:
            self._to_undo.append(address)
