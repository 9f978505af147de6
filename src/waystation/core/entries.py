"""The journal's entries: everything that is ever recorded about a run.

A run is an append-only list of entries, numbered by ``seq`` from 1 without gaps; the run's state is a fold of
them (``core.state``). Entries are facts in the past tense and are never changed once written, so:

- a field is only ever added, with a default, and never changes its meaning;
- the encoding is canonical (fixed field order, no spaces, defaults left out): equal entries are equal bytes;
- times are integers, milliseconds since 1970-01-01 UTC, given by whoever writes the entry: the core has no clock;
- values (inputs, outputs, payloads, answers) are JSON, embedded as they are, so a journal can be read by eye.

At most one value belongs to an entry; others refer to it by the entry's ``seq`` (see ``Ref``), so nothing is
stored twice.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from waystation.core.addresses import Address
from waystation.core.refs import Millis, Ref, Seq


class Entry(msgspec.Struct, frozen=True, tag_field="kind", omit_defaults=True, kw_only=True, gc=False):
    """What every entry has.

    Attributes:
        at: when it was written.
    """

    at: Millis


class ErrorRecord(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An error as it is kept: the same before and after a restart.

    Attributes:
        code: a stable code: that of a Waystation error, or ``"exception"`` for any other.
        type: the exception's class name.
        message: its text.
        address: the step that failed; empty for the run itself.
        field: for bad data, where in it.
        traceback: the text of the traceback, for people.
        cause: the error this one was raised from.
    """

    code: str
    type: str
    message: str
    address: str = ""
    field: str = ""
    traceback: str = ""
    cause: ErrorRecord | None = None


# ------------------------------------------------------------------ the run as a whole


class RunCreated(Entry, frozen=True, tag="run-created"):
    """The run exists, pending. ``fingerprint`` names the definition it was created under.

    Attributes:
        version: the version of the workflow, "" if it has none.
        forked_from: the run whose past this one shares, "" for none.
        inherited: of a fork: up to which seq its journal is that run's past.
    """

    workflow_id: str
    fingerprint: str
    version: str = ""
    forked_from: str = ""
    inherited: Seq = 0


class RunStarted(Entry, frozen=True, tag="run-started"):
    """The run was started with ``input``.

    Attributes:
        input: the workflow's input.
        state: the run state it begins with, by key.
        context: the request context, by key.
        per_step: whether it pauses after each step.
    """

    input: msgspec.Raw
    state: dict[str, msgspec.Raw] = {}
    context: dict[str, msgspec.Raw] = {}
    per_step: bool = False


class RunProceeded(Entry, frozen=True, tag="run-proceeded"):
    """A paused run goes on: by one step (``per_step``), or freely."""

    per_step: bool = False


class CancelRequested(Entry, frozen=True, tag="cancel-requested"):
    """Someone wants the run to end: nothing new is begun, what waits is given up, steps in flight are told.

    Attributes:
        reason: why, in words.
        actor, channel: who asked and by which way.
        grace_ms: how long steps in flight may go on before they are cut off.
        address: the step that asked for it by ``ctx.abort``; "" if it came from outside.
    """

    reason: str = ""
    actor: str = ""
    channel: str = ""
    grace_ms: Millis = 0
    address: str = ""


class UndoBegun(Entry, frozen=True, tag="undo-begun"):
    """The run failed or is cancelled: the compensations of its completed steps run now, the last one first."""


class StateReplaced(Entry, frozen=True, tag="state-replaced"):
    """A forked run goes on with other run state: ``changes`` are merged into it."""

    changes: dict[str, msgspec.Raw]


class DefinitionAdopted(Entry, frozen=True, tag="definition-adopted"):
    """From here on the run follows the definition ``fingerprint``; its journal was found to fit."""

    fingerprint: str


class RunSucceeded(Entry, frozen=True, tag="run-succeeded"):
    """The run ended well; ``result`` refers to what it ended with."""

    result: Ref


class RunFailed(Entry, frozen=True, tag="run-failed"):
    """The run ended badly. ``undo_errors`` are those of compensations that failed."""

    error: ErrorRecord
    undo_errors: tuple[ErrorRecord, ...] = ()


class RunCancelled(Entry, frozen=True, tag="run-cancelled"):
    """The run was cancelled, and nothing of it goes on. ``undo_errors`` are those of compensations that failed."""

    undo_errors: tuple[ErrorRecord, ...] = ()


# ------------------------------------------------------------------ steps


class StepEntry(Entry, frozen=True):
    """What every entry about one attempt of one step has.

    Attributes:
        address: the step.
        attempt: which attempt, from 1.
        began: when the attempt began.
    """

    address: Address
    attempt: int
    began: Millis


class StepSucceeded(StepEntry, frozen=True, tag="step-succeeded"):
    """The step is done, for good; whatever follows it may begin. ``state`` is what it changed of the run state."""

    output: msgspec.Raw
    state: dict[str, msgspec.Raw] = {}


class StepBailed(StepEntry, frozen=True, tag="step-bailed"):
    """The step ended the workflow it is in, with ``output`` as that workflow's output."""

    output: msgspec.Raw
    state: dict[str, msgspec.Raw] = {}


class StepCancelled(StepEntry, frozen=True, tag="step-cancelled"):
    """The attempt was cut off (or never begun) because the run is cancelled."""


class StepFailed(StepEntry, frozen=True, tag="step-failed"):
    """The step failed, for good."""

    error: ErrorRecord


