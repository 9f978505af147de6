"""The schedules of a PostgreSQL store."""

from __future__ import annotations

import asyncpg

from waystation.core.refs import Millis
from waystation.store.postgres.connections import Attempt
from waystation.store.records import Schedule

_COLUMNS = "schedule_id, workflow_id, spec, next_at, last_at, paused"

_PUT = f"""
INSERT INTO waystation_schedules AS kept ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (schedule_id) DO UPDATE
SET workflow_id = excluded.workflow_id, spec = excluded.spec, next_at = excluded.next_at
WHERE kept.spec <> excluded.spec
"""  # noqa: S608  (a constant)

# The comparison and the change are one statement: of any number of processes, one deals with the slot.
_ADVANCE = """
UPDATE waystation_schedules SET last_at = $2, next_at = $3
WHERE schedule_id = $1 AND next_at = $2 AND NOT paused RETURNING 1
"""

_ADVANCED = "SELECT 1 FROM waystation_schedules WHERE schedule_id = $1 AND last_at = $2"

# Letting go on what is not paused must not move its next slot: that one would be lost, or fire twice.
_PAUSE = """
UPDATE waystation_schedules SET next_at = CASE WHEN paused AND NOT $2 THEN $3 ELSE next_at END, paused = $2
WHERE schedule_id = $1 RETURNING 1
"""


async def put_schedule(attempt: Attempt, schedule: Schedule) -> Schedule:
    """Keep a schedule; if it is there, only another spec changes it."""
    await attempt.connection.execute(
        _PUT,
        *(schedule.schedule_id, schedule.workflow_id, schedule.spec),
        *(schedule.next_at, schedule.last_at, schedule.paused),
    )
    row = await attempt.connection.fetchrow(
        f"SELECT {_COLUMNS} FROM waystation_schedules WHERE schedule_id = $1",  # noqa: S608  (a constant)
        schedule.schedule_id,
    )
    assert row is not None, "it was put there just now, and schedules are never deleted"
    return _schedule(row)


async def schedules(attempt: Attempt) -> list[Schedule]:
    """Every schedule, by id."""
    rows = await attempt.connection.fetch(f"SELECT {_COLUMNS} FROM waystation_schedules ORDER BY schedule_id")  # noqa: S608  (a constant)
    return [_schedule(row) for row in rows]


async def advance_schedule(attempt: Attempt, schedule_id: str, slot: Millis, next_at: Millis | None) -> bool:
    """Go from ``slot`` to ``next_at``, unless someone else did, or it is paused."""
    if await attempt.connection.fetchval(_ADVANCE, schedule_id, slot, next_at):
        return True
    # It may have been this very call whose answer was lost. If it was another, its run is there by then: a slot
    # names its run, so dealing with it twice starts it once.
    return attempt.uncertain and bool(await attempt.connection.fetchval(_ADVANCED, schedule_id, slot))


async def pause_schedule(attempt: Attempt, schedule_id: str, *, paused: bool, next_at: Millis | None) -> bool:
    """Pause it, or let it go on from ``next_at``; whether it is known."""
    return bool(await attempt.connection.fetchval(_PAUSE, schedule_id, paused, next_at))


def _schedule(row: asyncpg.Record) -> Schedule:
    return Schedule(
        schedule_id=row["schedule_id"],
        workflow_id=row["workflow_id"],
        spec=row["spec"],
        next_at=row["next_at"],
        last_at=row["last_at"],
        paused=row["paused"],
    )
