"""Sees to it that each run that can go on has been called: what was lost on the way is called again, from the store.

A run is called when it is taken, and when its time comes Restate calls it. Both can be lost: whoever took it may die
before it calls, Restate may be away just then, or lose its data. So every app looks now and then for runs that could go
on and that nobody drives. One that was so at two looks in a row is called again. All calls for one epoch of a run have
one key, so that Restate makes only the first of them.

It may be left all the same: Restate is away, or believes that a worker has it which is frozen, or whose machine is
gone. Of that Restate hears nothing for a long time, and meanwhile makes no other call for the run. But a worker that
has room drives it uncalled (``spare_room``); the call, when it is made at last, finds that there is nothing to do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from waystation.core.refs import Millis
from waystation.dispatch.restate.calls import RunCall
from waystation.dispatch.restate.client import RestateClient
from waystation.dispatch.returning import Returning
from waystation.dispatch.shares import MOST_AT_ONCE
from waystation.engine.clock import SystemClock
from waystation.engine.creation import Taken
from waystation.engine.driver import Driver
from waystation.engine.engine import Engine
from waystation.engine.leases import Lease
from waystation.engine.schedules import Scheduler
from waystation.engine.taking_over import take_over
from waystation.engine.timers import Alarm
from waystation.errors import DefinitionChanged, DispatchError, DispatchUnreachable, StoreCorrupt, StoreError
from waystation.store.records import RunRecord

_log = logging.getLogger("waystation.dispatch")

_LONGEST_PAUSE = 256
"""A run that was called again and still is not driven is called after 1, 2, 4 ... looks, and at last after so many."""


@dataclass(slots=True)
class _Left:
    """A run that could go on, as of its ``epoch``, and after how many ``looks`` it is called; ``pause`` of them were
    waited for the last time."""

    epoch: int
    looks: int = 1
    pause: int = 1


class Resubmission:
    """Calls runs that were left, and drives on those that are this process's by the store.

    Arguments:
        driven: the runs that are driven here.
        drive: drives a run that was taken over.
        give_up: tells those who wait for a run here why it cannot be driven.
        any_run: whether to call any run that was left; else only those that this process itself has.
        every: how often to look.
        schedules: what starts by itself; None where nothing does.

    Attributes:
        unfit: see ``Comeback``.
        returning: the runs that this process comes back to.
        drives: whether this process drives on runs that are its own; not any more once it is drained.
    """

    def __init__(
        self,
        engine: Engine,
        lease: Lease,
        client: RestateClient,
        driven: dict[str, Driver],
        *,
        drive: Callable[[Taken], object],
        give_up: Callable[[str, Exception], None],
        any_run: bool,
        every: timedelta,
        schedules: Scheduler | None,
    ) -> None:
        self._engine = engine
        self._lease = lease
        self._client = client
        self._driven = driven
        self._drive = drive
        self._give_up = give_up
        self._any_run = any_run
        self._every = every.total_seconds()
        self._schedules = schedules
        self._left: dict[str, _Left] = {}
        self._seek = asyncio.Event()
        self._alarm = Alarm(engine.clock, self._seek.set)
        # Restate's timers go by the time there is. Where an app has a time of its own, it looks when that has come.
        self._has_own_time = not isinstance(engine.clock, SystemClock)
        self._is_away = False
        self.drives = True
        self.unfit: dict[str, Exception] = {}
        self.returning = Returning(engine.clock, self._seek.set)

    # ------------------------------------------------------------------ calling

    async def submit(self, call: RunCall, *, wake_at: Millis | None = None, again: bool = False) -> None:
        """Have a run called, now or when its time comes; it stays left, to be called later, if that fails.

        Arguments:
            again: whether it is called though it was for this epoch before.
        """
        delay: Millis | None = None
        if wake_at is not None:
            if self._has_own_time:
                return  # ``seek_at`` has seen to it
            delay = max(0, wake_at - self._engine.clock.now())
        try:
            await self._client.call_run(call, delay=delay, again=again)
        except DispatchError as error:
            _log.warning("run %s could not be placed now, and will be later: %s", call.run_id, error)

    async def nudge_left(self, run_id: str) -> None:
        """Something came to a run that is not driven here: call it if nobody drives it, whatever was called before."""
        record = await self._engine.store.get_run(run_id)
        if record is not None and record.status == "running" and record.owner is None:
            await self.submit(RunCall.of(record), again=True)

    # ------------------------------------------------------------------ what the runs driven here tell

    def soon(self, run_id: str) -> None:
        """It may still be this process's by the store: come back to it."""
        self.returning.soon(run_id)
        self._seek.set()

    def driven(self, run_id: str) -> None:
        """It is driven again."""
        self.returning.give_up(run_id)

    def seek(self) -> None:
        """There may be runs that nobody drives: that others told so is no hurry, as whoever left them calls them."""

    def seek_at(self, run_id: str, when: Millis) -> None:
        """A run that rested here goes on by itself then: Restate is told, by whoever drove it."""
        if self._has_own_time:
            if not self._any_run:  # else it is found in the store, as any other
                self.returning.at(run_id, when)
            self._alarm.set(when)

    def nudge(self, run_id: str) -> None:
        """Something came to a run that is not driven here: it may be just what it can go on with."""
        if self.unfit.pop(run_id, None) is not None:
            self.soon(run_id)  # it may still be this process's, and then nobody else can

    def stop(self) -> None:
        """Look at no time any more."""
        self._alarm.stop()

    # ------------------------------------------------------------------ looking

    async def look_on(self) -> None:
        """Look for runs that were left, for as long as the app is open."""
        while True:
            try:
                await self._look()
                self._is_away = False
            except (StoreError, DispatchError) as error:
                if not self._is_away:
                    _log.warning("runs that were left cannot be called now: %s", error)
                self._is_away = True
                if isinstance(error, StoreError):
                    for run_id in self.returning.left():
                        self._give_up(run_id, error)
            except Exception:  # noqa: BLE001  (the look-out never ends while the app is open)
                _log.exception("the look for runs that were left met a fault; it goes on with its next look")
            try:
                async with asyncio.timeout(self._every):
                    await self._seek.wait()
            except TimeoutError:
                pass
            self._seek.clear()

    async def _look(self) -> None:
        for run_id in self.returning.due() if self.drives else ():
            await self._go_on_with_own(run_id)
        await self._lease.retire_the_dead()
        failure: DispatchError | None = None
        if self._any_run:
            try:
                await self._look_for_left()
            except DispatchError as error:
                failure = error  # a run that cannot be placed keeps no schedule from firing
        if self._schedules is not None:
            self._alarm.set(await self._schedules.fire_due())
        if failure is not None:
            raise failure

    async def _look_for_left(self) -> None:
        """Call again what could go on and was left, at two looks in a row or because its time is this app's own.

        Raises:
            StoreError, DispatchError.
        """
        workflows = list(self._engine.workflows)
        now = self._engine.clock.now()
        limit = MOST_AT_ONCE + len(self.unfit) + len(self._driven)  # so that they cannot crowd out the rest
        found = await self._engine.store.claimable(workflows, now, limit=limit)
        if self._has_own_time:
            self._alarm.set(await self._engine.store.next_wake(workflows, after=now))
        before, self._left = self._left, {}
        failure: DispatchError | None = None
        for run_id in found:
            if run_id in self._driven or run_id in self.unfit:
                continue
            record = await self._engine.store.get_run(run_id)
            if record is None or not self._has_waited(record, before.get(run_id)):
                continue
            try:
                await self._bring_on(record, is_away=isinstance(failure, DispatchUnreachable))
            except DispatchError as error:
                failure = error  # what keeps one from being placed may be of its workflow alone
        if failure is not None:
            raise failure

    def _has_waited(self, record: RunRecord, before: _Left | None) -> bool:
        """Whether something is to be done for a run that was left; it is remembered that it was."""
        if before is None or before.epoch != record.epoch:
            self._left[record.run_id] = _Left(record.epoch)
            return self._has_own_time and record.status != "running"  # as nobody else tells that its time has come
        self._left[record.run_id] = before
        before.looks -= 1
        return before.looks <= 0

    async def _bring_on(self, record: RunRecord, *, is_away: bool) -> None:
        """Have a run called that was left.

        Raises:
            DispatchError.
        """
        left = self._left[record.run_id]
        left.pause = min(left.pause * 2, _LONGEST_PAUSE)
        left.looks = left.pause
        if not is_away:  # not asked once for each run
            await self._client.call_run(RunCall.of(record))

    async def _go_on_with_own(self, run_id: str) -> None:
        """Drive on a run that is this process's by the store and that nobody drives here: nobody else can."""
        asked = self.returning.asked()
        record = await self._engine.store.get_run(run_id)
        workflow = None if record is None else self._engine.workflows.get(record.key)
        if record is None or workflow is None or record.owner != self._engine.worker_id or run_id in self._driven:
            self.returning.give_up(run_id, asked)
            if record is not None and record.wake_at is not None and record.wake_at <= self._engine.clock.now():
                await self.submit(RunCall.of(record))
            return
        await self._lease.hold()
        try:
            with self.returning.in_doubt(run_id):
                taken = await take_over(self._engine, workflow, run_id, own=lambda: run_id not in self._driven)
        except (DefinitionChanged, StoreCorrupt) as error:
            _log.warning("run %s is left alone: %s", run_id, error)
            self._leave_alone(run_id, error)
            return
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001  (one that cannot be read does not keep others from going on)
            _log.exception("run %s met a fault as it was taken over; it is left alone", run_id)
            self._leave_alone(run_id, error)
            return
        if taken is not None:
            self._drive(taken)

    def _leave_alone(self, run_id: str, error: Exception) -> None:
        self.returning.give_up(run_id)
        self.unfit[run_id] = error
        self._give_up(run_id, error)
