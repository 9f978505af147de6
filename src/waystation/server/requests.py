"""What the API takes. Strict: what is not named here is refused, and nothing is turned into another type."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from waystation.server import examples

_LONGEST_ID = 200
_LONGEST_TEXT = 10_000
_LONGEST_COOKIE = 3800

NewRunId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=_LONGEST_ID, pattern=r"^[^\x00-\x1f\x7f/\\]+$"),
    Field(description="The new run's id; by default a random one.", examples=["order-7"]),
]
ResourceId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=_LONGEST_ID, pattern=r"^[^\x00-\x1f\x7f]+$"),
    Field(description="What the run is about, to list runs by.", examples=["DOC-1"]),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=_LONGEST_ID, pattern=r"^[^\x00-\x1f\x7f]+$")]
Seconds = Annotated[
    float,
    Field(ge=0, le=60, description="Wait up to so long for the run to rest: ended, suspended or paused."),
]


def _whole(value: object) -> object:
    """``5.0`` as 5: to JSON they are the same number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Text = Annotated[str, StringConstraints(max_length=_LONGEST_TEXT)]
Number = Annotated[int, Field(ge=0, le=2**53), BeforeValidator(_whole)]
Grace = Annotated[float, Field(ge=0, le=86_400)]
Context = dict[str, object]


class Body(BaseModel):
    """What every model of a request has."""

    model_config = ConfigDict(extra="forbid", strict=True)


class CreateRun(Body):
    """A run to create, and not to start yet."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"run_id": "order-7", "resource_id": "DOC-1"}]},
    )

    run_id: NewRunId | None = None
    resource_id: ResourceId | None = None
    version: str | None = Field(default=None, description="Which version of the workflow; by default the current one.")


class StartRun(Body):
    """With what to start a run that was created."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"input": {"document_id": "DOC-1"}}]}
    )

    input: object = Field(description="The workflow's input.")
    state: Context | None = Field(default=None, description="The run state it begins with.")
    request_context: dict[str, object] | None = Field(
        default=None, description="What steps see as `ctx.request_context`."
    )
    per_step: bool = Field(default=False, description="Pause after each step; `proceed` goes on.")
    wait_seconds: Seconds = 0


class StartNewRun(StartRun):
    """A run to create and start, in one write."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [examples.START]})

    run_id: NewRunId | None = None
    resource_id: ResourceId | None = None
    version: str | None = Field(default=None, description="Which version of the workflow; by default the current one.")


class Answer(Body):
    """An answer to a suspension. Where several are open, say which: the surest is `suspension`."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [examples.ANSWER]})

    data: object = Field(description="The answer: fits the suspension's `answer_schema`.")
    suspension: str | None = Field(default=None, description="The id of the very suspension.")
    step: str | None = Field(default=None, description="The suspended step: its id, or its address.")
    label: str | None = Field(default=None, description="The label it was suspended with.")
    item: Number | None = Field(default=None, description="Of a foreach: the number of the item, from 0.")
    request_context: dict[str, object] | None = Field(
        default=None, description="What to change of the request context."
    )
    wait_seconds: Seconds = 0


class Cancel(Body):
    """A wish to cancel a run."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"reason": "ordered twice", "wait_seconds": 5}]}
    )

    reason: Annotated[str, StringConstraints(max_length=_LONGEST_TEXT)] = Field(
        default="", description="Why; recorded."
    )
    grace_seconds: Annotated[float, Field(ge=0, le=86_400)] | None = Field(
        default=None, description="How long steps in flight may go on; by default as the app says."
    )
    wait_seconds: Seconds = 0


class Wait(Body):
    """How long to wait for the run to rest."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [{"wait_seconds": 5}]})

    wait_seconds: Seconds = 0


class Proceed(Wait):
    """How a paused run goes on."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"examples": [{"per_step": True}]})

    per_step: bool = Field(default=False, description="Pause again after the next step.")


class Fork(Body):
    """A new run that shares the past of this one up to a step."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"from_step": "print", "run_id": "order-7b"}]}
    )

    from_step: Name = Field(description="A step that has run: its id, or its address.")
    input: object = Field(default=None, description="What to give the step instead; null for the same.")
    state: Context | None = Field(default=None, description="What to change of the run state.")
    run_id: NewRunId | None = None
    resource_id: ResourceId | None = None
    wait_seconds: Seconds = 0


class SendEvent(Body):
    """An event for one run."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"name": "paid", "data": {"amount": 12}}]}
    )

    name: Name = Field(description="The event's name.")
    data: object = Field(default=None, description="Its data.")


class BroadcastEvent(SendEvent):
    """An event for every unfinished run that waits for it."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"name": "paid", "data": {"amount": 12}, "resource_id": "DOC-1"}]},
    )

    workflow: Name | None = Field(default=None, description="Only to runs of this workflow.")
    resource_id: ResourceId | None = None


class LogIn(Body):
    """A token, to be kept by the browser as a cookie that no script can read."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"token": "wst_5f2c9a_..."}]}
    )

    token: Annotated[str, StringConstraints(min_length=1, max_length=_LONGEST_COOKIE, pattern=r"^[A-Za-z0-9._~+/=-]+$")]
