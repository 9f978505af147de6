"""Random graphs of every kind of node, nested up to four deep. Built of nodes directly: cheaper than by the builder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from tests.simulation.dice import Dice
from waystation import Retry, Step, create_step
from waystation.define.nodes import (
    ROOT_KEY,
    BranchNode,
    Child,
    FlowFunction,
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
from waystation.define.retry import ONCE
from waystation.define.workflow import Workflow
from waystation.schema import schema_for

DEEPEST = 4
"""How many nodes stand around one another at most."""

EVENTS = ("paid", "paid", "paid", "sent")
"""The names of events that graphs wait for; mostly the same one, so that waits are after the same events."""

N = TypeVar("N", bound=Node)

_ANYTHING = schema_for(object)


async def _never(value: object) -> object:
    raise AssertionError("a simulated step is not called")


_ASKED = FlowFunction(_never)


def _step(name: str, *, suspends: bool, retry: Retry | None, undo: Step[object, object] | None) -> Step[object, object]:
    return create_step(
        id=name,
        input=object,
        output=object,
        suspend=object if suspends else None,
        resume=object if suspends else None,
        retry=retry,
        undo=undo,
        execute=_never,
    )


_STUBBORN = Retry(attempts=3, initial=timedelta(seconds=1), jitter=0.5)
_UNDO = _step("undo", suspends=False, retry=None, undo=None)
_STUBBORN_UNDO = _step("undo", suspends=False, retry=_STUBBORN, undo=None)

STEPS = tuple(
    _step("step", suspends=suspends, retry=retry, undo=undo)
    for suspends in (True, False)
    for retry in (None, _STUBBORN)
    for undo in (None, _UNDO, _STUBBORN_UNDO)
)
"""Steps of every sort, to be cloned."""


@dataclass(frozen=True)
class Parts:
    """What the nodes of a random graph are made of. By default nothing that could be run.

    Attributes:
        steps: steps of every sort, to be cloned.
        condition, key, mapped, match: the functions of branches, switches, maps and waits.
        more, done: those of a do_while and a do_until.
    """

    steps: Sequence[Step[object, object]] = STEPS
    condition: FlowFunction = _ASKED
    key: FlowFunction = _ASKED
    mapped: FlowFunction = _ASKED
    match: FlowFunction = _ASKED
    more: FlowFunction = _ASKED
    done: FlowFunction = _ASKED


def random_workflow(dice: Dice, parts: Parts, *, nodes: int = 24, deepest: int = DEEPEST) -> Workflow[object, object]:
    """A workflow ``run`` of about ``nodes`` nodes at most."""
    return _Maker(dice, parts, nodes).workflow("run", deepest)


def random_graph(dice: Dice, *, nodes: int = 24, deepest: int = DEEPEST) -> Graph:
    """The graph of a workflow that cannot be run."""
    return random_workflow(dice, Parts(), nodes=nodes, deepest=deepest).graph


class _Maker:
    """Makes one graph.

    Attributes:
        left: how many more nodes it may have.
    """

    def __init__(self, dice: Dice, parts: Parts, left: int) -> None:
        self.left = left
        self._dice = dice
        self._parts = parts
        # Ids are unique within a workflow, and are used again in those within.
        self._numbers = [0]

    def workflow(self, id_: str, deeper: int) -> Workflow[object, object]:
        """A workflow of one to three nodes; the outermost of two to four."""
        self._numbers.append(0)
        nodes: list[Node] = []
        for _ in range(self._dice.number(1, 3) + (deeper == DEEPEST)):
            if not nodes or self.left > 0:
                nodes.append(self._node(deeper, nodes))
        self._numbers.pop()
        root = SequenceNode(ROOT_KEY, tuple(nodes))
        retry = Retry(attempts=2, initial=timedelta(seconds=1)) if self._dice.chance(20) else ONCE
        graph = Graph(
            workflow_id=id_,
            root=root,
            fingerprint=f"print of {id_}",
            description=b"",
            output_is_last=self._dice.chance(50),
            places=index(root, retry),
            retry=retry,
        )
        return Workflow(id=id_, input=_ANYTHING, output=_ANYTHING, graph=graph)

    def _id(self, kind: str) -> str:
        self.left -= 1
        self._numbers[-1] += 1
        # Of different lengths: nothing may depend on how long an id is.
        name = kind if self._dice.chance(50) else kind * 12
        return f"{name}{self._numbers[-1]}"

    def _node(self, deeper: int, before: Sequence[Node]) -> Node:
        makers: list[Callable[[int], Node]] = [self._child, self._child, self._map, self._sleep, self._wait]
        if deeper > 0 and self.left > 0:
            makers += [self._parallel, self._parallel, self._branch, self._switch, self._loop]
            # What a block gives is no list; a foreach after one fails, and does not need to each time.
            if not (before and isinstance(before[-1], (ParallelNode, BranchNode))) or self._dice.chance(10):
                makers += [self._foreach, self._foreach]
        return self._dice.pick(makers)(deeper)

    def _child(self, deeper: int) -> Child:
        if deeper > 0 and self.left > 0 and self._dice.chance(40):
            id_ = self._id("w")
            return WorkflowNode(id_, self.workflow(id_, deeper - 1))
        id_ = self._id("s")
        return StepNode(id_, self._dice.pick(self._parts.steps).clone(id=id_))

    def _children(self, deeper: int) -> tuple[Child, ...]:
        return tuple(self._child(deeper) for _ in range(self._dice.number(1, 3)))

    def _parallel(self, deeper: int) -> Node:
        return ParallelNode(self._id("p"), self._children(deeper - 1), allow_failure=self._dice.chance(40))

    def _branch(self, deeper: int) -> Node:
        id_, children = self._id("b"), self._children(deeper - 1)
        return BranchNode(id_, _ANYTHING, (self._parts.condition,) * len(children), children)

    def _switch(self, deeper: int) -> Node:
        id_, children = self._id("c"), self._children(deeper - 1)
        cases: tuple[tuple[object, str], ...] = tuple((number, child.id) for number, child in enumerate(children))
        return SwitchNode(id_, _ANYTHING, self._parts.key, cases, children)

    def _foreach(self, deeper: int) -> Node:
        return ForeachNode(self._id("f"), _ANYTHING, self._child(deeper - 1), self._dice.number(1, 3))

    def _loop(self, deeper: int) -> Node:
        until = self._dice.chance(50)
        condition = self._parts.done if until else self._parts.more
        return LoopNode(self._id("l"), _ANYTHING, self._child(deeper - 1), condition, until=until)

    def _map(self, deeper: int) -> Node:
        return MapNode(self._id("m"), _ANYTHING, _ANYTHING, self._parts.mapped)

    def _sleep(self, deeper: int) -> Node:
        return SleepNode(self._id("z"), _ANYTHING, duration=timedelta(seconds=1))

    def _wait(self, deeper: int) -> Node:
        timeout = timedelta(seconds=5) if self._dice.chance(60) else None
        default = b"[[1],[2]]" if timeout is not None and self._dice.chance(50) else None
        return WaitNode(
            self._id("e"), _ANYTHING, self._dice.pick(EVENTS), _ANYTHING, self._parts.match, timeout, default
        )


def told(graph: Graph) -> str:
    """The graph in lines, for who replays a history."""
    lines: list[str] = []
    for key, place in graph.places.items():
        node = place.node
        extra = ""
        match node:
            case StepNode():
                step = node.step
                extra = f" suspends={step.suspend is not None} attempts={(step.retry or place.retry).attempts}"
            case ParallelNode():
                extra = f" allow_failure={node.allow_failure} of {[child.id for child in node.children]}"
            case BranchNode() | SwitchNode():
                extra = f" of {[child.id for child in node.children]}"
            case ForeachNode():
                extra = f" concurrency={node.concurrency} of {node.child.id}"
            case LoopNode():
                extra = f" of {node.child.id}"
            case WaitNode():
                extra = f" for {node.event} timeout={node.timeout} default={node.default!r}"
            case WorkflowNode():
                extra = f" checked={not node.workflow.graph.output_is_last}"
            case SequenceNode():
                extra = f" checked={not graph.output_is_last} of {[child.id for child in node.children]}"
            case MapNode() | SleepNode():
                pass
        lines.append(f"  {key or '(run)'}: {type(node).__name__}{extra}")
    return "\n".join(lines)
