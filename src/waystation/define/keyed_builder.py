"""The builder after a parallel or branch, whose output is known by its keys and not by a type."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, Never, TypeAlias, cast, overload

from typing_extensions import TypeForm, TypeVar

from waystation.define.answers import Moment, Span, Truth
from waystation.define.commit import committed
from waystation.define.context import FlowContext
from waystation.define.drafts import (
    UNSET,
    BranchPart,
    LoopPart,
    MapPart,
    ParallelPart,
    Part,
    SleepPart,
    SwitchPart,
    ThenPart,
    Uncommitted,
    WaitPart,
)
from waystation.define.executable import Executable
from waystation.define.given import listed
from waystation.define.mapping import Source
from waystation.define.workflow import Workflow
from waystation.errors import TypesDoNotMeet

if TYPE_CHECKING:
    from waystation.define.builder import Builder

In = TypeVar("In")
Out = TypeVar("Out")
X = TypeVar("X")
K = TypeVar("K")

Parts: TypeAlias = dict[str, object]
"""What a block gives, as plain JSON data: the steps' outputs by their ids."""


@dataclass(frozen=True, eq=False, repr=False)
class KeyedBuilder(Uncommitted, Generic[In, Out]):
    """A workflow being written, after a parallel or branch: what reaches the next node is ``{step id: output}``.

    No type can tell the keys from the steps' ids, so whether the next step takes that is checked by ``commit``.
    Functions are given it as plain JSON data. All else is as in ``Builder``.

    Attributes:
        draft: what was said so far.
    """

    def then(self, step: Executable[Never, X], /) -> Builder[In, Out, X]:
        """Run ``step`` next. It takes a dict, a TypedDict or a model with the block's step ids as keys."""
        return self._builder(ThenPart(step))

    def parallel(
        self, steps: Sequence[Executable[Never, object]], /, *, allow_failure: bool = False, id: str | None = None
    ) -> KeyedBuilder[In, Out]:
        """As ``Builder.parallel``; each step takes what the block before gives."""
        return self._keyed(ParallelPart(listed(self.id, "parallel", steps), id, allow_failure=allow_failure))

    @overload
    def branch(
        self, choices: Sequence[tuple[Callable[[Parts], Truth], Executable[Never, object]]], /, *, id: str | None = None
    ) -> KeyedBuilder[In, Out]: ...
    @overload
    def branch(
        self,
        choices: Sequence[tuple[Callable[[Parts, FlowContext], Truth], Executable[Never, object]]],
        /,
        *,
        id: str | None = None,
    ) -> KeyedBuilder[In, Out]: ...
    def branch(self, choices: object, /, *, id: str | None = None) -> KeyedBuilder[In, Out]:
        """As ``Builder.branch``; the conditions are given the outputs of the block before."""
        return self._keyed(BranchPart(listed(self.id, "branch", choices), id))

    @overload
    def switch(
        self,
        key: Callable[[Parts], object],
        cases: Mapping[K, Executable[Never, X]],
        /,
        *,
        default: Executable[Never, X] | None = None,
        id: str | None = None,
    ) -> Builder[In, Out, X]: ...
    @overload
    def switch(
        self,
        key: Callable[[Parts, FlowContext], object],
        cases: Mapping[K, Executable[Never, X]],
        /,
        *,
        default: Executable[Never, X] | None = None,
        id: str | None = None,
    ) -> Builder[In, Out, X]: ...
    @overload
    def switch(
        self,
        key: Callable[[Parts], object] | Callable[[Parts, FlowContext], object],
        cases: Mapping[K, Executable[Never, object]],
        /,
        *,
        output: TypeForm[X],
        default: Executable[Never, object] | None = None,
        id: str | None = None,
    ) -> Builder[In, Out, X]: ...
    def switch(
        self,
        key: object,
        cases: object,
        /,
        *,
        output: object = None,
        default: object = None,
        id: str | None = None,
    ) -> Builder[In, Out, object]:
        """As ``Builder.switch``; ``key`` is given the outputs of the block before."""
        return self._builder(SwitchPart(key, cases, default, output, id))

    def foreach(self, step: Never, /, *, concurrency: object = 1, id: object = None) -> Never:  # noqa: ARG002  (it is refused)
        """What a block gives is an object, never a list: ``.map()`` it to one first. No type checker accepts this."""
        raise TypesDoNotMeet(
            f"workflow {self.id!r}: .foreach() after a parallel or branch is given {{step id: output}}, which is no "
            "list. Put .map(lambda parts: list(parts.values()), output=list[...]) before it"
        )

    @overload
    def do_while(
        self, step: Executable[Never, X], condition: Callable[[X], Truth], /, *, id: str | None = None
    ) -> Builder[In, Out, X]: ...
    @overload
    def do_while(
        self, step: Executable[Never, X], condition: Callable[[X, FlowContext], Truth], /, *, id: str | None = None
    ) -> Builder[In, Out, X]: ...
    def do_while(self, step: object, condition: object, /, *, id: str | None = None) -> Builder[In, Out, object]:
        """As ``Builder.do_while``; the first turn is given the outputs of the block before."""
        return self._builder(LoopPart("do_while", step, condition, id))

    @overload
    def do_until(
        self, step: Executable[Never, X], condition: Callable[[X], Truth], /, *, id: str | None = None
    ) -> Builder[In, Out, X]: ...
    @overload
    def do_until(
        self, step: Executable[Never, X], condition: Callable[[X, FlowContext], Truth], /, *, id: str | None = None
    ) -> Builder[In, Out, X]: ...
    def do_until(self, step: object, condition: object, /, *, id: str | None = None) -> Builder[In, Out, object]:
        """As ``Builder.do_until``; the first turn is given the outputs of the block before."""
        return self._builder(LoopPart("do_until", step, condition, id))

    @overload
    def map(
        self,
        fn: Callable[[Parts], object] | Callable[[Parts, FlowContext], object],
        /,
        *,
        output: TypeForm[X],
        id: str | None = None,
    ) -> Builder[In, Out, X]: ...
    @overload
    def map(self, fn: Callable[[Parts], Awaitable[X]], /, *, id: str | None = None) -> Builder[In, Out, X]: ...
    @overload
    def map(
        self, fn: Callable[[Parts, FlowContext], Awaitable[X]], /, *, id: str | None = None
    ) -> Builder[In, Out, X]: ...
    @overload
    def map(self, fn: Callable[[Parts], X], /, *, id: str | None = None) -> Builder[In, Out, X]: ...
    @overload
    def map(self, fn: Callable[[Parts, FlowContext], X], /, *, id: str | None = None) -> Builder[In, Out, X]: ...
    @overload
    def map(
        self, sources: Mapping[str, Source], /, *, output: TypeForm[X], id: str | None = None
    ) -> Builder[In, Out, X]: ...
    @overload
    def map(
        self, sources: Mapping[str, Source], /, *, id: str | None = None
    ) -> Builder[In, Out, dict[str, object]]: ...
    def map(self, how: object, /, *, output: object = None, id: str | None = None) -> Builder[In, Out, object]:
        """As ``Builder.map``; a function is given the outputs of the block before."""
        return self._builder(MapPart(how, output, id))

    @overload
    def sleep(
        self, duration: timedelta | Callable[[Parts], Span], /, *, id: str | None = None
    ) -> KeyedBuilder[In, Out]: ...
    @overload
    def sleep(
        self, duration: Callable[[Parts, FlowContext], Span], /, *, id: str | None = None
    ) -> KeyedBuilder[In, Out]: ...
    def sleep(self, duration: object, /, *, id: str | None = None) -> KeyedBuilder[In, Out]:
        """As ``Builder.sleep``."""
        return self._keyed(SleepPart("sleep", duration, id))

    @overload
    def sleep_until(
        self, time: datetime | Callable[[Parts], Moment], /, *, id: str | None = None
    ) -> KeyedBuilder[In, Out]: ...
    @overload
    def sleep_until(
        self, time: Callable[[Parts, FlowContext], Moment], /, *, id: str | None = None
    ) -> KeyedBuilder[In, Out]: ...
    def sleep_until(self, time: object, /, *, id: str | None = None) -> KeyedBuilder[In, Out]:
        """As ``Builder.sleep_until``."""
        return self._keyed(SleepPart("sleep_until", time, id))

    @overload
    def wait_for(
        self,
        event: str,
        type_: TypeForm[X],
        /,
        *,
        match: Callable[[X], Truth] | None = None,
        timeout: timedelta | None = None,
        default: X = ...,
        id: str | None = None,
    ) -> Builder[In, Out, X]: ...
    @overload
    def wait_for(
        self,
        event: str,
        type_: TypeForm[X],
        /,
        *,
        match: Callable[[X, Parts], Truth],
        timeout: timedelta | None = None,
        default: X = ...,
        id: str | None = None,
    ) -> Builder[In, Out, X]: ...
    @overload
    def wait_for(
        self,
        event: str,
        type_: TypeForm[X],
        /,
        *,
        match: Callable[[X], Truth] | Callable[[X, Parts], Truth] | None = None,
        timeout: timedelta,
        default: None,
        id: str | None = None,
    ) -> Builder[In, Out, X | None]: ...
    def wait_for(
        self,
        event: str,
        type_: object,
        /,
        *,
        match: object = None,
        timeout: object = None,
        default: object = UNSET,
        id: str | None = None,
    ) -> Builder[In, Out, object]:
        """As ``Builder.wait_for``; ``match`` is given the outputs of the block before as its second argument."""
        return self._builder(WaitPart(event, type_, match, timeout, default, id))

    def commit(self) -> Workflow[In, Out]:
        """Check the definition and make it a workflow. Raises as ``Builder.commit`` does."""
        return cast("Workflow[In, Out]", committed(self.draft))

    def _keyed(self, part: Part) -> KeyedBuilder[In, Out]:
        return KeyedBuilder(self.draft.with_part(part))

    def _builder(self, part: Part) -> Builder[In, Out, Any]:
        # What comes next is of whatever type the method that calls this says.
        from waystation.define.builder import Builder  # which builds on this module

        return Builder[In, Out, Any](self.draft.with_part(part))
