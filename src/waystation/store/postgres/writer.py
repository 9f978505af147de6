"""The writers of a PostgreSQL store: what many coroutines write at once is one statement and one commit.

There is one for commits and one for new runs. Each has connections of its own, with one statement under way on each;
what comes meanwhile goes with the next. What is refused takes no other with it, and what has to wait for someone else
is written alone, on another connection, so that the others need not wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Generic, TypeVar

import asyncpg

from waystation.errors import StoreError
from waystation.store.postgres.connections import Attempt, Connection, Connections
from waystation.store.postgres.failures import DRIVER_ERRORS

W = TypeVar("W")

_MOST_TOGETHER = 500

_WORTH_TWO = 16
"""So many writes at once are worth two statements beside each other."""


class _Write(Generic[W]):
    __slots__ = ("future", "run_id", "what")

    def __init__(self, what: W, run_id: str, future: asyncio.Future[None]) -> None:
        self.what = what
        self.run_id = run_id
        self.future = future

    def settle(self, outcome: BaseException | None) -> None:
        if self.future.done():
            return  # its waiter was cancelled
        if outcome is None:
            self.future.set_result(None)
        else:
            self.future.set_exception(outcome)


class _Lane:
    """A connection of a writer, and what is under way on it."""

    __slots__ = ("connection", "task")

    def __init__(self) -> None:
        self.connection: asyncpg.Connection[asyncpg.Record] | None = None
        self.task: asyncio.Task[None] | None = None


class GroupWriter(Generic[W]):
    """Writes together what comes together.

    Arguments:
        connections: of the store.
        lanes: how many connections it has. With two, the server is at work on one part of many while the other's
            writers go on.
        send: writes several, of different runs, in one statement; gives the places of those that are written. It must
            be harmless to send again what was written already: that is not written, then.
        alone: writes one that was not, or raises why not; it is told whether an earlier try may have been done.
    """

    def __init__(
        self,
        connections: Connections,
        *,
        lanes: int,
        send: Callable[[Connection, Sequence[W]], Awaitable[set[int]]],
        alone: Callable[[Attempt, W], Awaitable[None]],
    ) -> None:
        self._connections = connections
        self._send = send
        self._alone = alone
        self._loop = asyncio.get_running_loop()
        self._queue: list[_Write[W]] = []
        self._lanes = [_Lane() for _ in range(lanes)]
        self._under_way: set[str] = set()
        self._starting = False
        self._apart: set[asyncio.Task[None]] = set()

    def write(self, what: W, run_id: str) -> asyncio.Future[None]:
        """Have it written; done once it is durable.

        One that nobody waits for any more, because the waiter was cancelled, is written all the same.
        """
        future: asyncio.Future[None] = self._loop.create_future()
        self._queue.append(_Write(what, run_id, future))
        if not self._starting:
            self._start_a_lane()
        return future

    async def drain(self) -> None:
        """Wait until nothing is queued, written or refused; then let the connections go."""
        while under_way := [*self._apart, *(lane.task for lane in self._lanes if lane.task is not None)]:
            await asyncio.wait(under_way)
        for lane in self._lanes:
            await _disconnect(lane)

    def _start_a_lane(self) -> bool:
        """Have a lane that is idle, if there is one, begin in the loop's next pass: with all that has come by then."""
        for lane in self._lanes:
            if lane.task is None:
                self._starting = True
                lane.task = self._loop.create_task(self._write_on(lane), name="waystation postgres writer")
                return True
        return False

    async def _write_on(self, lane: _Lane) -> None:
        self._starting = False
        try:
            while batch := self._next():
                try:
                    await self._connections.patiently(partial(self._write_together, lane, batch))
                except BaseException as error:
                    told = error if isinstance(error, StoreError) else StoreError("the write was interrupted")
                    for write in batch:
                        write.settle(told)
                    if not isinstance(error, Exception):
                        raise
                finally:
                    self._under_way.difference_update(write.run_id for write in batch)
        finally:
            lane.task = None

    def _next(self) -> list[_Write[W]]:
        """What goes together: of each run one write, and none of a run that one is under way of; these wait."""
        most = _MOST_TOGETHER
        if len(self._queue) >= _WORTH_TWO and not self._starting and self._start_a_lane():
            most = min(most, (len(self._queue) + 1) // 2)
        batch: list[_Write[W]] = []
        left: list[_Write[W]] = []
        for write in self._queue:
            if write.run_id in self._under_way or len(batch) >= most:
                left.append(write)
            else:
                self._under_way.add(write.run_id)
                batch.append(write)
        self._queue = left
        return batch

    async def _write_together(self, lane: _Lane, batch: list[_Write[W]], uncertain: bool) -> None:  # noqa: FBT001  (``patiently`` calls it)
        if lane.connection is None or lane.connection.is_closed():
            lane.connection = await self._connections.connect(settled_plans=True)
        try:
            written = await self._send(lane.connection, [write.what for write in batch])
        except BaseException:
            # Whatever it was, the connection may be in the middle of it.
            await _disconnect(lane)
            raise
        for place, write in enumerate(batch):
            if place in written:
                write.settle(None)
            else:
                task = self._loop.create_task(self._write_apart(write, uncertain=uncertain))
                self._apart.add(task)
                task.add_done_callback(self._apart.discard)

    async def _write_apart(self, write: _Write[W], *, uncertain: bool) -> None:
        """It was refused, or was not free: waiting for it shows which."""

        async def attempt(attempt: Attempt) -> None:
            await self._alone(Attempt(attempt.connection, uncertain or attempt.uncertain), write.what)

        try:
            await self._connections.run(attempt)
        except BaseException as error:
            write.settle(error if isinstance(error, Exception) else StoreError("the write was interrupted"))
            if not isinstance(error, Exception):
                raise
        else:
            write.settle(None)


async def _disconnect(lane: _Lane) -> None:
    connection, lane.connection = lane.connection, None
    if connection is not None:
        with suppress(*DRIVER_ERRORS):
            async with asyncio.timeout(1):
                await connection.close()
        if not connection.is_closed():
            connection.terminate()
