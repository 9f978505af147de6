"""The schedules of a SQLite store."""

from __future__ import annotations

import sqlite3

from waystation.core.refs import Millis
from waystation.store.records import Schedule

_COLUMNS = "schedule_id, workflow_id, spec, next_at, last_at, paused"

_PUT = f"""
INSERT INTO waystation_schedules ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (schedule_id) DO UPDATE
SET workflow_id = excluded.workflow_id, spec = excluded.spec, next_at = excluded.next_at
WHERE spec <> excluded.spec
"""  # noqa: S608  (a constant)

_GET = f"SELECT {_COLUMNS} FROM waystation_schedules WHERE schedule_id = ?"  # noqa: S608  (a constant)

# The comparison and the change are one statement: of any number of processes, one deals with the slot.
_ADVANCE = """
UPDATE waystation_schedules SET last_at = :slot, next_at = :next
WHERE schedule_id = :id AND next_at = :slot AND NOT paused
"""

# Letting go on what is not paused must not move its next slot: that one would be lost, or fire twice.
_PAUSE = """
UPDATE waystation_schedules SET next_at = CASE WHEN paused AND NOT :paused THEN :next ELSE next_at END, paused = :paused
WHERE schedule_id = :id
"""


def put_schedule(connection: sqlite3.Connection, schedule: Schedule) -> Schedule:
    """Keep a schedule; if it is there, only another spec changes it."""
    values = (
        *(schedule.schedule_id, schedule.workflow_id, schedule.spec),
        *(schedule.next_at, schedule.last_at, schedule.paused),
    )
    connection.execute(_PUT, values)
    return _schedule(connection.execute(_GET, (schedule.schedule_id,)).fetchone())


def schedules(connection: sqlite3.Connection) -> list[Schedule]:
    """Every schedule, by id."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM waystation_schedules ORDER BY schedule_id")  # noqa: S608  (a constant)
    return [_schedule(row) for row in rows]


def advance_schedule(connection: sqlite3.Connection, schedule_id: str, slot: Millis, next_at: Millis | None) -> bool:
    """Go from ``slot`` to ``next_at``, unless someone else did, or it is paused."""
    return bool(connection.execute(_ADVANCE, {"id": schedule_id, "slot": slot, "next": next_at}).rowcount)


def pause_schedule(connection: sqlite3.Connection, schedule_id: str, *, paused: bool, next_at: Millis | None) -> bool:
    """Pause it, or let it go on from ``next_at``; whether it is known."""
    return bool(connection.execute(_PAUSE, {"id": schedule_id, "paused": paused, "next": next_at}).rowcount)


def _schedule(row: tuple[str, str, str, int | None, int | None, int]) -> Schedule:
    schedule_id, workflow_id, spec, next_at, last_at, paused = row
    return Schedule(
        schedule_id=schedule_id,
        workflow_id=workflow_id,
        spec=spec,
        next_at=next_at,
        last_at=last_at,
        paused=bool(paused),
    )
