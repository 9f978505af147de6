"""What a driver has under way: attempts of steps, and decisions of the graph."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable, Container, Coroutine, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeAlias

import msgspec
from msgspec import structs

from waystation.core.machine import Machine
from waystation.core.refs import Millis
from waystation.core.signals import CutOff, Decide, Deed, MatchEvents, RunStep
from waystation.engine.access import StepControl
from waystation.engine.clock import Clock
from waystation.engine.step_runner import Outcome
from waystation.errors import StoreError

Work: TypeAlias = Coroutine[object, object, Outcome | None]

_log = logging.getLogger("waystation.step")

_TRIED_AGAIN_AFTER = 0.5
"""When what the store did not allow is tried again, in seconds."""

_LAST_PATIENCE = 1.0
"""How long to wait, in seconds, for a step that was cancelled and goes on all the same, before it is left behind."""


class Running(msgspec.Struct, eq=False):
    """Something under way.

    Attributes:
        action: what was asked for.
        began: when.
        control: how to tell a step that its run is cancelled.
        task: the task that it runs in.
        is_cut: whether it was cut off: its end is told as that.
    """

    action: Deed
    began: Millis
    control: StepControl = msgspec.field(default_factory=StepControl)
    task: asyncio.Task[None] | None = None
    is_cut: bool = False
    stop_timer: Callable[[], None] | None = None

    def cut(self) -> None:
        """End it from outside, now."""
        self.is_cut = True
        self.end()

    def end(self) -> None:
        """Cancel its task."""
        self.control.is_ending = True
        if self.task is not None:
            self.task.cancel()

    def cut_off(self, now: Millis) -> Outcome | None:
        """What to tell the machine of its being cut off."""
        if not isinstance(self.action, RunStep):
            return None
        return Outcome(CutOff(self.action.address, self.action.attempt, self.began, now))

    def done(self) -> None:
        """It has ended: nothing need cut it off any more."""
        if self.stop_timer is not None:
            self.stop_timer()
            self.stop_timer = None


_ALONE = "alone"
"""The key of what runs in the driver's own task."""


