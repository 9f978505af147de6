"""Calls a workflow's hooks."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Sequence
from typing import cast

from waystation.core.machine import Machine
from waystation.define.hooks import Hook, HookEvent
from waystation.define.workflow import Workflow
from waystation.engine.engine import Engine
from waystation.errors import StartRefused

_log = logging.getLogger("waystation.hooks")


async def ask_to_start(workflow: Workflow[object, object], run_id: str, input: object, resource_id: str | None) -> None:
    """Ask ``on_start`` whether the run may start.

    Raises:
        StartRefused: it raised.
    """
    hook = workflow.hooks.on_start
    if hook is None:
        return
    event = HookEvent(
        run_id=run_id,
        workflow_id=workflow.id,
        version=workflow.version,
        resource_id=resource_id,
        status="running",
        input=input,
    )
    try:
        await _call(hook, event)
    except Exception as error:
        raise StartRefused(
            f"the on_start hook of workflow {workflow.id!r} refused to start run {run_id!r}: {error}", run_id=run_id
        ) from error


async def tell_of_rest(
    engine: Engine, workflow: Workflow[object, object], run_id: str, machine: Machine, suspensions: Sequence[object]
) -> None:
    """Tell the hooks that the run has come to rest, durably. What they raise is logged: it changes nothing."""
    hooks, state = workflow.hooks, machine.state
    if state.standing == "running":
        called = [hooks.on_suspend] if suspensions else []
    else:
        called = [hooks.on_finish, hooks.on_error if state.standing == "failed" else None]
    if not any(called):
        return
    record = await engine.store.get_run(run_id)
    result = None
    if state.standing == "success" and state.output is not None:
        result = workflow.output.load(machine.values.json(state.output))
    event = HookEvent(
        run_id=run_id,
        workflow_id=workflow.id,
        version=workflow.version,
        resource_id=None if record is None else record.resource_id,
        status="suspended" if state.standing == "running" else state.standing,
        result=result,
        error=state.failure,
        suspensions=tuple(suspensions),
    )
    for hook in called:
        if hook is not None:
            try:
                await _call(hook, event)
            except Exception:  # noqa: BLE001  (a hook is told; it does not decide)
                _log.exception("a hook of workflow %s raised; run %s is not touched by that", workflow.id, run_id)


async def _call(hook: Hook, event: HookEvent) -> None:
    told = hook(event)
    if inspect.isawaitable(told):
        cast("object", await told)
