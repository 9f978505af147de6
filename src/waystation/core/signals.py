"""What the world tells the machine (signals) and what the machine asks of the world (actions).

The machine answers a signal with entries to append; once those are durable, it hands out the actions that follow
from them. Both are plain values, of which there are several a step: as structs they are made quickly, and the garbage
collector need not look at them (they are in no cycle).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from waystation.core.addresses import ROOT, Address
from waystation.core.entries import ErrorRecord
from waystation.core.refs import Millis, Ref, Seq

# ------------------------------------------------------------------ signals: the run


class Start(msgspec.Struct, frozen=True, gc=False):
    """Someone starts the run. ``state`` and ``context`` hold JSON by key."""

    at: Millis
    input: bytes
    state: Mapping[str, bytes] = msgspec.field(default_factory=dict[str, bytes])
    context: Mapping[str, bytes] = msgspec.field(default_factory=dict[str, bytes])
    per_step: bool = False


class Proceed(msgspec.Struct, frozen=True, gc=False):
    """Someone has a paused run go on: by one step, or freely."""

    at: Millis
    per_step: bool = False


class Cancel(msgspec.Struct, frozen=True, gc=False):
    """Someone cancels the run. Steps in flight get ``grace_ms`` to end by themselves."""

    at: Millis
    reason: str = ""
    actor: str = ""
    channel: str = ""
    grace_ms: Millis = 0


class Event(msgspec.Struct, frozen=True, gc=False):
    """Someone sends the run an event. Of one ``key`` (other than "") only the first is recorded by the caller."""

    at: Millis
    name: str
    data: bytes
    key: str = ""
    actor: str = ""
    channel: str = ""


class Woken(msgspec.Struct, frozen=True, gc=False):
    """It is ``at`` now: sleeps and waits whose time has come are over."""

    at: Millis


class Checked(msgspec.Struct, frozen=True, gc=False):
    """The output of the run, or of the nested workflow at ``address``, was held against its schema."""

    at: Millis
    error: ErrorRecord | None = None
    address: Address = ROOT


class Adopted(msgspec.Struct, frozen=True, gc=False):
    """The run's journal fits the definition at hand, which is another than it followed so far."""

    at: Millis
    fingerprint: str


# ------------------------------------------------------------------ signals: steps


class Succeeded(msgspec.Struct, frozen=True, gc=False):
    """An attempt of a step gave ``output``, and changed ``state`` of the run state."""

    address: Address
    attempt: int
    began: Millis
    at: Millis
    output: bytes
    state: Mapping[str, bytes] = msgspec.field(default_factory=dict[str, bytes])


class Failed(msgspec.Struct, frozen=True, gc=False):
    """An attempt of a step failed.

    Attributes:
        retryable: whether the step's policy would try this kind of error again.
        chance: from 0 to 1, drawn by the engine for the jitter.
    """

    address: Address
    attempt: int
    began: Millis
    at: Millis
    error: ErrorRecord
    retryable: bool
    chance: float


class Suspended(msgspec.Struct, frozen=True, gc=False):
    """A step called ``suspend``."""

    address: Address
    attempt: int
    began: Millis
    at: Millis
    payload: bytes
    label: str
    state: Mapping[str, bytes] = msgspec.field(default_factory=dict[str, bytes])


class Bailed(msgspec.Struct, frozen=True, gc=False):
    """A step called ``bail``: ``output`` is that of the workflow it is in."""

    address: Address
    attempt: int
    began: Millis
    at: Millis
    output: bytes
    state: Mapping[str, bytes] = msgspec.field(default_factory=dict[str, bytes])


class Aborted(msgspec.Struct, frozen=True, gc=False):
    """A step called ``abort``: the run is to be cancelled."""

    address: Address
    attempt: int
    began: Millis
    at: Millis
    reason: str
    grace_ms: Millis = 0


