"""Runs are driven in the process that takes them: no broker, no server; the store decides who owns what.

Beside the drivers of its own runs it keeps a loop that looks for runs nobody drives (``recovery``), and one that looks
for what other processes write (``look_out``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

from waystation.core.machine import Machine
from waystation.dispatch.look_out import LookOut
from waystation.dispatch.protocol import Taking
from waystation.dispatch.recovery import Recovery
from waystation.dispatch.waiters import Waiters, Waiting, closed, gone
from waystation.engine.creation import Taken
from waystation.engine.decoding import of_one_piece
from waystation.engine.driver import Driver
from waystation.engine.engine import Engine
from waystation.engine.in_flight import cancel_all
from waystation.engine.leases import Lease
from waystation.engine.loading import load_machine
from waystation.engine.reading import hold_missing
from waystation.engine.retention import prune_on
from waystation.engine.schedules import Scheduler
from waystation.engine.store_clock import StoreClock
from waystation.errors import (
    AppClosed,
    DefinitionChanged,
    LeaseLost,
    RunNotFound,
    StoreCorrupt,
    StoreError,
    WaystationError,
)
from waystation.store.records import ENDED, RunStatus, WorkflowKey

_log = logging.getLogger("waystation.dispatch")

_RESTS: frozenset[RunStatus] = frozenset[RunStatus]({*ENDED, "suspended", "paused"})


class LocalDispatcher:
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
        self._engine = engine
        self._lease = lease
        self._grace = grace.total_seconds()
        self._driven: dict[str, Driver] = {}
        # All that is done for runs: takings, and drivers, also of a run that rests and whose hooks are being told.
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiters = Waiters()
        # Runs in which a step has ended its driver's task: they are driven with tasks of their own for all steps.
        self._apart: set[str] = set()
        self._recovery = Recovery(
            engine,
            lease,
            self._driven,
            self._waiters,
            any_run=recover,
            every=recover_every.total_seconds(),
            schedules=schedules,
            drive=self._drive,
        )
        self._returning = self._recovery.returning
        self._loops: list[asyncio.Task[None]] = []
        self._look_out = LookOut(
            engine,
            self._driven,
            self._waiters,
            every=look_every.total_seconds(),
            look_at=self._look_at,
            seek=self._recovery.seek,
        )
        self._stopped = False
        self._schedules = schedules
        self._retention = retention
        self._on_rest = on_rest

    # ------------------------------------------------------------------ life

    async def start(self) -> None:
        """Begin to look for runs that nobody drives, and for what other processes write."""
        if self._schedules is not None:
            await self._schedules.register()
        self._loops.append(asyncio.create_task(self._recovery.look_on(), name="waystation recovery"))
        if self._retention is not None:
            pruning = prune_on(self._engine.store, self._engine.clock, self._retention)
            self._loops.append(asyncio.create_task(pruning, name="waystation retention"))
        if isinstance(self._engine.clock, StoreClock):
            self._loops.append(asyncio.create_task(self._engine.clock.ask_on(), name="waystation clock"))
        self._look_out.listen()
        self._loops.append(asyncio.create_task(self._look_out.look_on(), name="waystation look-out"))

    async def stop(self) -> None:
        """Begin no more steps, let those in flight end (for the grace time), and hand the runs over."""
        self._stopped = True
        self._recovery.stop()
        await cancel_all(self._loops)
        for driver in self._driven.values():
            driver.drain()
        if tasks := list(self._tasks):
            await asyncio.wait(tasks, timeout=self._grace)
            await cancel_all(tasks)
        for run_id in self._waiters.runs():
            self._waiters.give_up(run_id, closed(run_id))
        await self._lease.release()

    # ------------------------------------------------------------------ driving

    async def take(self, run_id: str, taking: Taking) -> None:
        """Have a run taken for this process, and drive it, or tell whoever drives it; see ``Dispatcher``."""
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._begin_to_take(run_id, taking, told, None)
        await told

    async def take_to_rest(self, run_id: str, taking: Taking) -> Machine:
        """``take``, then ``rest``; see ``Dispatcher``."""
        waiting: Waiting = asyncio.get_running_loop().create_future()
        self._begin_to_take(run_id, taking, None, waiting)
        try:
            return await waiting
        finally:
            self._waiters.leave(run_id, waiting)

    def _begin_to_take(
        self, run_id: str, taking: Taking, told: asyncio.Future[None] | None, waiting: Waiting | None
    ) -> None:
        """Take the run, and drive it, in a task of its own: the caller may be cancelled just when the run has become
        this process's.

        Arguments:
            told: of who only has it taken, to hear that it was.
            waiting: of who also waits for its rest.
        """
        if self._stopped:
            taking.close()
            raise AppClosed
        self._keep(asyncio.create_task(self._take(run_id, taking, told, waiting), name=f"waystation run {run_id}"))

    async def _take(
        self, run_id: str, taking: Taking, told: asyncio.Future[None] | None, waiting: Waiting | None
    ) -> None:
        try:
            driver = await self._taken(run_id, taking, waiting)
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
            await self._driven_by(driver)

    async def _taken(self, run_id: str, taking: Taking, waiting: Waiting | None) -> Driver | None:
        """Have the run taken; its driver, if it is to be driven here."""
        try:
            await self._lease.hold()
        except BaseException:
            taking.close()
            raise
        with self._returning.in_doubt(run_id), of_one_piece(run_id):
            taken = await taking
        if waiting is not None and not waiting.done():
            self._waiters.join(run_id, waiting)
        if taken is not None:
            return self._driver_of(taken)
        self._nudge(run_id)
        if waiting is not None:
            await self._look_for_rest(run_id)
        return None

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _drive(self, taken: Taken) -> None:
        if (driver := self._driver_of(taken)) is not None:
            self._keep(asyncio.create_task(self._driven_by(driver), name=f"waystation run {taken.run_id}"))

    def _driver_of(self, taken: Taken) -> Driver | None:
        """Whoever is to drive the run now; from here on it counts as driven."""
        if self._stopped:
            return None  # the lease is being released: the run goes to whoever looks next
        self._recovery.unfit.pop(taken.run_id, None)  # whatever kept it from being driven here is past
        graph = taken.machine.graph
        workflow = self._engine.workflows[WorkflowKey(graph.workflow_id, graph.version)]
        apart = taken.run_id in self._apart
        driver = Driver(self._engine, workflow, taken.run_id, taken.owning, taken.machine, apart=apart)
        self._driven[taken.run_id] = driver
        self._look_out.watch()
        return driver

    async def _driven_by(self, driver: Driver) -> None:
        run_id = driver.run_id
        failure: Exception | None = None
        lost = False
        self._returning.give_up(run_id)
        try:
            with of_one_piece(run_id):
                await driver.drive()
        except asyncio.CancelledError:
            if not self._stopped and not any(loop.cancelling() for loop in self._loops):
                _log.warning("a step of run %s has cancelled the task it ran in; the run is driven anew", run_id)
                self._apart.add(run_id)
                self._returning.soon(run_id)
                self._recovery.seek()
            raise
        except LeaseLost:
            _log.warning("run %s was taken over by another process", run_id)
            lost = True
            self._returning.soon(run_id)  # or by this one: by a claim that came late, and of which nobody knows
        except (StoreError, DefinitionChanged, RunNotFound) as error:
            _log.warning("run %s cannot be driven on now: %s", run_id, error)
            failure = error
            if isinstance(error, StoreCorrupt):
                self._recovery.unfit[run_id] = error  # it does not pass: driven again, the step would only be run again
            else:
                # It still is this process's by the store; nobody else will take it, so the recovery here must.
                self._returning.soon(run_id)
        except Exception as error:  # noqa: BLE001  (a fault of ours ends this run's driver, not the app)
            _log.exception("run %s met a fault in the engine; it is left as it was last recorded", run_id)
            failure = error
            self._recovery.unfit[run_id] = error
        finally:
            # Only if it is still this driver's place: the run may have been parked, answered and taken anew.
            if current := self._driven.get(run_id) is driver:
                del self._driven[run_id]
        if lost:
            # Those who wait are served from the store. Its owner may have ended it before this was known here, and
            # nothing more may come that the look-out would notice: so look once, now that it is not driven here.
            with suppress(StoreError):
                await self._look_at(run_id)
        elif failure is not None:
            self._waiters.give_up(run_id, failure)
        elif driver.machine.is_at_rest():  # if not, it was drained: the app is being closed
            await self._rested(driver, current=current)

    async def _rested(self, driver: Driver, *, current: bool) -> None:
        """The run rests, durably: tell its hooks, then those who wait for that."""
        run_id, machine = driver.run_id, driver.machine
        self._apart.discard(run_id)
        wakes = machine.state.standing == "running" and not machine.is_paused()
        if wakes and (wake_at := machine.next_wake()) is not None:
            self._recovery.seek_at(run_id, wake_at)
        # Those who come to wait from now on may wait for what comes next: there can be an answer before a hook is done.
        told = current and (not wakes or bool(machine.suspensions()))
        waiting = self._waiters.take(run_id) if told else []
        try:
            if machine.state.standing == "success":
                # The parts that its output is put together from (a foreach's) need not be at hand.
                await hold_missing(self._engine.store, run_id, machine.values)
            if self._on_rest is not None:
                try:
                    await self._on_rest(run_id, machine)
                except Exception:  # noqa: BLE001  (the run rests, whoever could not be told)
                    _log.exception("the hooks of run %s could not be told that it rests", run_id)
            self._waiters.serve(run_id, waiting, machine)
        except StoreError as error:
            self._waiters.refuse(run_id, waiting, error)
        finally:
            self._waiters.refuse(run_id, waiting, closed(run_id))  # of those who were told nothing is changed

    def _nudge(self, run_id: str) -> None:
        """Have the driver look at its journal; if nobody drives the run, have the recovery look for it."""
        if (driven := self._driven.get(run_id)) is not None:
            driven.look_again()
        else:
            self._recovery.nudge(run_id)

    def watch(self) -> None:
        """Someone listens to a run: wake the look-out."""
        self._look_out.watch()

    # ------------------------------------------------------------------ waiting for a run

    async def rest(self, run_id: str) -> Machine:
        """Wait until the run rests, wherever it is driven."""
        with self._waiters.waiting(run_id) as future:
            await self._look_for_rest(run_id)
            return await future

    async def _look_for_rest(self, run_id: str) -> None:
        """Someone has come to wait for the run: it may rest already."""
        self._look_out.watch()
        if run_id not in self._driven:
            await self._look_at(run_id)

    def deleted(self, run_id: str) -> None:
        """The run is gone: there is nothing to wait for."""
        self._waiters.give_up(run_id, gone(run_id))
        self._engine.hub.announce(run_id)

    async def _look_at(self, run_id: str) -> None:
        """If the run rests in the store, serve those who wait for it now."""
        waiting = self._waiters.of(run_id)
        record = await self._engine.store.get_run(run_id)
        if record is None:
            self._waiters.refuse(run_id, waiting, gone(run_id))
        elif run_id in self._driven:
            return
        elif record.status in _RESTS:
            stored = await self._engine.store.load(run_id)
            workflow = self._engine.workflows.get(record.key)
            if stored is None or workflow is None or stored.record.status not in _RESTS:
                return
            try:
                self._waiters.serve(run_id, waiting, await load_machine(self._engine.store, workflow, stored))
            except WaystationError as error:
                self._waiters.refuse(run_id, waiting, error)
        elif run_id in self._recovery.unfit and record.owner in (None, self._engine.worker_id):
            self._waiters.refuse(run_id, waiting, self._recovery.unfit[run_id])
