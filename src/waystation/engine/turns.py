"""Transactions of steps beside the commits of their run.

A step's open transaction holds the store's lock until the step's own result is committed with it. A commit of the same
run from another step would wait for that lock while the result waits for that commit; so a run has one transaction at a
time, and while it is open, commits of the run wait: all but its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial

from waystation.engine.outages import Outages
from waystation.store.protocol import Store, StoreTransaction

_LONGEST_TURN = 0.01
"""A run whose steps never wait gives way to others this often, in seconds."""

_A_WAIT = 0.0005
"""What took longer than this, in seconds, has surely given others their turn."""


class StepTransaction:
    """A store's transaction that gives the run's turn back when it is over.

    Attributes:
        inner: the store's own, to commit within.
    """

    def __init__(self, inner: StoreTransaction, outages: Outages, over: Callable[[], None]) -> None:
        self.inner = inner
        self._outages = outages
        self._over = over
        self._is_over = False

    async def execute(self, sql: str, parameters: Sequence[object] = ()) -> Sequence[tuple[object, ...]]:
        """Run one statement; see ``StoreTransaction``."""
        with self._outages.noticed():
            return await self.inner.execute(sql, parameters)

    async def roll_back(self) -> None:
        """Undo all of it, unless it was committed, and let go. Doing so twice is fine."""
        try:
            await self.inner.roll_back()
        finally:
            self.end()

    def end(self) -> None:
        """It is committed or rolled back: others have their turn."""
        if not self._is_over:
            self._is_over = True
            self._over()


class Turns:
    """Who of one run may write: commits, one after another, or the step that has a transaction open.

    Arguments:
        changed: called when a transaction is over.

    Attributes:
        commit: held by whoever commits.
        outages: of the store, as the run's steps have met them.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self.commit = asyncio.Lock()
        self.outages = Outages()
        self._changed = changed
        # Hardly any run has a transaction: what they take turns by is made with the first.
        self._transaction: asyncio.Lock | None = None
        # Set when the transaction that is open, or about to be, is over; None while there is none.
        self._over: asyncio.Event | None = None

    @property
    def is_free(self) -> bool:
        """Whether no transaction is open or about to be."""
        return self._over is None

    async def wait(self) -> None:
        """Until the transaction that is open is over."""
        if self._over is not None:
            await self._over.wait()

    async def begin(self, store: Store) -> StepTransaction:
        """Open a transaction, once the one before it and the commit under way are done."""
        self._transaction = self._transaction or asyncio.Lock()
        await self._transaction.acquire()
        try:
            async with self.commit:
                self._over = asyncio.Event()
            with self.outages.noticed():
                inner = await store.transaction()
        except BaseException:
            self._end(self._transaction)
            raise
        return StepTransaction(inner, self.outages, partial(self._end, self._transaction))

    def _end(self, turn: asyncio.Lock) -> None:
        if self._over is not None:
            self._over.set()
            self._over = None
        turn.release()
        self._changed()


class Pace:
    """Sees to it that a run whose steps never wait gives way to others.

    A commit to a server gives way by itself, and so does one to a disk, at the latest when its own time is up; one to
    memory never does.
    """

    def __init__(self) -> None:
        self._gave_way = self._began = time.monotonic()

    def begin_to_wait(self) -> None:
        """Something is awaited that may take its time."""
        self._began = time.monotonic()

    def is_to_give_way(self) -> bool:
        """It is over: whether others have not had their turn by it, nor for a while."""
        now = time.monotonic()
        if now - self._began > _A_WAIT:
            self._gave_way = now
            return False
        return now - self._gave_way > _LONGEST_TURN

    async def give_way(self) -> None:
        """Let others have their turn."""
        await asyncio.sleep(0)
        self._gave_way = time.monotonic()
