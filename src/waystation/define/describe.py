"""The canonical description of a graph, to know a definition by.

It holds what the journal of a run depends on: ids, their order and nesting, and the schemas of what is recorded. Its
fingerprint names a definition, in every process and under every version of Python. What may change freely under
a parked run is not in it: docstrings, retry policies, times, and the code of steps, conditions and maps (code cannot
be hashed soundly: what a function does also depends on everything it calls). Nor is the version, which is kept apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from waystation.define.nodes import (
    UNDO,
    BranchNode,
    Child,
    ForeachNode,
    LoopNode,
    MapNode,
    ParallelNode,
    SequenceNode,
    SleepNode,
    StepNode,
    SwitchNode,
    WaitNode,
    WorkflowNode,
)
from waystation.schema import Schema

if TYPE_CHECKING:
    from waystation.define.nodes import Node
    from waystation.define.step import AnyStep

FORMAT = 2
"""The layout of a canonical description; it is part of the fingerprint."""

_FINGERPRINT_LENGTH = 32


class TypeMark(msgspec.Struct, frozen=True):
    """A schema, as a description knows it.

    Attributes:
        fingerprint: that of the schema.
        shape: that of the schema: another one means that what was written cannot be read any more.
        name: the type's readable name, for messages. It is not part of the definition's fingerprint.
    """

    fingerprint: str
    shape: str
    name: str = ""


class CanonicalStep(msgspec.Struct, frozen=True, tag_field="kind", tag="step", omit_defaults=True):
    """A step: its id, its schemas, and the step that undoes it."""

    id: str
    input: TypeMark
    output: TypeMark
    suspend: TypeMark | None = None
    resume: TypeMark | None = None
    undo: CanonicalStep | None = None


class CanonicalWorkflow(msgspec.Struct, frozen=True, tag_field="kind", tag="workflow", omit_defaults=True):
    """A nested workflow: its nodes, and the schemas of what it takes, gives and keeps."""

    id: str
    input: TypeMark
    output: TypeMark
    nodes: tuple[CanonicalNode, ...]
    state: TypeMark | None = None


class CanonicalBlock(msgspec.Struct, frozen=True, tag_field="kind", tag="block", omit_defaults=True):
    """A parallel, branch or switch: its id and its children; ``optional`` if a failed one gives None. Neither the
    conditions of a branch nor the keys of a switch count, see above."""

    id: str
    block: Literal["parallel", "branch", "switch"]
    children: tuple[CanonicalChild, ...]
    optional: bool = False


class CanonicalForeach(msgspec.Struct, frozen=True, tag_field="kind", tag="foreach"):
    """A foreach."""

    id: str
    child: CanonicalChild


class CanonicalLoop(msgspec.Struct, frozen=True, tag_field="kind", tag="loop"):
    """A loop."""

    id: str
    child: CanonicalChild


class CanonicalMap(msgspec.Struct, frozen=True, tag_field="kind", tag="map"):
    """A map: the schema of what it gives."""

    id: str
    output: TypeMark


class CanonicalSleep(msgspec.Struct, frozen=True, tag_field="kind", tag="sleep"):
    """A sleep."""

    id: str


class CanonicalWait(msgspec.Struct, frozen=True, tag_field="kind", tag="wait"):
    """A wait for an event: the event's name and the schema of its data."""

    id: str
    event: str
    data: TypeMark


CanonicalChild: TypeAlias = CanonicalStep | CanonicalWorkflow
CanonicalNode: TypeAlias = (
    CanonicalStep
    | CanonicalWorkflow
    | CanonicalBlock
    | CanonicalForeach
    | CanonicalLoop
    | CanonicalMap
    | CanonicalSleep
    | CanonicalWait
)


class CanonicalGraph(msgspec.Struct, frozen=True, omit_defaults=True):
    """A workflow's definition, as far as a journal depends on it.

    Attributes:
        format: ``FORMAT``; whatever it is, it is written.
        workflow_id: whose definition it is.
        input, output, state: the schemas of what it takes, gives and keeps.
        nodes: its nodes in order.
    """

    format: int
    workflow_id: str
    input: TypeMark
    output: TypeMark
    nodes: tuple[CanonicalNode, ...]
    state: TypeMark | None = None

    def every(self) -> dict[str, CanonicalNode]:
        """Every node by key, as in ``Graph.places``; the compensation steps too."""
        return dict(_walk(self.nodes, ""))

    def steps(self) -> dict[str, CanonicalStep]:
        """Every step by key: ``enrich/geo``, ``items/charge``, ``charge~undo``."""
        return {key: node for key, node in self.every().items() if isinstance(node, CanonicalStep)}


