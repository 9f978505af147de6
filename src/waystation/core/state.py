"""Where a run stands: the fold of its journal, as plain data.

The state holds only what is still needed to go on, the *frontier*: one frame for each node that was entered and
is not done. What is done has left its output in the journal and is referred to by seq; values are not copied in
here. So the state's size follows how wide a run stands, not how long it has run.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from waystation.core.addresses import Address
from waystation.core.entries import ErrorRecord, Joined, Millis, Ref, Seq

FORMAT = 1
"""The layout of an encoded state. A frontier of another format is not read: the journal is folded instead."""

Phase: TypeAlias = Literal["ready", "waiting", "suspended"]
"""Of a step that was entered: it runs (or should), it waits until a time, or it waits for an answer."""

Standing: TypeAlias = Literal["pending", "running", "success", "failed"]
"""Of a run, as far as its journal tells; whether a running one is parked follows from its frames."""


class StepFrame(msgspec.Struct, tag="step", omit_defaults=True):
    """A step that was entered and is not done.

    Attributes:
        input: what it was given.
        phase: what it does now.
        attempt: which attempt is on, or is next.
        retry_at: when the next attempt may begin, while ``waiting``.
        suspension: the seq of its latest ``StepSuspended``; 0 if it never suspended.
        label: the label of that suspension.
        answer: the seq of the answer to it; 0 if none came yet.
        once: what ``ctx.once`` recorded: name to seq.
    """

    input: Ref
    phase: Phase = "ready"
    attempt: int = 1
    retry_at: Millis = 0
    suspension: Seq = 0
    label: str = ""
    answer: Seq = 0
    once: dict[str, Seq] = {}


class BlockFrame(msgspec.Struct, tag="block", omit_defaults=True):
    """A parallel or branch that was entered and is not done.

    Attributes:
        input: what it was given; kept only until it is decided, for a branch.
        open: the ids of children that are not done; None for a branch that is not decided.
        outputs: the outputs of those that are.
    """

    input: Ref
    open: list[str] | None = None
    outputs: dict[str, Ref] = {}


Frame: TypeAlias = StepFrame | BlockFrame


class State(msgspec.Struct, kw_only=True):
    """A run as of ``last_seq``.

    Attributes:
        standing: pending, running or how it ended.
        fingerprint: the definition it follows.
        last_seq: the seq of the last entry folded in.
        input_seq: the seq of ``RunStarted``.
        frames: what was entered and is not done, by address.
        busy: how many frames have something to do now: steps that are ready, branches to decide, and the check
            of the workflow's output. 0 in a running run means it is parked.
        output: what the last node gave, once there is nothing left to run.
        failure: the first failure, once there was one; what is in flight still ends.
    """

    format: int = FORMAT
    standing: Standing = "pending"
    fingerprint: str = ""
    last_seq: Seq = 0
    input_seq: Seq = 0
    frames: dict[Address, Frame] = {}
    busy: int = 0
    output: Ref | None = None
    failure: ErrorRecord | None = None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(State)


def encode_state(state: State) -> bytes:
    """The bytes that are kept as a run's frontier."""
    return _encoder.encode(state)


def decode_state(data: bytes) -> State | None:
    """The state ``data`` was made of; None if another version of the library wrote it in another format."""
    try:
        state = _decoder.decode(data)
    except (msgspec.ValidationError, msgspec.DecodeError):
        return None
    return state if state.format == FORMAT else None


def leaves(ref: Ref) -> list[Seq]:
    """The seqs a reference is made of."""
    if isinstance(ref, Joined):
        return [seq for part in ref.parts.values() for seq in leaves(part)]
    return [ref]
