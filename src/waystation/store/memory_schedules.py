"""The schedules of a store in memory."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from waystation.core.refs import Millis
from waystation.store.records import Schedule


class KeptSchedules:
    """Schedules by id; see ``Store`` for what each call does."""

    def __init__(self) -> None:
        self._kept: dict[str, Schedule] = {}

    def put(self, schedule: Schedule) -> Schedule:
        """Keep it; if it is there, only another spec changes it."""
        kept = self._kept.setdefault(schedule.schedule_id, schedule)
        if kept.spec != schedule.spec:
            kept = replace(kept, workflow_id=schedule.workflow_id, spec=schedule.spec, next_at=schedule.next_at)
            self._kept[schedule.schedule_id] = kept
        return kept

    def all(self) -> Sequence[Schedule]:
        """Every schedule, by id."""
        return [self._kept[schedule_id] for schedule_id in sorted(self._kept)]

    def advance(self, schedule_id: str, slot: Millis, next_at: Millis | None) -> bool:
        """Go from ``slot`` to ``next_at``, unless someone else did, or it is paused."""
        kept = self._kept.get(schedule_id)
        if kept is None or kept.paused or kept.next_at != slot:
            return False
        self._kept[schedule_id] = replace(kept, next_at=next_at, last_at=slot)
        return True

    def pause(self, schedule_id: str, *, paused: bool, next_at: Millis | None) -> bool:
        """Pause it, or let it go on from ``next_at``; whether it is known."""
        kept = self._kept.get(schedule_id)
        if kept is None:
            return False
        goes_on = kept.paused and not paused
        self._kept[schedule_id] = replace(kept, paused=paused, next_at=next_at if goes_on else kept.next_at)
        return True
