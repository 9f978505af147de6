"""The ids of one workflow, each used once: they become addresses in the journal."""

from __future__ import annotations

from waystation.define.meeting import kind_of
from waystation.define.nodes import (
    BranchNode,
    Child,
    ForeachNode,
    LoopNode,
    Node,
    ParallelNode,
    SequenceNode,
    StepNode,
    SwitchNode,
    WorkflowNode,
)
from waystation.define.step import AnyStep
from waystation.errors import DuplicateId

_METHODS = {"wait": "wait_for", "loop": "do_while"}
"""What makes a node of a kind, where it is not called as the kind."""


class NodeIds:
    """Knows the ids that are taken. A nested workflow has ids of its own: only the one it goes by counts here."""

    def __init__(self, workflow_id: str) -> None:
        self._workflow_id = workflow_id
        self._known: dict[str, Node] = {}

    def add(self, node: Node) -> None:
        """Take in the ids of a node and of its children. Raises ``DuplicateId``."""
        for child in children_of(node):
            self._add_one(child)
        self._add_one(node)

    def _add_one(self, node: Node) -> None:
        other = self._known.setdefault(node.id, node)
        if other is node:
            return
        start = f"workflow {self._workflow_id!r}: "
        if isinstance(node, (StepNode, WorkflowNode)) and isinstance(other, (StepNode, WorkflowNode)):
            raise DuplicateId(start + _children_clash(node, other))
        one, two = kind_of(other), kind_of(node)
        kind = one if isinstance(node, (StepNode, WorkflowNode)) else two
        way_out = f".{_METHODS.get(kind, kind)}(..., id=...)"
        if one == two:
            raise DuplicateId(f"{start}two {kind}s have the id {node.id!r}. Give one of them another: {way_out}")
        raise DuplicateId(
            f"{start}a {one} and a {two} both have the id {node.id!r}. Give the {kind} an id of its own: {way_out}"
        )


def children_of(node: Node) -> tuple[Node, ...]:
    """The steps and workflows that a node holds; () for one that is a step or workflow itself, or holds none."""
    match node:
        case ParallelNode() | BranchNode() | SwitchNode():
            return node.children
        case ForeachNode() | LoopNode():
            return (node.child,)
        case SequenceNode():
            return node.children
        case _:
            return ()


def _children_clash(node: Child, other: Child) -> str:
    id_ = node.id
    if _thing(node) is _thing(other):
        return (
            f"{kind_of(node)} {id_!r} is used twice. Every place in a workflow needs an id of its own: use "
            f"{kind_of(node)}.clone(id=...), such as {_variable(id_)}.clone(id='{id_}-2'), for the second"
        )
    if isinstance(node, StepNode) and isinstance(other, StepNode):
        return (
            f"two steps have the id {id_!r}: {_where(other.step)} and {_where(node.step)}. Give one of them another: "
            "@step(id=...), create_step(id=...) or step.clone(id=...)"
        )
    if kind_of(node) == kind_of(other):
        return (
            f"two workflows have the id {id_!r}. Give one of them another: workflow(id, ...) or workflow.clone(id=...)"
        )
    return f"a step and a workflow both have the id {id_!r}. Give one of them another: .clone(id=...)"


def _thing(child: Child) -> object:
    return child.step if isinstance(child, StepNode) else child.workflow


def _variable(step_id: str) -> str:
    """What the step's variable is likely called."""
    return step_id.replace("-", "_").replace(".", "_")


def _where(step: AnyStep) -> str:
    """A step by where its function is."""
    module = getattr(step.fn, "__module__", None)
    name = getattr(step.fn, "__qualname__", None)
    return f"{module}.{name}" if module and name else repr(step)
