"""What the builder was told, before any of it is checked. Anything may have been given for an ``object`` here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias, final

from waystation.define.hooks import NO_HOOKS, Hooks
from waystation.define.retry import Retry
from waystation.define.schedule import Cron
from waystation.schema import Schema


@final
class Unset:
    """Stands for an argument that was not given, where None may be."""

    def __repr__(self) -> str:
        return "<not given>"


UNSET: Final = Unset()


@dataclass(frozen=True, slots=True)
class ThenPart:
    """``.then(child)``."""

    child: object


@dataclass(frozen=True, slots=True)
class ParallelPart:
    """``.parallel(children)``."""

    children: tuple[object, ...]
    id: object
    allow_failure: bool


@dataclass(frozen=True, slots=True)
class BranchPart:
    """``.branch(choices)``."""

    choices: tuple[object, ...]
    id: object


@dataclass(frozen=True, slots=True)
class SwitchPart:
    """``.switch(key, cases)``; ``output`` is a type form, or None."""

    key: object
    cases: object
    default: object
    output: object
    id: object


@dataclass(frozen=True, slots=True)
class ForeachPart:
    """``.foreach(child)``."""

    child: object
    concurrency: object
    id: object


@dataclass(frozen=True, slots=True)
class LoopPart:
    """``.do_while(child, condition)`` or ``.do_until(child, condition)``."""

    kind: Literal["do_while", "do_until"]
    child: object
    condition: object
    id: object


@dataclass(frozen=True, slots=True)
class MapPart:
    """``.map(how)``: a function, or a dict of sources; ``output`` is a type form, or None."""

    how: object
    output: object
    id: object


@dataclass(frozen=True, slots=True)
class SleepPart:
    """``.sleep(time)`` or ``.sleep_until(time)``."""

    kind: Literal["sleep", "sleep_until"]
    time: object
    id: object


@dataclass(frozen=True, slots=True)
class WaitPart:
    """``.wait_for(event, data)``; ``data`` is a type form, ``default`` is ``UNSET`` if there is none."""

    event: object
    data: object
    match: object
    timeout: object
    default: object
    id: object


Part: TypeAlias = (
    ThenPart | ParallelPart | BranchPart | SwitchPart | ForeachPart | LoopPart | MapPart | SleepPart | WaitPart
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A workflow that is not committed."""

    id: str
    input: Schema[object]
    output: Schema[object]
    retry: Retry | None
    description: str
    version: str = ""
    state: Schema[object] | None = None
    request_context: Schema[object] | None = None
    schedules: tuple[Cron, ...] = ()
    hooks: Hooks = NO_HOOKS
    parts: tuple[Part, ...] = ()

    def with_part(self, part: Part) -> Draft:
        """This draft and one part more."""
        return replace(self, parts=(*self.parts, part))


@dataclass(frozen=True, eq=False, repr=False)
class Uncommitted:
    """A workflow being written; see ``Builder``.

    Attributes:
        draft: what was said so far.
    """

    draft: Draft

    @property
    def id(self) -> str:
        """The workflow's id."""
        return self.draft.id

    def __repr__(self) -> str:
        return f"<workflow {self.draft.id!r}, not committed: {self.draft.input.name} -> {self.draft.output.name}>"
