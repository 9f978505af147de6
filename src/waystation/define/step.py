"""A step: the one place where user code lives.

``@step`` makes one of a function; ``define_step`` makes one of parts (the public ``create_step`` adds agents to
it). Both read the types once, here, and turn them into schemas; nothing is inspected while a run goes on.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Generic, Literal, Never, Protocol, TypeAlias, cast, overload

from typing_extensions import TypeForm, TypeVar

from waystation.define.assignable import meets
from waystation.define.context import StepContext
from waystation.define.executable import Executable
from waystation.define.ids import checked_id, id_from_name
from waystation.define.retry import Retry
from waystation.define.signature import context_state, is_async, positional, read_signature
from waystation.errors import DefinitionError, InvalidDuration, InvalidSignature
from waystation.schema import Schema, schema_for

In = TypeVar("In")
Out = TypeVar("Out")
S = TypeVar("S", default=None)
R = TypeVar("R", default=None)
St = TypeVar("St")
Said = TypeVar("Said", default=Mapping[str, object])
R_co = TypeVar("R_co", covariant=True, default=None)
St_co = TypeVar("St_co", covariant=True, default=Mapping[str, object])
In_contra = TypeVar("In_contra", contravariant=True)
Out_co = TypeVar("Out_co", covariant=True)

Placement: TypeAlias = Literal["with-run", "spread"]
"""Where a step runs: in the process that drives its run, or, on a fleet, in whichever worker has room for it."""

Execute: TypeAlias = Callable[..., object]
"""A step's function, as the engine sees it: ``(input)`` or ``(input, ctx)``."""


@dataclass(frozen=True, eq=False)
class Step(Executable[In_contra, Out_co], Generic[In_contra, Out_co]):
    """A unit of work with a typed input and output. Made by ``@step`` or ``create_step``; never changed.

    Attributes:
        id: its name within a workflow.
        input, output: the schemas of what it takes and gives.
        suspend, resume: the schemas of what it says when it suspends and of the answer; both or neither.
        retry: its retry policy; None to take the workflow's.
        timeout: how long one attempt may take; None for no limit.
        total_timeout: how long all attempts and the waits between them may take, from when the step begins or is
            answered; None for no limit.
        undo: the step that compensates for this one, on its output; None if nothing does.
        state: the schema that it reads and writes the run state by; None to see plain data.
        placement: where it runs: ``"with-run"``, or ``"spread"`` over a fleet.
        fn: the function itself.
        takes_context: whether ``fn`` takes a ``StepContext`` as its second argument.
        is_async: whether ``fn`` is a coroutine function; if not it runs in a thread.
        description: its first docstring line.
    """

    id: str
    input: Schema[object]
    output: Schema[object]
    fn: Execute
    suspend: Schema[object] | None = None
    resume: Schema[object] | None = None
    retry: Retry | None = None
    timeout: timedelta | None = None
    total_timeout: timedelta | None = None
    undo: AnyStep | None = None
    state: Schema[object] | None = None
    placement: Placement = "with-run"
    takes_context: bool = False
    is_async: bool = True
    description: str = ""

    def __post_init__(self) -> None:
        checked_id("a step", self.id)
        if (self.suspend is None) != (self.resume is None):
            raise DefinitionError(
                f"step {self.id!r} declares only one of suspend= and resume=; a step that suspends needs both: "
                "what it says when it stops, and what the answer looks like"
            )
        for name, time in (("timeout", self.timeout), ("total_timeout", self.total_timeout)):
            if time is not None and time <= timedelta(0):
                raise InvalidDuration(f"step {self.id!r} has {name}={time}; give more than zero, or None")
        if self.placement not in ("with-run", "spread"):
            raise DefinitionError(f"step {self.id!r} has placement={self.placement!r}; it is 'with-run' or 'spread'")
        if self.undo is not None:
            _check_undo(self.id, self.output, self.undo)

    def clone(self, *, id: str) -> Step[In_contra, Out_co]:
        """The same step under another id, to use it twice in one workflow; its compensation goes with it."""
        return replace(self, id=id)

    def __repr__(self) -> str:
        return f"<step {self.id!r}: {self.input.name} -> {self.output.name}>"


AnyStep: TypeAlias = Step[Never, object]
"""Any step, whatever it takes and gives."""


def _check_undo(step_id: str, output: Schema[object], undo: object) -> None:
    """A compensation is a plain step on what the step gave: it neither waits for anyone, nor is undone itself."""
    start = f"step {step_id!r} has undo="
    if not isinstance(undo, Step):
        raise DefinitionError(f"{start}{undo!r}, which is no step; make one with @step or create_step")
    step = cast("AnyStep", undo)
    start = f"{start}step {step.id!r}, which"
    if step.suspend is not None:
        raise DefinitionError(f"{start} suspends. Nobody is asked while a run is undone; use a step that does not")
    if step.undo is not None:
        raise DefinitionError(f"{start} has an undo= of its own. What compensates is not undone; leave that out")
    if not meets(output.type, step.input.type):
        raise DefinitionError(
            f"{start} takes {step.input.name}. It is given what {step_id!r} gives, {output.name}; let it take that"
        )


