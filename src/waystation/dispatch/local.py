"""Runs are driven in the process that takes them: no broker, no server; the store decides who owns what.

Beside the drivers of its own runs it keeps a loop that looks for runs nobody drives (``recovery``), and one that looks
for what other processes write (``look_out``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from waystation.core.machine import Machine
from waystation.dispatch.driving import Driving
from waystation.dispatch.protocol import Taking
from waystation.dispatch.recovery import Recovery
from waystation.dispatch.taking import TakingDispatcher
from waystation.dispatch.waiters import Waiters, Waiting
from waystation.engine.creation import Taken
from waystation.engine.decoding import of_one_piece
from waystation.engine.driver import Driver
from waystation.engine.engine import Engine
from waystation.engine.leases import Lease
from waystation.engine.retention import prune_on
from waystation.engine.schedules import Scheduler
from waystation.engine.store_clock import StoreClock


class LocalDispatcher(TakingDispatcher):
    """Drives runs in this process.

    Arguments:
        engine: what its drivers share.
        lease: this process's lease.
        recover: whether to take over any run that nobody drives, or only those that someone here waits for.
        recover_every: how often to look for them.
        look_every: how often to look for what other processes wrote to runs driven or waited for here.
        grace: how long ``stop`` lets steps in flight go on before it cancels them.
        schedules: what starts by itself; None where nothing does.
        retention: for how long runs that have ended are kept; None for ever.
        on_rest: told of each run that has come to rest here, before those who wait for it are.
    """

    def __init__(
        self,
        engine: Engine,
        lease: Lease,
        *,
        recover: bool,
        recover_every: timedelta,
        look_every: timedelta,
        grace: timedelta,
        schedules: Scheduler | None = None,
        retention: timedelta | None = None,
        on_rest: Callable[[str, Machine], Awaitable[None]] | None = None,
    ) -> None:
        driven: dict[str, Driver] = {}
        waiters = Waiters()
        self._recovery = Recovery(
            engine,
            lease,
            driven,
            waiters,
            any_run=recover,
            every=recover_every.total_seconds(),
            schedules=schedules,
            drive=self._drive,
        )
        super().__init__(Driving(engine, self._recovery, driven, waiters, look_every=look_every, on_rest=on_rest))
        self._engine = engine
        self._lease = lease
        self._grace = grace
        self._schedules = schedules
        self._retention = retention

    async def start(self) -> None:
        """Begin to look for runs that nobody drives, and for what other processes write."""
        if self._schedules is not None:
            await self._schedules.register()
        self._driving.loop(self._recovery.look_on(), "recovery")
        if self._retention is not None:
            self._driving.loop(prune_on(self._engine.store, self._engine.clock, self._retention), "retention")
        if isinstance(self._engine.clock, StoreClock):
            self._driving.loop(self._engine.clock.ask_on(), "clock")
        self._driving.start()

    async def stop(self) -> None:
        """Begin no more steps, let those in flight end (for the grace time), and hand the runs over."""
        self._recovery.stop()
        await self._driving.stop(self._grace)
        await self._lease.release()

    async def _taken(self, run_id: str, workflow_id: str, taking: Taking, waiting: Waiting | None) -> Driver | None:  # noqa: ARG002  (all workflows are driven alike here)
        """Have the run taken for this process; its driver, if it is to be driven here."""
        try:
            await self._lease.hold()
        except BaseException:
            taking.close()
            raise
        with self._recovery.returning.in_doubt(run_id), of_one_piece(run_id):
            taken = await taking
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
