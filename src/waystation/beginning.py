"""What someone gives to a run, checked against the workflow before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TypeVar

from waystation.core.addresses import Address, node_key
from waystation.define.schedule import Cron
from waystation.define.workflow import Workflow
from waystation.dispatch.protocol import Dispatcher
from waystation.engine.creation import Beginning, Names, create_started
from waystation.engine.engine import Engine
from waystation.engine.hooks import ask_to_start
from waystation.engine.run_state import checked_context, initial_state
from waystation.errors import (
    DataError,
    InvalidEventData,
    InvalidInput,
    InvalidResumeData,
    RunAlreadyExists,
    UnknownEvent,
)

In = TypeVar("In")
Out = TypeVar("Out")


def input_data(workflow: Workflow[In, Out], input: object) -> bytes:
    """The workflow's input as JSON.

    Raises:
        InvalidInput: it does not fit.
    """
    try:
        return workflow.input.dump(workflow.input.validate(input))
    except DataError as error:
        raise error.located(InvalidInput, workflow_id=workflow.id, address="input") from None


def begin(
    workflow: Workflow[object, object],
    input: object,
    *,
    state: object = None,
    request_context: Mapping[str, object] | None = None,
    per_step: bool = False,
) -> Beginning:
    """What a run begins with.

    Raises:
        InvalidInput, InvalidState, InvalidRequestContext: some of it does not fit.
    """
    return Beginning(
        input=input_data(workflow, input),
        state=initial_state(workflow, state),
        context=checked_context(workflow, request_context, {}),
        per_step=per_step,
    )


def event_data(workflow: Workflow[object, object], name: str, data: object, run_id: str) -> bytes:
    """An event's data as JSON.

    Raises:
        UnknownEvent: the workflow waits for no event of that name.
        InvalidEventData: the data does not fit the type that is waited for.
    """
    waits = workflow.graph.waits()
    if name not in waits:
        known = ", ".join(map(repr, waits)) or "no events"
        raise UnknownEvent(f"workflow {workflow.id!r} waits for no event {name!r}; it waits for {known}", run_id=run_id)
    schema = waits[name].data
    try:
        return schema.dump(schema.validate(data))
    except DataError as error:
        raise error.located(InvalidEventData, workflow_id=workflow.id, address=name) from None


def answer_data(workflow: Workflow[object, object], address: Address, data: object) -> bytes:
    """An answer to the step that is suspended at ``address``, as JSON.

    Raises:
        InvalidResumeData: it does not fit.
    """
    step = workflow.graph.step(node_key(address))
    assert step is not None, "only a step is suspended"
    assert step.resume is not None, "only one that declares resume="
    try:
        return step.resume.dump(step.resume.validate(data))
    except DataError as error:
        raise error.located(InvalidResumeData, workflow_id=workflow.id, address=address) from None


async def start_scheduled(
    engine: Engine, dispatcher: Dispatcher, workflow: Workflow[object, object], cron: Cron, run_id: str
) -> None:
    """Create and start the run of a schedule's slot, in one write; nothing if another process was first.

    Raises:
        InvalidInput, InvalidState: what the schedule gives does not fit.
        StartRefused.
    """
    beginning = begin(workflow, cron.input, state=cron.state)
    await ask_to_start(workflow, run_id, workflow.input.load(beginning.input), None)
    with suppress(RunAlreadyExists):
        await dispatcher.take(run_id, workflow.id, create_started(engine, workflow, Names(run_id=run_id), beginning))
