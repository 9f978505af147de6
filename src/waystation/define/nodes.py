"""The graph of a workflow: an immutable tree of nodes, made by ``commit`` and only read from then on.

A node is known by its key: its id (ids are unique within a workflow), prefixed by the workflows it is nested in.
A block (parallel, branch) has an id of its own, because what is decided in it is recorded under that id.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from waystation.define.retry import ONCE, Retry

if TYPE_CHECKING:
    from waystation.define.step import AnyStep
    from waystation.schema import Schema

ROOT_KEY = ""
"""The key of the workflow's own sequence."""

Condition: TypeAlias = Callable[[object], "bool | Awaitable[bool]"]
"""Asked with the value that reached the branch."""


@dataclass(frozen=True, slots=True)
class StepNode:
    """Runs one step."""

    id: str
    step: AnyStep


@dataclass(frozen=True, slots=True)
class ParallelNode:
    """Runs all children on the same input; its output is ``{child id: output}``."""

    id: str
    children: tuple[StepNode, ...]


@dataclass(frozen=True, slots=True)
class BranchNode:
    """Runs each child whose condition is true; its output is ``{child id: output}`` of those, ``{}`` for none.

    ``conditions[i]`` belongs to ``children[i]``. ``input`` is the schema of what reaches the branch: the conditions
    are asked about a value of that type (plain JSON after a parallel or branch, whose output has no type).
    """

    id: str
    input: Schema[object]
    conditions: tuple[Condition, ...]
    children: tuple[StepNode, ...]


@dataclass(frozen=True, slots=True)
class SequenceNode:
    """Runs its children one after another, each on the output of the one before."""

    id: str
    children: tuple[Node, ...]


Node: TypeAlias = StepNode | ParallelNode | BranchNode | SequenceNode


@dataclass(frozen=True, slots=True)
class Place:
    """A node and where it hangs.

    Attributes:
        node: the node.
        parent: the key of the node it is in; None for the root.
        next: the key of the node that follows it, where its parent is a sequence and it is not the last.
    """

    node: Node
    parent: str | None
    next: str | None


@dataclass(frozen=True, slots=True)
class Graph:
    """A committed graph.

    Attributes:
        workflow_id: whose graph it is.
        root: the workflow's own sequence.
        fingerprint: a hash of the description; equal for equal definitions, in every process.
        description: the canonical JSON description that ``fingerprint`` is made of (``describe``).
        output_is_last: whether the last node's output needs no check against the workflow's declared output,
            because they are the same type.
        places: every node by key.
        retry: the workflow's retry policy, for steps that have none of their own.
    """

    workflow_id: str
    root: SequenceNode
    fingerprint: str
    description: bytes
    output_is_last: bool
    places: Mapping[str, Place] = field(repr=False)
    retry: Retry = ONCE

    def steps(self) -> Iterator[AnyStep]:
        """Every step, in the order they were written."""
        for place in self.places.values():
            if isinstance(place.node, StepNode):
                yield place.node.step

    def step(self, key: str) -> AnyStep | None:
        """The step at ``key``, if there is one."""
        place = self.places.get(key)
        return place.node.step if place is not None and isinstance(place.node, StepNode) else None


def index(root: SequenceNode) -> dict[str, Place]:
    """Every node of the tree by key, parents before children."""
    places: dict[str, Place] = {}

    def walk(node: Node, parent: str | None, following: str | None) -> None:
        places[node.id] = Place(node, parent, following)
        if isinstance(node, SequenceNode):
            after = [child.id for child in node.children[1:]]
            for child, next_id in zip(node.children, [*after, None], strict=True):
                walk(child, node.id, next_id)
        elif isinstance(node, (ParallelNode, BranchNode)):
            for child in node.children:
                walk(child, node.id, None)

    walk(root, None, None)
    return places
