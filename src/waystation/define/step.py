"""A step: the one place where user code lives.

``@step`` makes one of a function; ``define_step`` makes one of parts (the public ``create_step`` adds agents to
it). Both read the types once, here, and turn them into schemas; nothing is inspected while a run goes on.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Generic, Protocol, TypeAlias, cast, overload

from typing_extensions import TypeForm, TypeVar

from waystation.define.context import StepContext
from waystation.define.ids import checked_id, id_from_name
from waystation.define.retry import Retry
from waystation.errors import DefinitionError, InvalidSignature
from waystation.schema import Schema, schema_for

In = TypeVar("In")
Out = TypeVar("Out")
S = TypeVar("S", default=None)
R = TypeVar("R", default=None)
R_co = TypeVar("R_co", covariant=True, default=None)
In_contra = TypeVar("In_contra", contravariant=True)
Out_co = TypeVar("Out_co", covariant=True)

Execute: TypeAlias = Callable[..., object]
"""A step's function, as the engine sees it: ``(input)`` or ``(input, ctx)``."""


@dataclass(frozen=True, eq=False)
class Step(Generic[In_contra, Out_co]):
    """A unit of work with a typed input and output. Made by ``@step`` or ``create_step``; never changed.

    Attributes:
        id: its name within a workflow.
        input, output: the schemas of what it takes and gives.
        suspend, resume: the schemas of what it says when it suspends and of the answer; both or neither.
        retry: its retry policy; None to take the workflow's.
        timeout: how long one attempt may take; None for no limit.
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
        if self.timeout is not None and self.timeout <= timedelta(0):
            raise DefinitionError(f"step {self.id!r} has timeout={self.timeout}; give more than zero, or None")

    def clone(self, *, id: str) -> Step[In_contra, Out_co]:
        """The same step under another id, to use it twice in one workflow."""
        return replace(self, id=id)

    def __repr__(self) -> str:
        return f"<step {self.id!r}: {self.input.name} -> {self.output.name}>"


AnyStep: TypeAlias = Step[typing.Never, object]
"""Any step, whatever it takes and gives."""


class StepDecorator(Protocol[S, R_co]):
    """What ``@step(...)`` with arguments gives: it turns a function into a step."""

    # Two shapes (with and without context), each async or sync. The async ones come first: an async function
    # also is a function that returns an object, so the order decides.
    @overload
    def __call__(self, fn: Callable[[In, StepContext[S, R_co]], Awaitable[Out]], /) -> Step[In, Out]: ...
    @overload
    def __call__(self, fn: Callable[[In], Awaitable[Out]], /) -> Step[In, Out]: ...
    @overload
    def __call__(self, fn: Callable[[In, StepContext[S, R_co]], Out], /) -> Step[In, Out]: ...
    @overload
    def __call__(self, fn: Callable[[In], Out], /) -> Step[In, Out]: ...


@overload
def step(fn: Callable[[In, StepContext], Awaitable[Out]], /) -> Step[In, Out]: ...
@overload
def step(fn: Callable[[In], Awaitable[Out]], /) -> Step[In, Out]: ...
@overload
def step(fn: Callable[[In, StepContext], Out], /) -> Step[In, Out]: ...
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
) -> StepDecorator[S, R]: ...
@overload
def step(
    *,
    id: str | None = None,
    retry: Retry | None = None,
    timeout: timedelta | None = None,
) -> StepDecorator: ...
def step(
    fn: Execute | None = None,
    /,
    *,
    id: str | None = None,
    suspend: object = None,
    resume: object = None,
    retry: Retry | None = None,
    timeout: timedelta | None = None,
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

    Raises:
        InvalidSignature: the function does not have that shape.
        UnsupportedType: no schema can be made for one of its types.

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
            suspend=suspend,
            resume=resume,
            retry=retry,
            timeout=timeout,
            fn=function,
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
    execute: Callable[[In, StepContext[S, R]], Awaitable[Out]]
    | Callable[[In], Awaitable[Out]]
    | Callable[[In, StepContext[S, R]], Out]
    | Callable[[In], Out],
    retry: Retry | None = None,
    timeout: timedelta | None = None,
) -> Step[In, Out]: ...
@overload
def define_step(
    *,
    id: str,
    input: TypeForm[In],
    output: TypeForm[Out],
    execute: Callable[[In, StepContext], Awaitable[Out]]
    | Callable[[In], Awaitable[Out]]
    | Callable[[In, StepContext], Out]
    | Callable[[In], Out],
    retry: Retry | None = None,
    timeout: timedelta | None = None,
) -> Step[In, Out]: ...
def define_step(
    *,
    id: str,
    input: object,
    output: object,
    execute: Execute,
    suspend: object = None,
    resume: object = None,
    retry: Retry | None = None,
    timeout: timedelta | None = None,
) -> AnyStep:
    """Make a step of its parts: for callables that are not plainly annotated functions.

    Arguments:
        id: the step's id.
        input, output: the types it takes and gives.
        execute: called with the input, and the context if it takes two arguments.
        suspend, resume, retry, timeout: as for ``@step``.
    """
    return build_step(
        id=id,
        input=input,
        output=output,
        suspend=suspend,
        resume=resume,
        retry=retry,
        timeout=timeout,
        fn=execute,
    )


def build_step(
    *,
    id: str,
    input: object,
    output: object,
    fn: Execute,
    suspend: object,
    resume: object,
    retry: Retry | None,
    timeout: timedelta | None,
) -> AnyStep:
    """A step of type forms and a function, however they were found."""
    return Step(
        id=id,
        input=_schema(input),
        output=_schema(output),
        suspend=None if suspend is None else _schema(suspend),
        resume=None if resume is None else _schema(resume),
        retry=retry,
        timeout=timeout,
        fn=fn,
        takes_context=len(_positional(fn)) > 1,
        is_async=_is_async(fn),
        description=(inspect.getdoc(fn) or "").split("\n", 1)[0],
    )


@dataclass(frozen=True, slots=True)
class Signature:
    """The types of a step function."""

    input: object
    output: object


def read_signature(fn: Execute) -> Signature:
    """The types a step function is annotated with.

    Raises:
        InvalidSignature: it does not take one input and perhaps a context, or something is not annotated.
    """
    name = getattr(fn, "__qualname__", repr(fn))
    if not callable(fn):
        raise InvalidSignature(f"@step is put above a function, not above {fn!r}")
    parameters = _positional(fn)
    if not 1 <= len(parameters) <= 2:  # noqa: PLR2004
        raise InvalidSignature(
            f"step function {name!r} takes {len(parameters)} arguments; it must take its input, and may take a "
            "StepContext after it"
        )
    try:
        hints = typing.get_type_hints(fn, include_extras=True)
    except NameError as error:
        raise InvalidSignature(
            f"step function {name!r} has an annotation that cannot be resolved: {error}. Define the type at module "
            "level, above the step, or use create_step(input=, output=, execute=)"
        ) from error
    missing = [p.name for p in parameters[:1] if p.name not in hints]
    if missing or "return" not in hints:
        what = f"its argument {missing[0]!r}" if missing else "what it returns"
        raise InvalidSignature(f"step function {name!r} does not annotate {what}; its types come from there")
    if len(parameters) > 1:
        _check_context(name, parameters[1], hints.get(parameters[1].name))
    return Signature(hints[parameters[0].name], hints["return"])


def _check_context(name: str, parameter: inspect.Parameter, hint: object) -> None:
    origin = typing.get_origin(hint) or hint
    if hint is not None and not (isinstance(origin, type) and issubclass(origin, StepContext)):
        raise InvalidSignature(
            f"step function {name!r}: its second argument {parameter.name!r} is annotated {hint!r}; "
            "it is given a StepContext"
        )


def _positional(fn: Execute) -> list[inspect.Parameter]:
    """The parameters that must be filled by position: the input, and perhaps the context."""
    return [
        parameter
        for parameter in inspect.signature(fn).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        and parameter.default is parameter.empty
    ]


def _is_async(fn: Execute) -> bool:
    call = getattr(fn, "__call__", None)  # noqa: B004  (a callable object with an async __call__)
    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(call)


def _schema(form: object) -> Schema[object]:
    return schema_for(cast("TypeForm[object]", form))
