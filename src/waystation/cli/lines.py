"""What the command prints for people, a line each: events, entries, schedules, workflows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

import msgspec
from rich.table import Table
from rich.text import Text

from waystation.cli.printing import out
from waystation.cli.screen import Screen
from waystation.engine.events import AnyEvent
from waystation.engine.schedules import ScheduleInfo
from waystation.results import when
from waystation.shapes import compact

_LONGEST = 160

_WIDTH = 160
"""As wide as a table is at least: an id is not to be cut, it is there to be copied."""


def print_event(event: AnyEvent) -> None:
    """An event: which it is, when, what, where, and what it carries."""
    told: dict[str, object] = msgspec.json.decode(msgspec.json.encode(event))
    _print_line(f"{event.seq}.{event.part}", event.at, event.type, told)


def print_entry(entry: Mapping[str, object]) -> None:
    """An entry of a journal."""
    at = entry["at"]
    assert isinstance(at, int), "every entry has its time"
    _print_line(str(entry["seq"]), at, str(entry["kind"]), entry)


_SAID = frozenset({"type", "kind", "run_id", "seq", "part", "at", "address"})


def _print_line(number: str, at: int, kind: str, told: Mapping[str, object]) -> None:
    rest = compact({name: value for name, value in told.items() if name not in _SAID})
    shown = "" if rest == "{}" else rest if len(rest) <= _LONGEST else f"{rest[:_LONGEST]}… (--json shows all)"
    address = str(told.get("address", ""))
    out.print(
        Text.assemble(
            (f"{number:>7}", "dim"),
            f"  {when(at).astimezone():%H:%M:%S}.{at % 1000:03}  ",
            (f"{kind:<19}", "bold"),
            f" {address}  " if address else " ",
            (shown, "dim"),
        )
    )


def print_sent(event: str, run_ids: Sequence[str]) -> None:
    """Who has an event."""
    if not run_ids:
        out.print(f"no run waits for {event}", markup=False)
    for run_id in run_ids:
        out.print(f"run {run_id} has {event}", markup=False)


def print_schedules(schedules: Sequence[ScheduleInfo]) -> None:
    """The schedules, and when each fires next."""
    if not schedules:
        out.print("no schedules")
        return
    table = _table("SCHEDULE", "WORKFLOW", "CRON", "TIME ZONE", "NEXT", "LAST")
    for each in schedules:
        then = "never again" if each.next_at is None else f"{each.next_at.astimezone():%Y-%m-%d %H:%M:%S}"
        last = "" if each.last_at is None else f"{each.last_at.astimezone():%Y-%m-%d %H:%M:%S}"
        shown = Text("⏸ paused", style="yellow") if each.paused else Text(then)
        table.add_row(each.id, each.workflow_id, each.cron, each.tz, shown, last)
    _print(table)


def print_workflows(workflows: Sequence[Mapping[str, object]]) -> None:
    """The workflows, of several versions each."""
    if not workflows:
        out.print("no workflows")
        return
    table = _table("WORKFLOW", "VERSION", "STEPS", "STARTS BY ITSELF", "WHAT FOR")
    for each in workflows:
        version = f"{each['version']}{'' if each.get('current', True) else ' (older)'}"
        scheduled = "yes" if each["schedule"] else ""
        table.add_row(
            str(each["workflow_id"]), version, str(each["steps"]), scheduled, str(each.get("description") or "")
        )
    _print(table)


def print_parts(parts: Sequence[Mapping[str, object]], none: str) -> None:
    """What steps reach: agents, or tools."""
    if not parts:
        out.print(none)
        return
    table = _table("NAME", "KIND", "WHAT FOR")
    for each in parts:
        table.add_row(str(each["name"]), str(each["kind"]), str(each.get("description") or ""))
    _print(table)


def print_tokens(tokens: Sequence[Mapping[str, object]]) -> None:
    """Whose tokens there are, and what they may."""
    if not tokens:
        out.print("no tokens")
        return
    table = _table("ID", "NAME", "MAY", "SINCE", "UNTIL")
    for each in tokens:
        until = "expired" if each["expired"] else _local(each["expires_at"]) or "revoked"
        may = ", ".join(map(str, cast("Sequence[object]", each["scopes"])))
        table.add_row(str(each["id"]), str(each["name"]), may, _local(each["created_at"]), until)
    _print(table)


def _local(at: object) -> str:
    return f"{datetime.fromisoformat(at).astimezone():%Y-%m-%d %H:%M:%S}" if isinstance(at, str) else ""


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, no_wrap=True)
    return table


def _print(table: Table) -> None:
    Screen(width=max(out.width, _WIDTH)).print(table)
