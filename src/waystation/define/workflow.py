"""A workflow: the builder that users write one with, and what ``.commit()`` makes of it.

The builder carries three types: the workflow's input, its output, and what its last node gives. So a type checker
sees at each ``.then`` whether two steps meet, and at ``.commit()`` whether the last one gives what was declared.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Never, Self, cast, overload

from typing_extensions import TypeForm, TypeVar

from waystation.define.commit import build_graph, listed
from waystation.define.describe import full_description
from waystation.define.drafts import BranchPart, Draft, ParallelPart, Part, ThenPart
from waystation.define.ids import checked_id
from waystation.define.mermaid import mermaid_text
from waystation.define.nodes import Graph
from waystation.define.retry import Retry
from waystation.define.step import Step
from waystation.schema import Schema, schema_for

In = TypeVar("In")
Out = TypeVar("Out")
X = TypeVar("X")
Cur_co = TypeVar("Cur_co", covariant=True)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Workflow(Generic[In, Out]):
    """A committed workflow. Made by ``workflow(...)...commit()``; never changed.

    Attributes:
        id: its name within an app and a store.
        input, output: the schemas of what a run is given and gives.
        graph: its nodes.
        description: what it is for.
    """

    id: str
    input: Schema[In]
    output: Schema[Out]
    graph: Graph
    description: str = ""

    def describe(self) -> dict[str, object]:
        """The workflow as JSON data: its nodes in order, and of each step its JSON Schemas, retry and timeout."""
        return full_description(cast("Workflow[object, object]", self))

    def mermaid(self) -> str:
        """The workflow as the text of a Mermaid flowchart."""
        return mermaid_text(cast("Workflow[object, object]", self))

    def __repr__(self) -> str:
        return f"<workflow {self.id!r}: {self.input.name} -> {self.output.name}>"


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
            return cast("Workflow[In, X]", _committed(builder.draft))

        return commit


@dataclass(frozen=True, eq=False, repr=False)
class Builder(Generic[In, Out, Cur_co]):
    """A workflow being written. Every method gives a new builder, so one may be extended in two ways.

    Attributes:
        draft: what was said so far.
    """

    draft: Draft

    @property
    def id(self) -> str:
        """The workflow's id."""
        return self.draft.id

    def then(self, step: Step[Cur_co, X], /) -> Builder[In, Out, X]:
        """Run ``step`` next, on what the node before it gives."""
        return Builder(_with(self.draft, ThenPart(step)))

    def parallel(self, steps: Sequence[Step[Cur_co, object]], /, *, id: str | None = None) -> KeyedBuilder[In, Out]:
        """Run ``steps`` side by side, each on a copy of the same input; the next node gets ``{step id: output}``.

        All of them end before the next node begins. If one fails, the run fails once the others have ended.

        Arguments:
            id: the block's id; by default ``parallel-`` and the first step's id.
        """
        return KeyedBuilder(_with(self.draft, _parallel(self.draft, steps, id)))

    def branch(
        self,
        choices: Sequence[tuple[Callable[[Cur_co], bool | Awaitable[bool]], Step[Cur_co, object]]],
        /,
        *,
        id: str | None = None,
    ) -> KeyedBuilder[In, Out]:
        """Run every step whose condition is true, side by side; the next node gets ``{step id: output}`` of those.

        The conditions are asked once, with what reaches the branch, and what they said is recorded. If none is
        true the next node gets ``{}``. A condition that raises fails the run.

        Arguments:
            choices: ``(condition, step)`` pairs; a condition may be async.
            id: the block's id; by default ``branch-`` and the first step's id. What was decided is recorded under
                it: give one, if the first step may change while runs are parked.
        """
        return KeyedBuilder(_with(self.draft, _branch(self.draft, choices, id)))

    commit = _Commit()

    def __repr__(self) -> str:
        return _builder_repr(self.draft)


@dataclass(frozen=True, eq=False, repr=False)
class KeyedBuilder(Generic[In, Out]):
    """A workflow being written, after a parallel or branch: what reaches the next node is ``{step id: output}``.

    No type can tell the keys from the steps' ids, so whether the next step takes that is checked by ``commit``.

    Attributes:
        draft: what was said so far.
    """

    draft: Draft

    @property
    def id(self) -> str:
        """The workflow's id."""
        return self.draft.id

    def then(self, step: Step[Never, X], /) -> Builder[In, Out, X]:
        """Run ``step`` next. It takes a dict, a TypedDict or a model with the block's step ids as keys."""
        return Builder(_with(self.draft, ThenPart(step)))

    def parallel(self, steps: Sequence[Step[Never, object]], /, *, id: str | None = None) -> KeyedBuilder[In, Out]:
        """As ``Builder.parallel``; each step takes what the block before gives."""
        return KeyedBuilder(_with(self.draft, _parallel(self.draft, steps, id)))

    def branch(
        self,
        choices: Sequence[tuple[Callable[[dict[str, object]], bool | Awaitable[bool]], Step[Never, object]]],
        /,
        *,
        id: str | None = None,
    ) -> KeyedBuilder[In, Out]:
        """As ``Builder.branch``; the conditions are given the outputs of the block before as plain JSON data."""
        return KeyedBuilder(_with(self.draft, _branch(self.draft, choices, id)))

    def commit(self) -> Workflow[In, Out]:
        """Check the definition and make it a workflow. Raises as ``Builder.commit`` does."""
        return cast("Workflow[In, Out]", _committed(self.draft))

    def __repr__(self) -> str:
        return _builder_repr(self.draft)


def workflow(
    id: str,
    *,
    input: TypeForm[In],
    output: TypeForm[Out],
    retry: Retry | None = None,
    description: str = "",
) -> Builder[In, Out, In]:
    """Begin to write a workflow; end with ``.commit()``.

    Arguments:
        id: names it within an app and a store: parked runs find their workflow by it.
        input, output: the types of what a run is given and gives.
        retry: the retry policy of steps that have none of their own; by default they are tried once.
        description: what it is for, for people.

    Raises:
        InvalidId, UnsupportedType.

    Example:
        ``workflow("approval-workflow", input=Doc, output=Status).then(approval).commit()``
    """
    return Builder(
        Draft(
            id=checked_id("a workflow", id),
            input=cast("Schema[object]", schema_for(input)),
            output=cast("Schema[object]", schema_for(output)),
            retry=retry,
            description=description,
        )
    )


def _with(draft: Draft, part: Part) -> Draft:
    return replace(draft, parts=(*draft.parts, part))


def _parallel(draft: Draft, steps: object, id_: str | None) -> ParallelPart:
    return ParallelPart(listed(draft.id, "parallel", steps), id_)


def _branch(draft: Draft, choices: object, id_: str | None) -> BranchPart:
    return BranchPart(listed(draft.id, "branch", choices), id_)


def _committed(draft: Draft) -> Workflow[object, object]:
    return Workflow(
        id=draft.id, input=draft.input, output=draft.output, graph=build_graph(draft), description=draft.description
    )


def _builder_repr(draft: Draft) -> str:
    return f"<workflow {draft.id!r}, not committed: {draft.input.name} -> {draft.output.name}>"