class StepDecorator(Protocol[S, R_co]):
    """What ``@step(...)`` with arguments gives: it turns a function into a step."""

    # Two shapes (with and without context), each async or sync. The async ones come first: an async function
    # also is a function that returns an object, so the order decides.
    @overload
    def __call__(self, fn: Callable[[In, StepContext[S, R_co, St]], Awaitable[Out]], /) -> Step[In, Out]: ...
    @overload
    def __call__(self, fn: Callable[[In], Awaitable[Out]], /) -> Step[In, Out]: ...
    @overload
    def __call__(self, fn: Callable[[In, StepContext[S, R_co, St]], Out], /) -> Step[In, Out]: ...
    @overload
    def __call__(self, fn: Callable[[In], Out], /) -> Step[In, Out]: ...


class StatefulStepDecorator(Protocol[S, R_co, St_co]):
    """What ``@step(state=...)`` gives: the state type of the context must be that one."""

    @overload
    def __call__(self, fn: Callable[[In, StepContext[S, R_co, St_co]], Awaitable[Out]], /) -> Step[In, Out]: ...
    @overload
    def __call__(self, fn: Callable[[In], Awaitable[Out]], /) -> Step[In, Out]: ...
    @overload
    def __call__(self, fn: Callable[[In, StepContext[S, R_co, St_co]], Out], /) -> Step[In, Out]: ...
    @overload
    def __call__(self, fn: Callable[[In], Out], /) -> Step[In, Out]: ...


@overload
def step(fn: Callable[[In, StepContext[None, None, St]], Awaitable[Out]], /) -> Step[In, Out]: ...
@overload
def step(fn: Callable[[In], Awaitable[Out]], /) -> Step[In, Out]: ...
@overload
def step(fn: Callable[[In, StepContext[None, None, St]], Out], /) -> Step[In, Out]: ...
@overload
def step(fn: Callable[[In], Out], /) -> Step[In, Out]: ...
@overload
def step(
    *,
    id: str | None = None,
    suspend: TypeForm[S],
    resume: TypeForm[R],
    retry: Retry | None = None,
    timeout: timedelta | None = None,
    total_timeout: timedelta | None = None,
    undo: AnyStep | None = None,
    placement: Placement = "with-run",
) -> StepDecorator[S, R]: ...
@overload
def step(
    *,
    id: str | None = None,
    retry: Retry | None = None,
    timeout: timedelta | None = None,
    total_timeout: timedelta | None = None,
    undo: AnyStep | None = None,
    placement: Placement = "with-run",
) -> StepDecorator: ...
@overload
def step(
    *,
    id: str | None = None,
    suspend: TypeForm[S],
    resume: TypeForm[R],
    state: TypeForm[Said],
    retry: Retry | None = None,
    timeout: timedelta | None = None,
    total_timeout: timedelta | None = None,
    undo: AnyStep | None = None,
    placement: Placement = "with-run",
) -> StatefulStepDecorator[S, R, Said]: ...
@overload
def step(
    *,
    id: str | None = None,
    state: TypeForm[Said],
    retry: Retry | None = None,
    timeout: timedelta | None = None,
    total_timeout: timedelta | None = None,
    undo: AnyStep | None = None,
    placement: Placement = "with-run",
) -> StatefulStepDecorator[None, None, Said]: ...
def step(
    fn: Execute | None = None,
    /,
    *,
    id: str | None = None,
    suspend: object = None,
    resume: object = None,
    state: object = None,
    retry: Retry | None = None,
    timeout: timedelta | None = None,
    total_timeout: timedelta | None = None,
    undo: AnyStep | None = None,
    placement: Placement = "with-run",
) -> object:
    """Make a step of a function.

    The function takes its input, and a ``StepContext`` if it wants one; both and the result are annotated. It
    may be ``async``; if it is not, it runs in a thread.

    Arguments:
        id: the step's id; by default the function's name with dashes for underscores.
        suspend: the type of what it says when it suspends.
        resume: the type of the answer. Give both or neither.
        retry: when to try again; by default the workflow's policy, and failing that never.
        timeout: how long one attempt may take. A sync function that runs over is left to end in its thread; the
            attempt counts as failed all the same.
        total_timeout: how long all attempts and the waits between them may take together. A suspension ends the
            count; with the answer it begins again.
        undo: the step that compensates for this one. It is given what this one gave, when the run fails or is
            cancelled after this one has succeeded.
        placement: ``"spread"`` to have it run, on a fleet (``Waystation(dispatch=...)``), by whichever worker has room,
            so that the items of a foreach or the children of a parallel use many; by default by the one that drives
            the run. Such a step has no ``ctx.transaction()``. Where there is no fleet it changes nothing.
        state: the type of the run state that it reads and writes; needed only where the context's annotation does
            not say it: ``StepContext[Ask, Decision, Cart]``. The workflow must declare a state too.

    Raises:
        InvalidSignature: the function does not have that shape.
        UnsupportedType: no schema can be made for one of its types.
        InvalidDuration: a timeout is not more than zero.
        DefinitionError: only one of ``suspend`` and ``resume`` is given, or ``undo`` is no step that can undo this.

    Example:
        ``@step(suspend=Ask, resume=Decision)`` above
        ``async def approval(doc: Doc, ctx: StepContext[Ask, Decision]) -> Status: ...``
    """

    def make(function: Execute) -> AnyStep:
        signature = read_signature(function)
        return build_step(
            id=id if id is not None else id_from_name(getattr(function, "__name__", "")),
            input=signature.input,
            output=signature.output,
            fn=function,
            options=Options(suspend, resume, state, retry, timeout, total_timeout, undo, placement),
        )

    return make if fn is None else make(fn)


