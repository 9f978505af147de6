"""What the server sends, as what the library gives: results, records, histories."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import TypeAlias, TypeVar

import msgspec

from waystation.client import wire
from waystation.core.addresses import Address, node_key
from waystation.core.entries import ErrorRecord
from waystation.core.history import AskedAndAnswered, CancelHistory, NodeHistory, RunHistory, StepHistory
from waystation.core.refs import Millis
from waystation.define.workflow import Workflow
from waystation.engine.schedules import ScheduleInfo
from waystation.errors import DataError, InvalidOutput
from waystation.results import (
    RunActive,
    RunCancelled,
    RunFailed,
    RunPaused,
    RunSucceeded,
    RunSuspended,
    Suspension,
)
from waystation.store.records import RunRecord, WorkflowKey

In = TypeVar("In")
Out = TypeVar("Out")

Known: TypeAlias = Mapping[WorkflowKey, Workflow[object, object]]
"""Workflows whose definition is at hand: what is read of their runs is of their types."""


def result_of(
    standing: wire.Standing, version: str, workflow: Workflow[In, Out] | None, known: Known
) -> RunSucceeded[Out] | RunFailed | RunSuspended | RunCancelled | RunPaused | RunActive:
    """How a run stands.

    Arguments:
        standing: what the server says.
        version: the version of its workflow.
        workflow: the workflow it is a run of; None to leave the output plain data.
        known: of suspensions of these workflows the payload is as its type.

    Raises:
        InvalidOutput: the output does not fit the workflow's type at hand.
    """
    run_id, workflow_id = standing.run_id, standing.workflow_id
    match standing.status:
        case "success":
            return RunSucceeded(run_id=run_id, workflow_id=workflow_id, result=_output(standing, workflow))
        case "failed":
            error = standing.error or ErrorRecord(code="error", type="", message="the server does not say why")
            return RunFailed(run_id=run_id, workflow_id=workflow_id, error=error, undo_errors=standing.undo_errors)
        case "cancelled":
            return RunCancelled(
                run_id=run_id, workflow_id=workflow_id, reason=standing.reason, undo_errors=standing.undo_errors
            )
        case "paused":
            return RunPaused(run_id=run_id, workflow_id=workflow_id, next_steps=standing.next_steps)
        case "suspended":
            asked = tuple(suspension_of(each, known, version) for each in standing.suspensions)
            return RunSuspended(run_id=run_id, workflow_id=workflow_id, suspensions=asked)
        case "pending" | "running" | "waiting":
            return RunActive(run_id=run_id, workflow_id=workflow_id, status=standing.status)


def _output(standing: wire.Standing, workflow: Workflow[In, Out] | None) -> Out:
    if workflow is None:
        plain: Out = msgspec.json.decode(standing.result)  # which is what Out stands for then: object
        return plain
    try:
        return workflow.output.load(bytes(standing.result))
    except DataError as error:  # the server's code has another type
        raise error.located(InvalidOutput, workflow_id=workflow.id, address="output") from None


def suspension_of(asked: wire.Asked, known: Known, version: str = "") -> Suspension:
    """An open suspension; its payload is as its type if the workflow is known, else plain data."""
    version = asked.version or version
    payload: object = msgspec.json.decode(asked.payload)
    workflow = known.get(WorkflowKey(asked.workflow_id, version))
    step = None if workflow is None else workflow.graph.step(node_key(asked.address))
    if step is not None and step.suspend is not None:
        # Plain data is shown all the same: the server's code may have another type.
        with suppress(DataError):
            payload = step.suspend.load(bytes(asked.payload))
    return Suspension(
        id=asked.id,
        run_id=asked.run_id,
        workflow_id=asked.workflow_id,
        version=version,
        address=asked.address,
        label=asked.label,
        payload=payload,
        opened_at=asked.opened_at,
        ask_schema=asked.ask_schema,
        answer_schema=asked.answer_schema,
    )


def record_of(line: wire.Summary) -> RunRecord:
    """What the server's list knows of a run. Who drives it is not told."""
    return RunRecord(
        run_id=line.run_id,
        workflow_id=line.workflow_id,
        version=line.version,
        fingerprint="",
        status=line.status,
        resource_id=line.resource_id,
        created_at=_millis(line.created_at),
        updated_at=_millis(line.updated_at),
        epoch=0,
        owner=None,
        wake_at=_millis_or_none(line.wake_at),
    )


def history_of(told: wire.History) -> RunHistory:
    """What happened in a run."""
    return RunHistory(
        workflow_id=told.workflow_id,
        created_at=_millis(told.created_at),
        started_at=_millis_or_none(told.started_at),
        ended_at=_millis_or_none(told.ended_at),
        input=None if told.started_at is None else told.input,
        error=told.error,
        steps=[_step(step) for step in told.steps],
        branches={Address(address): taken for address, taken in told.branches.items()},
        nodes=[_node(node) for node in told.nodes],
        cancel=None if told.cancel is None else _cancel(told.cancel),
        forked_from=told.forked_from or "",
    )


def _step(step: wire.Step) -> StepHistory:
    return StepHistory(
        address=Address(step.address),
        status=step.status,
        attempts=step.attempts,
        began=_millis_or_none(step.began),
        ended=_millis_or_none(step.ended),
        # A step that gives None has given: it has ended well.
        output=step.output if step.status == "success" else None,
        error=step.error,
        retry_at=_millis_or_none(step.retry_at),
        suspensions=[_asked(each) for each in step.suspensions],
        once=list(step.once),
        failures=list(step.failures),
    )


def _asked(each: wire.AskedAndAnswered) -> AskedAndAnswered:
    return AskedAndAnswered(
        seq=each.seq,
        asked_at=_millis(each.asked_at),
        payload=each.payload,
        label=each.label,
        answered_at=_millis_or_none(each.answered_at),
        answer=None if each.answered_at is None else each.answer,
        actor=each.actor,
        channel=each.channel,
    )


def _node(node: wire.Node) -> NodeHistory:
    return NodeHistory(
        address=Address(node.address),
        status=node.status,
        at=_millis_or_none(node.at),
        until=_millis_or_none(node.until),
        taken=node.taken,
        count=node.count,
        output=None if bytes(node.output) == b"null" else node.output,
        error=node.error,
    )


def _cancel(cancel: wire.Cancel) -> CancelHistory:
    return CancelHistory(
        at=cancel.at, reason=cancel.reason, actor=cancel.actor, channel=cancel.channel, address=cancel.address
    )


def schedule_of(line: wire.ScheduleLine) -> ScheduleInfo:
    """How a schedule stands."""
    return ScheduleInfo(
        id=line.id,
        workflow_id=line.workflow_id,
        cron=line.cron,
        tz=line.tz,
        next_at=line.next_at,
        last_at=line.last_at,
        paused=line.paused,
    )


def _millis(at: datetime) -> Millis:
    return round(at.timestamp() * 1000)


def _millis_or_none(at: datetime | None) -> Millis | None:
    return None if at is None else _millis(at)
