"""A run that Restate has placed on this worker: it is taken over, and driven until it rests."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from waystation.core.refs import Millis
from waystation.define.workflow import Workflow
from waystation.dispatch.driving import Driving
from waystation.dispatch.restate.calls import RunCall
from waystation.dispatch.restate.resubmission import Resubmission
from waystation.dispatch.restate.spare_room import SpareRoom
from waystation.engine.engine import Engine
from waystation.engine.leases import Lease
from waystation.engine.taking_over import take_over
from waystation.errors import DefinitionChanged, StoreCorrupt, StoreError, UnknownWorkflow
from waystation.store.records import RunRecord

_log = logging.getLogger("waystation.dispatch")

_LOOK_AGAIN_AFTER = 1.0
"""How often it is looked, in seconds, whether a run that another process drives can be taken."""


_CALLS_PER_RUN = 2
"""So many calls wait or are under way for each run that is driven here; more wait in the store."""


class NotNow(Exception):
    """This worker cannot drive the run now, being closed: Restate is to place it on another."""


class _TakenByAnother(Exception):
    """The run cannot be taken: another has it, or had it till now."""


class PlacedRuns:
    """Drives the runs that are placed here.

    Arguments:
        handed_over: is set once this process, being closed, has let go of its runs.
        most: how many are driven at once; others wait.
        every: how often, in seconds, it is looked for runs that wait for room elsewhere, when there is nothing to do.

    Attributes:
        spare_room: looks for those.
    """

    def __init__(
        self,
        engine: Engine,
        lease: Lease,
        driving: Driving,
        resubmission: Resubmission,
        *,
        handed_over: asyncio.Event,
        most: int,
        every: float,
    ) -> None:
        self._engine = engine
        self._lease = lease
        self._driving = driving
        self._resubmission = resubmission
        self._handed_over = handed_over
        self._room = asyncio.Semaphore(most)
        self._most_calls = _CALLS_PER_RUN * most
        self._calls = 0
        self._uncalled: dict[str, asyncio.Task[None]] = {}
        self.spare_room = SpareRoom(
            engine,
            room=self._room,
            known=lambda: {*driving.driven, *self._uncalled, *resubmission.unfit},
            drive=self._drive_uncalled,
            every=every,
        )

    async def called(self, run_id: str) -> str:
        """Restate has placed the run here: drive it, or leave it to whoever has room first. As ``drive`` else.

        Restate makes only so many calls at a time. If all of them were of runs that wait for room, no step that runs
        apart would be called, and those that have room would wait for such a step for ever.
        """
        if self._calls >= self._most_calls and self.spare_room.is_looking:
            return "waits for room, in the store"
        self._calls += 1
        try:
            return await self.drive(run_id)
        finally:
            self._calls -= 1

    async def drive(self, run_id: str) -> str:
        """Drive the run until it rests; gives how it stands then, or why it is not driven.

        Restate makes one call for a run at a time. That one came before, and its worker died or lost the connection,
        does not matter: what is left of its owner, the store knows. One that lives is waited for, as it drives the run
        on though nobody listens; so no step is begun twice because an engine's node was restarted.

        Raises:
            NotNow: this worker is being closed.
            StoreError: it is to be tried again.
        """
        called_at: Millis | None = None
        while True:
            try:
                async with self._room:
                    if called_at is None:
                        called_at = self._engine.clock.now()  # what comes due from here on has a call of its own
                    if (said := await self._drive(run_id, called_at)) is not None:
                        return said
            finally:
                self.spare_room.freed()
            # Who waits for another takes no room.
            if await self._is_driven(run_id):
                await self._until_it_moves(run_id)

    async def _drive(self, run_id: str, called_at: Millis) -> str | None:
        """Drive it; None if another does.

        Raises:
            NotNow, StoreError.
        """
        while True:
            if self._driving.is_drained:
                # Not before: the worker that Restate turns to next would find that the run is this one's still.
                await self._handed_over.wait()
                raise NotNow
            if run_id in self._driving.driven:
                return None
            record = await self._engine.store.get_run(run_id)
            if record is None:
                return "deleted"
            if record.status != "running" and (record.wake_at is None or record.wake_at > called_at):
                if record.wake_at is not None and record.status in ("waiting", "suspended"):
                    await self._resubmission.submit(RunCall.of(record), wake_at=record.wake_at)
                return record.status
            try:
                unfit = await self._take(record)
            except _TakenByAnother:
                return None
            if unfit is not None:
                self._resubmission.unfit[run_id] = unfit
                self._driving.waiters.give_up(run_id, unfit)
                return f"left alone: {unfit}"

    async def _is_driven(self, run_id: str) -> bool:
        """Whether someone drives it, here or elsewhere, as far as is known."""
        if run_id in self._driving.driven:
            return True
        record = await self._engine.store.get_run(run_id)
        return record is not None and record.owner is not None

    def _drive_uncalled(self, run_id: str) -> bool:
        """Drive a run though Restate has not placed it here; gives whether there is room to."""
        if self._room.locked() or self._driving.is_drained:
            return False
        if run_id not in self._uncalled:
            work = self._drive_as_if_called(run_id)
            self._uncalled[run_id] = asyncio.create_task(work, name=f"waystation uncalled run {run_id}")
        return True

    async def _drive_as_if_called(self, run_id: str) -> None:
        try:
            await self.drive(run_id)
        except (NotNow, StoreError) as error:
            _log.info("run %s is left to others: %r", run_id, error)
        finally:
            del self._uncalled[run_id]

    async def _take(self, record: RunRecord) -> Exception | None:
        """Take the run over, if nobody has it, and drive it; why it does not fit here, if it does not."""
        run_id = record.run_id
        workflow = self._engine.workflows.get(record.key)
        if workflow is None:
            _log.warning("run %s is left alone: this worker has no version %r of its workflow", run_id, record.version)
            return UnknownWorkflow(
                f"run {run_id!r} is of version {record.version!r} of workflow {record.workflow_id!r}, which the worker "
                "it was placed on does not have",
                run_id=run_id,
            )
        # In a task of its own, which is waited for when this worker is closed: else a run could be taken, and be its
        # own, after all were handed over.
        driving = self._driving.begin(run_id, self._take_and_drive(run_id, workflow))
        await asyncio.wait([driving])
        if driving.cancelled():
            return None
        error = driving.exception()
        if isinstance(error, DefinitionChanged | StoreCorrupt):
            _log.warning("run %s is left alone: %s", run_id, error)
            return error
        if isinstance(error, Exception) and not isinstance(error, StoreError):
            _log.error("run %s met a fault as it was taken over; it is left alone", run_id, exc_info=error)
            return error
        if not driving.result():
            # Its owner may have died just now: then Restate calls for the run anew.
            await self._lease.retire_the_dead()
            raise _TakenByAnother
        return self._resubmission.unfit.get(run_id)

    async def _take_and_drive(self, run_id: str, workflow: Workflow[object, object]) -> bool:
        """Drive the run; gives whether it could be taken.

        Raises:
            DefinitionChanged, StoreError.
        """
        await self._lease.hold()
        with self._resubmission.returning.in_doubt(run_id):
            taken = await take_over(self._engine, workflow, run_id, own=lambda: run_id not in self._driving.driven)
        if taken is None:
            return False
        if (driver := self._driving.driver_of(taken)) is not None:
            await self._driving.driven_by(driver)
        return True

    async def _until_it_moves(self, run_id: str) -> None:
        """Until something of the run is written, or a second has passed."""
        with self._engine.hub.listening(run_id) as moved, suppress(TimeoutError):
            self._driving.watch()
            async with asyncio.timeout(_LOOK_AGAIN_AFTER):
                await moved.wait()
