"""What comes to runs from outside, whoever is to drive them then: what all dispatchers do the same way."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Coroutine

from waystation.core.machine import Machine
from waystation.dispatch.conduct import Conduct
from waystation.dispatch.driving import Driving
from waystation.dispatch.protocol import Taking
from waystation.dispatch.waiters import Waiting, closed
from waystation.engine.driver import Driver
from waystation.engine.engine import Engine
from waystation.engine.leases import Lease
from waystation.engine.retention import prune_on
from waystation.engine.store_clock import StoreClock
from waystation.errors import AppClosed


class TakingDispatcher(ABC):
    """Has runs taken, each in a task of its own, and knows who waits for them.

    Arguments:
        lease: this process's lease.
        driving: the runs that are driven in this process.
        conduct: how it does.

    Attributes:
        engine: what its drivers share.
    """

    def __init__(self, engine: Engine, lease: Lease, driving: Driving, conduct: Conduct) -> None:
        self.engine = engine
        self._lease = lease
        self._driving = driving
        self._conduct = conduct

    async def _begin(self, look_on: Callable[[], Coroutine[object, object, None]], name: str) -> None:
        """Begin what goes on for as long as the app is open.

        Arguments:
            look_on: looks for runs that nobody drives, until it is cancelled.
            name: of the task that does.
        """
        engine, conduct = self.engine, self._conduct
        if conduct.schedules is not None:
            await conduct.schedules.register()
        self._driving.loop(look_on(), name)
        if conduct.retention is not None:
            self._driving.loop(prune_on(engine.store, engine.clock, conduct.retention), "retention")
        if isinstance(engine.clock, StoreClock):
            self._driving.loop(engine.clock.ask_on(), "clock")
        self._driving.start()

    @property
    def driven(self) -> Collection[str]:
        """The runs that are driven in this process now."""
        return self._driving.driven.keys()

    @abstractmethod
    async def _taken(self, run_id: str, workflow_id: str, taking: Taking, waiting: Waiting | None) -> Driver | None:
        """Have the run taken (``taking`` is awaited or closed), and see to it that it is driven; its driver, if that is
        to be in this task. From when it is taken ``waiting`` waits for its rest, if it is given."""

    async def take(self, run_id: str, workflow_id: str, taking: Taking) -> None:
        """Have a run taken, and see to it that it is driven; see ``Dispatcher``."""
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._begin_to_take(run_id, workflow_id, taking, told, None)
        await told

    async def take_to_rest(self, run_id: str, workflow_id: str, taking: Taking) -> Machine:
        """``take``, then ``rest``; see ``Dispatcher``."""
        waiting: Waiting = asyncio.get_running_loop().create_future()
        self._begin_to_take(run_id, workflow_id, taking, None, waiting)
        try:
            return await waiting
        finally:
            self._driving.waiters.leave(run_id, waiting)

    def _begin_to_take(
        self, run_id: str, workflow_id: str, taking: Taking, told: asyncio.Future[None] | None, waiting: Waiting | None
    ) -> None:
        """Take the run in a task of its own: the caller may be cancelled just when the run has been taken.

        Arguments:
            told: of who only has it taken, to hear that it was.
            waiting: of who also waits for its rest.
        """
        if self._driving.is_stopped:
            taking.close()
            raise AppClosed
        self._driving.begin(run_id, self._take(run_id, workflow_id, taking, told, waiting))

    async def _take(
        self, run_id: str, workflow_id: str, taking: Taking, told: asyncio.Future[None] | None, waiting: Waiting | None
    ) -> None:
        try:
            driver = await self._taken(run_id, workflow_id, taking, waiting)
        except BaseException as error:
            asked = told or waiting
            if asked is not None and not asked.done():  # who was cancelled meanwhile has nobody to hear it
                asked.set_exception(error if isinstance(error, Exception) else closed(run_id))
            if not isinstance(error, Exception):
                raise
            return
        if told is not None and not told.done():
            told.set_result(None)
        if driver is not None:
            await self._driving.driven_by(driver)

    # ------------------------------------------------------------------ waiting for a run

    async def rest(self, run_id: str) -> Machine:
        """Wait until the run rests, wherever it is driven."""
        return await self._driving.rest(run_id)

    def watch(self) -> None:
        """Someone listens to a run: notice what other processes write."""
        self._driving.watch()

    def deleted(self, run_id: str) -> None:
        """The run is gone: nobody need wait for it."""
        self._driving.deleted(run_id)
