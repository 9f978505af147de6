"""The graph of a workflow: an immutable tree of nodes, made by ``commit`` and only read from then on.

A node is known by its key: its id (ids are unique within a workflow), prefixed by the ids of what it is nested in:
``enrich/geo`` is the step ``geo`` of the nested workflow ``enrich``, ``items/charge`` the step that the foreach
``items`` runs for each item. What decides something (a branch, a loop, a map, ...) has an id of its own, because
what it decided is recorded under that id. Parallel, branch and switch do not prefix what is in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from waystation.define.retry import ONCE, Retry

if TYPE_CHECKING:
    from waystation.define.mapping import Source
    from waystation.define.step import AnyStep
    from waystation.define.workflow import Workflow
    from waystation.schema import Schema

ROOT_KEY = ""
"""The key of the workflow's own sequence."""

UNDO = "~undo"
"""Ends the key of a compensation step: ``charge~undo`` undoes ``charge``. No id can hold a tilde."""


@dataclass(frozen=True, slots=True)
class FlowFunction:
    """A function that decides something in the graph: a condition, a key, a map, ...

    Attributes:
        fn: called with the value that reached the node; sync or async.
        takes_context: whether it takes a ``FlowContext`` as its second argument.
    """

    fn: Callable[..., object]
    takes_context: bool = False

    @property
    def name(self) -> str | None:
        """What to call it; None for a lambda, which has no name worth showing."""
        name = getattr(self.fn, "__name__", None)
        return name if isinstance(name, str) and name != "<lambda>" else None


@dataclass(frozen=True, slots=True)
class StepNode:
    """Runs one step."""

    id: str
    step: AnyStep


@dataclass(frozen=True, slots=True)
class WorkflowNode:
    """Runs a workflow as one step of another; its output is that workflow's."""

    id: str
    workflow: Workflow[object, object]


Child: TypeAlias = StepNode | WorkflowNode
"""What blocks and loops hold."""


@dataclass(frozen=True, slots=True)
class ParallelNode:
    """Runs all children on the same input; its output is ``{child id: output}``.

    With ``allow_failure`` a child that fails gives None, and the run goes on.
    """

    id: str
    children: tuple[Child, ...]
    allow_failure: bool = False


@dataclass(frozen=True, slots=True)
class BranchNode:
    """Runs each child whose condition is true; its output is ``{child id: output}`` of those, ``{}`` for none.

    ``conditions[i]`` belongs to ``children[i]``. ``input`` is the schema of what reaches the branch: the conditions
    are asked about a value of that type (plain JSON after a parallel or branch, whose output has no type).
    """

    id: str
    input: Schema[object]
    conditions: tuple[FlowFunction, ...]
    children: tuple[Child, ...]


@dataclass(frozen=True, slots=True)
class SwitchNode:
    """Runs exactly one child, the one of the key that ``key`` gives; its output is that child's.

    ``cases`` pairs keys with ids of children; several keys may have the same child. ``default`` is the id of the
    child for any other key; None if there is none, then another key fails the run.
    """

    id: str
    input: Schema[object]
    key: FlowFunction
    cases: tuple[tuple[object, str], ...]
    children: tuple[Child, ...]
    default: str | None = None


@dataclass(frozen=True, slots=True)
class ForeachNode:
    """Runs its child for each item of a list; its output is the list of theirs, in the order of the items.

    ``concurrency`` is how many items are under way at once, or a function that tells, asked once.
    """

    id: str
    input: Schema[object]
    child: Child
    concurrency: int | FlowFunction = 1


@dataclass(frozen=True, slots=True)
class LoopNode:
    """Runs its child again and again, each turn on the output of the one before; its output is the last.

    After each turn ``condition`` is asked about the output: with ``until`` the loop ends when it is true, else when
    it is false. ``output`` is the schema of the child's output.
    """

    id: str
    output: Schema[object]
    child: Child
    condition: FlowFunction
    until: bool


@dataclass(frozen=True, slots=True)
class MapNode:
    """Makes another value of what reaches it: by a function, or put together from ``sources``, key by key."""

    id: str
    input: Schema[object]
    output: Schema[object]
    fn: FlowFunction | None = None
    sources: Mapping[str, Source] | None = None


@dataclass(frozen=True, slots=True)
class SleepNode:
    """Waits, and passes on what reached it. Just one of ``duration`` and ``until`` is given."""

    id: str
    input: Schema[object]
    duration: timedelta | FlowFunction | None = None
    until: datetime | FlowFunction | None = None


