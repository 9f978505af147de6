"""What the API answers with. ``waystation.shapes`` makes the data; these models hold it to its form and document it.

Values that are the workflows' own (inputs, outputs, payloads, answers) are any JSON: ``object``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from waystation.core.history import StepStatus
from waystation.server import examples
from waystation.server.access import Scope
from waystation.store.records import RunStatus

Time = Annotated[
    str,
    Field(
        description="ISO 8601, UTC, to the millisecond.",
        examples=["2026-03-02T09:00:00.000+00:00"],
        json_schema_extra={"format": "date-time"},
    ),
]


FieldAndReason = Annotated[list[str], Field(min_length=2, max_length=2)]


class Reply(BaseModel):
    """What every model of a reply has: it holds what is named and nothing else."""

    model_config = ConfigDict(extra="forbid")


# ------------------------------------------------------------------ runs


class RunSummary(Reply):
    """A run as a line of a list."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.SUMMARY]})

    run_id: str
    workflow_id: str
    version: str = Field(description="The workflow's version, empty for none.")
    status: RunStatus
    resource_id: str | None
    created_at: Time
    updated_at: Time
    wake_at: Time | None = Field(description="When it goes on by itself, if it waits for a time.")


class RunPage(Reply):
    """Runs, newest first."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"runs": [examples.SUMMARY], "cursor": None}]}
    )

    runs: list[RunSummary]
    cursor: str | None = Field(description="Give it as `cursor` for the next page; null at the end.")


class Failure(Reply):
    """An error as it is recorded."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.FAILURE]})

    code: str = Field(description="That of a Waystation error, or `exception` for any other.")
    type: str
    message: str
    address: str = Field(default="", description="The step that failed; empty for the run itself.")
    field: str = Field(default="", description="For bad data: where in it.")
    traceback: str = ""
    cause: Failure | None = None


class Suspension(Reply):
    """An open suspension: someone is asked something."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.SUSPENSION]})

    id: str = Field(description="Names this very suspension: give it as `suspension` when you answer.")
    run_id: str
    workflow_id: str
    version: str
    address: str
    label: str
    payload: object = Field(description="What the step said.")
    opened_at: Time
    ask_schema: dict[str, object] = Field(description="The JSON Schema of the payload.")
    answer_schema: dict[str, object] = Field(description="The JSON Schema of the answer.")


class SuspensionList(Reply):
    """Open suspensions, oldest first."""

    suspensions: list[Suspension]


class RunStanding(Reply):
    """How a run stands. Beside the first three, what is there depends on the status: `result` of success, `error` of
    failed, `reason` of cancelled, `undo_errors` of both, `next_steps` of paused, `suspensions` of suspended."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.STANDING]})

    run_id: str
    workflow_id: str
    status: RunStatus
    result: object = None
    error: Failure | None = None
    reason: str = ""
    undo_errors: list[Failure] = []
    next_steps: list[str] = []
    suspensions: list[Suspension] = []


class Unreadable(Reply):
    """Why the code at hand cannot tell how a run stands."""

    code: str
    message: str
    run_id: str = ""
    differences: list[str] = []


