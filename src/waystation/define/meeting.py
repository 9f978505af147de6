"""Whether what flows from one node to the next meets what that takes, and what to say if not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, Union, cast

from typing_extensions import TypeForm

from waystation.define.assignable import item_types, keyed_meets, meets
from waystation.define.drafts import Draft
from waystation.define.nodes import (
    BranchNode,
    Child,
    ForeachNode,
    LoopNode,
    MapNode,
    Node,
    ParallelNode,
    SequenceNode,
    SleepNode,
    StepNode,
    SwitchNode,
    WaitNode,
    WorkflowNode,
)
from waystation.errors import OutputMismatch, TypesDoNotMeet, UnsupportedType
from waystation.schema import Schema, schema_for, type_name


@dataclass(frozen=True, slots=True)
class FromInput:
    """The workflow's input reaches the first node."""

    schema: Schema[object]


@dataclass(frozen=True, slots=True)
class FromNode:
    """A node's output reaches the next.

    Attributes:
        node: the node.
        form: the type of its output; ``Any`` where only the run will tell.
        schema: by which a function that is asked about it is given it: of that type, or plain JSON where the type has
            no schema.
    """

    node: Node
    form: object
    schema: Schema[object]


@dataclass(frozen=True, slots=True)
class FromBlock:
    """The outputs of a block's steps reach the next node, ``{id: output}``; of a branch, not all of them."""

    block: ParallelNode | BranchNode


Flow: TypeAlias = FromInput | FromNode | FromBlock


def input_of(child: Child) -> Schema[object]:
    """What a step or nested workflow takes."""
    return child.step.input if isinstance(child, StepNode) else child.workflow.input


def output_of(child: Child) -> Schema[object]:
    """What a step or nested workflow gives."""
    return child.step.output if isinstance(child, StepNode) else child.workflow.output


def reaching(flow: Flow) -> Schema[object]:
    """The schema of what reaches a node. What a block gives has no type of its own: it is plain JSON."""
    return schema_for(object) if isinstance(flow, FromBlock) else flow.schema


def flow_after(node: Node, before: Flow) -> Flow:
    """What reaches the node after ``node``, which ``before`` reaches."""
    match node:
        case StepNode() | WorkflowNode():
            return _typed(node, output_of(node).type)
        case ParallelNode() | BranchNode():
            return FromBlock(node)
        case SwitchNode():
            return _typed(node, _one_of([output_of(child).type for child in node.children]))
        case ForeachNode():
            item: Any = output_of(node.child).type
            return _typed(node, list[item])
        case LoopNode():
            return _typed(node, output_of(node.child).type)
        case MapNode():
            return _typed(node, node.output.type)
        case SleepNode():
            return before
        case WaitNode():
            without_data = node.default == b"null"
            return _typed(node, _one_of([node.data.type, None] if without_data else [node.data.type]))
        case SequenceNode():
            raise AssertionError("a sequence is only ever the root")


def _typed(node: Node, form: object) -> FromNode:
    try:
        return FromNode(node, form, schema_for(cast("TypeForm[object]", form)))
    except UnsupportedType:  # a union of types of two libraries has no schema, though each part has
        return FromNode(node, form, schema_for(object))


def _one_of(forms: Sequence[object]) -> object:
    different = list({repr(form): form for form in forms}.values())
    return different[0] if len(different) == 1 else Union[tuple(different)]


def same_type(first: Schema[object], second: Schema[object]) -> bool:
    """Whether a value of the one type surely is one of the other. Schemas are cached, so equal forms share one."""
    return first is second or first.type is second.type


_KINDS = {
    StepNode: "step",
    WorkflowNode: "workflow",
    ParallelNode: "parallel",
    BranchNode: "branch",
    SwitchNode: "switch",
    ForeachNode: "foreach",
    LoopNode: "loop",
    MapNode: "map",
    SleepNode: "sleep",
    WaitNode: "wait",
    SequenceNode: "sequence",
}


def kind_of(node: Node) -> str:
    """What to call a node."""
    return _KINDS[type(node)]


# --------------------------------------------------------------------------- a node and what reaches it


def check_meets(workflow_id: str, flow: Flow, node: Node) -> None:
    """What reaches a node must be what it takes; a block's steps all take what reaches the block.

    Raises:
        TypesDoNotMeet.
    """
    match node:
        case StepNode() | WorkflowNode():
            _check_child_meets(workflow_id, flow, node, "")
        case ParallelNode() | BranchNode() | SwitchNode():
            for child in node.children:
                _check_child_meets(workflow_id, flow, child, f" in {kind_of(node)} {node.id!r}")
        case LoopNode():
            _check_child_meets(workflow_id, flow, node.child, f" in loop {node.id!r}")
            _check_turns(workflow_id, node)
        case ForeachNode():
            _check_items(workflow_id, flow, node)
        case _:
            pass  # a map, sleep or wait takes anything


def _check_child_meets(workflow_id: str, flow: Flow, child: Child, within: str) -> None:
    takes = input_of(child)
    taker = f"{kind_of(child)} {child.id!r}"
    if isinstance(flow, FromBlock):
        problems = _keyed_problems(flow.block, takes)
        if problems:
            raise TypesDoNotMeet(
                f"workflow {workflow_id!r}: {_block_gives(flow.block)}, and {taker}{within}, which comes after it, "
                f"takes {takes.name}: {'; '.join(problems)}. {_keyed_way_out(flow.block, taker)}"
            )
        return
    form = _form(flow)
    if meets(form, takes.type):
        return
    gives, taken = _names(form, takes.type)
    if isinstance(flow, FromInput):
        raise TypesDoNotMeet(
            f"workflow {workflow_id!r} is given {gives} as its input, and its first {taker}{within} takes {taken}. "
            f"Declare input={takes.name}, begin with a step that takes {type_name(form)}, or change what {taker} takes"
        )
    raise TypesDoNotMeet(
        f"workflow {workflow_id!r}: {_giver(flow)} gives {gives}, and {taker}{within}, which comes after it, takes "
        f"{taken}. Change one of the two types, or put a step between them that takes {type_name(form)} and gives "
        f"{takes.name}"
    )


