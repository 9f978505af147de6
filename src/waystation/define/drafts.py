"""What the builder was told, before any of it is checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from waystation.define.retry import Retry
from waystation.schema import Schema


@dataclass(frozen=True, slots=True)
class ThenPart:
    """``.then(step)``. Nothing is checked yet: ``step`` is whatever was given."""

    step: object


@dataclass(frozen=True, slots=True)
class ParallelPart:
    """``.parallel(steps, id=id)``."""

    steps: tuple[object, ...]
    id: str | None


@dataclass(frozen=True, slots=True)
class BranchPart:
    """``.branch(choices, id=id)``."""

    choices: tuple[object, ...]
    id: str | None


Part: TypeAlias = ThenPart | ParallelPart | BranchPart


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A workflow that is not committed."""

    id: str
    input: Schema[object]
    output: Schema[object]
    retry: Retry | None
    description: str
    parts: tuple[Part, ...] = ()
