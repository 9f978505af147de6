"""What happened in a run, step by step, made from its journal: for people, pages and the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from waystation.core.addresses import Address
from waystation.core.entries import (
    AnyEntry,
    BranchTaken,
    CancelRequested,
    ErrorRecord,
    EventAwaited,
    EventDefaulted,
    EventMatched,
    EventReceived,
    EventTimedOut,
    ForeachBegun,
    LoopDecided,
    Mapped,
    NodeFailed,
    OnceRecorded,
    RunCancelled,
    RunCreated,
    RunFailed,
    RunStarted,
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
    SuspensionAnswered,
)
from waystation.core.machine import Machine
from waystation.core.misfit import JournalMisfit
from waystation.core.refs import Millis, Seq
from waystation.core.state import StepFrame, WaitFrame
from waystation.define.nodes import Graph

StepStatus: TypeAlias = Literal["running", "waiting", "suspended", "success", "failed", "cancelled"]


class AskedAndAnswered(msgspec.Struct, kw_only=True):
    """One suspension of a step, and the answer if there is one."""

    seq: Seq
    asked_at: Millis
    payload: msgspec.Raw
    label: str = ""
    answered_at: Millis | None = None
    answer: msgspec.Raw | None = None
    actor: str = ""
    channel: str = ""


class StepHistory(msgspec.Struct, kw_only=True):
    """What happened at one step.

    Attributes:
        address: the step.
        status: how it stands.
        attempts: how many attempts have ended, plus one if one is on.
        began: when the first recorded attempt began; None if none has ended yet.
        ended: when it was done; None until then.
        output, error: what came of it.
        suspensions: what it asked and was answered.
        once: names of the side effects it recorded.
        failures: the errors of attempts that were tried again.
    """

    address: Address
    status: StepStatus = "running"
    attempts: int = 0
    began: Millis | None = None
    ended: Millis | None = None
    output: msgspec.Raw | None = None
    error: ErrorRecord | None = None
    retry_at: Millis | None = None
    suspensions: list[AskedAndAnswered] = []
    once: list[str] = []
    failures: list[ErrorRecord] = []


class NodeHistory(msgspec.Struct, kw_only=True):
    """What happened at a node that is no step: a branch, a loop, a map, a sleep, a wait, ...

    Attributes:
        address: the node.
        status: how it stands.
        at: when it last recorded something; None if it has not: a wait for an event that may take for ever.
        until: of a sleep or a wait: until when.
        taken: of a branch or switch: the ids it chose.
        count: of a foreach: how many items; of a loop: how many turns so far.
        output: of a map or a wait: what it gave.
        error: why it failed.
    """

    address: Address
    status: StepStatus = "running"
    at: Millis | None = None
    until: Millis | None = None
    taken: tuple[str, ...] = ()
    count: int | None = None
    output: msgspec.Raw | None = None
    error: ErrorRecord | None = None


class CancelHistory(msgspec.Struct, kw_only=True):
    """Who cancelled the run, and why."""

    at: Millis
    reason: str = ""
    actor: str = ""
    channel: str = ""
    address: str = ""


class RunHistory(msgspec.Struct, kw_only=True):
    """What happened in a run.

    Attributes:
        steps: in the order they were first heard of.
        branches: branch address to the ids it took.
        nodes: what happened at nodes that are no steps, in the order they first recorded something.
        cancel: who cancelled it; None if nobody has.
        forked_from: the run whose past it shares, "" for none.
    """

    workflow_id: str = ""
    created_at: Millis = 0
    started_at: Millis | None = None
    ended_at: Millis | None = None
    input: msgspec.Raw | None = None
    error: ErrorRecord | None = None
    steps: list[StepHistory] = []
    branches: dict[Address, tuple[str, ...]] = {}
    nodes: list[NodeHistory] = []
    cancel: CancelHistory | None = None
    forked_from: str = ""


def history_of(entries: Sequence[AnyEntry], graph: Graph | None = None) -> RunHistory:
    """The history that the journal tells.

    Arguments:
        entries: the whole journal, in order.
        graph: the run's graph, if at hand: then steps and waits that have recorded nothing yet are listed too.
    """
    telling = _Telling()
    for seq, entry in enumerate(entries, 1):
        telling.tell(seq, entry)
    return telling.history({} if graph is None else _under_way(entries, graph))


def _under_way(entries: Sequence[AnyEntry], graph: Graph) -> Mapping[Address, StepFrame | WaitFrame]:
    machine = Machine(graph)
    try:
        machine.restore(entries)
    except JournalMisfit:
        return {}  # another definition than the run's: what is recorded can be told all the same
    frames = machine.state.frames.items()
    return {address: frame for address, frame in frames if isinstance(frame, (StepFrame, WaitFrame))}


class _Telling:
    """A history in the making."""

    def __init__(self) -> None:
        self._run = RunHistory()
        self._steps: dict[Address, StepHistory] = {}
        self._nodes: dict[Address, NodeHistory] = {}
        self._events: dict[Seq, EventReceived] = {}

    def history(self, under_way: Mapping[Address, StepFrame | WaitFrame]) -> RunHistory:
        """What was told, and the steps and waits that have begun and recorded nothing yet."""
        run = self._run
        if run.ended_at is None:
            for address, frame in under_way.items():
                if isinstance(frame, StepFrame):
                    self._steps.setdefault(address, StepHistory(address=address))
                else:
                    self._nodes.setdefault(address, NodeHistory(address=address, status="waiting"))
        run.steps, run.nodes = list(self._steps.values()), list(self._nodes.values())
        if run.ended_at is not None:
            # What was under way then was given up: the run ended around it.
            for step in run.steps:
                step.status = _as_ended(step.status)
            for node in run.nodes:
                node.status = _as_ended(node.status)
        return run

    def tell(self, seq: Seq, entry: AnyEntry) -> None:
        """Take in the next entry."""
        match entry:
            case StepEntry() | SuspensionAnswered() | OnceRecorded():
                step = self._steps.setdefault(entry.address, StepHistory(address=entry.address))
                _tell_step(step, seq, entry)
            case EventReceived():
                self._events[seq] = entry
            case RunCreated() | RunStarted() | RunSucceeded() | RunFailed() | RunCancelled() | CancelRequested():
                self._tell_run(entry)
            case _:
                self._tell_node(entry)

    def _tell_run(
        self, entry: RunCreated | RunStarted | RunSucceeded | RunFailed | RunCancelled | CancelRequested
    ) -> None:
        run = self._run
        match entry:
            case RunCreated():
                run.workflow_id, run.created_at, run.forked_from = entry.workflow_id, entry.at, entry.forked_from
            case RunStarted():
                run.started_at, run.input = entry.at, entry.input
            case CancelRequested():
                run.cancel = CancelHistory(
                    at=entry.at,
                    reason=entry.reason,
                    actor=entry.actor,
                    channel=entry.channel,
                    address=entry.address,
                )
            case RunFailed():
                run.ended_at, run.error = entry.at, entry.error
            case RunSucceeded() | RunCancelled():
                run.ended_at = entry.at

    def _node(self, entry: AnyEntry, address: Address, status: StepStatus) -> NodeHistory:
        node = self._nodes.setdefault(address, NodeHistory(address=address))
        node.status, node.at = status, entry.at
        return node

    def _tell_node(self, entry: AnyEntry) -> None:
        match entry:
            case BranchTaken():
                self._run.branches[entry.address] = entry.taken
                self._node(entry, entry.address, "success").taken = entry.taken
            case ForeachBegun():
                self._node(entry, entry.address, "success").count = entry.count
            case LoopDecided():
                self._node(entry, entry.address, "running" if entry.again else "success").count = entry.turn
            case Mapped() | EventDefaulted():
                self._node(entry, entry.address, "success").output = entry.output
            case SleepBegun() | EventAwaited():
                self._node(entry, entry.address, "waiting").until = entry.until
            case SleepEnded():
                self._node(entry, entry.address, "success")
            case EventMatched():
                self._node(entry, entry.address, "success").output = self._events[entry.event].data
            case NodeFailed(address=""):
                pass  # told by the end of the run
            case NodeFailed() | EventTimedOut():
                self._node(entry, entry.address, "failed").error = entry.error
            case _:
                pass


def _as_ended(status: StepStatus) -> StepStatus:
    return status if status in ("success", "failed") else "cancelled"


def _tell_step(step: StepHistory, seq: Seq, entry: StepEntry | SuspensionAnswered | OnceRecorded) -> None:
    if isinstance(entry, OnceRecorded):
        step.once.append(entry.name)
        return
    if isinstance(entry, SuspensionAnswered):
        step.status = "running"
        for asked in step.suspensions:
            if asked.seq == entry.suspension:
                asked.answered_at, asked.answer = entry.at, entry.data
                asked.actor, asked.channel = entry.actor, entry.channel
        return
    step.attempts += 1
    step.began = entry.began if step.began is None else step.began
    match entry:
        case StepSucceeded() | StepBailed():
            step.status, step.ended, step.output = "success", entry.at, entry.output
        case StepFailed():
            step.status, step.ended, step.error = "failed", entry.at, entry.error
        case StepCancelled():
            step.status, step.ended = "cancelled", entry.at
        case StepRetrying():
            step.status, step.retry_at = "waiting", entry.retry_at
            step.failures.append(entry.error)
        case StepSuspended():
            step.status = "suspended"
            step.suspensions.append(
                AskedAndAnswered(seq=seq, asked_at=entry.at, payload=entry.payload, label=entry.label)
            )
        case _:
            pass
