"""What a run gives when it rests: one type for each way, told apart by ``status``."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Generic, Literal, TypeAlias

import msgspec
from typing_extensions import TypeVar

from waystation.core.addresses import Address, node_key
from waystation.core.entries import ErrorRecord, StepSuspended
from waystation.core.machine import Machine
from waystation.core.refs import Millis, Seq
from waystation.define.workflow import Workflow
from waystation.errors import DataError, InvalidOutput
from waystation.store.records import RunStatus

Out = TypeVar("Out", default=object)
AnyIn = TypeVar("AnyIn")
Out_co = TypeVar("Out_co", default=object, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """An open suspension: someone is asked something.

    Attributes:
        id: names this very suspension; a later one of the same step has another.
        run_id, workflow_id, version: whose it is.
        address: the suspended step.
        label: the label the step gave, or "".
        payload: what the step said, as its suspend type.
        opened_at: since when it waits (UTC).
        ask_schema, answer_schema: the JSON Schemas of the payload and of the answer.
    """

    id: str
    run_id: str
    workflow_id: str
    version: str
    address: str
    label: str
    payload: object
    opened_at: datetime
    ask_schema: Mapping[str, object] = field(repr=False)
    answer_schema: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSucceeded(Generic[Out_co]):
    """The run ended well, with ``result``."""

    run_id: str
    workflow_id: str
    result: Out_co
    status: Literal["success"] = "success"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFailed:
    """The run ended badly; ``error`` tells why and where. ``undo_errors`` are those of compensations that failed."""

    run_id: str
    workflow_id: str
    error: ErrorRecord
    undo_errors: tuple[ErrorRecord, ...] = ()
    status: Literal["failed"] = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSuspended:
    """The run is parked until one of ``suspensions`` (oldest first) is answered."""

    run_id: str
    workflow_id: str
    suspensions: tuple[Suspension, ...]
    status: Literal["suspended"] = "suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCancelled:
    """The run was cancelled, for ``reason`` if one was given. ``undo_errors`` as in ``RunFailed``."""

    run_id: str
    workflow_id: str
    reason: str = ""
    undo_errors: tuple[ErrorRecord, ...] = ()
    status: Literal["cancelled"] = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPaused:
    """The run goes step by step, and is parked before ``next_steps`` (addresses); ``proceed`` goes on."""

    run_id: str
    workflow_id: str
    next_steps: tuple[str, ...]
    status: Literal["paused"] = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunActive:
    """The run has not come to rest: it was not started, goes on just now, or waits for a time.

    Never what ``start`` or ``resume`` give, as they wait; ``Run.result`` may.
    """

    run_id: str
    workflow_id: str
    status: Literal["pending", "running", "waiting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """An unfinished run that the code at hand cannot continue, and why: one readable line each."""

    run_id: str
    workflow_id: str
    version: str
    status: RunStatus
    reasons: tuple[str, ...]


RunResult: TypeAlias = RunSucceeded[Out] | RunFailed | RunSuspended | RunCancelled | RunPaused
"""What ``start`` and ``resume`` give: match on ``.status``."""


def when(at: Millis) -> datetime:
    """A journal time as a datetime in UTC."""
    return datetime.fromtimestamp(at / 1000, timezone.utc)


def suspension_id(run_id: str, seq: Seq) -> str:
    """The public name of a suspension."""
    return f"{run_id}@{seq}"


def suspension_of(
    workflow: Workflow[object, object], run_id: str, address: Address, seq: Seq, entry: StepSuspended
) -> Suspension:
    """An open suspension, its payload as its type (or as plain data, if the code at hand has another type by now)."""
    step = workflow.graph.step(node_key(address))
    payload: object = msgspec.json.decode(entry.payload)
    ask_schema: Mapping[str, object] = {}
    answer_schema: Mapping[str, object] = {}
    if step is not None and step.suspend is not None and step.resume is not None:
        ask_schema, answer_schema = step.suspend.json_schema(), step.resume.json_schema()
        # Plain data is shown all the same: whoever looks at the inbox must see it; going on is refused elsewhere.
        with suppress(DataError):
            payload = step.suspend.load(bytes(entry.payload))
    return Suspension(
        id=suspension_id(run_id, seq),
        run_id=run_id,
        workflow_id=workflow.id,
        version=workflow.version,
        address=address,
        label=entry.label,
        payload=payload,
        opened_at=when(entry.at),
        ask_schema=ask_schema,
        answer_schema=answer_schema,
    )


def ended_result(
    workflow: Workflow[AnyIn, Out], run_id: str, machine: Machine
) -> RunSucceeded[Out] | RunFailed | RunCancelled | None:
    """The result of a run that has ended; None if it has not."""
    state = machine.state
    if state.standing == "success":
        assert state.output is not None, "a run succeeds with its output"
        try:
            result = workflow.output.load(machine.values.json(state.output))
        except DataError as error:  # the run ended under other code
            raise error.located(InvalidOutput, workflow_id=workflow.id, address="output") from None
        return RunSucceeded(run_id=run_id, workflow_id=workflow.id, result=result)
    if state.standing == "failed":
        assert state.failure is not None, "a run fails with its first failure"
        return RunFailed(
            run_id=run_id, workflow_id=workflow.id, error=state.failure, undo_errors=tuple(state.undo_errors)
        )
    if state.standing == "cancelled":
        return RunCancelled(
            run_id=run_id,
            workflow_id=workflow.id,
            reason=state.cancel_reason,
            undo_errors=tuple(state.undo_errors),
        )
    return None
