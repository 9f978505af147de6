"""What the world tells the machine (signals) and what the machine asks of the world (actions).

The machine answers a signal with entries to append; once those are durable, it hands out the actions that follow
from them. Both are plain values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from waystation.core.addresses import Address
from waystation.core.entries import ErrorRecord, Millis, Ref, Seq

# ------------------------------------------------------------------ signals


@dataclass(frozen=True, slots=True)
class Start:
    """Someone starts the run."""

    at: Millis
    input: bytes


@dataclass(frozen=True, slots=True)
class Succeeded:
    """An attempt of a step gave ``output``."""

    address: Address
    attempt: int
    began: Millis
    at: Millis
    output: bytes


@dataclass(frozen=True, slots=True)
class Failed:
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


@dataclass(frozen=True, slots=True)
class Suspended:
    """A step called ``suspend``."""

    address: Address
    attempt: int
    began: Millis
    at: Millis
    payload: bytes
    label: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """A function given to ``ctx.once`` gave ``value``."""

    address: Address
    at: Millis
    name: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """Someone answers an open suspension."""

    address: Address
    at: Millis
    suspension: Seq
    data: bytes
    actor: str
    channel: str


@dataclass(frozen=True, slots=True)
class Decided:
    """A branch's conditions were asked; ``error`` if one raised."""

    address: Address
    at: Millis
    taken: tuple[str, ...]
    error: ErrorRecord | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """The workflow's output was held against its schema; ``error`` if it does not fit."""

    at: Millis
    error: ErrorRecord | None = None


@dataclass(frozen=True, slots=True)
class Adopted:
    """The run's journal fits the definition at hand, which is another than it followed so far."""

    at: Millis
    fingerprint: str


Signal: TypeAlias = Start | Succeeded | Failed | Suspended | Recorded | Answered | Decided | Checked | Adopted

# ------------------------------------------------------------------ actions


@dataclass(frozen=True, slots=True)
class RunStep:
    """Run one attempt of a step.

    Attributes:
        input: what to give it.
        suspension: the seq of its latest suspension, 0 for none.
        answer: the seq of the answer to resume it with, 0 for none.
    """

    address: Address
    attempt: int
    input: Ref
    suspension: Seq
    answer: Seq


@dataclass(frozen=True, slots=True)
class DecideBranch:
    """Ask the branch's conditions about ``input``."""

    address: Address
    input: Ref


@dataclass(frozen=True, slots=True)
class CheckOutput:
    """Hold ``output`` against the workflow's declared output."""

    output: Ref


Action: TypeAlias = RunStep | DecideBranch | CheckOutput
