"""The runs that this process drives, and those who wait here for a run, wherever it is driven.

It decides for no run that it is to be driven here: whoever places runs does (``local``, ``restate``), and is told
what must be come back to.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Protocol, TypeVar

from waystation.core.machine import Machine
from waystation.core.misfit import JournalMisfit
from waystation.core.refs import Millis
from waystation.dispatch.conduct import Conduct
from waystation.dispatch.look_out import LookOut
from waystation.dispatch.waiters import Waiters, closed, gone
from waystation.engine.creation import Taken
from waystation.engine.decoding import in_pieces
from waystation.engine.driver import Driver
from waystation.engine.engine import Engine
from waystation.engine.in_flight import cancel_all
from waystation.engine.loading import load_machine
from waystation.engine.reading import hold_missing
from waystation.errors import DefinitionChanged, LeaseLost, RunNotFound, StoreCorrupt, StoreError, WaystationError
from waystation.store.records import ENDED, RunStatus, WorkflowKey

T = TypeVar("T")

_log = logging.getLogger("waystation.dispatch")

_RESTS: frozenset[RunStatus] = frozenset[RunStatus]({*ENDED, "suspended", "paused"})


class Comeback(Protocol):
    """Whoever sees to it that runs go on which are driven here no more, and do not rest.

    Attributes:
        unfit: runs that cannot be driven here, and why: the code does not fit them, or there is a fault in it.
    """

    unfit: dict[str, Exception]

    def soon(self, run_id: str) -> None:
        """Nobody else will come back to the run: it may still be this process's by the store."""

    def driven(self, run_id: str) -> None:
        """It is driven again: there is nothing to come back for."""

    def seek(self) -> None:
        """There may be runs that nobody drives: look now."""

    def seek_at(self, run_id: str, when: Millis) -> None:
        """A run that rested here goes on by itself then."""

    def nudge(self, run_id: str) -> None:
        """Something came to a run that is not driven here."""


