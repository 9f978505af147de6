"""The builder: what users write a workflow with, node by node.

It carries three types: the workflow's input, its output, and what its last node gives. So a type checker sees at each
method whether two nodes meet, and at ``.commit()`` whether the last one gives what was declared. What they see is
checked again by ``.commit()``, as not everyone uses one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Self, cast, overload

from typing_extensions import TypeForm, TypeVar

from waystation.define.answers import Number, Truth
from waystation.define.commit import committed
from waystation.define.context import FlowContext
from waystation.define.drafts import (
    BranchPart,
    ForeachPart,
    LoopPart,
    MapPart,
    ParallelPart,
    SwitchPart,
    ThenPart,
)
from waystation.define.executable import Executable
from waystation.define.given import listed
from waystation.define.keyed_builder import KeyedBuilder
from waystation.define.mapping import Source
from waystation.define.waiting_builder import WaitingBuilder
from waystation.define.workflow import Workflow

In = TypeVar("In")
Out = TypeVar("Out")
T = TypeVar("T")
X = TypeVar("X")
K = TypeVar("K")
Cur_co = TypeVar("Cur_co", covariant=True)


class _Commit:
    """``Builder.commit``: there only on a builder whose last node gives the declared output.

    It is a descriptor, not a method, for the type checkers: a method that narrows its own ``self`` is refused by
    pyright when it does not fit, and silently let through by mypy; a descriptor is refused by both.
    """

    @overload
    def __get__(self, builder: None, owner: object) -> Self: ...
    @overload
    def __get__(self, builder: Builder[In, X, X], owner: object) -> Callable[[], Workflow[In, X]]: ...
    def __get__(self, builder: Builder[In, X, X] | None, owner: object) -> Self | Callable[[], Workflow[In, X]]:
        if builder is None:
            return self

        def commit() -> Workflow[In, X]:
            """Check the definition and make it a workflow.

            Raises:
                EmptyWorkflow, DuplicateId, TypesDoNotMeet, OutputMismatch, InvalidId, NotCommitted, DefinitionError.
            """
            return cast("Workflow[In, X]", committed(builder.draft))

        return commit


@dataclass(frozen=True, eq=False, repr=False)
class Builder(WaitingBuilder[In, Out, Cur_co], Generic[In, Out, Cur_co]):
    """A workflow being written. Every method gives a new builder, so one may be extended in two ways.

    Wherever a method takes a step, it takes a committed workflow as well, which then is nested. Wherever one takes a
    function, that may be sync or async, and may take a ``FlowContext`` as its second argument. What such a function
    said is recorded, and not asked again when the run goes on after a restart; one that raises fails the run.

    Every node has an id, under which the journal of a run knows it. A step brings its own. For the others one is made
    of what they hold or follow, never of their position; give ``id=`` where that may change while runs are parked.

    Attributes:
        draft: what was said so far.
    """

    def then(self, step: Executable[Cur_co, X], /) -> Builder[In, Out, X]:
        """Run ``step`` next, on what the node before it gives."""
        return Builder(self.draft.with_part(ThenPart(step)))

    def parallel(
        self, steps: Sequence[Executable[Cur_co, object]], /, *, allow_failure: bool = False, id: str | None = None
    ) -> KeyedBuilder[In, Out]:
        """Run ``steps`` side by side, each on a copy of the same input; the next node gets ``{step id: output}``.

        All of them end before the next node begins. If one fails, the run fails once the others have ended.

        Arguments:
            steps: at least one.
            allow_failure: let the run go on though a step fails; its output then is None. So the next node must take
                ``T | None`` for each.
            id: the block's id; by default ``parallel-`` and the first step's id.

        Example:
            ``.parallel([geo, credit]).then(score)`` where ``score`` takes ``{"geo": ..., "credit": ...}``
        """
        return KeyedBuilder(
            self.draft.with_part(ParallelPart(listed(self.id, "parallel", steps), id, allow_failure=allow_failure))
        )

    # Two forms, so that a lambda's arguments have types; a union of both would leave them without for mypy.
    @overload
    def branch(
        self,
        choices: Sequence[tuple[Callable[[Cur_co], Truth], Executable[Cur_co, object]]],
        /,
        *,
        id: str | None = None,
    ) -> KeyedBuilder[In, Out]: ...
    @overload
    def branch(
        self,
        choices: Sequence[tuple[Callable[[Cur_co, FlowContext], Truth], Executable[Cur_co, object]]],
        /,
        *,
        id: str | None = None,
    ) -> KeyedBuilder[In, Out]: ...
    def branch(self, choices: object, /, *, id: str | None = None) -> KeyedBuilder[In, Out]:
        """Run every step whose condition is true, side by side; the next node gets ``{step id: output}`` of those.

        The conditions are asked once, with what reaches the branch, and what they said is recorded. If none is
        true the next node gets ``{}``. A condition that raises fails the run.

        Arguments:
            choices: ``(condition, step)`` pairs. A condition takes the value, or the value and a ``FlowContext``.
            id: the block's id; by default ``branch-`` and the first step's id. What was decided is recorded under
                it: give one, if the first step may change while runs are parked.

        Example:
            ``.branch([(is_large, review), (lambda order: order.country != "FR", customs)])``
        """
        return KeyedBuilder(self.draft.with_part(BranchPart(listed(self.id, "branch", choices), id)))

    @overload
    def switch(
        self,
        key: Callable[[Cur_co], object],
        cases: Mapping[K, Executable[Cur_co, X]],
        /,
        *,
        default: Executable[Cur_co, X] | None = None,
        id: str | None = None,
    ) -> Builder[In, Out, X]: ...
    @overload
    def switch(
        self,
        key: Callable[[Cur_co, FlowContext], object],
        cases: Mapping[K, Executable[Cur_co, X]],
        /,
        *,
        default: Executable[Cur_co, X] | None = None,
        id: str | None = None,
    ) -> Builder[In, Out, X]: ...
    @overload
    def switch(
        self,
        key: Callable[[Cur_co], object] | Callable[[Cur_co, FlowContext], object],
        cases: Mapping[K, Executable[Cur_co, object]],
        /,
        *,
        output: TypeForm[X],
        default: Executable[Cur_co, object] | None = None,
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
        """Run exactly one of several steps: the one of the key that ``key`` gives. Its output is the node's output.

        A key without a case takes ``default``; if there is none, the run fails with ``NoSuchCase``.

        Arguments:
            key: takes the value, or the value and a ``FlowContext``; gives a str, int, bool, None or Enum member. If
                its annotation names all it may give (an Enum, a ``Literal``), a case that no key leads to is refused.
            cases: steps by key. A step may be there under several keys.
            output: the type of what comes out, where the steps' outputs differ: ``int | str``. pyright finds it by
                itself; mypy makes ``object`` of it unless it is said here. Each step's output must be of that type.
            default: the step for any other key.
            id: the node's id; by default ``switch-`` and the first step's id.

        Example:
            ``.switch(lambda order: order.kind, {"gift": wrap, "book": pack}, default=send)``
        """
        return Builder(self.draft.with_part(SwitchPart(key, cases, default, output, id)))

    @overload
    def foreach(
        self: Builder[In, Out, Sequence[T]],
        step: Executable[T, X],
        /,
        *,
        concurrency: int | Callable[[Cur_co], Number] = 1,
        id: str | None = None,
    ) -> Builder[In, Out, list[X]]: ...
    @overload
    def foreach(
        self: Builder[In, Out, Sequence[T]],
        step: Executable[T, X],
        /,
        *,
        concurrency: Callable[[Cur_co, FlowContext], Number],
        id: str | None = None,
    ) -> Builder[In, Out, list[X]]: ...
    def foreach(self, step: object, /, *, concurrency: object = 1, id: str | None = None) -> object:
        """Run ``step`` for each item of the list that reaches the node; the next node gets the list of its outputs.

        The outputs are in the order of the items, whichever ends first; an empty list gives an empty list. If the
        step fails for one item, no further items are begun and the run fails once those under way have ended. An
        item may suspend while others go on; it is answered by its number.

        Arguments:
            step: takes one item.
            concurrency: how many items are under way at once, 1 or more; or a function of the list that tells, asked
                once.
            id: the node's id; by default ``foreach-`` and the step's id.

        Example:
            ``.foreach(charge, concurrency=10)`` after a step that gives ``list[Order]``
        """
        made: Builder[In, Out, object] = Builder(self.draft.with_part(ForeachPart(step, concurrency, id)))
        return made

    # The step takes what reaches the loop and what it gives itself: ``Executable[Cur | X, X]`` says so to mypy. pyright
    # cannot solve that, and takes the second form of each, where what comes out is seen as what went in.
    @overload
    def do_while(
        self, step: Executable[Cur_co | X, X], condition: Callable[[X], Truth], /, *, id: str | None = None
    ) -> Builder[In, Out, X]: ...
    @overload
    def do_while(
        self, step: Executable[Cur_co | X, X], condition: Callable[[X, FlowContext], Truth], /, *, id: str | None = None
    ) -> Builder[In, Out, X]: ...
    @overload
    def do_while(
        self, step: Executable[Cur_co, Cur_co], condition: Callable[[Cur_co], Truth], /, *, id: str | None = None
    ) -> Builder[In, Out, Cur_co]: ...
    @overload
    def do_while(
        self,
        step: Executable[Cur_co, Cur_co],
        condition: Callable[[Cur_co, FlowContext], Truth],
        /,
        *,
        id: str | None = None,
    ) -> Builder[In, Out, Cur_co]: ...
    def do_while(self, step: object, condition: object, /, *, id: str | None = None) -> Builder[In, Out, object]:
        """Run ``step`` again and again, as long as ``condition`` is true of its output; it runs at least once.

        Each turn is given what the turn before gave, the first what reaches the loop; so the step must take what it
        gives. Every turn is recorded. The next node gets the output of the last.

        Arguments:
            step: what a turn runs.
            condition: takes the output of a turn, or that and a ``FlowContext``, whose ``iteration`` is the number of
                turns so far.
            id: the node's id; by default ``do-while-`` and the step's id.

        Example:
            ``.do_while(poll, lambda job, ctx: not job.done and ctx.iteration < 100)``
        """
        return Builder(self.draft.with_part(LoopPart("do_while", step, condition, id)))

    @overload
    def do_until(
        self, step: Executable[Cur_co | X, X], condition: Callable[[X], Truth], /, *, id: str | None = None
    ) -> Builder[In, Out, X]: ...
    @overload
    def do_until(
        self, step: Executable[Cur_co | X, X], condition: Callable[[X, FlowContext], Truth], /, *, id: str | None = None
    ) -> Builder[In, Out, X]: ...
    @overload
    def do_until(
        self, step: Executable[Cur_co, Cur_co], condition: Callable[[Cur_co], Truth], /, *, id: str | None = None
    ) -> Builder[In, Out, Cur_co]: ...
    @overload
    def do_until(
        self,
        step: Executable[Cur_co, Cur_co],
        condition: Callable[[Cur_co, FlowContext], Truth],
        /,
        *,
        id: str | None = None,
    ) -> Builder[In, Out, Cur_co]: ...
    def do_until(self, step: object, condition: object, /, *, id: str | None = None) -> Builder[In, Out, object]:
        """As ``do_while``, but until ``condition`` is true; the node's id is ``do-until-`` and the step's id."""
        return Builder(self.draft.with_part(LoopPart("do_until", step, condition, id)))

    @overload
    def map(
        self,
        fn: Callable[[Cur_co], object] | Callable[[Cur_co, FlowContext], object],
        /,
        *,
        output: TypeForm[X],
        id: str | None = None,
    ) -> Builder[In, Out, X]: ...
    @overload
    def map(self, fn: Callable[[Cur_co], Awaitable[X]], /, *, id: str | None = None) -> Builder[In, Out, X]: ...
    @overload
    def map(
        self, fn: Callable[[Cur_co, FlowContext], Awaitable[X]], /, *, id: str | None = None
    ) -> Builder[In, Out, X]: ...
    @overload
    def map(self, fn: Callable[[Cur_co], X], /, *, id: str | None = None) -> Builder[In, Out, X]: ...
    @overload
    def map(self, fn: Callable[[Cur_co, FlowContext], X], /, *, id: str | None = None) -> Builder[In, Out, X]: ...
    @overload
    def map(
        self, sources: Mapping[str, Source], /, *, output: TypeForm[X], id: str | None = None
    ) -> Builder[In, Out, X]: ...
    @overload
    def map(
        self, sources: Mapping[str, Source], /, *, id: str | None = None
    ) -> Builder[In, Out, dict[str, object]]: ...
    def map(self, how: object, /, *, output: object = None, id: str | None = None) -> Builder[In, Out, object]:
        """Make another value of what reaches the node: by a function, or put together key by key.

        The value is recorded: the function is called once, and should do nothing else. For work that takes time, may
        fail or touches the world, write a step.

        Arguments:
            how: a function of the value, or of the value and a ``FlowContext``; or a dict that says of each key of the
                new value where it comes from: ``FromStep``, ``FromInit``, ``FromState``, ``FromContext``, ``Value``,
                ``Template``.
            output: the type of the new value. By default what the function is annotated to return, and failing that
                plain JSON data, which the next node checks when it comes.
            id: the node's id; by default ``map-`` and the function's name, or ``map-after-`` and the id of the node
                before it (``map-input`` for the first).

        Example:
            ``.map({"name": FromStep(load, "customer.name"), "note": Template("for ${init.ref}")}, output=Letter)``
        """
        return Builder(self.draft.with_part(MapPart(how, output, id)))

    commit = _Commit()
