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

Seq: TypeAlias = int
"""The number of an entry within its run, from 1."""

Millis: TypeAlias = int
"""Milliseconds since 1970-01-01 UTC."""


class Entry(msgspec.Struct, frozen=True, tag_field="kind", omit_defaults=True, kw_only=True):
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
    """The run exists, pending. ``fingerprint`` names the definition it was created under."""

    workflow_id: str
    fingerprint: str


class RunStarted(Entry, frozen=True, tag="run-started"):
    """The run was started with ``input``."""

    input: msgspec.Raw


class DefinitionAdopted(Entry, frozen=True, tag="definition-adopted"):
    """From here on the run follows the definition ``fingerprint``; its journal was found to fit."""

    fingerprint: str


class RunSucceeded(Entry, frozen=True, tag="run-succeeded"):
    """The run ended well; ``result`` refers to what it ended with."""

    result: Ref


class RunFailed(Entry, frozen=True, tag="run-failed"):
    """The run ended badly. Suspensions still open are closed with it."""

    error: ErrorRecord


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
    """The step is done, for good; whatever follows it may begin."""

    output: msgspec.Raw


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


class SuspensionAnswered(Entry, frozen=True, tag="suspension-answered"):
    """Someone answered the suspension that entry ``suspension`` opened; the step runs again with ``data``.

    Attributes:
        address: the suspended step.
        suspension: the seq of its ``StepSuspended``.
        data: the answer.
        actor: who answered, where known.
        channel: by which way the answer came (``"python"``, ``"cli"``, ``"http"``).
    """

    address: Address
    suspension: Seq
    data: msgspec.Raw
    actor: str = ""
    channel: str = ""


class OnceRecorded(Entry, frozen=True, tag="once-recorded"):
    """``ctx.once(name, ...)`` inside a step gave ``value``; it will not be called again."""

    address: Address
    name: str
    value: msgspec.Raw


# ------------------------------------------------------------------ control flow


class BranchTaken(Entry, frozen=True, tag="branch-taken"):
    """The branch's conditions were asked, once and for all: ``taken`` holds the ids whose condition was true."""

    address: Address
    taken: tuple[str, ...]


class BranchFailed(Entry, frozen=True, tag="branch-failed"):
    """A condition of the branch raised."""

    address: Address
    error: ErrorRecord


# ------------------------------------------------------------------ references to values


class Joined(msgspec.Struct, frozen=True, tag_field="kind", tag="joined"):
    """A value put together from others: the output of a parallel or branch, ``{id: output}``."""

    parts: dict[str, Ref]


Ref: TypeAlias = Seq | Joined
"""A value by reference: the seq of the entry that holds it, or an object of such."""


AnyEntry: TypeAlias = (
    RunCreated
    | RunStarted
    | DefinitionAdopted
    | RunSucceeded
    | RunFailed
    | StepSucceeded
    | StepFailed
    | StepRetrying
    | StepSuspended
    | SuspensionAnswered
    | OnceRecorded
    | BranchTaken
    | BranchFailed
)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEntry] = msgspec.json.Decoder(AnyEntry)


def encode_entry(entry: AnyEntry) -> bytes:
    """The canonical bytes of an entry."""
    return _encoder.encode(entry)


def decode_entry(data: bytes) -> AnyEntry:
    """The entry that ``encode_entry`` made ``data`` of.

    Raises:
        msgspec.DecodeError: if it is not an entry.
    """
    return _decoder.decode(data)


def value_of(entry: AnyEntry) -> msgspec.Raw | None:
    """The one value an entry holds, if its kind holds one."""
    match entry:
        case StepSucceeded():
            return entry.output
        case RunStarted():
            return entry.input
        case StepSuspended():
            return entry.payload
        case SuspensionAnswered():
            return entry.data
        case OnceRecorded():
            return entry.value
        case _:
            return None
