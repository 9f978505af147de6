"""What happened in a run, step by step, made from its journal: for people, pages and the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from waystation.core.addresses import Address
from waystation.core.entries import (
    AnyEntry,
    BranchTaken,
    ErrorRecord,
    Millis,
    OnceRecorded,
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
from waystation.core.fold import JournalMisfit
from waystation.core.machine import Machine
from waystation.define.nodes import Graph

StepStatus: TypeAlias = Literal["running", "waiting", "suspended", "success", "failed"]


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


class RunHistory(msgspec.Struct, kw_only=True):
    """What happened in a run.

    Attributes:
        steps: in the order they were first heard of.
        branches: branch address to the ids it took.
    """

    workflow_id: str = ""
    created_at: Millis = 0
    started_at: Millis | None = None
    ended_at: Millis | None = None
    input: msgspec.Raw | None = None
    error: ErrorRecord | None = None
    steps: list[StepHistory] = []
    branches: dict[Address, tuple[str, ...]] = {}


def history_of(entries: Sequence[AnyEntry], graph: Graph | None = None) -> RunHistory:
    """The history that the journal tells.

    Arguments:
        entries: the whole journal, in order.
        graph: the run's graph, if at hand: then steps that have begun and recorded nothing yet are listed too.
    """
    history = RunHistory()
    steps: dict[Address, StepHistory] = {}
    for seq, entry in enumerate(entries, 1):
        _tell(history, steps, seq, entry)
    if graph is not None and history.ended_at is None:
        for address in _under_way(entries, graph):
            steps.setdefault(address, StepHistory(address=address))
    history.steps = list(steps.values())
    return history


def _under_way(entries: Sequence[AnyEntry], graph: Graph) -> list[Address]:
    machine = Machine(graph)
    try:
        machine.restore(entries)
    except JournalMisfit:
        return []  # another definition than the run's: what is recorded can be told all the same
    return [address for address in machine.state.frames if machine.step_frame(address) is not None]


def _tell(history: RunHistory, steps: dict[Address, StepHistory], seq: Seq, entry: AnyEntry) -> None:
    match entry:
        case RunCreated():
            history.workflow_id, history.created_at = entry.workflow_id, entry.at
        case RunStarted():
            history.started_at, history.input = entry.at, entry.input
        case RunSucceeded():
            history.ended_at = entry.at
        case RunFailed():
            history.ended_at, history.error = entry.at, entry.error
        case BranchTaken():
            history.branches[entry.address] = entry.taken
        case StepSucceeded() | StepFailed() | StepRetrying() | StepSuspended() | SuspensionAnswered() | OnceRecorded():
            step = steps.setdefault(entry.address, StepHistory(address=entry.address))
            _tell_step(step, seq, entry)
        case _:
            pass


def _tell_step(
    step: StepHistory,
    seq: Seq,
    entry: StepSucceeded | StepFailed | StepRetrying | StepSuspended | SuspensionAnswered | OnceRecorded,
) -> None:
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
        case StepSucceeded():
            step.status, step.ended, step.output = "success", entry.at, entry.output
        case StepFailed():
            step.status, step.ended, step.error = "failed", entry.at, entry.error
        case StepRetrying():
            step.status, step.retry_at = "waiting", entry.retry_at
            step.failures.append(entry.error)
        case StepSuspended():
            step.status = "suspended"
            step.suspensions.append(
                AskedAndAnswered(seq=seq, asked_at=entry.at, payload=entry.payload, label=entry.label)
            )
