"""Runs are placed by Restate: what comes to a run is written to the store, and then its object is called."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from waystation.dispatch.conduct import Conduct
from waystation.dispatch.driving import Driving
from waystation.dispatch.protocol import Taking
from waystation.dispatch.restate.apart import StepsApart
from waystation.dispatch.restate.calling_all import call_all
from waystation.dispatch.restate.calls import RunCall
from waystation.dispatch.restate.client import RestateClient
from waystation.dispatch.restate.placed import PlacedRuns
from waystation.dispatch.restate.resubmission import Resubmission
from waystation.dispatch.resubmitted import Resubmitted
from waystation.dispatch.taking import TakingDispatcher
from waystation.dispatch.waiters import Waiters, Waiting
from waystation.engine.creation import Taken
from waystation.engine.decoding import of_one_piece
from waystation.engine.driver import Driver
from waystation.engine.engine import Engine
from waystation.engine.leases import Lease
from waystation.store.codec import Codec


class RestateDispatcher(TakingDispatcher):
    """Has runs placed by a Restate, and drives those that are placed here, if a worker serves it.

    Arguments:
        engine: what its drivers share; it takes for nobody.
        lease: this process's lease; held only when it drives.
        client: asks the Restate.
        codec: what makes unreadable what comes back from steps by way of it, if anything does.
        conduct: how it does; it calls any run that was left, or only those that this process itself has.

    Attributes:
        client: what was given.
    """

    def __init__(
        self, engine: Engine, lease: Lease, client: RestateClient, codec: Codec | None, conduct: Conduct
    ) -> None:
        driven: dict[str, Driver] = {}
        waiters = Waiters()
        self._resubmission = Resubmission(
            engine,
            lease,
            client,
            driven,
            drive=self._drive,
            give_up=waiters.give_up,
            any_run=conduct.recover,
            every=conduct.recover_every,
            schedules=conduct.schedules,
        )
        super().__init__(engine, lease, Driving(engine, self._resubmission, driven, waiters, conduct), conduct)
        self.client = client
        self._codec = codec
        self._handed_over = asyncio.Event()

    @property
    def grace(self) -> timedelta:
        """How long steps in flight may go on when this process is to end."""
        return self._conduct.grace

    async def start(self) -> None:
        """Begin to look for runs that were left, and for what other processes write.

        Raises:
            DispatchUnreachable, DispatchTooOld: then nothing was begun.
        """
        try:
            await self.client.ready()
        except BaseException:
            await self.client.close()
            raise
        await self._begin(self._resubmission.look_on, "resubmission")

    async def stop(self) -> None:
        """Begin no more steps, let those in flight end (for the grace time), and hand the runs over."""
        self._resubmission.stop()
        await self._driving.stop(self.grace)
        await self._hand_over()
        await self.client.close()

    async def drain(self) -> None:
        """Drive nothing any more: begin no more steps, let those in flight end (for the grace time), and hand the runs
        over. Things still come to runs, which others drive."""
        await self._driving.drain(self.grace)
        await self._hand_over()

    async def call_all(self) -> Resubmitted:
        """Call every unfinished run that can go on again; see ``Waystation.resubmit``."""
        return await call_all(self.engine, self.client)

    async def _hand_over(self) -> None:
        self._resubmission.drives = False
        await self._lease.release()
        self._handed_over.set()

    def placed(self, most: int) -> PlacedRuns:
        """What drives the runs that are placed here, at most so many at once."""
        return PlacedRuns(
            self.engine,
            self._lease,
            self._driving,
            self._resubmission,
            handed_over=self._handed_over,
            most=most,
            every=self._conduct.recover_every.total_seconds(),
        )

    def use_room(self, placed: PlacedRuns) -> None:
        """From now on also drive runs that were left, or that wait for room elsewhere, if this app recovers any."""
        if self._conduct.recover:
            self._driving.loop(placed.spare_room.look_on(), "spare room")

    def apart(self, most: int) -> StepsApart:
        """What runs the steps that are placed here, at most so many at once."""
        return StepsApart(self.engine, self._driving, self._lease, self._codec, room=asyncio.Semaphore(most))

    async def _taken(self, run_id: str, workflow_id: str, taking: Taking, waiting: Waiting | None) -> Driver | None:
        """Have the run taken for nobody, and called; it is driven by whichever worker the call comes to."""
        try:
            await self.client.ready(workflow_id)
        except BaseException:
            taking.close()
            raise
        with of_one_piece(run_id):
            taken = await taking
        if waiting is not None and not waiting.done():
            self._driving.waiters.join(run_id, waiting)
        if taken is not None:
            await self._resubmission.submit(RunCall(workflow_id, run_id, taken.created_at, taken.owning.epoch))
        elif run_id in self._driving.driven:
            self._driving.nudge(run_id)
        else:
            self._resubmission.nudge(run_id)
            await self._resubmission.nudge_left(run_id)
        if waiting is not None:
            await self._driving.look_for_rest(run_id)
        return None

    def _drive(self, taken: Taken) -> None:
        self._driving.drive(taken)
