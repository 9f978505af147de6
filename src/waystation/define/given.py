"""What was given for a step, a function or a type: made sure of, or refused with the way out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from typing_extensions import TypeForm

from waystation.define.drafts import Uncommitted
from waystation.define.nodes import Child, FlowFunction, StepNode, WorkflowNode
from waystation.define.step import AnyStep, Step
from waystation.define.workflow import Workflow
from waystation.errors import DefinitionError, InvalidDuration, NotCommitted
from waystation.schema import Schema, schema_for


def listed(workflow_id: str, method: str, given: object) -> tuple[object, ...]:
    """What a block was given, as a tuple of its own: changing the list later changes no workflow."""
    if isinstance(given, Sequence) and not isinstance(given, (str, bytes)):
        return tuple(cast("Sequence[object]", given))
    of = "steps" if method == "parallel" else "(condition, step) pairs"
    raise DefinitionError(f"workflow {workflow_id!r}: .{method}() takes a list of {of}, not {in_words(given)}")


def in_words(given: object) -> str:
    """A thing that was given, in words."""
    if isinstance(given, (Uncommitted, Workflow)):
        return f"the workflow {cast('Workflow[object, object] | Uncommitted', given).id!r}"
    if isinstance(given, Step):
        return f"the step {cast('AnyStep', given).id!r}"
    if inspect.isroutine(given):
        return f"the function {getattr(given, '__qualname__', repr(given))!r}"
    shown = repr(given)
    return shown if len(shown) <= 100 else f"{shown[:97]}..."  # noqa: PLR2004  (and the dots make 100)


def checked_child(workflow_id: str, where: str, given: object) -> Child:
    """The node of a step or workflow that was given.

    Arguments:
        workflow_id: the workflow it was given to.
        where: the method it was given to, ``".then()"``.
        given: whatever was given.

    Raises:
        NotCommitted: a builder was given.
        DefinitionError: something else that is no step was.
    """
    if isinstance(given, Step):
        step = cast("AnyStep", given)
        return StepNode(step.id, step)
    if isinstance(given, Workflow):
        nested = cast("Workflow[object, object]", given)
        return WorkflowNode(nested.id, nested)
    start = f"workflow {workflow_id!r}: {where} was given {in_words(given)}"
    if isinstance(given, Uncommitted):
        raise NotCommitted(f"{start}, which was not committed. End its definition with .commit() before it is nested")
    if inspect.isroutine(given):
        raise DefinitionError(
            f"{start}, which is not a step. Put @step above it, or make a step of it with "
            "create_step(id=..., input=..., output=..., execute=...)"
        )
    raise DefinitionError(
        f"{start}, which is not a step. Make one with @step above a function, or with create_step(...)"
    )


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a function that decides something is to be.

    Attributes:
        who: what to call it, and what it belongs to: ``the condition of step 'a'``.
        takes: what it is given first: ``what reaches the branch``.
        returns: what it is to return: ``True or False``.
        second: what it may take as its second argument.
    """

    who: str
    takes: str
    returns: str
    second: str = "a FlowContext"


def checked_function(workflow_id: str, given: object, wanted: Wanted) -> FlowFunction:
    """A function that decides something in the graph; how many arguments it must be given says what it takes.

    Raises:
        DefinitionError: it is no function, or takes neither one nor two arguments.
    """
    start = f"workflow {workflow_id!r}: {wanted.who}"
    shown = in_words(given)
    if isinstance(given, Step) or not callable(given):
        raise DefinitionError(
            f"{start} is {shown}; give a function that takes {wanted.takes} and returns {wanted.returns}"
        )
    function: Callable[..., object] = given
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):
        return FlowFunction(function)  # some built-in callables do not tell; they are called with one argument
    takes_two = _required(signature) == 2  # noqa: PLR2004  (as the name says)
    try:
        signature.bind(*([object()] * (2 if takes_two else 1)))
    except TypeError:
        raise DefinitionError(
            f"{start}, {shown}, cannot be called with one argument or two, its signature is {signature}; "
            f"give a function that takes {wanted.takes}, and may take {wanted.second} after it"
        ) from None
    return FlowFunction(function, takes_two)


def _required(signature: inspect.Signature) -> int:
    return sum(
        parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        and parameter.default is parameter.empty
        for parameter in signature.parameters.values()
    )


def checked_time(start: str, time: timedelta, *, positive: bool = False) -> timedelta:
    """A duration that is not negative, or with ``positive`` more than zero. Raises ``InvalidDuration``."""
    if time < timedelta(0) or (positive and not time):
        raise InvalidDuration(f"{start} {time}; give {'more than zero' if positive else 'zero or more'}")
    return time


def checked_schema(form: object) -> Schema[object]:
    """The schema of a type form that was given. Raises ``UnsupportedType``."""
    return schema_for(cast("TypeForm[object]", form))
