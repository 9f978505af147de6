"""The declarative forms of ``.map``: where each key of the new value comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from waystation.define.executable import AnyExecutable


@dataclass(frozen=True, slots=True)
class FromStep:
    """The output of a step of the same workflow, or a part of it.

    Arguments:
        step: the step or nested workflow; or several, of which the first that has run is taken (after a branch, say).
        path: a dotted path into its output, ``"customer.name"`` or ``"lines.0.price"``; "." for all of it.
    """

    step: AnyExecutable | Sequence[AnyExecutable]
    path: str = "."


@dataclass(frozen=True, slots=True)
class FromInit:
    """The workflow's own input, or a part of it by dotted path."""

    path: str = "."


@dataclass(frozen=True, slots=True)
class FromState:
    """The run state, or a part of it by dotted path."""

    path: str = "."


@dataclass(frozen=True, slots=True)
class FromContext:
    """The request context, or a part of it by dotted path."""

    path: str = "."


@dataclass(frozen=True, slots=True)
class Value:
    """Always the same value: anything that is plain JSON."""

    value: object


@dataclass(frozen=True, slots=True)
class Template:
    """A text with parts filled in: ``${init.name}``, ``${input.total}``, ``${steps.geo.city}``, ``${state.note}``,
    ``${context.tenant}``. What is no text is filled in as JSON."""

    text: str


Source: TypeAlias = FromStep | FromInit | FromState | FromContext | Value | Template
