"""Commit: from what the builder was told to a graph, or to an error that says what is wrong and the way out.

Type checkers refuse most of this before it runs; it is refused here again, because not everyone uses one, and
because some of it (ids, what a parallel or branch gives) no type can say.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import cast

from waystation.define.describe import canonical_description
from waystation.define.drafts import BranchPart, Draft, ParallelPart, Part, ThenPart
from waystation.define.ids import checked_id
from waystation.define.meeting import (
    Flow,
    FromBlock,
    FromInput,
    FromStep,
    check_meets,
    check_output,
    kind_of,
    reaching,
    same_type,
)
from waystation.define.nodes import (
    ROOT_KEY,
    BranchNode,
    Condition,
    Graph,
    Node,
    ParallelNode,
    SequenceNode,
    StepNode,
    index,
)
from waystation.define.retry import ONCE
from waystation.define.step import AnyStep, Step
from waystation.errors import (
    DefinitionError,
    DuplicateId,
    EmptyWorkflow,
    InvalidId,
    NotCommitted,
)


def listed(workflow_id: str, method: str, given: object) -> tuple[object, ...]:
    """What a block was given, as a tuple of its own: changing the list later changes no workflow."""
    if isinstance(given, Sequence) and not isinstance(given, (str, bytes)):
        return tuple(cast("Sequence[object]", given))
    of = "steps" if method == "parallel" else "(condition, step) pairs"
    raise DefinitionError(f"workflow {workflow_id!r}: .{method}() takes a list of {of}, not {_what(given)}")


def build_graph(draft: Draft) -> Graph:
    """The graph of a draft.

    Raises:
        EmptyWorkflow, DuplicateId, InvalidId, TypesDoNotMeet, OutputMismatch, NotCommitted.
        DefinitionError: something that is no step, or no condition, was given for one.
    """
    if not draft.parts:
        raise EmptyWorkflow(f"workflow {draft.id!r} has no steps; add at least one with .then(step) before .commit()")
    nodes: list[Node] = []
    flow: Flow = FromInput(draft.input)
    ids = _Ids(draft.id)
    for part in draft.parts:
        node = _node(draft, part, flow)
        ids.add(node)
        check_meets(draft.id, flow, node)
        nodes.append(node)
        flow = FromStep(node.step) if isinstance(node, StepNode) else FromBlock(node)
    check_output(draft, flow)
    root = SequenceNode(ROOT_KEY, tuple(nodes))
    fingerprint, description = canonical_description(draft.id, draft.input, draft.output, root)
    return Graph(
        workflow_id=draft.id,
        root=root,
        fingerprint=fingerprint,
        description=description,
        output_is_last=isinstance(flow, FromStep) and same_type(flow.step.output, draft.output),
        places=MappingProxyType(index(root)),
        retry=draft.retry if draft.retry is not None else ONCE,
    )


# --------------------------------------------------------------------------- nodes


def _node(draft: Draft, part: Part, flow: Flow) -> StepNode | ParallelNode | BranchNode:
    match part:
        case ThenPart():
            step = _checked_step(draft.id, ".then()", part.step)
            return StepNode(step.id, step)
        case ParallelPart():
            if not part.steps:
                raise EmptyWorkflow(f"workflow {draft.id!r}: .parallel([]) has no steps; give it at least one")
            steps = [_checked_step(draft.id, ".parallel()", step) for step in part.steps]
            children = tuple(StepNode(step.id, step) for step in steps)
            return ParallelNode(_block_id(draft.id, "parallel", part.id, children), children)
        case BranchPart():
            if not part.choices:
                raise EmptyWorkflow(
                    f"workflow {draft.id!r}: .branch([]) has no choices; give it at least one (condition, step)"
                )
            choices = [_checked_choice(draft.id, choice) for choice in part.choices]
            children = tuple(StepNode(step.id, step) for _, step in choices)
            conditions = tuple(condition for condition, _ in choices)
            return BranchNode(_block_id(draft.id, "branch", part.id, children), reaching(flow), conditions, children)


def _block_id(workflow_id: str, kind: str, given: str | None, children: tuple[StepNode, ...]) -> str:
    if given is not None:
        return checked_id(f"workflow {workflow_id!r}: a {kind}", given)
    try:
        return checked_id(f"workflow {workflow_id!r}: a {kind}", f"{kind}-{children[0].id}")
    except InvalidId as error:
        raise InvalidId(f"{error.message} Give it a shorter one: .{kind}([...], id=...)") from None


def _checked_step(workflow_id: str, where: str, given: object) -> AnyStep:
    from waystation.define.workflow import Builder, KeyedBuilder, Workflow  # these build on this module

    if isinstance(given, Step):
        return cast("AnyStep", given)
    start = f"workflow {workflow_id!r}: {where} was given {_what(given)}"
    if isinstance(given, (Builder, KeyedBuilder)):
        raise NotCommitted(
            f"{start}, which was not committed and is no step. Workflows cannot be nested yet: add its steps to "
            f"{workflow_id!r} one by one"
        )
    if isinstance(given, Workflow):
        raise DefinitionError(f"{start}. Workflows cannot be nested yet: add its steps to {workflow_id!r} one by one")
    if inspect.isroutine(given):
        raise DefinitionError(
            f"{start}, which is not a step. Put @step above it, or make a step of it with "
            "create_step(id=..., input=..., output=..., execute=...)"
        )
    raise DefinitionError(
        f"{start}, which is not a step. Make one with @step above a function, or with create_step(...)"
    )


def _checked_choice(workflow_id: str, given: object) -> tuple[Condition, AnyStep]:
    shown = _what(given)
    pair = cast("Sequence[object]", given) if isinstance(given, (tuple, list)) else ()
    if len(pair) != 2:  # noqa: PLR2004
        raise DefinitionError(
            f"workflow {workflow_id!r}: .branch() takes (condition, step) pairs, and was given {shown}"
        )
    condition, step = pair
    if isinstance(condition, Step):
        raise DefinitionError(
            f"workflow {workflow_id!r}: .branch() was given step {cast('AnyStep', condition).id!r} where a "
            "condition goes; the condition comes first: (condition, step)"
        )
    checked = _checked_step(workflow_id, ".branch()", step)
    if not callable(condition):
        raise DefinitionError(
            f"workflow {workflow_id!r}: the condition of step {checked.id!r} is {_what(condition)}; give a "
            "function that takes what reaches the branch and returns True or False"
        )
    _check_takes_one(workflow_id, checked.id, condition)
    return cast("Condition", condition), checked


def _check_takes_one(workflow_id: str, step_id: str, condition: Callable[..., object]) -> None:
    try:
        signature = inspect.signature(condition)
    except (ValueError, TypeError):
        return  # some built-in callables do not tell; they are asked when the run gets there
    try:
        signature.bind(object())
    except TypeError:
        raise DefinitionError(
            f"workflow {workflow_id!r}: the condition {_what(condition)} of step {step_id!r} cannot be called "
            f"with one argument, its signature is {signature}; give a function that takes just what reaches "
            "the branch"
        ) from None


def _what(given: object) -> str:
    """A thing that was given, in words."""
    from waystation.define.workflow import Builder, KeyedBuilder, Workflow  # these build on this module

    if isinstance(given, (Builder, KeyedBuilder, Workflow)):
        return f"the workflow {given.id!r}"
    if isinstance(given, Step):
        return f"the step {cast('AnyStep', given).id!r}"
    if inspect.isroutine(given):
        return f"the function {getattr(given, '__qualname__', repr(given))!r}"
    shown = repr(given)
    return shown if len(shown) <= 100 else f"{shown[:97]}..."  # noqa: PLR2004


# --------------------------------------------------------------------------- ids


class _Ids:
    """The ids of one workflow, each used once: they become addresses in the journal."""

    def __init__(self, workflow_id: str) -> None:
        self._workflow_id = workflow_id
        self._known: dict[str, StepNode | ParallelNode | BranchNode] = {}

    def add(self, node: StepNode | ParallelNode | BranchNode) -> None:
        """Take in the ids of a node and its children. Raises ``DuplicateId``."""
        if isinstance(node, StepNode):
            self._add_one(node)
            return
        for child in node.children:
            self._add_one(child)
        self._add_one(node)

    def _add_one(self, node: StepNode | ParallelNode | BranchNode) -> None:
        other = self._known.setdefault(node.id, node)
        if other is node:
            return
        start = f"workflow {self._workflow_id!r}: "
        if isinstance(node, StepNode) and isinstance(other, StepNode):
            if node.step is other.step:
                raise DuplicateId(
                    f"{start}step {node.id!r} is used twice. Every place in a workflow needs an id of its own: use "
                    f"step.clone(id=...), such as {_variable(node.id)}.clone(id='{node.id}-2'), for the second"
                )
            raise DuplicateId(
                f"{start}two steps have the id {node.id!r}: {_where(other.step)} and {_where(node.step)}. Give one "
                "of them another: @step(id=...), create_step(id=...) or step.clone(id=...)"
            )
        block = kind_of(node) if not isinstance(node, StepNode) else kind_of(other)
        raise DuplicateId(
            f"{start}a {kind_of(other)} and a {kind_of(node)} both have the id {node.id!r}. Give the {block} an id "
            f"of its own: .{block}([...], id=...)"
        )


def _variable(step_id: str) -> str:
    """What the step's variable is likely called."""
    return step_id.replace("-", "_").replace(".", "_")


def _where(step: AnyStep) -> str:
    """A step by where its function is."""
    module = getattr(step.fn, "__module__", None)
    name = getattr(step.fn, "__qualname__", None)
    return f"{module}.{name}" if module and name else repr(step)
