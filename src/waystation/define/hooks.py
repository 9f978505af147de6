"""Hooks: functions of a program that are told when a run starts and when it stops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class HookEvent:
    """What a hook is told.

    Attributes:
        run_id: the run.
        workflow_id: its workflow.
        version: the workflow's version; "" for none.
        resource_id: whom or what the run was created for, if that was said.
        status: where the run stands: ``"running"`` for ``on_start``, else ``"success"``, ``"failed"``,
            ``"cancelled"`` or ``"suspended"``.
        input: what the run was given, as the workflow's input type.
        result: what it gave, as the workflow's output type; None unless it succeeded.
        error: what made it fail, an ``ErrorRecord``; None unless it failed.
        suspensions: the open suspensions; empty unless it is suspended.
    """

    run_id: str
    workflow_id: str
    version: str = ""
    resource_id: str | None = None
    status: str
    input: object | None = None
    result: object | None = None
    error: object | None = None
    suspensions: tuple[object, ...] = ()


Hook: TypeAlias = Callable[[HookEvent], object]
"""A sync or async function; what it returns is not looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """The hooks of a workflow.

    Attributes:
        on_start: called before a run starts, and on no other occasion; what it raises refuses the start.
        on_finish: called when a run has ended, whichever way.
        on_error: called when a run has failed, after ``on_finish``.
        on_suspend: called when a run was parked because someone has to answer.
    """

    on_start: Hook | None = None
    on_finish: Hook | None = None
    on_error: Hook | None = None
    on_suspend: Hook | None = None


NO_HOOKS: Final = Hooks()
"""What a workflow has when nothing is said."""
