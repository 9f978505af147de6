"""Where a run stands: the fold of its journal, as plain data.

The state holds only what is still needed to go on, the *frontier*: one frame for each node that was entered and
is not done. What is done has left its output in the journal and is referred to by seq; values are not copied in
here. So the state's size follows how wide a run stands, not how long it has run. (A foreach keeps one number for
each item that is done, as its output is made of all of theirs.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

import msgspec

from waystation.core.addresses import Address
from waystation.core.entries import ErrorRecord
from waystation.core.refs import Item, Joined, Listed, Millis, Null, Ref, Seq

FORMAT = 2
"""The layout of an encoded state. A frontier of another format is not read: the journal is folded instead."""

Phase: TypeAlias = Literal["ready", "waiting", "suspended"]
"""Of a step that was entered: it runs (or should), it waits until a time, or it waits for an answer."""

Standing: TypeAlias = Literal["pending", "running", "success", "failed", "cancelled"]
"""Of a run, as far as its journal tells; whether a running one is parked follows from its frames."""


class StepFrame(msgspec.Struct, tag="step", omit_defaults=True, gc=False):
    """A step that was entered and is not done.

    Attributes:
        input: what it was given.
        phase: what it does now.
        attempt: which attempt is on, or is next.
        first_began: when the first recorded attempt of this leg began; 0 if none was recorded.
        retry_at: when the next attempt may begin, while ``waiting``.
        suspension: the seq of its latest ``StepSuspended``; 0 if it never suspended.
        label: the label of that suspension.
        answer: the seq of the answer to it; 0 if none came yet.
        once: what ``ctx.once`` recorded: name to seq.
    """

    input: Ref
    phase: Phase = "ready"
    attempt: int = 1
    first_began: Millis = 0
    retry_at: Millis = 0
    suspension: Seq = 0
    label: str = ""
    answer: Seq = 0
    once: dict[str, Seq] = {}


class BlockFrame(msgspec.Struct, tag="block", omit_defaults=True, gc=False):
    """A parallel, branch or switch that was entered and is not done.

    Attributes:
        input: what it was given; kept only until it is decided, for a branch or switch.
        open: the ids of children that are not done; None for a branch or switch that is not decided.
        outputs: the outputs of those that are.
        failure: the first failure of a child that fails the block; it fails once nothing in it is under way.
    """

    input: Ref
    open: list[str] | None = None
    outputs: dict[str, Ref] = {}
    failure: ErrorRecord | None = None


class ForeachFrame(msgspec.Struct, tag="foreach", omit_defaults=True, gc=False):
    """A foreach that was entered and is not done.

    Attributes:
        input: the list.
        count: how many items it has; -1 until that was recorded.
        concurrency: how many are under way at once.
        next: the index of the next item to begin.
        open: how many are under way.
        outputs: the outputs by index, None for items that are not done.
        failure: the first failure of an item; the foreach fails once nothing in it is under way.
    """

    input: Ref
    count: int = -1
    concurrency: int = 1
    next: int = 0
    open: int = 0
    outputs: list[Ref | None] = []
    failure: ErrorRecord | None = None


class LoopFrame(msgspec.Struct, tag="loop", omit_defaults=True, gc=False):
    """A loop that was entered and is not done.

    Attributes:
        turn: which turn is on, from 1.
        output: what the turn gave, while its condition is to be asked.
    """

    turn: int = 1
    output: Ref | None = None


class ScopeFrame(msgspec.Struct, tag="workflow", omit_defaults=True, gc=False):
    """A nested workflow that was entered and is not done.

    Attributes:
        input: what it was given.
        output: what its last node gave, while that is to be held against its declared output.
    """

    input: Ref
    output: Ref | None = None


class MapFrame(msgspec.Struct, tag="map", omit_defaults=True, gc=False):
    """A map whose output is not made yet."""

    input: Ref


class SleepFrame(msgspec.Struct, tag="sleep", omit_defaults=True, gc=False):
    """A sleep that is not over; ``until`` is None until that was recorded."""

    input: Ref
    until: Millis | None = None


class WaitFrame(msgspec.Struct, tag="wait", omit_defaults=True, gc=False):
    """A wait for an event that was entered and is not done.

    Attributes:
        input: what reached it.
        timing: whether it is still to be recorded until when it waits.
        until: until when it waits at most; None for ever.
        untried: the kept events that were not held against its match yet.
    """

    input: Ref
    timing: bool = False
    until: Millis | None = None
    untried: list[Seq] = []


Frame: TypeAlias = StepFrame | BlockFrame | ForeachFrame | LoopFrame | ScopeFrame | MapFrame | SleepFrame | WaitFrame


class Undoable(msgspec.Struct, frozen=True, gc=False):
    """A completed step that has a compensation, and its output."""

    address: Address
    output: Ref


class State(msgspec.Struct, kw_only=True, tag_field="format", tag=FORMAT, omit_defaults=True, gc=False):
    """A run as of ``last_seq``.

    Attributes:
        standing: pending, running or how it ended.
        fingerprint: the definition it follows.
        last_seq: the seq of the last entry folded in.
        input_seq: the seq of ``RunStarted``.
        inherited: of a fork: up to which seq its journal is another run's past, whose effects are not its own to undo.
        frames: what was entered and is not done, by address.
        busy: how many frames have something to do now: steps that are ready, decisions to take, and the check
            of the workflow's output. 0 in a running run means it is parked.
        idle: how many frames wait for a time, a person or an event.
        output: what the last node gave, once there is nothing left to run.
        bailed: whether a step ended the run with that output, which was checked then.
        failure: why the run fails, once it does.
        shared: the run state, by key.
        context: the request context, by key.
        events: the events that no wait has taken, by name.
        cancel: the seq of ``CancelRequested``; 0 if nobody has cancelled the run.
        undoable: completed steps that have a compensation, in the order they completed.
        unwinding: whether compensations are under way.
        undo_errors: the failures of compensations.
        permits: how many more steps may end before the run pauses; None for any number.
    """

    standing: Standing = "pending"
    fingerprint: str = ""
    last_seq: Seq = 0
    input_seq: Seq = 0
    inherited: Seq = 0
    frames: dict[Address, Frame] = {}
    busy: int = 0
    idle: int = 0
    output: Ref | None = None
    bailed: bool = False
    failure: ErrorRecord | None = None
    shared: dict[str, msgspec.Raw] = {}
    context: dict[str, msgspec.Raw] = {}
    events: dict[str, list[Seq]] = {}
    cancel: Seq = 0
    cancel_reason: str = ""
    grace_ms: Millis = 0
    undoable: list[Undoable] = []
    unwinding: bool = False
    undo_errors: list[ErrorRecord] = []
    permits: int | None = None


def is_busy(frame: Frame) -> bool:
    """Whether there is something to do at the frame now."""
    match frame:
        case StepFrame():
            return frame.phase == "ready"
        case BlockFrame():
            return frame.open is None
        case ForeachFrame():
            return frame.count < 0
        case LoopFrame() | ScopeFrame():
            return frame.output is not None
        case MapFrame():
            return True
        case SleepFrame():
            return frame.until is None
        case WaitFrame():
            return frame.timing or bool(frame.untried)


def is_idle(frame: Frame) -> bool:
    """Whether the frame waits for a time, a person or an event."""
    match frame:
        case StepFrame():
            return frame.phase != "ready"
        case SleepFrame():
            return frame.until is not None
        case WaitFrame():
            return not frame.timing and not frame.untried
        case _:
            return False


def is_under_way(frame: Frame) -> bool:
    """Whether a block that fails waits for this in it. A wait it gives up, also one that has events to try."""
    match frame:
        case StepFrame():
            return frame.phase != "suspended"
        case WaitFrame():
            return False
        case _:
            return is_busy(frame)


def kept_refs(frame: Frame) -> Sequence[Ref]:
    """What a frame keeps at hand. Of a foreach's outputs only the numbers are kept, and of a nested workflow's input:
    they are read again when they are asked for."""
    match frame:
        case StepFrame():
            return (frame.input, *filter(None, (frame.suspension, frame.answer, *frame.once.values())))
        case BlockFrame():
            outputs = frame.outputs.values()
            return (frame.input, *outputs) if frame.open is None else tuple(outputs)
        case ForeachFrame() | MapFrame() | SleepFrame() | WaitFrame():
            return (frame.input,)
        case LoopFrame() | ScopeFrame():
            return () if frame.output is None else (frame.output,)


def all_kept_refs(state: State) -> Iterator[Ref]:
    """What a run keeps at hand, in all."""
    for frame in state.frames.values():
        yield from kept_refs(frame)
    for seqs in state.events.values():
        yield from seqs
    if state.output is not None:
        yield state.output


def failing(state: State) -> Iterator[Address]:
    """Where something in a block or foreach has failed, and it fails once nothing in it is under way."""
    for address, frame in state.frames.items():
        if isinstance(frame, (BlockFrame, ForeachFrame)) and frame.failure is not None:
            yield address


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(State)


def encode_state(state: State) -> bytes:
    """The bytes that are kept as a run's frontier."""
    return _encoder.encode(state)


def decode_state(data: bytes) -> State | None:
    """The state ``data`` was made of; None if another version of the library wrote it in another format, or it is
    damaged: the journal has all that is in it."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def leaves(ref: Ref) -> list[Seq]:
    """The seqs a reference is made of."""
    match ref:
        case int():
            return [ref]
        case Joined():
            return [seq for part in ref.parts.values() for seq in leaves(part)]
        case Listed():
            return [seq for part in ref.parts for seq in leaves(part)]
        case Item():
            return leaves(ref.of)
        case Null():
            return []


def item_of(of: Ref, index: int) -> Ref:
    """One item, from 0, of a list that ``of`` refers to."""
    if isinstance(of, Listed):
        return of.parts[index]
    assert isinstance(of, (int, Item)), "only a list has items"
    return Item(of, index)