class RunDetail(RunSummary):
    """A run, and how it stands."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.DETAIL]})

    standing: RunStanding
    started_at: Time | None
    ended_at: Time | None
    input: object
    forked_from: str | None
    problem: Unreadable | None = Field(
        description="Why the code at hand cannot tell how the run stands; null where it can."
    )


# ------------------------------------------------------------------ what happened


class Asked(Reply):
    """A suspension of a step, and the answer if there is one."""

    label: str
    asked_at: Time
    payload: object
    answered_at: Time | None
    answer: object
    actor: str
    channel: str


class StepHistory(Reply):
    """What happened at one step."""

    address: str
    status: StepStatus
    attempts: int
    began: Time | None
    ended: Time | None
    retry_at: Time | None
    output: object
    error: Failure | None
    failures: list[Failure]
    once: list[str]
    suspensions: list[Asked]


class NodeHistory(Reply):
    """What happened at a node that is no step."""

    address: str
    status: StepStatus
    at: Time | None = Field(description="When it last recorded something; null for a wait that may take for ever.")
    until: Time | None
    taken: list[str]
    count: int | None
    output: object
    error: Failure | None


class CancelHistory(Reply):
    """Who cancelled the run, and why."""

    at: int = Field(description="Milliseconds since 1970 UTC.")
    reason: str
    actor: str
    channel: str
    address: str


class History(RunSummary):
    """A run with all that happened in it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.HISTORY]})

    started_at: Time | None
    ended_at: Time | None
    input: object
    error: Failure | None
    branches: dict[str, list[str]]
    steps: list[StepHistory]
    nodes: list[NodeHistory]
    cancel: CancelHistory | None
    forked_from: str | None


class JournalEntry(BaseModel):
    """An entry of the journal, as it was recorded: fields that depend on its kind, times in milliseconds."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [examples.ENTRY]})

    seq: int
    kind: str
    at: int


class JournalPage(Reply):
    """Entries of the journal, in order."""

    entries: list[JournalEntry]
    next_after: int | None = Field(description="Give it as `after` for the next page; null at the end, so far.")


class LogLine(Reply):
    """What a step has logged."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.LOG_LINE]})

    n: int = Field(description="Its number: later lines have greater ones.")
    at: Time
    level: str
    address: str
    attempt: int
    message: str


class LogPage(Reply):
    """Lines of a run's log, in order."""

    lines: list[LogLine]
    last: int = Field(description="Give it as `after` for what comes next.")


# ------------------------------------------------------------------ what there is


class WorkflowSummary(Reply):
    """A registered workflow."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.WORKFLOW]})

    workflow_id: str
    version: str
    current: bool = Field(description="Whether it is the one that is meant where no version is named.")
    description: str
    steps: int = Field(description="How many steps it has, at whatever depth.")
    schedule: bool = Field(description="Whether it starts by itself.")
    input_schema: dict[str, object]


class WorkflowList(Reply):
    """The registered workflows."""

    workflows: list[WorkflowSummary]


class WorkflowDescription(BaseModel):
    """A workflow: its nodes in order, and of each step its JSON Schemas."""

    model_config = ConfigDict(extra="allow")

    id: str
    version: str
    description: str
    fingerprint: str
    nodes: list[dict[str, object]]
    mermaid: str = Field(description="The text of a Mermaid flowchart.")


class Schedule(Reply):
    """When a workflow starts by itself."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.SCHEDULE]})

    id: str
    workflow_id: str
    cron: str
    tz: str
    next_at: Time | None
    last_at: Time | None
    paused: bool


class ScheduleList(Reply):
    """The schedules, by id."""

    schedules: list[Schedule]


class Part(Reply):
    """An agent or a tool."""

    name: str
    kind: str = Field(description="The name of its class.")
    description: str | None


class AgentList(Reply):
    """What steps reach as `ctx.agents`."""

    agents: list[Part]


class ToolList(Reply):
    """What steps reach as `ctx.tools`."""

    tools: list[Part]


class Sent(Reply):
    """Which runs have an event, durably."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"run_ids": ["order-7"]}]})

    run_ids: list[str]


class Me(Reply):
    """Who asks, and what they may."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.ME]})

    actor: str
    scopes: list[Scope]
    auth: str = Field(description="By what they are known: `none`, `token`, `session`, `oidc`, ...")
    version: str = Field(description="Of Waystation.")


class Health(Reply):
    """That the server is there."""

    status: Literal["ok"]


class Problem(BaseModel):
    """Why a request was not done (RFC 9457). `code` is that of the Python error, and never changes."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [examples.PROBLEM]})

    type: Literal["about:blank"]
    title: str
    status: int
    detail: str
    code: str
    problems: list[FieldAndReason] = Field(default=[], description="What is wrong with data, each as [field, reason].")