class CutOff(msgspec.Struct, frozen=True, gc=False):
    """An attempt was cut off, or never begun, because the run is cancelled."""

    address: Address
    attempt: int
    began: Millis
    at: Millis


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """A function given to ``ctx.once`` gave ``value``."""

    address: Address
    at: Millis
    name: str
    value: bytes


class Wrote(msgspec.Struct, frozen=True, gc=False):
    """An attempt wrote chunks of output."""

    address: Address
    attempt: int
    at: Millis
    chunks: tuple[bytes, ...]


class Answered(msgspec.Struct, frozen=True, gc=False):
    """Someone answers an open suspension."""

    address: Address
    at: Millis
    suspension: Seq
    data: bytes
    actor: str
    channel: str
    context: Mapping[str, bytes] = msgspec.field(default_factory=dict[str, bytes])
    key: str = ""


# ------------------------------------------------------------------ signals: decisions


class Decided(msgspec.Struct, frozen=True, gc=False):
    """A branch's conditions or a switch's key were asked; ``error`` if one raised."""

    address: Address
    at: Millis
    taken: tuple[str, ...]
    error: ErrorRecord | None = None


class Undecided(msgspec.Struct, frozen=True, gc=False):
    """A function of the graph raised, or gave what cannot be."""

    address: Address
    at: Millis
    error: ErrorRecord


class Counted(msgspec.Struct, frozen=True, gc=False):
    """A foreach's items were counted."""

    address: Address
    at: Millis
    count: int
    concurrency: int


class Turned(msgspec.Struct, frozen=True, gc=False):
    """A loop's condition was asked after ``turn``."""

    address: Address
    at: Millis
    turn: int
    again: bool


class Computed(msgspec.Struct, frozen=True, gc=False):
    """A map's output was made."""

    address: Address
    at: Millis
    output: bytes


class Timed(msgspec.Struct, frozen=True, gc=False):
    """It is known until when a sleep or a wait lasts."""

    address: Address
    at: Millis
    until: Millis


class Matched(msgspec.Struct, frozen=True, gc=False):
    """Kept events were held against a wait's match: ``event`` fits (0 for none of ``tried``)."""

    address: Address
    at: Millis
    event: Seq
    tried: tuple[Seq, ...]


Signal: TypeAlias = (
    Start
    | Proceed
    | Cancel
    | Event
    | Woken
    | Checked
    | Adopted
    | Succeeded
    | Failed
    | Suspended
    | Bailed
    | Aborted
    | CutOff
    | Recorded
    | Wrote
    | Answered
    | Decided
    | Undecided
    | Counted
    | Turned
    | Computed
    | Timed
    | Matched
)

# ------------------------------------------------------------------ actions


class RunStep(msgspec.Struct, frozen=True, gc=False):
    """Run one attempt of a step.

    Attributes:
        input: what to give it.
        suspension: the seq of its latest suspension, 0 for none.
        answer: the seq of the answer to resume it with, 0 for none.
        first_began: when the first attempt of this leg began; 0 if this is the first.
    """

    address: Address
    attempt: int
    input: Ref
    suspension: Seq
    answer: Seq
    first_began: Millis = 0


class Decide(msgspec.Struct, frozen=True, gc=False):
    """Have the functions of the node at ``address`` decide about ``input``.

    Attributes:
        turn: of a loop: the turn that gave ``input``.
    """

    address: Address
    input: Ref
    turn: int = 0


class MatchEvents(msgspec.Struct, frozen=True, gc=False):
    """Hold kept events, in order, against the match of the wait at ``address``."""

    address: Address
    input: Ref
    events: tuple[Seq, ...]


class CheckOutput(msgspec.Struct, frozen=True, gc=False):
    """Hold ``output`` against the declared output of the run's workflow, or of the nested one at ``address``."""

    output: Ref
    address: Address = ROOT


Deed: TypeAlias = RunStep | Decide | MatchEvents
"""What takes its time, and so is under way for a while; a check is made at once."""

Action: TypeAlias = Deed | CheckOutput
