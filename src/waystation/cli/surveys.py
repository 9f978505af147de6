"""What is in a store: for people, and for programs."""

from __future__ import annotations

from rich.text import Text

from waystation.cli.printing import out
from waystation.cli.tree import duration_text, status_text
from waystation.core.refs import Millis
from waystation.results import when
from waystation.shapes import record_data, time_text
from waystation.store.records import RunStatus, Schedule, SchemaStatus, Survey, Worker

_STATUSES: tuple[RunStatus, ...] = (
    *("running", "suspended", "waiting", "paused", "pending"),
    *("success", "failed", "cancelled"),
)

_WIDTH = 20

_KILO = 1024


def print_upgrade(before: SchemaStatus, after: SchemaStatus) -> None:
    """What an upgrade has done."""
    if before.version == after.version:
        done = f"nothing to do: its schema is {after.version}, {_how_new(after)}"
    elif before.version == 0:
        done = f"made, with schema {after.version}"
    else:
        done = f"schema {before.version} brought to {after.version}"
    out.print(f"{after.store}: {done}", markup=False)


def _how_new(schema: SchemaStatus) -> str:
    return "the newest" if schema.version == schema.newest else "of a later version that this one works with"


def print_status(schema: SchemaStatus, survey: Survey | None, now: Millis) -> None:
    """A store, and what is in it if that can be read."""
    _row("store", schema.store)
    if not schema.version:
        _row("schema", "none yet; 'waystation db upgrade' makes it")
    elif not schema.is_settled:
        _row("schema", f"{schema.version}; the newest is {schema.newest}: 'waystation db upgrade' brings it there")
    else:
        _row("schema", f"{schema.version}, {_how_new(schema)}")
    if survey is None:
        return
    _row("runs", f"{sum(survey.runs.values()):,}")
    for status in _STATUSES:
        if count := survey.runs.get(status, 0):
            _row("", Text.assemble(f"{count:,} ", status_text(status)))
    _row("open suspensions", f"{survey.open_suspensions:,}")
    if (oldest := survey.oldest_unfinished) is not None:
        age = duration_text(max(0, now - oldest.created_at))
        told = Text.assemble((oldest.run_id, "bold"), f" of {oldest.workflow_id}, created {age} ago  ")
        _row("oldest unfinished", told.append_text(status_text(oldest.status)))
    _row("workers", f"{len(survey.workers):,}")
    for worker in survey.workers:
        _row("", _worker(worker, now))
    _row("schedules", f"{len(survey.schedules):,}")
    for schedule in survey.schedules:
        _row("", _schedule(schedule))
    _row("size", _size(survey.size))


def _row(name: str, value: str | Text) -> None:
    out.print(Text.assemble((f"{name:<{_WIDTH}}", "dim"), value))


def _worker(worker: Worker, now: Millis) -> Text:
    left = worker.expires_at - now
    lease = (
        Text(f"lease holds for {duration_text(left)}", style="green")
        if left > 0
        else Text(f"lease ran out {duration_text(-left)} ago", style="red")
    )
    return Text.assemble((worker.worker_id, "bold"), f" on {worker.host}, process {worker.pid}: ", lease)


def _schedule(schedule: Schedule) -> Text:
    if schedule.paused:
        then = "paused"
    elif schedule.next_at is None:
        then = "never again"
    else:
        then = f"next at {when(schedule.next_at).astimezone():%Y-%m-%d %H:%M:%S}"
    return Text.assemble((schedule.schedule_id, "bold"), f" of {schedule.workflow_id}: {then}")


def _size(size: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < _KILO:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= _KILO
    return f"{size:,.1f} TiB"


def status_data(schema: SchemaStatus, survey: Survey | None, now: Millis) -> dict[str, object]:
    """A store, and what is in it if that can be read, for programs."""
    data: dict[str, object] = {
        "store": schema.store,
        "schema": {"version": schema.version, "newest": schema.newest, "up_to_date": schema.is_settled},
    }
    if survey is None:
        return data
    oldest = survey.oldest_unfinished
    return {
        **data,
        "runs": {status: survey.runs.get(status, 0) for status in _STATUSES},
        "open_suspensions": survey.open_suspensions,
        "oldest_unfinished": None if oldest is None else record_data(oldest),
        "workers": [
            {
                "worker_id": worker.worker_id,
                "host": worker.host,
                "pid": worker.pid,
                "expires_at": time_text(worker.expires_at),
                "alive": worker.expires_at > now,
            }
            for worker in survey.workers
        ],
        "schedules": [
            {
                "schedule_id": schedule.schedule_id,
                "workflow_id": schedule.workflow_id,
                "next_at": time_text(schedule.next_at),
                "last_at": time_text(schedule.last_at),
                "paused": schedule.paused,
            }
            for schedule in survey.schedules
        ],
        "size": survey.size,
    }