class Driving:
    """Drives runs in this process.

    Arguments:
        engine: what its drivers share.
        comeback: told of runs that do not rest and are driven here no more.

    Attributes:
        driven: the drivers, by run.
        waiters: those who wait for runs.
        is_drained: whether nothing is driven any more.
        is_stopped: whether nothing comes to runs here any more, and nobody is served who waits for one.
    """

    def __init__(
        self,
        engine: Engine,
        comeback: Comeback,
        driven: dict[str, Driver],
        waiters: Waiters,
        conduct: Conduct,
    ) -> None:
        self.driven = driven
        self.waiters = waiters
        self.is_drained = False
        self.is_stopped = False
        self._engine = engine
        self._comeback = comeback
        self._on_rest = conduct.on_rest
        # All that is done for runs: takings, and drivers, also of a run that rests and whose hooks are being told.
        self._tasks: set[asyncio.Task[object]] = set()
        # Runs in which a step has ended its driver's task: they are driven with tasks of their own for all steps.
        self._apart: set[str] = set()
        self._loops: list[asyncio.Task[None]] = []
        self._look_out = LookOut(
            engine,
            driven,
            waiters,
            every=conduct.look_every.total_seconds(),
            look_at=self._look_at,
            seek=comeback.seek,
        )

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Begin to look for what other processes write."""
        self._look_out.listen()
        self.loop(self._look_out.look_on(), "look-out")

    def loop(self, work: Coroutine[object, object, None], name: str) -> None:
        """Have something done for as long as runs are driven here."""
        self._loops.append(asyncio.create_task(work, name=f"waystation {name}"))

    async def stop(self, grace: timedelta) -> None:
        """Begin no more steps, let those in flight end, for the grace time, and serve nobody any more."""
        self.is_stopped = True
        await cancel_all(self._loops)
        await self.drain(grace)
        for run_id in self.waiters.runs():
            self.waiters.give_up(run_id, closed(run_id))

    async def drain(self, grace: timedelta) -> None:
        """Begin no more steps, and let those in flight end, for the grace time."""
        self.is_drained = True
        for driver in self.driven.values():
            driver.drain()
        if tasks := list(self._tasks):
            await asyncio.wait(tasks, timeout=grace.total_seconds())
            await cancel_all(tasks)

    # ------------------------------------------------------------------ driving

    def begin(self, run_id: str, work: Coroutine[object, object, T]) -> asyncio.Task[T]:
        """Have something done for a run, in a task of its own."""
        task = asyncio.create_task(work, name=f"waystation run {run_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def drive(self, taken: Taken) -> asyncio.Task[None] | None:
        """Drive the run, in a task; None if nothing is driven here any more."""
        driver = self.driver_of(taken)
        return None if driver is None else self.begin(taken.run_id, self.driven_by(driver))

    def driver_of(self, taken: Taken) -> Driver | None:
        """Whoever is to drive the run now; from here on it counts as driven."""
        if self.is_drained:
            return None  # the lease is being released: the run goes to whoever looks next
        self._comeback.unfit.pop(taken.run_id, None)  # whatever kept it from being driven here is past
        graph = taken.machine.graph
        workflow = self._engine.workflows[WorkflowKey(graph.workflow_id, graph.version)]
        apart = taken.run_id in self._apart
        if apart:
            _log.warning("a step of run %s cancelled the task it ran in: each has one of its own now", taken.run_id)
        driver = Driver(self._engine, workflow, taken, apart=apart)
        self.driven[taken.run_id] = driver
        self._look_out.watch()
        return driver

    async def driven_by(self, driver: Driver) -> None:
        """Drive a run to its rest, and tell those whom that concerns, or why it cannot be driven on."""
        run_id = driver.run_id
        failure: Exception | None = None
        lost = False
        self._comeback.driven(run_id)
        try:
            try:
                await driver.drive()
            except JournalMisfit as error:
                raise in_pieces(run_id, error) from error
        except asyncio.CancelledError:
            if not self.is_drained:
                # By a step of its own; or by whoever ends all tasks of the event loop: then nobody comes back to it.
                self._apart.add(run_id)
                self._comeback.soon(run_id)
                self._comeback.seek()
            raise
        except LeaseLost:
            _log.warning("run %s was taken over by another process", run_id)
            lost = True
            self._comeback.soon(run_id)  # or by this one: by a claim that came late, and of which nobody knows
        except (StoreError, DefinitionChanged, RunNotFound) as error:
            _log.warning("run %s cannot be driven on now: %s", run_id, error)
            failure = error
            if isinstance(error, StoreCorrupt):
                self._comeback.unfit[run_id] = error  # it does not pass: driven again, the step would only be run again
            else:
                # It still is this process's by the store; nobody else will take it, so the recovery here must.
                self._comeback.soon(run_id)
        except Exception as error:  # noqa: BLE001  (a fault of ours ends this run's driver, not the app)
            _log.exception("run %s met a fault in the engine; it is left as it was last recorded", run_id)
            failure = error
            self._comeback.unfit[run_id] = error
        finally:
            # Only if it is still this driver's place: the run may have been parked, answered and taken anew.
            if current := self.driven.get(run_id) is driver:
                del self.driven[run_id]
        if lost:
            # Those who wait are served from the store. Its owner may have ended it before this was known here, and
            # nothing more may come that the look-out would notice: so look once, now that it is not driven here.
            with suppress(StoreError):
                await self._look_at(run_id)
        elif failure is not None:
            self.waiters.give_up(run_id, failure)
        elif driver.machine.is_at_rest():  # if not, it was drained: the app is being closed
            await self._rested(driver, current=current)

    async def _rested(self, driver: Driver, *, current: bool) -> None:
        """The run rests, durably: tell its hooks, then those who wait for that."""
        run_id, machine = driver.run_id, driver.machine
        self._apart.discard(run_id)
        wakes = machine.state.standing == "running" and not machine.is_paused()
        if wakes and (wake_at := machine.next_wake()) is not None:
            self._comeback.seek_at(run_id, wake_at)
        # Those who come to wait from now on may wait for what comes next: there can be an answer before a hook is done.
        told = current and (not wakes or bool(machine.suspensions()))
        waiting = self.waiters.take(run_id) if told else []
        try:
            if machine.state.standing == "success" and machine.values.wanted:
                # The parts that its output is put together from (a foreach's) need not be at hand.
                await hold_missing(self._engine.store, run_id, machine.values)
            if self._on_rest is not None:
                try:
                    await self._on_rest(run_id, machine)
                except Exception:  # noqa: BLE001  (the run rests, whoever could not be told)
                    _log.exception("the hooks of run %s could not be told that it rests", run_id)
            self.waiters.serve(run_id, waiting, machine)
            waiting = []
        except StoreError as error:
            self.waiters.refuse(run_id, waiting, error)
        finally:
            if waiting:
                self.waiters.refuse(run_id, waiting, closed(run_id))  # of those who were told nothing is changed

    def nudge(self, run_id: str) -> None:
        """Something came to the run: have its driver look at its journal, if it is driven here."""
        if (driven := self.driven.get(run_id)) is not None:
            driven.look_again()
        else:
            self._comeback.nudge(run_id)

    def watch(self) -> None:
        """Someone listens to a run: wake the look-out."""
        self._look_out.watch()

    # ------------------------------------------------------------------ waiting for a run

    async def rest(self, run_id: str) -> Machine:
        """Wait until the run rests, wherever it is driven."""
        with self.waiters.waiting(run_id) as future:
            await self.look_for_rest(run_id)
            return await future

    async def look_for_rest(self, run_id: str) -> None:
        """Someone has come to wait for the run: it may rest already."""
        self._look_out.watch()
        if run_id not in self.driven:
            await self._look_at(run_id)

    def deleted(self, run_id: str) -> None:
        """The run is gone: there is nothing to wait for."""
        self.waiters.give_up(run_id, gone(run_id))
        self._engine.hub.announce(run_id)

    async def _look_at(self, run_id: str) -> None:
        """If the run rests in the store, serve those who wait for it now."""
        waiting = self.waiters.of(run_id)
        record = await self._engine.store.get_run(run_id)
        if record is None:
            self.waiters.refuse(run_id, waiting, gone(run_id))
        elif run_id in self.driven:
            return
        elif record.status in _RESTS:
            stored = await self._engine.store.load(run_id)
            workflow = self._engine.workflows.get(record.key)
            if stored is None or workflow is None or stored.record.status not in _RESTS:
                return
            try:
                self.waiters.serve(run_id, waiting, await load_machine(self._engine.store, workflow, stored))
            except WaystationError as error:
                self.waiters.refuse(run_id, waiting, error)
        elif run_id in self._comeback.unfit and record.owner in (None, self._engine.worker_id):
            self.waiters.refuse(run_id, waiting, self._comeback.unfit[run_id])
