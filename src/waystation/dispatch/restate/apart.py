"""Steps that run here though their run is driven elsewhere: the side of the worker that has room."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from waystation.core.machine import Machine
from waystation.core.refs import Millis
from waystation.core.signals import CutOff, Signal
from waystation.core.state import StepFrame
from waystation.define.workflow import Workflow
from waystation.dispatch.driving import Driving
from waystation.dispatch.restate.claims import Claim, is_claimed
from waystation.dispatch.restate.followed import FollowedRun
from waystation.dispatch.restate.hanging_up import Connection
from waystation.dispatch.restate.parcels import UNFIT, StepCall, decode_call, seal
from waystation.dispatch.restate.placed import NotNow
from waystation.engine.access import StepControl
from waystation.engine.driver_access import DriverAccess, Written
from waystation.engine.engine import Engine
from waystation.engine.in_flight import Beside
from waystation.engine.leases import Lease
from waystation.engine.outages import Outages
from waystation.engine.step_runner import StepRunner
from waystation.engine.turns import StepTransaction
from waystation.errors import (
    DefinitionChanged,
    LeaseLost,
    RunNotFound,
    StoreCorrupt,
    StoreError,
    TransactionsNotSupported,
    WaystationError,
)
from waystation.store.codec import Codec
from waystation.store.records import WorkflowKey

_log = logging.getLogger("waystation.dispatch")

_KEEP_FOR = 10.0
"""How long a run is remembered, in seconds, of which no step is under way: there may be more soon."""

_AGAIN_AFTER = 0.5
"""How often it is looked, in seconds, whether another worker that has an attempt lives, and how soon the store is asked
again to take a result."""

_LONGEST = 1024 * 1024
"""A result of more bytes does not go by way of Restate: its worker records it, as it does one that nobody hears."""


@dataclass(slots=True)
class _UnderWay:
    """An attempt that is to run, or runs, and who hears of it."""

    task: asyncio.Task[bytes] | None = None
    claim: Claim | None = None
    calls: list[Connection] = field(default_factory=list[Connection])

    def is_heard(self) -> bool:
        """Whether anyone does."""
        return any(call.is_there for call in self.calls)

    def look(self) -> None:
        """Somebody has gone who did: if nobody is left while it runs, tell the other workers that it runs here."""
        if self.claim is not None and not self.is_heard():
            self.claim.make()

    async def over(self) -> None:
        """It runs no more."""
        claim, self.claim = self.claim, None
        if claim is not None:
            await claim.give_up()


class StepsApart:
    """Runs the steps that are placed here.

    Arguments:
        codec: what makes their results unreadable on the way, if anything does.
        room: how many may run at once; others wait.
    """

    def __init__(
        self, engine: Engine, driving: Driving, lease: Lease, codec: Codec | None, *, room: asyncio.Semaphore
    ) -> None:
        self._engine = engine
        self._driving = driving
        self._lease = lease
        self._codec = codec
        self._room = room
        self._runs: dict[tuple[str, str, Millis], FollowedRun] = {}
        self._under_way: dict[str, _UnderWay] = {}

    async def run(self, workflow_id: str, data: bytes, connection: Connection) -> bytes:
        """Run an attempt; gives how it ended, or ``UNFIT``. One that is under way already is waited for: the call for
        it was made again, as its connection, or Restate, was gone.

        Arguments:
            connection: that of whoever calls.

        Raises:
            NotNow: this worker is being closed.
            StoreError: it is to be tried again.
        """
        call = decode_call(data)
        attempt = self._under_way.get(call.key)
        if attempt is None or attempt.task is None:
            attempt = self._under_way[call.key] = _UnderWay()
            work = self._run(workflow_id, call, attempt)
            attempt.task = asyncio.create_task(work, name=f"waystation step {call.key}")
            attempt.task.add_done_callback(lambda _: self._under_way.pop(call.key))
        attempt.calls.append(connection)
        connection.when_gone(attempt.look)
        return await asyncio.shield(attempt.task)

    async def _run(self, workflow_id: str, call: StepCall, under_way: _UnderWay) -> bytes:
        async with self._room:
            if self._driving.is_drained or not under_way.is_heard():
                raise NotNow
            workflow = self._engine.workflows.get(WorkflowKey(workflow_id, call.version))
            if workflow is None:
                return UNFIT
            run = self._followed(workflow, call)
            attempt = StepApart(self._engine, self._driving, run, call)
            try:
                with run.followed_by(attempt):
                    self._driving.watch()
                    if await attempt.is_to_run():
                        under_way.claim = Claim(run, call.action, self._lease, self._engine.clock)
                        under_way.look()
                        await attempt.run(workflow)
                    return await self._sealed(attempt, call, under_way)
            except (DefinitionChanged, StoreCorrupt) as error:
                _log.warning("step %s of run %s is not run here: %s", call.action.address, call.run_id, error)
                return UNFIT
            except RunNotFound:
                return UNFIT  # nobody waits for it
            except (NotNow, WaystationError):
                raise  # it is called again
            except Exception:  # noqa: BLE001  (a fault of ours: the driver runs it, and meets it, or does not)
                _log.exception("step %s of run %s met a fault in the engine", call.action.address, call.run_id)
                return UNFIT
            finally:
                await under_way.over()
                asyncio.get_running_loop().call_later(_KEEP_FOR, self._forget, call)

    async def _sealed(self, attempt: StepApart, call: StepCall, under_way: _UnderWay) -> bytes:
        sealed = seal(attempt.ended(), call, self._codec)
        while len(sealed) > _LONGEST or not under_way.is_heard():
            try:
                await attempt.record([attempt.ended()])
            except LeaseLost:
                pass  # it was recorded otherwise, or its run was cancelled
            except StoreError as error:
                _log.warning("the result of step %s is recorded later: %s", call.key, error)
                await asyncio.sleep(_AGAIN_AFTER)
                continue
            return seal(attempt.cut_off(), call, self._codec)
        return sealed

    def _followed(self, workflow: Workflow[object, object], call: StepCall) -> FollowedRun:
        key = call.run_id, call.version, call.created_at
        if key not in self._runs:
            self._runs[key] = FollowedRun(self._engine, workflow, call.run_id)
        return self._runs[key]

    def _forget(self, call: StepCall) -> None:
        key = call.run_id, call.version, call.created_at
        if key in self._runs and not self._runs[key].is_followed:
            del self._runs[key]


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
        self._began = engine.clock.now()
        self._ended: Signal | None = None
        self._failure: BaseException | None = None
        self._is_cut = False
        self._is_known = False  # what was read of the run may be from before this attempt was to run
        self._has_moved = asyncio.Event()
        self._stop_timer: Callable[[], None] | None = None
        self._written = Written(engine.clock)
        self.access = DriverAccess(self, run.reader, engine, self, Outages(), self._written)

    async def is_to_run(self) -> bool:
        """Whether it still is to run, once no other worker is known to run it.

        Raises:
            RunNotFound, StoreError, DefinitionChanged.
        """
        while True:
            await self._run.catch_up()
            frame = self._frame()
            if frame is None or self.machine.is_cancelling():
                return False
            self._is_known = True
            engine = self._engine
            if not await is_claimed(frame, self._action, engine.worker_id, engine.store, engine.clock.now()):
                return True
            if self._driving.is_drained:
                raise NotNow
            self._has_moved.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_AGAIN_AFTER):
                    await self._has_moved.wait()

    async def run(self, workflow: Workflow[object, object]) -> None:
        """Run it.

        Raises:
            NotNow: this worker was closed meanwhile.
            RunNotFound, StoreError, DefinitionChanged.
        """
        task = self._task = self._driving.begin(self._run.run_id, self._do(workflow))
        if self._is_cut:
            task.cancel()
        try:
            await asyncio.wait([task])
        finally:
            if self._stop_timer is not None:
                self._stop_timer()
            await self._beside.cancel()
        if self._failure is not None:
            raise self._failure
        if self._ended is None and not self._is_cut:
            raise NotNow

    def ended(self) -> Signal:
        """How it ended."""
        return self._ended or self.cut_off()

    async def _do(self, workflow: Workflow[object, object]) -> None:
        runner = StepRunner(self._engine, workflow, self._run.run_id, self.access)
        try:
            outcome = await runner.run(self._action, self.machine, self._control)
            if self._is_driven_out():
                return  # whatever the step made of it, it is to be run again elsewhere
            await self.record([])  # what it wrote comes before its end
            self._ended = outcome.signal
        except LeaseLost:
            self._is_cut = True
        except Exception as error:  # noqa: BLE001  (told to whoever waits for this task)
            self._failed(error)

    def _is_driven_out(self) -> bool:
        """Whether the step was ended because this worker is being closed."""
        task = asyncio.current_task()
        return self._driving.is_drained and not self._is_cut and task is not None and task.cancelling() > 0

    def cut_off(self) -> Signal:
        """What to tell of it when its end is recorded, or will be, by others."""
        return CutOff(self._action.address, self._action.attempt, self._began, self._engine.clock.now())

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

    # ------------------------------------------------------------------ what comes to its run

    def _frame(self) -> StepFrame | None:
        return self._run.frame(self._action.address, self._action.attempt)

    def moved(self) -> None:
        """End the step if the workflow around it has ended; tell it when its run is cancelled, and end it when its time
        of grace is over."""
        self._has_moved.set()
        if self._frame() is None:
            if self._is_known:
                self.gone()
        elif self.machine.is_cancelling() and not self._control.is_cancelled:
            self._control.cancel()
            at = self._engine.clock.now() + self.machine.state.grace_ms
            self._stop_timer = self._engine.clock.call_at(at, self._cut)

    def gone(self) -> None:
        """End the step: there is nothing any more that it is for."""
        self._has_moved.set()
        self._control.cancel()
        self._cut()

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
        if signals := [*self._written.take(), *given]:
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
