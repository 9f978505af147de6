"""Starts workflows at the slots of their schedules: each slot once, however many processes there are.

Two things make it once. A slot's run has an id made of the schedule and the slot, so of any number of processes one
creates it; and the store goes from a slot to the next by compare and set. The run comes first: a process that dies
between the two leaves a slot that the next look finds due, whose run is there already, and goes on from.

There is no task and no timer here: whoever owns a loop calls ``fire_due`` and calls again at the time it gives.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from waystation.core.refs import Millis
from waystation.define.schedule import Cron
from waystation.engine.clock import Clock
from waystation.errors import AppClosed, DispatchError, DuplicateId, StoreError, UnknownSchedule
from waystation.store.protocol import Store
from waystation.store.records import Schedule, WorkflowKey

_log = logging.getLogger("waystation.schedules")

_MOST_AT_ONCE = 100
"""How many slots of one schedule are dealt with before the caller has a turn; the rest are due at once."""


@dataclass(frozen=True, slots=True)
class ScheduledWorkflow:
    """A workflow that starts by itself, and when."""

    schedule_id: str
    workflow: WorkflowKey
    cron: Cron


@dataclass(frozen=True, slots=True)
class ScheduleInfo:
    """How a schedule stands.

    Attributes:
        id: its id.
        workflow_id: the workflow it starts.
        cron: its cron expression.
        tz: the time zone by whose clock it goes.
        next_at: the slot that is next, in UTC; None while it is paused.
        last_at: the last slot that was dealt with, in UTC: it fired, or was passed over as missed.
        paused: whether someone has paused it.
    """

    id: str
    workflow_id: str
    cron: str
    tz: str
    next_at: datetime | None
    last_at: datetime | None
    paused: bool


StartScheduled = Callable[[ScheduledWorkflow, str, Millis], Awaitable[None]]
"""Creates and starts the run of that id for a slot, in one write; does nothing if there is a run of that id."""


class Scheduler:
    """The schedules of one app.

    Arguments:
        store: where it stands what fired; shared with other processes.
        clock: the time.
        schedules: what this process starts. Those of other apps on the store are left alone.
        start: starts one run.

    Raises:
        DuplicateId: two schedules have one id.
    """

    def __init__(
        self, store: Store, clock: Clock, schedules: Sequence[ScheduledWorkflow], start: StartScheduled
    ) -> None:
        self._store = store
        self._clock = clock
        self._start = start
        self._scheduled: dict[str, ScheduledWorkflow] = {}
        for each in schedules:
            if each.schedule_id in self._scheduled:
                raise DuplicateId(f"two schedules have the id {each.schedule_id!r}; tell them apart: Cron(..., id=...)")
            self._scheduled[each.schedule_id] = each

    async def register(self) -> None:
        """Put the schedules into the store. Of one that is there already the next slot stays, so that slots which
        passed while no process ran are seen; one whose times were changed goes by its new ones from now on.
        """
        if not self._scheduled:
            return
        stored = {each.schedule_id: each for each in await self._store.schedules()}
        now = self._clock.now()
        for each in self._scheduled.values():
            next_at = each.cron.next_after(now)
            before = stored.get(each.schedule_id)
            if before is not None and before.next_at is not None and before.spec.startswith(f"{each.cron.timing} "):
                next_at = before.next_at  # if it is dealt with meanwhile it comes again, and its run is there
            await self._store.put_schedule(
                Schedule(
                    schedule_id=each.schedule_id,
                    workflow_id=each.workflow.workflow_id,
                    spec=each.cron.spec,
                    next_at=next_at,
                )
            )

    # ------------------------------------------------------------------ firing

    async def fire_due(self) -> Millis | None:
        """Start the run of each slot that has come; gives when to call again, None for never.

        Raises:
            StoreError, AppClosed, DispatchError: a slot that could not be dealt with for that stays due.
        """
        coming: list[tuple[ScheduledWorkflow, Millis]] = []
        unplaced: DispatchError | None = None
        for _ in range(_MOST_AT_ONCE):
            # Read anew each time: another process may have dealt with a slot, paused the schedule or changed it.
            coming = await self._coming()
            now = self._clock.now()
            due = [(scheduled, slot) for scheduled, slot in coming if slot <= now]
            if not due:
                break
            for scheduled, slot in due:
                try:
                    await self._deal_with(scheduled, slot, now)
                except DispatchError as error:
                    unplaced = error  # there may be workers for the other workflows
            if unplaced is not None:
                raise unplaced
        return min((slot for _, slot in coming), default=None)

    async def _coming(self) -> list[tuple[ScheduledWorkflow, Millis]]:
        """What this process is to start, and the next slot of each."""
        return [
            (scheduled, stored.next_at)
            for scheduled, stored in await self._known()
            # With another spec it belongs to a process with other code, old or new; that one goes by its own slots.
            if stored.spec == scheduled.cron.spec and not stored.paused and stored.next_at is not None
        ]

    async def _deal_with(self, scheduled: ScheduledWorkflow, slot: Millis, now: Millis) -> None:
        first = scheduled.cron.first_to_fire(slot, now)
        if first != slot:
            # Only passed over here. ``first`` is dealt with on the next look, by one look that finds it in the store.
            if await self._store.advance_schedule(scheduled.schedule_id, slot, first):
                _log.warning("schedule %s: slots from %s on were missed", scheduled.schedule_id, _iso(slot))
            return
        run_id = f"{scheduled.schedule_id}@{_iso(slot)}"
        try:
            await self._start(scheduled, run_id, slot)
        except (StoreError, AppClosed, DispatchError):
            raise
        except Exception:  # noqa: BLE001  (what is wrong with one workflow's input or hook stops no other schedule)
            _log.exception("run %s could not be started; its slot is passed over", run_id)
        await self._store.advance_schedule(scheduled.schedule_id, slot, scheduled.cron.next_after(slot))

    # ------------------------------------------------------------------ for people

    async def run_now(self, schedule_id: str) -> str:
        """Start a run at once, also of a paused schedule, and leave its slots as they are; gives the run's id.

        Raises:
            UnknownSchedule, and what the start of a run raises.
        """
        scheduled = self._find(schedule_id)
        now = self._clock.now()
        # Not the id of a slot, though now may be one.
        run_id = f"{schedule_id}@{_iso(now)}+{secrets.token_hex(4)}"
        await self._start(scheduled, run_id, now)
        return run_id

    async def pause(self, schedule_id: str) -> None:
        """Fire no slots, in any process, until ``resume``. Those that pass meanwhile are not missed: they never fire.

        Raises:
            UnknownSchedule.
        """
        self._find(schedule_id)
        await self._set(schedule_id, paused=True, next_at=None)

    async def resume(self, schedule_id: str) -> None:
        """Go on with the next slot from now; nothing changes if it is not paused.

        Raises:
            UnknownSchedule.
        """
        next_at = self._find(schedule_id).cron.next_after(self._clock.now())
        await self._set(schedule_id, paused=False, next_at=next_at)

    async def _set(self, schedule_id: str, *, paused: bool, next_at: Millis | None) -> None:
        if await self._store.pause_schedule(schedule_id, paused=paused, next_at=next_at):
            return
        await self.register()  # no app that starts runs by itself has been at this store yet
        if not await self._store.pause_schedule(schedule_id, paused=paused, next_at=next_at):
            raise self._unknown(schedule_id)

    async def list(self) -> Sequence[ScheduleInfo]:
        """How each schedule of this app stands, by id. One that is not in the store yet stands as it will be."""
        if not self._scheduled:
            return []
        stored = {each.schedule_id: each for each in await self._store.schedules()}
        return [
            self._info(scheduled, stored.get(schedule_id)) for schedule_id, scheduled in sorted(self._scheduled.items())
        ]

    def _info(self, scheduled: ScheduledWorkflow, stored: Schedule | None) -> ScheduleInfo:
        next_at = scheduled.cron.next_after(self._clock.now()) if stored is None else stored.next_at
        paused = stored is not None and stored.paused
        return ScheduleInfo(
            id=scheduled.schedule_id,
            workflow_id=scheduled.workflow.workflow_id,
            cron=scheduled.cron.expression,
            tz=scheduled.cron.tz,
            next_at=None if paused else _datetime(next_at),
            last_at=None if stored is None else _datetime(stored.last_at),
            paused=paused,
        )

    async def _known(self) -> Sequence[tuple[ScheduledWorkflow, Schedule]]:
        if not self._scheduled:
            return []
        return [
            (self._scheduled[stored.schedule_id], stored)
            for stored in await self._store.schedules()
            if stored.schedule_id in self._scheduled
        ]

    def _find(self, schedule_id: str) -> ScheduledWorkflow:
        found = self._scheduled.get(schedule_id)
        if found is None:
            raise self._unknown(schedule_id)
        return found

    def _unknown(self, schedule_id: str) -> UnknownSchedule:
        known = ", ".join(map(repr, self._scheduled)) or "none"
        return UnknownSchedule(f"this app has no schedule {schedule_id!r}; it has: {known}")


def _datetime(at: Millis | None) -> datetime | None:
    return None if at is None else datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=at)


def _iso(at: Millis) -> str:
    return f"{datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=at):%Y-%m-%dT%H:%M:%SZ}"