class InFlight:
    """The tasks of one run.

    Arguments:
        run_id: the run, to name the tasks by.
        clock: by which the time of grace is measured.
        came: called with how each ended.
        failed: called with what a task raised: nothing that a step does, but a fault, or the store's.

    Attributes:
        running: what is under way, by key.
    """

    def __init__(
        self,
        run_id: str,
        clock: Clock,
        came: Callable[[Outcome | None], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._run_id = run_id
        self._clock = clock
        self._came = came
        self._failed = failed
        self.running: dict[object, Running] = {}

    def begin(
        self, running: Running, work: Callable[[], Work], context: contextvars.Context, ended: Container[object]
    ) -> None:
        """Begin ``work`` as a task, unless it is under way already, or has ``ended`` and that is not recorded yet:
        after a reload the machine names all that is active."""
        key = _key(running.action)
        if key in ended:
            return
        alone = self.running.get(_ALONE)
        if key not in self.running and (alone is None or _key(alone.action) != key):
            self.running[key] = running
            name = f"{self._run_id}:{running.action.address}"
            running.task = asyncio.create_task(self._run(running, work), name=name, context=context.copy())
            running.task.add_done_callback(partial(self._done, running))

    async def _run(self, running: Running, work: Callable[[], Work]) -> None:
        outcome: Outcome | None = None
        try:
            outcome = await work()
        except asyncio.CancelledError:
            if not running.is_cut:
                raise
            outcome = running.cut_off(self._clock.now())
        except Exception as error:
            self._failed(error)  # at once: after it nothing is begun, and not this anew
            raise
        finally:
            self._over(running, outcome)

    def _over(self, running: Running, outcome: Outcome | None) -> None:
        self._remove(running)
        self._came(None if outcome is None else structs.replace(outcome, of=_key(running.action)))

    def _done(self, running: Running, task: asyncio.Task[None]) -> None:
        if self.running.get(_key(running.action)) is running:
            # Cancelled before it began: then nothing of ``_run`` was done.
            self._over(running, running.cut_off(self._clock.now()) if running.is_cut else None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)

    def add(self, running: Running) -> None:
        """Something runs in the driver's own task, and nothing beside it."""
        self.running[_ALONE] = running

    def remove_alone(self) -> None:
        """It has ended."""
        running = self.running.pop(_ALONE)
        if running.stop_timer is not None:
            running.done()

    def _remove(self, running: Running) -> None:
        running.done()
        self.running.pop(_key(running.action), None)

    def cancel_steps(self, machine: Machine, grace_ms: Millis) -> list[Outcome]:
        """The run is cancelled: tell its steps, and cut them off when their time of grace is over.

        Gives what to tell the machine of steps that it believes to run, and that do not.
        """
        by_address = {r.action.address: r for r in self.running.values() if isinstance(r.action, RunStep)}
        now = self._clock.now()
        gone: list[Outcome] = []
        for address, frame in machine.ready_steps().items():
            running = by_address.get(address)
            if running is None:
                gone.append(Outcome(CutOff(address, frame.attempt, now, now)))
            elif not running.control.is_cancelled:
                running.control.cancel()
                running.stop_timer = self._clock.call_at(now + grace_ms, running.cut)
        for running in list(self.running.values()):
            if not isinstance(running.action, RunStep):
                running.cut()
        return gone

    def drop_missing(self, machine: Machine) -> None:
        """Cancel what the machine does not know (any more): a workflow has ended around it."""
        for running in list(self.running.values()):
            if running.action.address not in machine.state.frames:
                running.control.cancel()
                running.end()

    async def cancel(self) -> None:
        """Cancel all, and wait for it; nobody is told any more of what goes on all the same."""
        if self.running:
            tasks = [running.task for running in self.running.values() if running.task is not None]
            for running in list(self.running.values()):
                running.end()
            await ended(tasks)
        self._came = self._failed = _untold


async def ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Wait for tasks that were cancelled; one that goes on all the same is left behind, as nothing can end it."""
    going = set(tasks)
    if going:
        _, going = await asyncio.wait(going, timeout=_LAST_PATIENCE)
    for task in going:
        _log.warning("%s goes on, though it was cancelled; it is left behind", task.get_name())


class Beside:
    """Tasks of a driver's own beside its loop; they end with it.

    Arguments:
        run_id: the run, to name the tasks by.
        failed: called with what a task raised.
    """

    def __init__(self, run_id: str, failed: Callable[[BaseException], None]) -> None:
        self._run_id = run_id
        self._failed = failed
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[object, object, None]) -> None:
        """Begin ``work``."""
        task = asyncio.create_task(work, name=f"{self._run_id}:beside")
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def insist(self, work: Callable[[], Coroutine[object, object, None]]) -> None:
        """Begin ``work``, and again as long as the store fails."""
        self.begin(self._insisting(work))

    async def _insisting(self, work: Callable[[], Coroutine[object, object, None]]) -> None:
        while True:
            with suppress(StoreError):
                return await work()
            await asyncio.sleep(_TRIED_AGAIN_AFTER)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)

    async def cancel(self) -> None:
        """Cancel all, and wait for it."""
        if self._tasks:
            await cancel_all(list(self._tasks))
        self._failed = _untold


async def cancel_all(tasks: Sequence[asyncio.Task[object]]) -> None:
    """Cancel tasks, and wait for them."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)


def _untold(what: object) -> None:
    """There is nobody any more to be told."""


def _key(action: Deed) -> object:
    """Names an action, so that the same one is not begun twice."""
    match action:
        case RunStep():
            return action.address, action.attempt, action.answer
        case Decide():
            return action.address, action.turn, "decide"
        case MatchEvents():
            return action.address, action.events
