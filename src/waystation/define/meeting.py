"""Whether what flows from one node to the next meets what that takes, and what to say if not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from waystation.define.assignable import keyed_meets, meets
from waystation.define.drafts import Draft
from waystation.define.nodes import BranchNode, ParallelNode, StepNode
from waystation.define.step import AnyStep
from waystation.errors import OutputMismatch, TypesDoNotMeet
from waystation.schema import Schema, schema_for


@dataclass(frozen=True, slots=True)
class FromInput:
    """The workflow's input reaches the first node."""

    schema: Schema[object]


@dataclass(frozen=True, slots=True)
class FromStep:
    """A step's output reaches the next node."""

    step: AnyStep


@dataclass(frozen=True, slots=True)
class FromBlock:
    """The outputs of a block's steps reach the next node, ``{id: output}``; of a branch, not all of them."""

    block: ParallelNode | BranchNode


Flow: TypeAlias = FromInput | FromStep | FromBlock


def reaching(flow: Flow) -> Schema[object]:
    """The schema of what reaches a node. What a block gives has no type of its own: it is plain JSON."""
    match flow:
        case FromInput():
            return flow.schema
        case FromStep():
            return flow.step.output
        case FromBlock():
            return schema_for(object)


def same_type(first: Schema[object], second: Schema[object]) -> bool:
    """Whether a value of the one type surely is one of the other. Schemas are cached, so equal forms share one."""
    return first is second or first.type is second.type


def kind_of(node: StepNode | ParallelNode | BranchNode) -> str:
    """What to call a node."""
    return {StepNode: "step", ParallelNode: "parallel", BranchNode: "branch"}[type(node)]


def check_meets(workflow_id: str, flow: Flow, node: StepNode | ParallelNode | BranchNode) -> None:
    """What reaches a node must be what it takes; a block's steps all take what reaches the block."""
    for child in (node,) if isinstance(node, StepNode) else node.children:
        within = "" if isinstance(node, StepNode) else f" in {kind_of(node)} {node.id!r}"
        _check_step_meets(workflow_id, flow, child.step, within)


def _check_step_meets(workflow_id: str, flow: Flow, step: AnyStep, within: str) -> None:
    if isinstance(flow, FromBlock):
        problems = _keyed_problems(flow.block, step.input)
        if problems:
            raise TypesDoNotMeet(
                f"workflow {workflow_id!r}: {kind_of(flow.block)} {flow.block.id!r} gives {_parts_text(flow.block)}, "
                f"and step {step.id!r}{within}, which comes after it, takes {step.input.name}: "
                f"{'; '.join(problems)}. {_keyed_way_out(flow.block, f'step {step.id!r}')}"
            )
        return
    given = reaching(flow)
    if meets(given.type, step.input.type):
        return
    gives, takes = _names(given, step.input)
    if isinstance(flow, FromInput):
        raise TypesDoNotMeet(
            f"workflow {workflow_id!r} is given {gives} as its input, and its first step {step.id!r}{within} takes "
            f"{takes}. Declare input={step.input.name}, begin with a step that takes {given.name}, or change what "
            f"step {step.id!r} takes"
        )
    raise TypesDoNotMeet(
        f"workflow {workflow_id!r}: step {flow.step.id!r} gives {gives}, and step {step.id!r}{within}, which comes "
        f"after it, takes {takes}. Change one of the two types, or put a step between them that takes "
        f"{given.name} and gives {step.input.name}"
    )


def check_output(draft: Draft, flow: Flow) -> None:
    """What the last node gives must be what the workflow declares."""
    if isinstance(flow, FromBlock):
        problems = _keyed_problems(flow.block, draft.output)
        if problems:
            raise OutputMismatch(
                f"workflow {draft.id!r} declares output={draft.output.name}, and its last node, {kind_of(flow.block)} "
                f"{flow.block.id!r}, gives {_parts_text(flow.block)}: {'; '.join(problems)}. "
                f"{_keyed_way_out(flow.block, 'the workflow')}"
            )
        return
    last = reaching(flow)
    if not meets(last.type, draft.output.type):
        assert isinstance(flow, FromStep), "an empty workflow was refused"
        gives, declares = _names(last, draft.output)
        raise OutputMismatch(
            f"workflow {draft.id!r} declares output={declares}, and its last step {flow.step.id!r} gives {gives}. "
            f"Declare output={last.name}, or end with a step that gives {draft.output.name}"
        )


def _keyed_problems(block: ParallelNode | BranchNode, wanted: Schema[object]) -> list[str]:
    parts: Mapping[str, object] = {child.id: child.step.output.type for child in block.children}
    return keyed_meets(parts, wanted.type, optional=isinstance(block, BranchNode))


def _parts_text(block: ParallelNode | BranchNode) -> str:
    parts = ", ".join(f"{child.id!r}: {child.step.output.name}" for child in block.children)
    some = " (only of the steps whose condition was true)" if isinstance(block, BranchNode) else ""
    return f"{{{parts}}}{some}"


def _keyed_way_out(block: ParallelNode | BranchNode, taker: str) -> str:
    keys = ", ".join(repr(child.id) for child in block.children)
    optional = ", each of which may be missing" if isinstance(block, BranchNode) else ""
    return f"Let {taker} take a dict, a TypedDict or a model with the keys {keys}{optional}; or change those ids"


def _names(first: Schema[object], second: Schema[object]) -> tuple[str, str]:
    """The names of two types, told apart: with their modules, if they have the same name."""
    if first.name != second.name:
        return first.name, second.name
    return _full_name(first), _full_name(second)


def _full_name(schema: Schema[object]) -> str:
    form = schema.type
    if isinstance(form, type):
        return f"{form.__module__}.{form.__qualname__}"
    return repr(form)
