"""What the HTTP API sends, as types: what is not of this form is not from a Waystation that this client knows.

Fields that are not known here are passed over, so that a newer server may add some.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from waystation.core.entries import ErrorRecord
from waystation.core.history import StepStatus
from waystation.core.refs import Millis, Seq
from waystation.store.records import RunStatus


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A run as a line of a list."""

    run_id: str
    workflow_id: str
    version: str
    status: RunStatus
    resource_id: str | None
    created_at: datetime
    updated_at: datetime
    wake_at: datetime | None = None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """An open suspension."""

    id: str
    run_id: str
    workflow_id: str
    address: str
    label: str
    payload: msgspec.Raw
    opened_at: datetime
    version: str = ""
    ask_schema: Mapping[str, object] = {}
    answer_schema: Mapping[str, object] = {}


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a run stands; which fields there are goes by the status."""

    run_id: str
    workflow_id: str
    status: RunStatus
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: ErrorRecord | None = None
    undo_errors: tuple[ErrorRecord, ...] = ()
    reason: str = ""
    next_steps: tuple[str, ...] = ()
    suspensions: tuple[Asked, ...] = ()


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """Why the server's code cannot tell how a run stands."""

    code: str
    message: str
    run_id: str | None = None
    differences: Sequence[str] = ()


class Detail(Summary, frozen=True, kw_only=True):
    """A run, and how it stands; or, with a ``problem``, why the server cannot tell that."""

    standing: Standing
    problem: Unreadable | None = None


class Runs(msgspec.Struct, frozen=True, kw_only=True):
    """A page of runs."""

    runs: Sequence[Summary]
    cursor: str | None = None


class Suspensions(msgspec.Struct, frozen=True, kw_only=True):
    """Open suspensions, the oldest first."""

    suspensions: Sequence[Asked]
    cursor: str | None = None


class AskedAndAnswered(msgspec.Struct, frozen=True, kw_only=True):
    """One suspension of a step, and the answer if there is one."""

    label: str
    asked_at: datetime
    payload: msgspec.Raw
    answered_at: datetime | None
    answer: msgspec.Raw
    actor: str
    channel: str
    seq: Seq = 0


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What happened at a step."""

    address: str
    status: StepStatus
    attempts: int
    began: datetime | None
    ended: datetime | None
    retry_at: datetime | None
    output: msgspec.Raw
    error: ErrorRecord | None
    failures: Sequence[ErrorRecord] = ()
    once: Sequence[str] = ()
    suspensions: Sequence[AskedAndAnswered] = ()


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """What happened at a node that is no step."""

    address: str
    status: StepStatus
    at: datetime | None = None
    until: datetime | None = None
    taken: tuple[str, ...] = ()
    count: int | None = None
    output: msgspec.Raw = msgspec.Raw(b"null")
    error: ErrorRecord | None = None


class Cancel(msgspec.Struct, frozen=True, kw_only=True):
    """Who cancelled the run, and why."""

    at: Millis
    reason: str = ""
    actor: str = ""
    channel: str = ""
    address: str = ""


class History(Summary, frozen=True, kw_only=True):
    """What happened in a run."""

    started_at: datetime | None
    ended_at: datetime | None
    input: msgspec.Raw
    error: ErrorRecord | None
    branches: Mapping[str, tuple[str, ...]]
    steps: Sequence[Step]
    nodes: Sequence[Node]
    cancel: Cancel | None = None
    forked_from: str | None = None


class Journal(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a journal; each entry is as the journal has it, and its ``seq``."""

    entries: Sequence[msgspec.Raw]
    next_after: Seq | None = None


class ScheduleLine(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule."""

    id: str
    workflow_id: str
    cron: str
    tz: str
    next_at: datetime | None
    last_at: datetime | None
    paused: bool


class Schedules(msgspec.Struct, frozen=True, kw_only=True):
    """The schedules of the server's workflows."""

    schedules: Sequence[ScheduleLine]


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """The runs that have an event."""

    run_ids: Sequence[str]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why something was not done: problem+json, with what the error of that code knows. In a stream its ``detail`` is
    named ``message``."""

    code: str
    detail: str = ""
    message: str = ""
    title: str = ""
    run_id: str | None = None
    workflow_id: str | None = None
    address: str | None = None
    field: str | None = None
    problems: Sequence[tuple[str, str]] = ()
    addresses: Sequence[str] = ()
    differences: Sequence[str] = ()
    line: int = 0
