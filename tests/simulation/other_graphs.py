"""Graphs made of others, as later code is made of earlier code: some nodes are gone, new, or of another kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from tests.simulation.dice import Dice
from tests.simulation.random_graphs import EVENTS, STEPS, Parts
from waystation.define.nodes import (
    ROOT_KEY,
    BranchNode,
    Child,
    ForeachNode,
    Graph,
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
    index,
)
from waystation.define.workflow import Workflow
from waystation.schema import schema_for

_ANYTHING = schema_for(object)
_PARTS = Parts()


def other_graph(graph: Graph, dice: Dice, percent: int) -> Graph:
    """A graph like ``graph``, of which each thing is changed with this probability."""
    return _Changer(dice, percent).graph(graph)


class _Changer:
    def __init__(self, dice: Dice, percent: int) -> None:
        self._dice = dice
        self._percent = percent
        self._made = 0

    def _changes(self) -> bool:
        return self._dice.chance(self._percent)

    def graph(self, graph: Graph) -> Graph:
        return self._graph(graph.workflow_id, self._sequence(graph.root.children), graph)

    def _graph(self, id_: str, nodes: Sequence[Node], like: Graph | None) -> Graph:
        root = SequenceNode(ROOT_KEY, tuple(nodes))
        unchecked = like is not None and like.output_is_last
        return Graph(
            workflow_id=id_,
            root=root,
            fingerprint="another",
            description=b"",
            output_is_last=unchecked is not self._changes(),
            places=index(root),
        )

    def _sequence(self, nodes: Sequence[Node]) -> list[Node]:
        found: list[Node] = []
        for node in nodes:
            if self._changes():
                found.append(self._simple(self._new_id()))
            if not self._changes():
                found.append(self._node(node))
        return found or [self._simple(self._new_id())]

    def _new_id(self) -> str:
        self._made += 1
        return f"new{self._made}"

    def _simple(self, id_: str) -> Node:
        nodes: list[Node] = [
            self._step(id_),
            MapNode(id_, _ANYTHING, _ANYTHING, _PARTS.mapped),
            SleepNode(id_, _ANYTHING, duration=timedelta(seconds=1)),
            WaitNode(id_, _ANYTHING, self._dice.pick(EVENTS), _ANYTHING, _PARTS.match),
        ]
        return self._dice.pick(nodes)

    def _step(self, id_: str) -> StepNode:
        return StepNode(id_, self._dice.pick(STEPS).clone(id=id_))

    def _nested(self, id_: str, nodes: Sequence[Node], like: Graph | None = None) -> WorkflowNode:
        graph = self._graph(id_, nodes, like)
        return WorkflowNode(id_, Workflow(id=id_, input=_ANYTHING, output=_ANYTHING, graph=graph))

    def _node(self, node: Node) -> Node:
        match node:
            case StepNode() | WorkflowNode():
                return self._child(node)
            case ParallelNode() | BranchNode() | SwitchNode():
                return self._block(node)
            case ForeachNode() | LoopNode():
                return self._repeated(node)
            case WaitNode() if self._changes():
                return replace(node, timeout=None if node.timeout else timedelta(seconds=3), default=None)
            case _:
                return self._simple(node.id) if self._changes() else node

    def _child(self, child: Child) -> Child:
        if isinstance(child, WorkflowNode):
            graph = child.workflow.graph
            if not self._changes():
                return self._nested(child.id, self._sequence(graph.root.children), graph)
        elif not self._changes():
            return child
        elif self._dice.chance(50):
            return self._nested(child.id, [child])
        return self._step(child.id)

    def _block(self, block: ParallelNode | BranchNode | SwitchNode) -> Node:
        children = tuple(self._child(child) for child in block.children)
        if self._changes() and len(children) > 1:
            children = children[1:]
        if self._changes():
            children = (*children, self._step(self._new_id()))
        kind = type(block) if not self._changes() else self._dice.pick([ParallelNode, BranchNode, SwitchNode])
        if kind is ParallelNode:
            allowed = isinstance(block, ParallelNode) and block.allow_failure
            return ParallelNode(block.id, children, allow_failure=allowed is not self._changes())
        if kind is BranchNode:
            return BranchNode(block.id, _ANYTHING, (_PARTS.condition,) * len(children), children)
        cases: tuple[tuple[object, str], ...] = tuple((number, child.id) for number, child in enumerate(children))
        return SwitchNode(block.id, _ANYTHING, _PARTS.key, cases, children)

    def _repeated(self, node: ForeachNode | LoopNode) -> Node:
        child = self._child(node.child)
        kind = type(node) if not self._changes() else self._dice.pick([ForeachNode, LoopNode, WorkflowNode])
        if kind is ForeachNode:
            return ForeachNode(node.id, _ANYTHING, child, self._dice.number(1, 3))
        if kind is LoopNode:
            return LoopNode(node.id, _ANYTHING, child, _PARTS.done, until=True)
        return self._nested(node.id, [child])
