"""What tests of schedules share: a clock of their own, and starts that create runs in the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from waystation.core.refs import Millis
from waystation.define.schedule import Cron
from waystation.engine.schedules import ScheduledWorkflow, Scheduler
from waystation.errors import RunAlreadyExists
from waystation.store.protocol import Store
from waystation.store.records import NewRun, RunFilter, WorkflowKey


def at(text: str) -> Millis:
    """Milliseconds of an ISO time with an offset."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


class Time:
    """A clock that stands still until it is moved."""

    def __init__(self, text: str = "2026-06-01T09:00:00Z") -> None:
        self.at = at(text)

    def now(self) -> Millis:
        return self.at

    def call_at(self, when: Millis, callback: Callable[[], None]) -> Callable[[], None]:
        raise AssertionError("a scheduler sets no timers")


class Killed(BaseException):
    """The process ends here."""


class Starts:
    """Starts runs as the app does: creates them in the store, and one that is there already is done."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.created: list[str] = []
        self.asked: list[str] = []
        self.fails: dict[str, Exception] = {}
        self.killed_after: str | None = None

    async def __call__(self, scheduled: ScheduledWorkflow, run_id: str, slot: Millis) -> None:
        self.asked.append(run_id)
        if (error := self.fails.get(scheduled.schedule_id)) is not None:
            raise error
        await asyncio.sleep(0)  # others have their turn between the look and the write
        workflow_id = scheduled.workflow.workflow_id
        run = NewRun(run_id=run_id, workflow_id=workflow_id, fingerprint="f", created_at=slot, entries=[b'"created"'])
        try:
            await self.store.create_run(run)
        except RunAlreadyExists:
            return
        self.created.append(run_id)
        if run_id == self.killed_after:
            raise Killed


async def scheduler(starts: Starts, time: Time, **crons: Cron) -> Scheduler:
    """As a process makes one when it starts; the keywords are workflow ids."""
    scheduled = [ScheduledWorkflow(id_, WorkflowKey(id_), cron) for id_, cron in crons.items()]
    made = Scheduler(starts.store, time, scheduled, starts)
    await made.register()
    return made


async def fire_until(scheduler: Scheduler, time: Time, text: str) -> None:
    """Let time pass, with a look at each time that the scheduler asked for."""
    while (coming := await scheduler.fire_due()) is not None and coming <= at(text):
        time.at = max(time.at, coming)
    time.at = at(text)


async def runs(store: Store) -> list[str]:
    """The ids of all runs there are."""
    page = await store.list_runs(RunFilter(), limit=1000)
    return sorted(run.run_id for run in page.runs)
