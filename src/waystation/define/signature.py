"""The signature of a step function: where a step's types come from."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from waystation.define.context import StepContext
from waystation.errors import InvalidSignature


@dataclass(frozen=True, slots=True)
class Signature:
    """The types of a step function; ``state`` is None if its context does not name one."""

    input: object
    output: object
    state: object = None


def read_signature(fn: Callable[..., object]) -> Signature:
    """The types a step function is annotated with.

    Raises:
        InvalidSignature: it does not take one input and perhaps a context, or something is not annotated.
    """
    name = getattr(fn, "__qualname__", repr(fn))
    if not callable(fn):
        raise InvalidSignature(f"@step is put above a function, not above {fn!r}")
    parameters = positional(fn)
    if not 1 <= len(parameters) <= 2:  # noqa: PLR2004  (input, context)
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
    context: object = hints.get(parameters[1].name) if len(parameters) > 1 else None
    if context is not None:
        _check_context(name, parameters[1], context)
    return Signature(hints[parameters[0].name], hints["return"], _state_of(context))


def context_state(fn: Callable[..., object]) -> object:
    """The state type that a function's context is annotated with; None if it names none, or none can be read."""
    parameters = positional(fn)
    if len(parameters) < 2:  # noqa: PLR2004  (the second is the context)
        return None
    try:
        return _state_of(typing.get_type_hints(fn, include_extras=True).get(parameters[1].name))
    except (NameError, TypeError):
        return None  # not everything callable has annotations that can be read


def _state_of(context: object) -> object:
    """The third type argument of ``StepContext[Ask, Answer, State]``."""
    arguments: tuple[object, ...] = typing.get_args(context)
    named = arguments[2] if len(arguments) > 2 else None  # noqa: PLR2004  (the third)
    return None if named == Mapping[str, object] else named  # which is what a context has that names none


def _check_context(name: str, parameter: inspect.Parameter, hint: object) -> None:
    origin = typing.get_origin(hint) or hint
    if not (isinstance(origin, type) and issubclass(origin, StepContext)):
        raise InvalidSignature(
            f"step function {name!r}: its second argument {parameter.name!r} is annotated {hint!r}; "
            "it is given a StepContext"
        )


def positional(fn: Callable[..., object]) -> list[inspect.Parameter]:
    """The parameters that must be filled by position: the input, and perhaps the context."""
    return [
        parameter
        for parameter in inspect.signature(fn).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        and parameter.default is parameter.empty
    ]


def is_async(fn: Callable[..., object]) -> bool:
    """Whether calling ``fn`` gives a coroutine."""
    call = getattr(fn, "__call__", None)  # noqa: B004  (a callable object with an async __call__)
    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(call)
