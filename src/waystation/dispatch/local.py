"""Runs are driven in the process that takes them: no broker, no server; the store decides who owns what.

Beside the drivers of its own runs it keeps a loop that looks for runs nobody drives (``recovery``), and one that looks
for what other processes write (``look_out``).
"""

from __future__ import annotations

from waystation.core.misfit import JournalMisfit
from waystation.dispatch.conduct import Conduct
from waystation.dispatch.driving import Driving
from waystation.dispatch.protocol import Taking
from waystation.dispatch.recovery import Recovery
from waystation.dispatch.taking import TakingDispatcher
from waystation.dispatch.waiters import Waiters, Waiting
from waystation.engine.creation import Taken
from waystation.engine.decoding import in_pieces
from waystation.engine.driver import Driver
from waystation.engine.engine import Engine
from waystation.engine.leases import Lease
from waystation.errors import StoreError


class LocalDispatcher(TakingDispatcher):
    """Drives runs in this process.

    Arguments:
        lease: this process's lease.
        conduct: how it does; it recovers any run that nobody drives, or only those that someone here waits for.
    """

    def __init__(self, engine: Engine, lease: Lease, conduct: Conduct) -> None:
        driven: dict[str, Driver] = {}
        waiters = Waiters()
        self._recovery = Recovery(
            engine,
            lease,
            driven,
            waiters,
            any_run=conduct.recover,
            every=conduct.recover_every.total_seconds(),
            schedules=conduct.schedules,
            drive=self._drive,
        )
        super().__init__(engine, lease, Driving(engine, self._recovery, driven, waiters, conduct), conduct)

    async def start(self) -> None:
        """Begin to look for runs that nobody drives, and for what other processes write."""
        await self._begin(self._recovery.look_on, "recovery")

    async def stop(self) -> None:
        """Begin no more steps, let those in flight end (for the grace time), and hand the runs over."""
        self._recovery.stop()
        await self._driving.stop(self._conduct.grace)
        await self._lease.release()

    async def _taken(self, run_id: str, workflow_id: str, taking: Taking, waiting: Waiting | None) -> Driver | None:  # noqa: ARG002  (all workflows are driven alike here)
        """Have the run taken for this process; its driver, if it is to be driven here."""
        try:
            await self._lease.hold()
        except BaseException:
            taking.close()
            raise
        try:
            taken = await taking
        except JournalMisfit as error:
            raise in_pieces(run_id, error) from error
        except StoreError as error:
            self._recovery.returning.doubt(run_id, error)
            raise
        if waiting is not None and not waiting.done():
            self._driving.waiters.join(run_id, waiting)
        if taken is not None:
            return self._driving.driver_of(taken)
        self._driving.nudge(run_id)
        if waiting is not None:
            await self._driving.look_for_rest(run_id)
        return None

    def _drive(self, taken: Taken) -> None:
        self._driving.drive(taken)