def _walk(nodes: Sequence[CanonicalNode], prefix: str) -> Iterator[tuple[str, CanonicalNode]]:
    for node in nodes:
        key = prefix + node.id
        yield key, node
        if isinstance(node, CanonicalWorkflow):
            yield from _walk(node.nodes, f"{key}/")
        elif isinstance(node, CanonicalBlock):
            yield from _walk(node.children, prefix)
        elif isinstance(node, (CanonicalForeach, CanonicalLoop)):
            yield from _walk((node.child,), f"{key}/")
        elif isinstance(node, CanonicalStep) and node.undo is not None:
            yield key + UNDO, node.undo


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(CanonicalGraph)


def canonical_description(
    workflow_id: str,
    input_: Schema[object],
    output: Schema[object],
    root: SequenceNode,
    *,
    state: Schema[object] | None = None,
) -> tuple[str, bytes]:
    """The fingerprint of a definition, and its canonical description as JSON bytes."""
    described = _Describer(named=True).graph(workflow_id, input_, output, root, state)
    # Readable names may be spelled otherwise under another Python, so they are left out of what is hashed.
    hashed = _Describer(named=False).graph(workflow_id, input_, output, root, state)
    fingerprint = hashlib.sha256(_encoder.encode(hashed)).hexdigest()[:_FINGERPRINT_LENGTH]
    return fingerprint, _encoder.encode(described)


def read_description(data: bytes) -> CanonicalGraph | None:
    """The description ``data`` was made of; None if it is damaged or of another format."""
    try:
        graph = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return graph if graph.format == FORMAT else None


class _Describer:
    """Makes canonical descriptions, with the readable names of types or without."""

    def __init__(self, *, named: bool) -> None:
        self._named = named

    def graph(
        self,
        workflow_id: str,
        input_: Schema[object],
        output: Schema[object],
        root: SequenceNode,
        state: Schema[object] | None,
    ) -> CanonicalGraph:
        return CanonicalGraph(
            format=FORMAT,
            workflow_id=workflow_id,
            input=self._mark(input_),
            output=self._mark(output),
            nodes=self._nodes(root),
            state=self._marked(state),
        )

    def _nodes(self, sequence: SequenceNode) -> tuple[CanonicalNode, ...]:
        return tuple(map(self._node, sequence.children))

    def _node(self, node: Node) -> CanonicalNode:
        match node:
            case StepNode() | WorkflowNode():
                return self._child(node)
            case ParallelNode():
                return CanonicalBlock(node.id, "parallel", self._children(node), node.allow_failure)
            case BranchNode():
                return CanonicalBlock(node.id, "branch", self._children(node))
            case SwitchNode():
                return CanonicalBlock(node.id, "switch", self._children(node))
            case ForeachNode():
                return CanonicalForeach(node.id, self._child(node.child))
            case LoopNode():
                return CanonicalLoop(node.id, self._child(node.child))
            case MapNode():
                return CanonicalMap(node.id, self._mark(node.output))
            case SleepNode():
                return CanonicalSleep(node.id)
            case WaitNode():
                return CanonicalWait(node.id, node.event, self._mark(node.data))
            case SequenceNode():
                raise AssertionError("a sequence is only ever the root")

    def _children(self, block: ParallelNode | BranchNode | SwitchNode) -> tuple[CanonicalChild, ...]:
        return tuple(map(self._child, block.children))

    def _child(self, child: Child) -> CanonicalChild:
        if isinstance(child, StepNode):
            return self._step(child.id, child.step)
        nested = child.workflow
        return CanonicalWorkflow(
            id=child.id,
            input=self._mark(nested.input),
            output=self._mark(nested.output),
            nodes=self._nodes(nested.graph.root),
            state=self._marked(nested.state),
        )

    def _step(self, id_: str, step: AnyStep) -> CanonicalStep:
        return CanonicalStep(
            id=id_,
            input=self._mark(step.input),
            output=self._mark(step.output),
            suspend=self._marked(step.suspend),
            resume=self._marked(step.resume),
            undo=None if step.undo is None else self._step(step.undo.id, step.undo),
        )

    def _marked(self, schema: Schema[object] | None) -> TypeMark | None:
        return None if schema is None else self._mark(schema)

    def _mark(self, schema: Schema[object]) -> TypeMark:
        return TypeMark(schema.fingerprint, schema.shape, schema.name if self._named else "")