def _check_turns(workflow_id: str, loop: LoopNode) -> None:
    child, takes, gives = loop.child, input_of(loop.child), output_of(loop.child)
    if not meets(gives.type, takes.type):
        given, taken = _names(gives.type, takes.type)
        raise TypesDoNotMeet(
            f"workflow {workflow_id!r}: {kind_of(child)} {child.id!r} in loop {loop.id!r} gives {given} and takes "
            f"{taken}. Each turn is given what the turn before gave: let it take what it gives"
        )


def _check_items(workflow_id: str, flow: Flow, node: ForeachNode) -> None:
    takes = input_of(node.child)
    taker = f"{kind_of(node.child)} {node.child.id!r}"
    if isinstance(flow, FromBlock):
        raise TypesDoNotMeet(
            f"workflow {workflow_id!r}: {_block_gives(flow.block)}, and foreach {node.id!r}, which comes after it, "
            f"takes list[{takes.name}]. Put .map(lambda parts: list(parts.values()), output=list[...]) between them"
        )
    form = _form(flow)
    given = f"{_giver(flow)} gives" if isinstance(flow, FromNode) else "it is given as its input"
    items = item_types(form)
    if items is None:
        raise TypesDoNotMeet(
            f"workflow {workflow_id!r}: foreach {node.id!r} runs {taker} for each item of a list[{takes.name}], and "
            f"{given} {type_name(form)}, which is no list. Let a list reach it, or use "
            f".then({_variable(node.child.id)})"
        )
    for item in items:
        if not meets(item, takes.type):
            gives, taken = _names(item, takes.type)
            raise TypesDoNotMeet(
                f"workflow {workflow_id!r}: foreach {node.id!r} runs {taker}, which takes {taken}, for each item, and "
                f"{given} {type_name(form)}, whose items are {gives}. Change one of the two types"
            )


def _form(flow: FromInput | FromNode) -> object:
    return flow.schema.type if isinstance(flow, FromInput) else flow.form


def _giver(flow: FromNode) -> str:
    return f"{kind_of(flow.node)} {flow.node.id!r}"


def _variable(id_: str) -> str:
    """What a step's variable is likely called."""
    return id_.replace("-", "_").replace(".", "_")


# --------------------------------------------------------------------------- the output


def check_output(draft: Draft, flow: Flow) -> None:
    """What the last node gives must be what the workflow declares.

    Raises:
        OutputMismatch.
    """
    if isinstance(flow, FromBlock):
        problems = _keyed_problems(flow.block, draft.output)
        if problems:
            raise OutputMismatch(
                f"workflow {draft.id!r} declares output={draft.output.name}, and its last node, "
                f"{_block_gives(flow.block)}: {'; '.join(problems)}. {_keyed_way_out(flow.block, 'the workflow')}"
            )
        return
    form = _form(flow)
    if meets(form, draft.output.type):
        return
    gives, declares = _names(form, draft.output.type)
    last = f"its last {_giver(flow)} gives" if isinstance(flow, FromNode) else "what its nodes pass on is its input,"
    raise OutputMismatch(
        f"workflow {draft.id!r} declares output={declares}, and {last} {gives}. "
        f"Declare output={type_name(form)}, or end with a step that gives {draft.output.name}"
    )


# --------------------------------------------------------------------------- blocks


def _keyed_problems(block: ParallelNode | BranchNode, wanted: Schema[object]) -> list[str]:
    return keyed_meets(_parts(block), wanted.type, optional=isinstance(block, BranchNode))


def _parts(block: ParallelNode | BranchNode) -> Mapping[str, object]:
    may_fail = isinstance(block, ParallelNode) and block.allow_failure
    forms = {child.id: output_of(child).type for child in block.children}
    return {id_: _one_of([form, None]) for id_, form in forms.items()} if may_fail else forms


def _block_gives(block: ParallelNode | BranchNode) -> str:
    parts = ", ".join(f"{id_!r}: {type_name(form)}" for id_, form in _parts(block).items())
    some = " (only of the steps whose condition was true)" if isinstance(block, BranchNode) else ""
    return f"{kind_of(block)} {block.id!r} gives {{{parts}}}{some}"


def _keyed_way_out(block: ParallelNode | BranchNode, taker: str) -> str:
    keys = ", ".join(repr(child.id) for child in block.children)
    optional = ", each of which may be missing" if isinstance(block, BranchNode) else ""
    if isinstance(block, ParallelNode) and block.allow_failure:
        optional = ", each of which may be None, as allow_failure=True"
    return f"Let {taker} take a dict, a TypedDict or a model with the keys {keys}{optional}; or change those ids"


def _names(first: object, second: object) -> tuple[str, str]:
    """The names of two types, told apart: with their modules, if they have the same name."""
    if type_name(first) != type_name(second):
        return type_name(first), type_name(second)
    return _full_name(first), _full_name(second)


def _full_name(form: object) -> str:
    if isinstance(form, type):
        return f"{form.__module__}.{form.__qualname__}"
    return repr(form)
