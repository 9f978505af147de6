"""What the command prints for people. What it prints for programs is in ``shapes``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import cast

from rich.table import Table
from rich.text import Text

from waystation.cli.screen import Screen
from waystation.cli.tree import status_text
from waystation.core.entries import ErrorRecord
from waystation.define.workflow import Workflow
from waystation.results import (
    Misfit,
    RunActive,
    RunCancelled,
    RunFailed,
    RunPaused,
    RunSucceeded,
    RunSuspended,
    Suspension,
    when,
)
from waystation.shapes import AnyResult, compact, json_text, result_data, suspension_data
from waystation.store.records import RunRecord

out = Screen(soft_wrap=True)
err = Screen(stderr=True, soft_wrap=True)

_WHOLE = 1_000_000
"""Wider than any line is."""


def whole() -> Screen:
    """Where lines are cut at the edge of a terminal; where there is none they are not."""
    return out if out.is_terminal else Screen(soft_wrap=True, width=_WHOLE)


def print_json(data: object) -> None:
    """One JSON document on standard output, and nothing else, so that a program can read it."""
    sys.stdout.write(json_text(data) + "\n")


def print_result(workflow: Workflow[object, object] | None, result: AnyResult, options: str) -> None:
    """How a run stands, and what to type next, with these options, if it waits for someone."""
    out.print(Text.assemble("run ", (result.run_id, "bold"), " of ", result.workflow_id, "  "), end="")
    out.print(status_text(result.status))
    match result:
        case RunSucceeded():
            out.print(Text("result "), end="")
            out.print(Text(compact(result_data(workflow, result)["result"])))
        case RunFailed():
            error = result.error
            at = f" at step {error.address}" if error.address else ""
            out.print(Text(f"failed{at}: {error.type}: {error.message}", style="red"))
            _print_undo_errors(result.undo_errors)
        case RunCancelled():
            if result.reason:
                out.print(Text(f"reason: {result.reason}", style="magenta"))
            _print_undo_errors(result.undo_errors)
        case RunPaused():
            out.print(Text(f"paused before {', '.join(result.next_steps)}", style="dim"))
        case RunSuspended():
            for suspension in result.suspensions:
                _print_suspension(suspension, workflow)
            named = f" --step {shlex.quote(result.suspensions[0].address)}" if len(result.suspensions) > 1 else ""
            command = f"waystation resume {shlex.quote(result.run_id)}{named}{options} --data JSON"
            out.print(Text(f"answer it: {command}", style="dim"))
        case RunActive():
            pass


def _print_undo_errors(errors: Sequence[ErrorRecord]) -> None:
    for error in errors:
        out.print(Text(f"not undone: {error.address}: {error.type}: {error.message}", style="red"))


def _print_suspension(suspension: Suspension, workflow: Workflow[object, object] | None) -> None:
    payload = suspension_data(suspension, workflow)["payload"]
    out.print(Text.assemble("waits at ", (suspension.address, "bold"), f": {compact(payload)}"))
    out.print(Text(f"  an answer: {answer_hint(suspension)}", style="dim"))


def answer_hint(suspension: Suspension) -> str:
    """What an answer looks like, in short: ``{"approved": boolean, "comment"?: string}``."""
    schema = suspension.answer_schema
    properties = _mapping(schema.get("properties"))
    if properties is None:
        return str(schema.get("type", "any JSON"))
    required = _list(schema.get("required"))
    parts: list[str] = []
    for name, described in properties.items():
        optional = "" if name in required else "?"
        parts.append(f'"{name}"{optional}: {_kind(described)}')
    return "{" + ", ".join(parts) + "}"


def _kind(described: object) -> str:
    schema = _mapping(described)
    if schema is None:
        return "any"
    if isinstance(kind := schema.get("type"), str):
        return kind
    if options := _list(schema.get("anyOf")):
        return " or ".join(_kind(option) for option in options)
    if values := _list(schema.get("enum")):
        return " or ".join(compact(value) for value in values)
    return "object"


def _mapping(data: object) -> Mapping[str, object] | None:
    return cast("Mapping[str, object]", data) if isinstance(data, Mapping) else None


def _list(data: object) -> Sequence[object]:
    return cast("Sequence[object]", data) if isinstance(data, list) else ()


def print_runs(runs: Sequence[RunRecord], cursor: str | None) -> None:
    """A list of runs, newest first."""
    if not runs:
        out.print("no runs")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("RUN", "WORKFLOW", "STATUS", "CREATED", "ABOUT"):
        table.add_column(column, no_wrap=True)
    for run in runs:
        created = f"{when(run.created_at).astimezone():%Y-%m-%d %H:%M:%S}"
        table.add_row(run.run_id, run.workflow_id, status_text(run.status), created, run.resource_id or "")
    # Never cut an id short: it is there to be copied.
    Screen(width=max(out.width, 160)).print(table)
    if cursor is not None:
        out.print(Text(f"more: --cursor {cursor}", style="dim"))


def print_record(run: RunRecord) -> None:
    """How a run stands, without what came of it."""
    head = Text.assemble("run ", (run.run_id, "bold"), f" of {run.workflow_id}  ")
    out.print(head.append_text(status_text(run.status)))


def print_imported(run: RunRecord) -> None:
    """A run that has come from elsewhere, and what becomes of it."""
    head = Text.assemble("run ", (run.run_id, "bold"), f" of {run.workflow_id} is there  ")
    out.print(head.append_text(status_text(run.status)))
    if run.status == "running":
        out.print(Text("it goes on when an app takes it over", style="dim"))


def print_pending(suspensions: Sequence[tuple[Suspension, Workflow[object, object] | None]]) -> None:
    """What people are waited for; with each the workflow, where it is at hand."""
    if not suspensions:
        out.print("nobody is waited for")
    for suspension, workflow in suspensions:
        since = f"{suspension.opened_at.astimezone():%Y-%m-%d %H:%M:%S}"
        out.print(
            Text.assemble(("⏸ ", "yellow"), (suspension.run_id, "bold"), f"  {suspension.workflow_id}  since {since}")
        )
        _print_suspension(suspension, workflow)


def print_misfits(misfits: Sequence[Misfit]) -> None:
    """The unfinished runs that the code at hand cannot continue, and why."""
    if not misfits:
        out.print("every unfinished run can go on with this code")
    for misfit in misfits:
        version = f" (version {misfit.version})" if misfit.version else ""
        out.print(
            Text.assemble("✗ ", (misfit.run_id, "bold"), f"  {misfit.workflow_id}{version}  "),
            status_text(misfit.status),
        )
        for reason in misfit.reasons:
            out.print(Text(f"  {reason}", style="red"))