@dataclass(frozen=True, slots=True)
class WaitNode:
    """Waits for an event; its output is the event's data.

    Attributes:
        event: the event's name.
        data: the schema of the event's data.
        match: asked with the data and what reached the wait; only an event for which it is true ends the wait.
        timeout: how long to wait at most.
        default: the output when that time is over, as JSON; None if the run fails then.
    """

    id: str
    input: Schema[object]
    event: str
    data: Schema[object]
    match: FlowFunction | None = None
    timeout: timedelta | None = None
    default: bytes | None = None


@dataclass(frozen=True, slots=True)
class SequenceNode:
    """Runs its children one after another, each on the output of the one before."""

    id: str
    children: tuple[Node, ...]


Block: TypeAlias = ParallelNode | BranchNode | SwitchNode
Node: TypeAlias = (
    StepNode
    | WorkflowNode
    | ParallelNode
    | BranchNode
    | SwitchNode
    | ForeachNode
    | LoopNode
    | MapNode
    | SleepNode
    | WaitNode
    | SequenceNode
)


@dataclass(frozen=True, slots=True)
class Place:
    """A node and where it hangs.

    Attributes:
        node: the node.
        key: its key.
        parent: the key of the node it is in; None for the root.
        next: the id of the node that follows it, where it is in a sequence and not the last.
        scope: the key of the workflow it belongs to: a ``WorkflowNode``, or ``ROOT_KEY``.
        retry: the retry policy of steps there that have none of their own.
    """

    node: Node
    key: str
    parent: str | None
    next: str | None
    scope: str
    retry: Retry


@dataclass(frozen=True, slots=True)
class Graph:
    """A committed graph.

    Attributes:
        workflow_id: whose graph it is.
        version: the workflow's version, "" for none.
        root: the workflow's own sequence.
        fingerprint: a hash of the description; equal for equal definitions, in every process.
        description: the canonical JSON description that ``fingerprint`` is made of (``describe``).
        output_is_last: whether the last node's output needs no check against the workflow's declared output,
            because they are the same type.
        places: every node by key, also those of nested workflows, and the compensation steps.
        retry: the workflow's retry policy, for steps that have none of their own.
    """

    workflow_id: str
    root: SequenceNode
    fingerprint: str
    description: bytes
    output_is_last: bool
    places: Mapping[str, Place] = field(repr=False)
    retry: Retry = ONCE
    version: str = ""

    def steps(self) -> Iterator[AnyStep]:
        """Every step, in the order they were written; those of nested workflows and compensations too."""
        for place in self.places.values():
            if isinstance(place.node, StepNode):
                yield place.node.step

    def step(self, key: str) -> AnyStep | None:
        """The step at ``key``, if there is one."""
        place = self.places.get(key)
        return place.node.step if place is not None and isinstance(place.node, StepNode) else None

    def nested(self, key: str) -> Workflow[object, object] | None:
        """The nested workflow at ``key``; None for the root, whose graph this is."""
        place = self.places.get(key)
        return place.node.workflow if place is not None and isinstance(place.node, WorkflowNode) else None

    def waits(self) -> dict[str, WaitNode]:
        """The events that some node waits for, by name; all that wait for one event take the same data."""
        return {place.node.event: place.node for place in self.places.values() if isinstance(place.node, WaitNode)}


def index(root: SequenceNode, retry: Retry = ONCE) -> dict[str, Place]:
    """Every node of the tree by key, parents before children."""
    places: dict[str, Place] = {}

    def sequence(children: tuple[Node, ...], prefix: str, parent: str, scope: str, retry: Retry) -> None:
        after = [child.id for child in children[1:]]
        for child, following in zip(children, [*after, None], strict=True):
            walk(child, prefix, parent, following, scope, retry)

    def walk(node: Node, prefix: str, parent: str | None, following: str | None, scope: str, retry: Retry) -> None:
        key = prefix + node.id
        places[key] = Place(node, key, parent, following, scope, retry)
        if isinstance(node, SequenceNode):
            sequence(node.children, prefix, key, scope, retry)
        elif isinstance(node, (ParallelNode, BranchNode, SwitchNode)):
            for child in node.children:
                walk(child, prefix, key, None, scope, retry)
        elif isinstance(node, (ForeachNode, LoopNode)):
            walk(node.child, f"{key}/", key, None, scope, retry)
        elif isinstance(node, WorkflowNode):
            graph = node.workflow.graph
            inner = graph.retry if graph.retry is not ONCE else retry
            sequence(graph.root.children, f"{key}/", key, key, inner)
        elif isinstance(node, StepNode) and node.step.undo is not None:
            undo = StepNode(node.id + UNDO, node.step.undo)
            places[key + UNDO] = Place(undo, key + UNDO, None, None, scope, retry)

    walk(root, "", None, None, ROOT_KEY, retry)
    return places
