"""Steps that hold the promises from within, while several processes are at the run and some no longer know that they
are not.

A process that was paused, or cut off, may begin what another has done since: it cannot know, and what comes of it is
not written. So only an attempt that is begun by the run's owner is held against what is true; a *zombie's* is counted.
Nor does the owner know of its own write before it is told that it is done: what one commit has asked for may reach its
first line just as the next, which makes it needless (a step beside it has bailed), is in the store.
"""

from __future__ import annotations

import asyncio
from typing import cast

from tests.simulation.dice import Dice, Seeded
from tests.simulation.faulty.truth import Truth
from tests.simulation.ledger import AnyContext, Ledger
from waystation.core.addresses import Address
from waystation.engine.driver import Driver
from waystation.engine.driver_access import DriverAccess
from waystation.engine.step_context import RunningStep
from waystation.store.memory import MemoryStore

_TIMES = (0.0, 0.0, 0.0, 0.01, 0.3, 2.0)


class Witness(Ledger):
    """What the steps of the run did, in all processes.

    Attributes:
        zombies: how many attempts were begun by who had lost the run.
    """

    def __init__(self) -> None:
        super().__init__(Seeded(0), MemoryStore())
        self.zombies = 0

    def renew(self, dice: Dice, store: MemoryStore) -> None:
        """Another history begins."""
        super().__init__(dice, store)
        self.zombies = 0
        self._at_work: set[tuple[int, str]] = set()
        self._begun: set[tuple[int, str, int, str]] = set()

    def watch(self, truth: Truth) -> None:
        """What is true, to hold what happens against. (The graph is made of these steps, so it comes later.)"""
        self._truth = truth

    async def work(self, value: object, ctx: AnyContext) -> object:
        """What every step does."""
        working = epoch_of(ctx), ctx.address
        if working in self._at_work:
            self._break(f"{ctx.address} runs twice at once, under one epoch")
        self._at_work.add(working)
        try:
            return await super().work(value, ctx)
        finally:
            self._at_work.discard(working)

    async def _begin(self, ctx: AnyContext) -> None:
        self.began[ctx.address] += 1
        self._hold(ctx)
        if time := self.dice.pick(_TIMES):
            await asyncio.sleep(time)

    def _hold(self, ctx: AnyContext) -> None:
        truth, address = self._truth, Address(ctx.address)
        attempt = epoch_of(ctx), ctx.address, ctx.attempt, repr(ctx.resume_data)
        if attempt in self._begun:
            self._break(f"{address} begins its attempt {ctx.attempt} twice, under one epoch")
        self._begun.add(attempt)
        if self._is_zombie(ctx):
            self.zombies += 1
            return
        if address in truth.judge.completed:
            self._break(f"{address} is done, and runs again")
        if ctx.resume_data is not None and ctx.resume_data not in truth.answers.get(address, []):
            self._break(f"{address} runs on an answer that is not durable: {ctx.resume_data}")
        state = truth.folded.state
        frames = [truth.folded.step_frame(address)]
        if is_unheard(ctx):
            frames.append(truth.before_latest().step_frame(address))
        if not state.cancel and not any(frame is not None and frame.attempt == ctx.attempt for frame in frames):
            self._break(f"{address} runs its attempt {ctx.attempt}, and the journal tells of none: {frames}")

    async def _mail(self, ctx: AnyContext) -> str:
        if (ctx.address, "mail") in self._truth.once and not self._is_zombie(ctx):
            self._break(f"what {ctx.address} did once is done again")
        return "sent"

    def _is_zombie(self, ctx: AnyContext) -> bool:
        record = self._truth.record
        return record is None or record.epoch != epoch_of(ctx)


def epoch_of(ctx: AnyContext) -> int:
    """The epoch under which an attempt runs."""
    return _driver_of(ctx)._epoch


def is_unheard(ctx: AnyContext) -> bool:
    """Whether the process that runs an attempt has written to the run, and not heard whether it is done."""
    return _driver_of(ctx)._is_ahead


def _driver_of(ctx: AnyContext) -> Driver:
    access = cast("RunningStep", ctx)._access
    assert isinstance(access, DriverAccess)
    driver = access._driver
    assert isinstance(driver, Driver)
    return driver
