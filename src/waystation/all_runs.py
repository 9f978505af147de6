"""What concerns more than one run, or people: lists, an event for all that wait, the check before a deploy, hooks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from waystation.beginning import event_data
from waystation.core.entries import StepSuspended
from waystation.core.machine import Machine
from waystation.dispatch.protocol import Dispatcher
from waystation.engine.decoding import entry_of
from waystation.engine.engine import Engine
from waystation.engine.hooks import tell_of_rest
from waystation.engine.intake import NewEvent, send_event
from waystation.engine.loading import misfits
from waystation.errors import RunEnded, RunNotFound, UnknownEvent
from waystation.registry import Registry
from waystation.results import Misfit, Suspension, suspension_of
from waystation.store.listing import each_run
from waystation.store.protocol import Store
from waystation.store.records import UNFINISHED, RunFilter, RunStatus, WorkflowKey

_MOST_TOLD = 1000
"""So many open suspensions at most are told to a hook."""


def run_filter(
    workflow_id: str | None,
    status: RunStatus | Sequence[RunStatus] | None,
    resource_id: str | None,
    since: datetime | None,
    until: datetime | None,
) -> RunFilter:
    """Which runs to list; see ``Waystation.list_runs``."""
    return RunFilter(
        workflow_id=workflow_id,
        statuses=(status,) if isinstance(status, str) else status,
        resource_id=resource_id,
        since=None if since is None else round(since.timestamp() * 1000),
        until=None if until is None else round(until.timestamp() * 1000),
    )


async def broadcast(
    engine: Engine,
    dispatcher: Dispatcher,
    registry: Registry,
    event: NewEvent,
    data: object,
    *,
    workflow: str | None,
    resource_id: str | None,
) -> AsyncIterator[str]:
    """Send an event to every unfinished run whose workflow waits for it, one after another.

    Arguments:
        event: the event; its data is made of ``data`` for each workflow.
        data: what was given as its data.
        workflow, resource_id: only to runs of this workflow, or about this.

    Gives the id of each run that has it.

    Raises:
        UnknownEvent, InvalidEventData.
    """
    waiting: dict[WorkflowKey, NewEvent] = {}
    for key, known in registry.by_key.items():
        if workflow in (None, key.workflow_id) and event.name in known.graph.waits():
            waiting[key] = event.with_data(event_data(known, event.name, data, ""))
    if not waiting:
        raise UnknownEvent(f"no registered workflow waits for the event {event.name!r}")
    for workflow_id in dict.fromkeys(key.workflow_id for key in waiting):
        where = RunFilter(workflow_id=workflow_id, statuses=UNFINISHED, resource_id=resource_id)
        async for record in each_run(engine.store, where):
            if record.key not in waiting:
                continue
            sending = send_event(engine, registry.by_key[record.key], record.run_id, waiting[record.key])
            try:
                await dispatcher.take(record.run_id, record.workflow_id, sending)
            except (RunEnded, RunNotFound):
                continue  # meanwhile
            yield record.run_id


async def check_all(store: Store, registry: Registry) -> Sequence[Misfit]:
    """The unfinished runs that the registered workflows cannot continue, and why."""
    found: list[Misfit] = []
    async for record in each_run(store, RunFilter(statuses=UNFINISHED)):
        workflow = registry.by_key.get(record.key)
        reasons = (
            [registry.unknown(record.workflow_id, record.version).message]
            if workflow is None
            else await misfits(store, workflow, record.run_id)
        )
        if reasons:
            found.append(
                Misfit(
                    run_id=record.run_id,
                    workflow_id=record.workflow_id,
                    version=record.version,
                    status=record.status,
                    reasons=tuple(reasons),
                )
            )
    return found


async def open_suspensions(
    store: Store, registry: Registry, *, workflow_id: str | None = None, run_id: str | None = None, limit: int
) -> Sequence[Suspension]:
    """The open suspensions of registered workflows, oldest first."""
    found: list[Suspension] = []
    for row in await store.open_suspensions(run_id=run_id, workflow_id=workflow_id, limit=limit):
        known = registry.by_key.get(WorkflowKey(row.workflow_id, row.version))
        entry = entry_of(row.run_id, row.entry)
        if known is not None and isinstance(entry, StepSuspended):
            found.append(suspension_of(known, row.run_id, row.address, row.seq, entry))
    return found


async def tell_hooks(engine: Engine, registry: Registry, run_id: str, machine: Machine) -> None:
    """Tell the hooks of its workflow that a run has come to rest, and what people are asked by it."""
    workflow = registry.by_key[WorkflowKey(machine.graph.workflow_id, machine.graph.version)]
    hooks = workflow.hooks
    if hooks.on_finish is None and hooks.on_error is None and hooks.on_suspend is None:
        return
    suspensions: Sequence[Suspension] = ()
    if machine.state.standing == "running" and machine.suspensions():
        suspensions = await open_suspensions(engine.store, registry, run_id=run_id, limit=_MOST_TOLD)
    await tell_of_rest(engine, workflow, run_id, machine, suspensions)
