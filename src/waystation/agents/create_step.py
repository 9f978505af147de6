"""``create_step``: a step of its parts, or of an agent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar, cast, overload

from typing_extensions import TypeForm

from waystation.agents.output_types import output_form
from waystation.define.context import StepContext
from waystation.define.ids import id_from_name
from waystation.define.retry import Retry
from waystation.define.step import AnyStep, Options, Placement, Step, build_step
from waystation.errors import DefinitionError

if TYPE_CHECKING:
    from pydantic_ai.agent import AbstractAgent

In = TypeVar("In")
Out = TypeVar("Out")
S = TypeVar("S")
R = TypeVar("R")
St = TypeVar("St")
Deps = TypeVar("Deps")


@overload
def create_step(
    agent: AbstractAgent[Deps, Out],
    /,
    *,
    id: str | None = None,
    deps: Deps = ...,
    retry: Retry | None = None,
    timeout: timedelta | None = None,
    total_timeout: timedelta | None = None,
    undo: Step[Out, object] | None = None,
    placement: Placement = "with-run",
) -> Step[str, Out]: ...
@overload
def create_step(
    agent: AbstractAgent[Deps, Out],
    /,
    *,
    input: TypeForm[In],
    prompt: Callable[[In], str],
    id: str | None = None,
    deps: Deps = ...,
    retry: Retry | None = None,
    timeout: timedelta | None = None,
    total_timeout: timedelta | None = None,
    undo: Step[Out, object] | None = None,
    placement: Placement = "with-run",
) -> Step[In, Out]: ...
@overload
def create_step(
    agent: AbstractAgent[Deps, object],
    /,
    *,
    output: TypeForm[Out],
    input: TypeForm[In],
    prompt: Callable[[In], str],
    id: str | None = None,
    deps: Deps = ...,
    retry: Retry | None = None,
    timeout: timedelta | None = None,
    total_timeout: timedelta | None = None,
    undo: Step[Out, object] | None = None,
    placement: Placement = "with-run",
) -> Step[In, Out]: ...
@overload
def create_step(
    *,
    id: str,
    input: TypeForm[In],
    output: TypeForm[Out],
    suspend: TypeForm[S],
    resume: TypeForm[R],
    execute: Callable[[In, StepContext[S, R, St]], Awaitable[Out]]
    | Callable[[In], Awaitable[Out]]
    | Callable[[In, StepContext[S, R, St]], Out]
    | Callable[[In], Out],
    state: TypeForm[St] = ...,
    retry: Retry | None = None,
    timeout: timedelta | None = None,
    total_timeout: timedelta | None = None,
    undo: Step[Out, object] | None = None,
    placement: Placement = "with-run",
) -> Step[In, Out]: ...
@overload
def create_step(
    *,
    id: str,
    input: TypeForm[In],
    output: TypeForm[Out],
    execute: Callable[[In, StepContext[None, None, St]], Awaitable[Out]]
    | Callable[[In], Awaitable[Out]]
    | Callable[[In, StepContext[None, None, St]], Out]
    | Callable[[In], Out],
    state: TypeForm[St] = ...,
    retry: Retry | None = None,
    timeout: timedelta | None = None,
    total_timeout: timedelta | None = None,
    undo: Step[Out, object] | None = None,
    placement: Placement = "with-run",
) -> Step[In, Out]: ...
def create_step(
    agent: object = None,
    /,
    *,
    id: str | None = None,
    input: object = None,
    output: object = None,
    execute: Callable[..., object] | None = None,
    suspend: object = None,
    resume: object = None,
    state: object = None,
    prompt: Callable[..., str] | None = None,
    deps: object = None,
    retry: Retry | None = None,
    timeout: timedelta | None = None,
    total_timeout: timedelta | None = None,
    undo: AnyStep | None = None,
    placement: Placement = "with-run",
) -> AnyStep:
    """Make a step of its parts, or of a pydantic-ai agent.

    Of its parts, for callables that are not plainly annotated functions: ``id``, ``input``, ``output`` and
    ``execute``, which is called with the input, and with the context if it takes two arguments.

    Of an agent (extra ``waystation[agents]``): one run of the agent is the step; the agent's output type is the
    step's. Without ``prompt`` the step's input is the prompt, a ``str``.

    Arguments:
        agent: a pydantic-ai ``Agent``.
        id: the step's id; for an agent by default its name.
        input, output: the types it takes and gives. For an agent, ``output`` is only needed where its output
            type cannot be told, and must be what it gives.
        execute: the function.
        suspend, resume, state: as for ``@step``; not with an agent.
        prompt: makes the agent's prompt of the input.
        deps: given to the agent as its dependencies.
        retry, timeout, total_timeout, undo, placement: as for ``@step``. An agent's own retries (of a model's bad
            answer) lie within one attempt.

    Raises:
        DefinitionError: parts are missing, or do not go together.
        UnsupportedType: no schema can be made for a type.

    Example:
        ``create_step(Agent(model, output_type=Summary, name="summarise"))``
    """
    options = Options(suspend, resume, state, retry, timeout, total_timeout, undo, placement)
    if agent is not None:
        if any(given is not None for given in (execute, suspend, resume, state)):
            raise DefinitionError(
                "create_step(agent) takes no execute=, suspend=, resume= or state=: the agent is the step"
            )
        return _agent_step(
            cast("AbstractAgent[object, object]", agent),
            id=id,
            input=input,
            output=output,
            prompt=prompt,
            deps=deps,
            options=options,
        )
    if id is None or input is None or output is None or execute is None:
        raise DefinitionError(
            "create_step needs either an agent, or all of id=, input=, output= and execute="
            " (for nothing as input or output, give type(None))"
        )
    if prompt is not None or deps is not None:
        raise DefinitionError("create_step(prompt=, deps=) go with an agent; give one first, or leave them out")
    return build_step(id=id, input=input, output=output, fn=execute, options=options)


def _agent_step(
    agent: AbstractAgent[object, object],
    *,
    id: str | None,
    input: object,
    output: object,
    prompt: Callable[..., str] | None,
    deps: object,
    options: Options,
) -> AnyStep:
    if not callable(getattr(agent, "run", None)) or not hasattr(agent, "output_type"):
        raise DefinitionError(
            f"create_step({agent!r}) was given something that is no agent; of a function, make a step with @step"
        )
    name = id if id is not None else id_from_name(agent.name or "")
    if not name:
        raise DefinitionError("the agent has no name to take the step's id from; give id= here, or name= to the agent")
    if (input is None) != (prompt is None):
        raise DefinitionError(
            f"create_step for agent {name!r} needs both input= and prompt= (what makes the agent's prompt of the "
            "input), or neither: then the input is the prompt itself"
        )

    async def ask(value: object) -> object:
        text = prompt(value) if prompt is not None else cast("str", value)
        return (await agent.run(text, deps=deps)).output

    return build_step(
        id=name,
        input=str if input is None else input,
        output=output if output is not None else output_form(name, agent.output_type),
        fn=ask,
        options=options,
    )
