"""Which workers run an attempt though nobody hears of it: their connection, or Restate, is gone, and the attempt is
called again. That call is to wait for them, and not to begin it beside them.

It is told in the journal, where ``ctx.once`` records values, and only then: an attempt whose call is heard needs no
such thing. It holds for as long as the worker's lease does.
"""

from __future__ import annotations

import asyncio
import contextlib

from waystation.core.refs import Millis
from waystation.core.signals import Recorded, RunStep
from waystation.core.state import StepFrame
from waystation.dispatch.restate.followed import FollowedRun
from waystation.engine.clock import Clock
from waystation.engine.leases import Lease, is_gone
from waystation.errors import LeaseLost, RunNotFound, StoreError
from waystation.store.protocol import Store

_AGAIN_AFTER = 0.5
"""When what the store did not allow is tried again, in seconds."""


class Claim:
    """That this worker runs an attempt.

    Arguments:
        action: the attempt.
    """

    def __init__(self, run: FollowedRun, action: RunStep, lease: Lease, clock: Clock) -> None:
        self._run = run
        self._action = action
        self._lease = lease
        self._clock = clock
        self._claiming: asyncio.Task[None] | None = None

    def make(self) -> None:
        """Tell so, as soon as can be."""
        if self._claiming is None:
            self._claiming = asyncio.create_task(self._make(), name=f"{self._run.run_id}:claiming")

    async def _make(self) -> None:
        with contextlib.suppress(StoreError):  # then it may be begun beside this one; only one is recorded
            await self._lease.hold()
            await self._record(_claimed(self._action, self._lease.worker_id))

    async def give_up(self) -> None:
        """Tell that it is not so any more, if it was told; for as long as the store does not take it."""
        if self._claiming is None:
            return
        await asyncio.wait([self._claiming])
        while True:
            with contextlib.suppress(StoreError):
                await self._record(_given_up(self._action, self._lease.worker_id))
                return
            await asyncio.sleep(_AGAIN_AFTER)

    async def _record(self, name: str) -> None:
        action = self._action
        with contextlib.suppress(LeaseLost, RunNotFound):  # the attempt is over: so is the claim
            told = Recorded(action.address, self._clock.now(), name, b"true")
            await self._run.append(action.address, action.attempt, [told])


async def is_claimed(frame: StepFrame, action: RunStep, worker_id: str, store: Store, now: Millis) -> bool:
    """Whether another worker than that runs the attempt, and lives."""
    if not frame.once:
        return False
    start = _claimed(action, "")
    names = {name.removeprefix(start) for name in frame.once if name.startswith(start)}
    names = {name for name in names if name != worker_id and _given_up(action, name) not in frame.once}
    return bool(names) and any(
        worker.worker_id in names and not is_gone(worker, now) for worker in await store.workers()
    )


def _claimed(action: RunStep, worker_id: str) -> str:
    return f"waystation: attempt {action.attempt}.{action.answer} runs at {worker_id}"


def _given_up(action: RunStep, worker_id: str) -> str:
    return f"waystation: attempt {action.attempt}.{action.answer} runs no more at {worker_id}"
