"""The description of a graph: a canonical one, to know a definition by, and a full one, for people and pages.

The canonical description holds what the journal of a run depends on: ids, their order, and the schemas. Its
fingerprint names a definition, in every process and under every version of Python. What may change freely under
a parked run is not in it: docstrings, retry policies, timeouts, and the code of steps and conditions (code cannot
be hashed soundly: what a function does also depends on everything it calls).
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from waystation.define.nodes import BranchNode, Condition, ParallelNode, SequenceNode, StepNode
from waystation.schema import Schema

if TYPE_CHECKING:
    from waystation.define.nodes import Node
    from waystation.define.retry import Retry
    from waystation.define.workflow import Workflow

FORMAT = 1
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
    """A step: its id and its schemas."""

    id: str
    input: TypeMark
    output: TypeMark
    suspend: TypeMark | None = None
    resume: TypeMark | None = None


class CanonicalBlock(msgspec.Struct, frozen=True, tag_field="kind", tag="block"):
    """A parallel or branch: its id and its steps. The conditions of a branch do not count, see above."""

    id: str
    block: Literal["parallel", "branch"]
    children: tuple[CanonicalStep, ...]


CanonicalNode: TypeAlias = CanonicalStep | CanonicalBlock


class CanonicalGraph(msgspec.Struct, frozen=True):
    """A workflow's definition, as far as a journal depends on it."""

    format: int
    workflow_id: str
    input: TypeMark
    output: TypeMark
    nodes: tuple[CanonicalNode, ...]

    def steps(self) -> dict[str, CanonicalStep]:
        """Every step by id."""
        found: dict[str, CanonicalStep] = {}
        for node in self.nodes:
            for step in (node,) if isinstance(node, CanonicalStep) else node.children:
                found[step.id] = step
        return found


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(CanonicalGraph)


def canonical_description(
    workflow_id: str, input_: Schema[object], output: Schema[object], root: SequenceNode
) -> tuple[str, bytes]:
    """The fingerprint of a definition, and its canonical description as JSON bytes."""
    described = _Describer(named=True).graph(workflow_id, input_, output, root)
    # Readable names may be spelled otherwise under another Python, so they are left out of what is hashed.
    hashed = _Describer(named=False).graph(workflow_id, input_, output, root)
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
        self, workflow_id: str, input_: Schema[object], output: Schema[object], root: SequenceNode
    ) -> CanonicalGraph:
        nodes = tuple(self._node(node) for node in root.children)
        return CanonicalGraph(FORMAT, workflow_id, self._mark(input_), self._mark(output), nodes)

    def _node(self, node: Node) -> CanonicalNode:
        match node:
            case StepNode():
                return self._step(node)
            case ParallelNode():
                return CanonicalBlock(node.id, "parallel", tuple(map(self._step, node.children)))
            case BranchNode():
                return CanonicalBlock(node.id, "branch", tuple(map(self._step, node.children)))
            case SequenceNode():
                raise AssertionError("a sequence is only ever the root")

    def _step(self, node: StepNode) -> CanonicalStep:
        step = node.step
        return CanonicalStep(
            id=node.id,
            input=self._mark(step.input),
            output=self._mark(step.output),
            suspend=None if step.suspend is None else self._mark(step.suspend),
            resume=None if step.resume is None else self._mark(step.resume),
        )

    def _mark(self, schema: Schema[object]) -> TypeMark:
        return TypeMark(schema.fingerprint, schema.shape, schema.name if self._named else "")


# --------------------------------------------------------------------------- the full description


def full_description(workflow: Workflow[object, object]) -> dict[str, object]:
    """Everything there is to know about a workflow, as plain JSON data."""
    graph = workflow.graph
    return {
        "id": workflow.id,
        "description": workflow.description,
        "fingerprint": graph.fingerprint,
        "input": _described_type(workflow.input),
        "output": _described_type(workflow.output),
        "retry": _described_retry(graph.retry),
        "nodes": [_described_node(node) for node in graph.root.children],
    }


def condition_name(condition: Condition) -> str | None:
    """What to call a condition; None for a lambda, which has no name worth showing."""
    name = getattr(condition, "__name__", None)
    return name if isinstance(name, str) and name != "<lambda>" else None


def _described_node(node: Node) -> dict[str, object]:
    match node:
        case StepNode():
            return _described_step(node)
        case ParallelNode():
            return {"kind": "parallel", "id": node.id, "children": list(map(_described_step, node.children))}
        case BranchNode():
            children = [
                {**_described_step(child), "condition": condition_name(condition)}
                for child, condition in zip(node.children, node.conditions, strict=True)
            ]
            return {"kind": "branch", "id": node.id, "children": children}
        case SequenceNode():
            raise AssertionError("a sequence is only ever the root")


def _described_step(node: StepNode) -> dict[str, object]:
    step = node.step
    return {
        "kind": "step",
        "id": node.id,
        "description": step.description,
        "input": _described_type(step.input),
        "output": _described_type(step.output),
        "suspend": None if step.suspend is None else _described_type(step.suspend),
        "resume": None if step.resume is None else _described_type(step.resume),
        "retry": None if step.retry is None else _described_retry(step.retry),
        "timeout_seconds": _seconds(step.timeout),
    }


def _described_type(schema: Schema[object]) -> dict[str, object]:
    return {"type": schema.name, "schema": schema.json_schema()}


def _described_retry(retry: Retry) -> dict[str, object]:
    return {
        "attempts": retry.attempts,
        "backoff": retry.backoff,
        "initial_seconds": _seconds(retry.initial),
        "maximum_seconds": _seconds(retry.maximum),
        "jitter": retry.jitter,
        "on": [kind.__qualname__ for kind in retry.on],
    }


def _seconds(time: timedelta | None) -> float | None:
    return None if time is None else time.total_seconds()
