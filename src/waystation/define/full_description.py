"""The full description of a workflow: all there is to know about it, for people, pages and other programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from waystation.define.mapping import FromContext, FromInit, FromState, FromStep, Source, Template, Value
from waystation.define.nodes import (
    BranchNode,
    Child,
    FlowFunction,
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
    from waystation.define.retry import Retry
    from waystation.define.step import AnyStep
    from waystation.define.workflow import Workflow


def full_description(workflow: Workflow[object, object]) -> dict[str, object]:
    """Everything there is to know about a workflow, as plain JSON data."""
    graph = workflow.graph
    return {
        "id": workflow.id,
        "version": workflow.version,
        "description": workflow.description,
        "fingerprint": graph.fingerprint,
        "input": _type(workflow.input),
        "output": _type(workflow.output),
        "state": _type_or_none(workflow.state),
        "request_context": _type_or_none(workflow.request_context),
        "retry": _retry(graph.retry),
        "schedules": [{"id": cron.id, "cron": cron.expression, "timezone": cron.tz} for cron in workflow.schedules],
        "nodes": _nodes(graph.root.children),
    }


def _nodes(nodes: Sequence[Node]) -> list[dict[str, object]]:
    return [_node(node) for node in nodes]


def _node(node: Node) -> dict[str, object]:
    match node:
        case StepNode() | WorkflowNode():
            return _child(node)
        case ParallelNode():
            children = [_child(child) for child in node.children]
            return {"kind": "parallel", "id": node.id, "allow_failure": node.allow_failure, "children": children}
        case BranchNode():
            return _branch(node)
        case SwitchNode():
            return _switch(node)
        case ForeachNode():
            return {
                "kind": "foreach",
                "id": node.id,
                "concurrency": _value_or_name(node.concurrency),
                "child": _child(node.child),
            }
        case LoopNode():
            return {
                "kind": "loop",
                "id": node.id,
                "until": node.until,
                "condition": node.condition.name,
                "child": _child(node.child),
            }
        case MapNode():
            return _map(node)
        case SleepNode():
            return {
                "kind": "sleep",
                "id": node.id,
                "seconds": _value_or_name(node.duration),
                "until": _value_or_name(node.until),
            }
        case WaitNode():
            return _wait(node)
        case SequenceNode():
            raise AssertionError("a sequence is only ever the root")


def _child(child: Child) -> dict[str, object]:
    if isinstance(child, StepNode):
        return _step(child.id, child.step)
    nested = child.workflow
    return {
        "kind": "workflow",
        "id": child.id,
        "description": nested.description,
        "input": _type(nested.input),
        "output": _type(nested.output),
        "state": _type_or_none(nested.state),
        "retry": _retry(nested.graph.retry),
        "nodes": _nodes(nested.graph.root.children),
    }


def _step(id_: str, step: AnyStep) -> dict[str, object]:
    return {
        "kind": "step",
        "id": id_,
        "description": step.description,
        "input": _type(step.input),
        "output": _type(step.output),
        "suspend": _type_or_none(step.suspend),
        "resume": _type_or_none(step.resume),
        "state": _type_or_none(step.state),
        "retry": None if step.retry is None else _retry(step.retry),
        "timeout_seconds": _seconds(step.timeout),
        "total_timeout_seconds": _seconds(step.total_timeout),
        "undo": None if step.undo is None else _step(step.undo.id, step.undo),
    }


def _branch(node: BranchNode) -> dict[str, object]:
    children = [
        {**_child(child), "condition": condition.name}
        for child, condition in zip(node.children, node.conditions, strict=True)
    ]
    return {"kind": "branch", "id": node.id, "children": children}


def _switch(node: SwitchNode) -> dict[str, object]:
    return {
        "kind": "switch",
        "id": node.id,
        "key": node.key.name,
        "cases": [{"key": case_key(key), "child": child} for key, child in node.cases],
        "default": node.default,
        "children": [_child(child) for child in node.children],
    }


def _map(node: MapNode) -> dict[str, object]:
    sources = None if node.sources is None else {key: source_text(source) for key, source in node.sources.items()}
    return {
        "kind": "map",
        "id": node.id,
        "function": None if node.fn is None else node.fn.name,
        "sources": sources,
        "output": _type(node.output),
    }


def _wait(node: WaitNode) -> dict[str, object]:
    return {
        "kind": "wait",
        "id": node.id,
        "event": node.event,
        "data": _type(node.data),
        "match": None if node.match is None else node.match.name,
        "matches": node.match is not None,
        "timeout_seconds": _seconds(node.timeout),
        "has_default": node.default is not None,
    }


def case_key(key: object) -> str | int | bool | None:
    """A key of a switch as JSON: an Enum member by its name."""
    if isinstance(key, Enum):
        return key.name
    return key if isinstance(key, (str, int)) else None


def source_text(source: Source) -> str:
    """Where a key of a map comes from, in a line."""
    match source:
        case FromStep():
            step = source.step
            ids = " or ".join(each.id for each in ([*step] if isinstance(step, Sequence) else [step]))
            return f"step {ids}{_dotted(source.path)}"
        case FromInit():
            return f"init{_dotted(source.path)}"
        case FromState():
            return f"state{_dotted(source.path)}"
        case FromContext():
            return f"context{_dotted(source.path)}"
        case Value():
            return f"value {source.value!r}"
        case Template():
            return f"template {source.text!r}"


def _dotted(path: str) -> str:
    return "" if path == "." else f".{path}"


def _value_or_name(given: int | timedelta | datetime | FlowFunction | None) -> object:
    """What was given, as JSON; of a function its name."""
    match given:
        case FlowFunction():
            return {"function": given.name}
        case timedelta():
            return _seconds(given)
        case datetime():
            return given.isoformat()
        case _:
            return given


def _type(schema: Schema[object]) -> dict[str, object]:
    return {"type": schema.name, "schema": schema.json_schema()}


def _type_or_none(schema: Schema[object] | None) -> dict[str, object] | None:
    return None if schema is None else _type(schema)


def _retry(retry: Retry) -> dict[str, object]:
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