class StepRetrying(StepEntry, frozen=True, tag="step-retrying"):
    """This attempt failed; the next may begin at ``retry_at``."""

    error: ErrorRecord
    retry_at: Millis


class StepSuspended(StepEntry, frozen=True, tag="step-suspended"):
    """The step waits for an answer. The suspension is known by this entry's seq."""

    payload: msgspec.Raw
    label: str = ""
    state: dict[str, msgspec.Raw] = {}


class SuspensionAnswered(Entry, frozen=True, tag="suspension-answered"):
    """Someone answered the suspension that entry ``suspension`` opened; the step runs again with ``data``.

    Attributes:
        address: the suspended step.
        suspension: the seq of its ``StepSuspended``.
        data: the answer.
        actor: who answered, where known.
        channel: by which way the answer came (``"python"``, ``"cli"``, ``"http"``).
        context: what the answer changes of the request context, by key.
        key: its idempotency key, "" for none: the same answer of the same actor is not another.
    """

    address: Address
    suspension: Seq
    data: msgspec.Raw
    actor: str = ""
    channel: str = ""
    context: dict[str, msgspec.Raw] = {}
    key: str = ""


class OnceRecorded(Entry, frozen=True, tag="once-recorded"):
    """``ctx.once(name, ...)`` inside a step gave ``value``; it will not be called again."""

    address: Address
    name: str
    value: msgspec.Raw


class StepWrote(Entry, frozen=True, tag="step-output"):
    """Chunks that an attempt gave to ``ctx.write``, in order."""

    address: Address
    attempt: int
    chunks: tuple[msgspec.Raw, ...]


class InputReplaced(Entry, frozen=True, tag="input-replaced"):
    """In a forked run: the step at ``address`` is given ``value`` instead of what reached it."""

    address: Address
    value: msgspec.Raw


# ------------------------------------------------------------------ control flow


class NodeFailed(Entry, frozen=True, tag="node-failed"):
    """What is no step failed: a condition, a key or a map raised, a foreach was given no list, the output of a nested
    workflow, or of the run itself (at no address), does not fit."""

    address: Address
    error: ErrorRecord


class OutputChecked(Entry, frozen=True, tag="output-checked"):
    """The output of the nested workflow at ``address`` was held against its schema, and fits."""

    address: Address


class BranchTaken(Entry, frozen=True, tag="branch-taken"):
    """The branch's conditions, or the switch's key, were asked, once and for all: ``taken`` holds the ids to run."""

    address: Address
    taken: tuple[str, ...]


class ForeachBegun(Entry, frozen=True, tag="foreach-begun"):
    """The foreach has ``count`` items, of which ``concurrency`` are under way at once."""

    address: Address
    count: int
    concurrency: int


class LoopDecided(Entry, frozen=True, tag="loop-decided"):
    """The loop's condition was asked after turn ``turn``: whether there is another."""

    address: Address
    turn: int
    again: bool


class Mapped(Entry, frozen=True, tag="mapped"):
    """The map made ``output`` of what reached it."""

    address: Address
    output: msgspec.Raw


class SleepBegun(Entry, frozen=True, tag="sleep-begun"):
    """The run sleeps here until ``until``."""

    address: Address
    until: Millis


class SleepEnded(Entry, frozen=True, tag="sleep-ended"):
    """The time to sleep is over."""

    address: Address


class EventAwaited(Entry, frozen=True, tag="event-awaited"):
    """The run waits here for an event, until ``until`` at most."""

    address: Address
    until: Millis


class EventReceived(Entry, frozen=True, tag="event-received"):
    """Someone sent the run an event. It is kept until a wait takes it.

    Attributes:
        name: its name.
        data: its data.
        key: its idempotency key, "" for none: an event of a key that was received before is not recorded again.
        actor, channel: who sent it and by which way.
    """

    name: str
    data: msgspec.Raw
    key: str = ""
    actor: str = ""
    channel: str = ""


class EventMatched(Entry, frozen=True, tag="event-matched"):
    """The wait took the event that entry ``event`` received; no other wait will."""

    address: Address
    event: Seq


class EventsPassed(Entry, frozen=True, tag="events-passed"):
    """None of ``events`` (the seqs of entries that received them) fits the wait: it does not try them again."""

    address: Address
    events: tuple[Seq, ...]


class EventTimedOut(Entry, frozen=True, tag="event-timed-out"):
    """No event came in time, and the wait has no default."""

    address: Address
    error: ErrorRecord


class EventDefaulted(Entry, frozen=True, tag="event-defaulted"):
    """No event came in time: the wait gives its default."""

    address: Address
    output: msgspec.Raw


AnyEntry: TypeAlias = (
    RunCreated
    | RunStarted
    | RunProceeded
    | DefinitionAdopted
    | CancelRequested
    | UndoBegun
    | StateReplaced
    | RunSucceeded
    | RunFailed
    | RunCancelled
    | StepSucceeded
    | StepFailed
    | StepRetrying
    | StepSuspended
    | StepBailed
    | StepCancelled
    | SuspensionAnswered
    | OnceRecorded
    | StepWrote
    | InputReplaced
    | NodeFailed
    | OutputChecked
    | BranchTaken
    | ForeachBegun
    | LoopDecided
    | Mapped
    | SleepBegun
    | SleepEnded
    | EventAwaited
    | EventReceived
    | EventMatched
    | EventsPassed
    | EventTimedOut
    | EventDefaulted
)
