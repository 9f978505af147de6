"""Takes over runs that nobody drives: their process died, or their time has come.

It is one loop and one timer for all that sleeps. It never ends, so nothing depends on a look at start-up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress

from waystation.core.refs import Millis
from waystation.dispatch.returning import Returning
from waystation.dispatch.shares import MOST_AT_ONCE, Share
from waystation.dispatch.waiters import Waiters
from waystation.engine.creation import Taken
from waystation.engine.driver import Driver
from waystation.engine.engine import Engine
from waystation.engine.leases import Lease
from waystation.engine.schedules import Scheduler
from waystation.engine.taking_over import take_over
from waystation.engine.timers import Alarm
from waystation.errors import DefinitionChanged, StoreCorrupt, StoreError

_log = logging.getLogger("waystation.dispatch")


class Recovery:
    """Looks for such runs, now and then and whenever it is asked to.

    Arguments:
        driven: the runs that are driven here.
        waiters: those who wait for runs.
        any_run: whether to take over any run that nobody drives, or only those that someone here waits for.
        every: how often to look, in seconds.
        schedules: what starts by itself; None where nothing does.
        drive: drives a run that was taken over.

    Attributes:
        returning: the runs that this process comes back to.
        unfit: runs that cannot be driven here, and why: the code does not fit them, or there is a fault in it.
    """

    def __init__(
        self,
        engine: Engine,
        lease: Lease,
        driven: Mapping[str, Driver],
        waiters: Waiters,
        *,
        any_run: bool,
        every: float,
        schedules: Scheduler | None,
        drive: Callable[[Taken], None],
    ) -> None:
        self._engine = engine
        self._lease = lease
        self._driven = driven
        self._waiters = waiters
        self._any_run = any_run
        self._every = every
        self._schedules = schedules
        self._drive = drive
        self._seek = asyncio.Event()
        self._alarm = Alarm(engine.clock, self.seek)
        self.returning = Returning(engine.clock, self.seek)
        self.unfit: dict[str, Exception] = {}

    def soon(self, run_id: str) -> None:
        """Come back to the run with the next look."""
        self.returning.soon(run_id)

    def driven(self, run_id: str) -> None:
        """It is driven here: there is nothing to come back for."""
        self.returning.give_up(run_id)

    def seek(self) -> None:
        """There may be such a run: look now."""
        self._seek.set()

    def seek_at(self, run_id: str, when: Millis) -> None:
        """A run that rested here goes on by itself then."""
        if not self._any_run:  # else it is found in the store, as any other: nothing in memory remembers it
            self.returning.at(run_id, when)
        self._alarm.set(when)

    def nudge(self, run_id: str) -> None:
        """Something came to a run that is not driven here."""
        if self.unfit.pop(run_id, None) is not None:
            self.returning.soon(run_id)  # what came may be just what it can go on with: a cancel, say
        self.seek()

    def stop(self) -> None:
        """Ring no more."""
        self._alarm.stop()

    async def look_on(self) -> None:
        """Take over what nobody drives, for as long as the app is open."""
        while True:
            pause = self._every
            try:
                now = self._engine.clock.now()
                pause = await self._take_over_all()
                # What is due by now and was not taken (code that does not fit it) is looked at with the next look.
                workflows = list(self._engine.workflows)
                self._alarm.set(await self._engine.store.next_wake(workflows, after=now))
                if self._schedules is not None:
                    self._alarm.set(await self._schedules.fire_due())
            except StoreError as error:
                self._cannot_recover(error)
            except Exception:  # noqa: BLE001  (the recovery never ends while the app is open)
                _log.exception("the recovery met a fault; it goes on with its next look")
            # Not by asyncio.wait_for: before Python 3.12 that swallows a cancellation that comes together with what it
            # waits for, and then the app never closes.
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._seek.wait()
            self._seek.clear()

    async def _take_over_all(self) -> float:
        """Take over what nobody drives; in how many seconds to look again."""
        others = await self._lease.retire_the_dead()
        if others and self._any_run:
            await self._lease.hold()  # so that they know with whom they share
        candidates = [each for each in await self._candidates() if each not in self._driven and each not in self.unfit]
        share = Share(len(candidates), 1 + others if self._any_run else 1, self._engine.worker_id)
        for run_id in candidates:
            try:
                with self.returning.in_doubt(run_id):  # it may have been claimed
                    await self._take_if_free(run_id, share)
            except (DefinitionChanged, StoreCorrupt) as error:
                # Said once, and left alone: the code that fits may be in another process, or come back.
                _log.warning("run %s is left alone: %s", run_id, error)
                self._leave_alone(run_id, error)
            except StoreError:
                raise
            except Exception as error:  # noqa: BLE001  (one that cannot be read does not keep others from going on)
                _log.exception("run %s met a fault as it was taken over; it is left alone", run_id)
                self._leave_alone(run_id, error)
        return share.pause(self._every)

    async def _take_if_free(self, run_id: str, share: Share) -> None:
        """Take over a run if nobody drives it, and it is of this process's share."""
        asked = self.returning.asked()
        record = await self._engine.store.get_run(run_id)
        workflow = self._engine.workflows.get(record.key) if record is not None else None
        if record is None or workflow is None or (record.status != "running" and record.wake_at is None):
            self.returning.give_up(run_id, asked)
            return
        if not share.has_room_for(record):
            return
        await self._lease.hold()
        taken = await take_over(self._engine, workflow, run_id, own=lambda: run_id not in self._driven)
        if taken is not None:
            share.took(record)
            self._drive(taken)
        elif record.owner not in (None, self._engine.worker_id):
            self.returning.give_up(run_id, asked)

    def _cannot_recover(self, error: StoreError) -> None:
        """The store fails: that is said, and told to those who wait for a run that would go on here but for that."""
        _log.warning("the store could not be searched for runs that nobody drives: %s", error)
        for run_id in self.returning.left():
            self._waiters.give_up(run_id, error)

    def _leave_alone(self, run_id: str, error: Exception) -> None:
        self.unfit[run_id] = error
        self._waiters.give_up(run_id, error)

    async def _candidates(self) -> list[str]:
        """Runs that may be free to take; the claim decides."""
        now = self._engine.clock.now()
        own = self.returning.due()
        if not self._any_run:
            waited_for = (run_id for run_id in self._waiters.runs() if run_id not in self._driven)
            return list(dict.fromkeys([*own, *waited_for]))
        workflows = list(self._engine.workflows)
        # Those known not to fit stay claimable, and so are those driven here when this process's lease ran out (the
        # machine slept): ask for so many more that they cannot crowd out the rest.
        limit = MOST_AT_ONCE + len(self.unfit) + len(self._driven)
        return list(dict.fromkeys([*own, *await self._engine.store.claimable(workflows, now, limit=limit)]))
