"""The bodies of requests: what is given to a call, as the server takes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Never, TypeVar

import msgspec

from waystation.beginning import input_data
from waystation.client.encoding import json_of
from waystation.define.executable import Executable
from waystation.define.workflow import Workflow
from waystation.errors import InvalidInput, InvalidRequestContext, InvalidResumeData, InvalidState

In = TypeVar("In")
Out = TypeVar("Out")


def beginning(
    workflow: Workflow[In, Out] | None,
    input: object,
    state: object,
    request_context: Mapping[str, object] | None,
    *,
    per_step: bool,
) -> dict[str, object]:
    """What a run begins with, as the server takes it. If the workflow is at hand, the input is held against it here."""
    if workflow is None:
        given = json_of(input, InvalidInput, address="input")
    else:
        given = msgspec.Raw(input_data(workflow, input))
    context = request_context
    return {
        "input": given,
        "state": None if state is None else json_of(state, InvalidState, address="state"),
        "request_context": None if context is None else json_of(context, InvalidRequestContext, address="context"),
        "per_step": per_step,
    }


def answer(
    data: object,
    step: Executable[Never, object] | str | None,
    label: str | None,
    item: int | None,
    suspension: str | None,
    request_context: Mapping[str, object] | None,
) -> dict[str, object]:
    """An answer to a suspension."""
    address = name_of(step) or ""
    context = request_context
    return {
        "data": json_of(data, InvalidResumeData, address=address),
        "step": name_of(step),
        "label": label,
        "item": item,
        "suspension": suspension,
        "request_context": None if context is None else json_of(context, InvalidRequestContext, address="context"),
    }


def cancelling(reason: str, grace: timedelta | None) -> dict[str, object]:
    """A wish to cancel."""
    return {"reason": reason, "grace_seconds": None if grace is None else grace.total_seconds()}


def name_of(step: Executable[Never, object] | str | None) -> str | None:
    """The name of a step, which may be given as itself."""
    return step.id if isinstance(step, Executable) else step
