"""Runs, suspensions, errors as plain JSON data: what `--json` prints and the HTTP API sends."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from datetime import datetime

import msgspec

from waystation.core.addresses import node_key
from waystation.core.entries import AnyEntry, ErrorRecord
from waystation.core.history import NodeHistory, RunHistory, StepHistory
from waystation.core.refs import Millis, Seq
from waystation.define.nodes import StepNode
from waystation.define.workflow import Workflow
from waystation.engine.schedules import ScheduleInfo
from waystation.errors import DataError, WaystationError
from waystation.results import (
    Misfit,
    RunActive,
    RunCancelled,
    RunFailed,
    RunPaused,
    RunSucceeded,
    RunSuspended,
    Suspension,
    when,
)
from waystation.store.records import RunRecord

AnyResult = RunSucceeded[object] | RunFailed | RunSuspended | RunCancelled | RunPaused | RunActive


def json_text(data: object) -> str:
    """``data`` as indented JSON, one key after another as given."""
    return msgspec.json.format(msgspec.json.encode(data), indent=2).decode()


def compact(data: object) -> str:
    """``data`` as JSON on one line."""
    return msgspec.json.encode(data).decode()


def error_data(error: WaystationError) -> dict[str, object]:
    """An error for a program: its stable code, its message, and where it is."""
    data: dict[str, object] = {"code": error.code, "message": error.message}
    if isinstance(error, DataError):
        data |= {"workflow_id": error.workflow_id, "address": error.address, "field": error.field}
    for name in ("run_id", "differences", "addresses", "line"):
        if (value := getattr(error, name, None)) is not None:
            data[name] = value
    return data


def record_data(record: RunRecord) -> dict[str, object]:
    """A run as a line of a list."""
    return {
        "run_id": record.run_id,
        "workflow_id": record.workflow_id,
        "version": record.version,
        "status": record.status,
        "resource_id": record.resource_id,
        "created_at": time_text(record.created_at),
        "updated_at": time_text(record.updated_at),
        "wake_at": time_text(record.wake_at),
    }


def misfit_data(misfit: Misfit) -> dict[str, object]:
    """An unfinished run that the code at hand cannot continue, and why."""
    return {
        "run_id": misfit.run_id,
        "workflow_id": misfit.workflow_id,
        "version": misfit.version,
        "status": misfit.status,
        "reasons": list(misfit.reasons),
    }


def suspension_data(suspension: Suspension, workflow: Workflow[object, object] | None = None) -> dict[str, object]:
    """An open suspension: what is asked, and what an answer looks like."""
    step = None if workflow is None else workflow.graph.step(node_key(suspension.address))
    payload = suspension.payload
    if step is not None and step.suspend is not None:
        try:
            payload = msgspec.json.decode(step.suspend.dump(payload))
        except DataError:
            payload = suspension.payload  # it is plain data already: the step's type is another by now
    return {
        "id": suspension.id,
        "run_id": suspension.run_id,
        "workflow_id": suspension.workflow_id,
        "version": suspension.version,
        "address": suspension.address,
        "label": suspension.label,
        "payload": payload,
        "opened_at": suspension.opened_at.isoformat(timespec="milliseconds"),
        "ask_schema": suspension.ask_schema,
        "answer_schema": suspension.answer_schema,
    }


def result_data(workflow: Workflow[object, object] | None, result: AnyResult) -> dict[str, object]:
    """How a run stands. Without its workflow the result is plain data already."""
    data: dict[str, object] = {
        "run_id": result.run_id,
        "workflow_id": result.workflow_id,
        "status": result.status,
    }
    match result:
        case RunSucceeded():
            plain = result.result
            data["result"] = plain if workflow is None else msgspec.json.decode(workflow.output.dump(plain))
        case RunFailed():
            data["error"] = failure_data(result.error)
            data["undo_errors"] = [failure_data(error) for error in result.undo_errors]
        case RunCancelled():
            data["reason"] = result.reason
            data["undo_errors"] = [failure_data(error) for error in result.undo_errors]
        case RunPaused():
            data["next_steps"] = list(result.next_steps)
        case RunSuspended():
            data["suspensions"] = [suspension_data(each, workflow) for each in result.suspensions]
        case RunActive():
            pass
    return data


def failure_data(error: ErrorRecord) -> dict[str, object]:
    """A recorded error, its traceback left out of nothing: programs may want it."""
    data: Mapping[str, object] = msgspec.to_builtins(error)
    return dict(data)


def history_data(record: RunRecord, history: RunHistory) -> dict[str, object]:
    """A run with all that happened in it."""
    return {
        **record_data(record),
        "started_at": time_text(history.started_at),
        "ended_at": time_text(history.ended_at),
        "input": raw_data(history.input),
        "error": None if history.error is None else failure_data(history.error),
        "branches": {address: list(taken) for address, taken in history.branches.items()},
        "steps": [_step_data(step) for step in history.steps],
        "nodes": [_node_data(node) for node in history.nodes],
        "cancel": None if history.cancel is None else msgspec.to_builtins(history.cancel),
        "forked_from": history.forked_from or None,
    }


def _node_data(node: NodeHistory) -> dict[str, object]:
    return {
        "address": node.address,
        "status": node.status,
        "at": time_text(node.at),
        "until": time_text(node.until),
        "taken": list(node.taken),
        "count": node.count,
        "output": raw_data(node.output),
        "error": None if node.error is None else failure_data(node.error),
    }


def raw_data(raw: msgspec.Raw | None) -> object:
    """Recorded JSON as data; None for nothing."""
    return None if raw is None else msgspec.json.decode(raw)


def _step_data(step: StepHistory) -> dict[str, object]:
    return {
        "address": step.address,
        "status": step.status,
        "attempts": step.attempts,
        "began": time_text(step.began),
        "ended": time_text(step.ended),
        "retry_at": time_text(step.retry_at),
        "output": raw_data(step.output),
        "error": None if step.error is None else failure_data(step.error),
        "failures": [failure_data(failure) for failure in step.failures],
        "once": step.once,
        "suspensions": [
            {
                "label": each.label,
                "asked_at": time_text(each.asked_at),
                "payload": raw_data(each.payload),
                "answered_at": time_text(each.answered_at),
                "answer": raw_data(each.answer),
                "actor": each.actor,
                "channel": each.channel,
            }
            for each in step.suspensions
        ],
    }


def schedule_data(schedule: ScheduleInfo) -> dict[str, object]:
    """How a schedule stands."""
    return {
        "id": schedule.id,
        "workflow_id": schedule.workflow_id,
        "cron": schedule.cron,
        "tz": schedule.tz,
        "next_at": _datetime_text(schedule.next_at),
        "last_at": _datetime_text(schedule.last_at),
        "paused": schedule.paused,
    }


def _datetime_text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds")


def workflow_data(workflow: Workflow[object, object], *, is_current: bool) -> dict[str, object]:
    """A workflow as a line of a list; ``is_current`` if it is the one that is meant where no version is named."""
    return {
        "workflow_id": workflow.id,
        "version": workflow.version,
        "current": is_current,
        "description": workflow.description,
        "steps": sum(isinstance(place.node, StepNode) for place in workflow.graph.places.values()),
        "schedule": bool(workflow.schedules),
        "input_schema": workflow.input.json_schema(),
    }


def part_data(name: str, part: object) -> dict[str, object]:
    """An agent or a tool: its name, the name of its class, and what it says of itself."""
    kind = "function" if inspect.isroutine(part) else type(part).__qualname__
    # Not what its class says, which is the same for all.
    text: object = part.__doc__ if inspect.isroutine(part) else getattr(part, "description", None)
    described = text.strip().partition("\n")[0] if isinstance(text, str) and text.strip() else None
    return {"name": name, "kind": kind, "description": described}


def entry_data(seq: Seq, entry: AnyEntry) -> dict[str, object]:
    """An entry of a journal, as it was recorded, and its seq."""
    recorded: dict[str, object] = msgspec.json.decode(msgspec.json.encode(entry))
    return {"seq": seq, **recorded}


def time_text(at: Millis | None) -> str | None:
    """A time as text, to the millisecond; None for none."""
    return None if at is None else when(at).isoformat(timespec="milliseconds")
