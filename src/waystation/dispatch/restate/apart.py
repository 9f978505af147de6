"""Steps that run here though their run is driven elsewhere: the side of the worker that has room."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress

from waystation.core.machine import Machine
from waystation.core.signals import CutOff, Signal
from waystation.define.workflow import Workflow
from waystation.dispatch.driving import Driving
from waystation.dispatch.restate.followed import FollowedRun
from waystation.dispatch.restate.parcels import UNFIT, StepCall, decode_call, seal
from waystation.dispatch.restate.placed import NotNow
from waystation.engine.access import StepControl
from waystation.engine.driver_access import DriverAccess
from waystation.engine.engine import Engine
from waystation.engine.in_flight import Beside
from waystation.engine.outages import Outages
from waystation.engine.step_runner import StepRunner
from waystation.engine.turns import StepTransaction
from waystation.errors import DefinitionChanged, LeaseLost, StoreError, TransactionsNotSupported
from waystation.store.codec import Codec
from waystation.store.records import WorkflowKey

_log = logging.getLogger("waystation.dispatch")

_FOLLOW_EVERY = 0.1
"""What comes to a run is read at most so often, in seconds, for the steps of it that are under way."""

_KEEP_FOR = 10.0
"""How long a run is remembered, in seconds, of which no step is under way: there may be more soon."""


class StepsApart:
    """Runs the steps that are placed here.

    Arguments:
        codec: what makes their results unreadable on the way, if anything does.
        room: how many may run at once; others wait.
    """

    def __init__(self, engine: Engine, driving: Driving, codec: Codec | None, *, room: asyncio.Semaphore) -> None:
        self._engine = engine
        self._driving = driving
        self._codec = codec
        self._room = room
        self._runs: dict[str, FollowedRun] = {}

    async def run(self, workflow_id: str, data: bytes) -> bytes:
        """Run an attempt; gives how it ended, or ``UNFIT``.

        Raises:
            NotNow: this worker is being closed.
            StoreError: it is to be tried again.
        """
        call = decode_call(data)
        async with self._room:
            if self._driving.is_drained:
                raise NotNow
            workflow = self._engine.workflows.get(WorkflowKey(workflow_id, call.version))
            if workflow is None:
                return UNFIT
            try:
                async with self._followed(workflow, call.run_id) as run:
                    attempt = StepApart(self._engine, self._driving, run, call)
                    return seal(await attempt.run(workflow), call, self._codec)
            except DefinitionChanged as error:
                _log.warning("step %s of run %s is not run here: %s", call.action.address, call.run_id, error)
                return UNFIT

    @asynccontextmanager
    async def _followed(self, workflow: Workflow[object, object], run_id: str) -> AsyncGenerator[FollowedRun]:
        run = self._runs.get(run_id)
        if run is None:
            run = self._runs[run_id] = FollowedRun(self._engine, workflow, run_id)
        run.users += 1
        try:
            yield run
        finally:
            run.users -= 1
            if not run.users:
                asyncio.get_running_loop().call_later(_KEEP_FOR, self._forget, run)

    def _forget(self, run: FollowedRun) -> None:
        if not run.users and self._runs.get(run.run_id) is run:
            del self._runs[run.run_id]


class StepApart:
    """One attempt of one step. To the step's context it is what the run's driver is to others (``Recorder``).

    Attributes:
        access: how the step's context reaches the run.
    """

    def __init__(self, engine: Engine, driving: Driving, run: FollowedRun, call: StepCall) -> None:
        self._engine = engine
        self._driving = driving
        self._run = run
        self._action = call.action
        self._control = StepControl()
        self._beside = Beside(call.run_id, self._failed)
        self._task: asyncio.Task[None] | None = None
        self._ended: Signal | None = None
        self._failure: BaseException | None = None
        self._is_cut = False
        self._stop_timer: Callable[[], None] | None = None
        self.access = DriverAccess(self, run.reader, engine, self, Outages())

    async def run(self, workflow: Workflow[object, object]) -> Signal:
        """Run it; gives how it ended.

        Raises:
            NotNow: this worker was closed meanwhile.
            StoreError, DefinitionChanged.
        """
        began = self._engine.clock.now()
        await self._run.catch_up()
        if self._run.frame(self._action.address, self._action.attempt) is None or self.machine.is_cancelling():
            return self._cut_off(began)
        task = self._task = self._driving.begin(self._run.run_id, self._do(workflow))
        following = asyncio.create_task(self._follow(), name=f"{self._run.run_id}:following")
        try:
            await asyncio.wait([task])
        finally:
            following.cancel()
            if self._stop_timer is not None:
                self._stop_timer()
            await self._beside.cancel()
        if self._failure is not None:
            raise self._failure
        if self._ended is not None:
            return self._ended
        if self._is_cut:
            return self._cut_off(began)
        raise NotNow

    async def _do(self, workflow: Workflow[object, object]) -> None:
        runner = StepRunner(self._engine, workflow, self._run.run_id, self.access)
        try:
            outcome = await runner.run(self._action, self.machine, self._control)
            await self.record([])  # what it wrote comes before its end
            self._ended = outcome.signal
        except LeaseLost:
            self._is_cut = True
        except Exception as error:  # noqa: BLE001  (told to whoever waits for this task)
            self._failed(error)

    def _cut_off(self, began: int) -> Signal:
        return CutOff(self._action.address, self._action.attempt, began, self._engine.clock.now())

    def _cut(self) -> None:
        """End the step from outside."""
        self._is_cut = True
        self._control.is_ending = True
        if self._task is not None:
            self._task.cancel()

    def _failed(self, error: BaseException) -> None:
        self._failure = self._failure or error
        if self._task is not None and self._task is not asyncio.current_task():
            self._cut()

    async def _follow(self) -> None:
        """Tell the step when its run is cancelled, and end it when its time of grace is over, or its workflow is."""
        with self._engine.hub.listening(self._run.run_id) as moved:
            self._driving.watch()
            while True:
                await moved.wait()
                moved.clear()
                with suppress(StoreError):
                    await self._run.catch_up()
                if self._run.frame(self._action.address, self._action.attempt) is None:
                    self._control.cancel()
                    self._cut()
                elif self.machine.is_cancelling() and not self._control.is_cancelled:
                    self._control.cancel()
                    at = self._engine.clock.now() + self.machine.state.grace_ms
                    self._stop_timer = self._engine.clock.call_at(at, self._cut)
                await asyncio.sleep(_FOLLOW_EVERY)

    # ------------------------------------------------------------------ what its context asks

    @property
    def machine(self) -> Machine:
        """Where its run stands, as far as it was read."""
        return self._run.machine

    def is_certain(self) -> bool:
        """Another may be given the attempt: that is asked of the journal each time."""
        return False

    async def check(self) -> None:
        """See to it that the attempt still is to run. Raises ``LeaseLost``."""
        await self._run.catch_up()
        self._run.check(self._action.address, self._action.attempt)

    async def record(self, given: Sequence[Signal]) -> bool:
        """Record signals, and before them what the step wrote, durably."""
        if signals := [*self.access.take_written(), *given]:
            await self._run.append(self._action.address, self._action.attempt, signals)
        return False

    async def caught_up(self) -> None:
        """See to it that what is known of the run is not behind."""
        await self._run.catch_up()

    async def begin_transaction(self) -> StepTransaction:
        """What the step would write there could not be committed with its result, which its run's driver records."""
        raise TransactionsNotSupported(
            f"step {self._action.address!r} is spread over the fleet, so its result is recorded elsewhere, and "
            "ctx.transaction() cannot commit with it; leave out placement='spread', or use ctx.once()"
        )

    def beside_the_loop(self, work: Coroutine[object, object, None]) -> None:
        """Have ``work`` done in a task of its own, that ends with the step."""
        self._beside.begin(work)