@overload
def define_step(
    *,
    id: str,
    input: TypeForm[In],
    output: TypeForm[Out],
    suspend: TypeForm[S],
    resume: TypeForm[R],
    execute: Callable[[In, StepContext[S, R, Said]], Awaitable[Out]]
    | Callable[[In], Awaitable[Out]]
    | Callable[[In, StepContext[S, R, Said]], Out]
    | Callable[[In], Out],
    state: TypeForm[Said] = ...,
    retry: Retry | None = None,
    timeout: timedelta | None = None,
    total_timeout: timedelta | None = None,
    undo: Step[Out, object] | None = None,
    placement: Placement = "with-run",
) -> Step[In, Out]: ...
@overload
def define_step(
    *,
    id: str,
    input: TypeForm[In],
    output: TypeForm[Out],
    execute: Callable[[In, StepContext[None, None, Said]], Awaitable[Out]]
    | Callable[[In], Awaitable[Out]]
    | Callable[[In, StepContext[None, None, Said]], Out]
    | Callable[[In], Out],
    state: TypeForm[Said] = ...,
    retry: Retry | None = None,
    timeout: timedelta | None = None,
    total_timeout: timedelta | None = None,
    undo: Step[Out, object] | None = None,
    placement: Placement = "with-run",
) -> Step[In, Out]: ...
def define_step(
    *,
    id: str,
    input: object,
    output: object,
    execute: Execute,
    suspend: object = None,
    resume: object = None,
    state: object = None,
    retry: Retry | None = None,
    timeout: timedelta | None = None,
    total_timeout: timedelta | None = None,
    undo: AnyStep | None = None,
    placement: Placement = "with-run",
) -> AnyStep:
    """Make a step of its parts: for callables that are not plainly annotated functions.

    Arguments:
        id: the step's id.
        input, output: the types it takes and gives.
        execute: called with the input, and the context if it takes two arguments.
        suspend, resume, state, retry, timeout, total_timeout, undo, placement: as for ``@step``.
    """
    options = Options(suspend, resume, state, retry, timeout, total_timeout, undo, placement)
    return build_step(id=id, input=input, output=output, fn=execute, options=options)


@dataclass(frozen=True, slots=True)
class Options:
    """What may be said of a step beside what it takes, does and gives; types as they were given."""

    suspend: object = None
    resume: object = None
    state: object = None
    retry: Retry | None = None
    timeout: timedelta | None = None
    total_timeout: timedelta | None = None
    undo: AnyStep | None = None
    placement: Placement = "with-run"


def build_step(*, id: str, input: object, output: object, fn: Execute, options: Options) -> AnyStep:
    """A step of type forms and a function, however they were found."""
    return Step(
        id=id,
        input=_schema(input),
        output=_schema(output),
        suspend=None if options.suspend is None else _schema(options.suspend),
        resume=None if options.resume is None else _schema(options.resume),
        state=_state(id, fn, options.state),
        retry=options.retry,
        timeout=options.timeout,
        total_timeout=options.total_timeout,
        undo=options.undo,
        placement=options.placement,
        fn=fn,
        takes_context=len(positional(fn)) > 1,
        is_async=is_async(fn),
        description=(inspect.getdoc(fn) or "").split("\n", 1)[0],
    )


def _state(step_id: str, fn: Execute, given: object) -> Schema[object] | None:
    """The schema of the state type that was given or that the context is annotated with; they must be the same."""
    annotated = context_state(fn)
    if given is None:
        return None if annotated is None else _schema(annotated)
    if annotated is not None and annotated != given:
        raise InvalidSignature(
            f"step {step_id!r} is given state={_schema(given).name}, and its context is annotated with the state "
            f"{_schema(annotated).name}; leave out state=, or make them the same"
        )
    return _schema(given)


def _schema(form: object) -> Schema[object]:
    return schema_for(cast("TypeForm[object]", form))
