"""The writers of a PostgreSQL store: what many coroutines write at once is one statement and one commit.

There is one for commits and one for new runs. Each has connections of its own, with one statement under way on each;
what comes meanwhile goes with the next. What is refused takes no other with it, and what has to wait for someone else
is written alone, on another connection, so that the others need not wait.

While writes come one by one, as they do from a run by itself, there is nothing to be gathered: then each is written in
the task that asks for it, which saves two passes of the loop.
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
    """One write, and who hears of it; ``is_uncertain`` if an earlier try may have been done."""

    __slots__ = ("future", "is_uncertain", "run_id", "what")

    def __init__(self, what: W, run_id: str, future: asyncio.Future[None], *, is_uncertain: bool = False) -> None:
        self.what = what
        self.run_id = run_id
        self.future = future
        self.is_uncertain = is_uncertain

    def settle(self, outcome: BaseException | None) -> None:
        if self.future.done():
            return  # its waiter was cancelled
        if outcome is None:
            self.future.set_result(None)
        else:
            self.future.set_exception(outcome)


class _Lane:
    """A connection of a writer, and what is done when it is free again."""

    __slots__ = ("connection", "until")

    def __init__(self) -> None:
        self.connection: asyncpg.Connection[asyncpg.Record] | None = None
        self.until: asyncio.Future[None] | None = None


class GroupWriter(Generic[W]):
    """Writes together what comes together.

    Arguments:
        connections: of the store.
        lanes: how many connections it has. With two, the server is at work on one part of many while the other's
            writers go on.
        send: writes several, of different runs, in one statement; gives the places of those that are written. It must
            be harmless to send again what was written already: that is not written, then.
        send_one: as ``send``, of one; gives whether it is written.
        alone: writes one that was not, or raises why not; it is told whether an earlier try may have been done.
    """

    def __init__(
        self,
        connections: Connections,
        *,
        lanes: int,
        send: Callable[[Connection, Sequence[W]], Awaitable[set[int]]],
        send_one: Callable[[Connection, W], Awaitable[bool]],
        alone: Callable[[Attempt, W], Awaitable[None]],
    ) -> None:
        self._connections = connections
        self._send = send
        self._send_one = send_one
        self._alone = alone
        self._loop = asyncio.get_running_loop()
        self._queue: list[_Write[W]] = []
        self._lanes = [_Lane() for _ in range(lanes)]
        self._under_way: set[str] = set()
        self._starting = False
        self._one_by_one = False
        self._apart: set[asyncio.Task[None]] = set()

    async def write(self, what: W, run_id: str) -> None:
        """Have it written; when this returns it is durable.

        One that nobody waits for any more, because the waiter was cancelled, is written all the same.
        """
        lane = self._lanes[0]
        is_uncertain = False
        # Whatever comes in between, a lane goes on with it.
        if self._one_by_one and not self._queue and not self._under_way:
            try:
                if await self._write_here(lane, what, run_id):
                    return
            except DRIVER_ERRORS:
                is_uncertain = True
            except asyncio.CancelledError:
                abandoned: asyncio.Future[None] = self._loop.create_future()
                abandoned.cancel()
                self._enqueue(_Write(what, run_id, abandoned))
                raise
        write = _Write(what, run_id, self._loop.create_future(), is_uncertain=is_uncertain)
        self._enqueue(write)
        await write.future

    async def _write_here(self, lane: _Lane, what: W, run_id: str) -> bool:
        """Try it once, in the caller's task; whether it is written."""
        if lane.connection is None or lane.connection.is_closed():
            return False
        until = lane.until = self._loop.create_future()
        self._under_way.add(run_id)
        try:
            with self._connections.busy_poll:
                return await self._send_one(lane.connection, what)
        except BaseException:
            await _disconnect(lane)
            raise
        finally:
            self._under_way.discard(run_id)
            lane.until = None
            until.set_result(None)
            if self._queue and not self._starting:
                self._start_a_lane()

    async def drain(self) -> None:
        """Wait until nothing is queued, written or refused; then let the connections go."""
        while under_way := [*self._apart, *(lane.until for lane in self._lanes if lane.until is not None)]:
            await asyncio.wait(under_way)
        for lane in self._lanes:
            await _disconnect(lane)

    def _enqueue(self, write: _Write[W]) -> None:
        self._queue.append(write)
        if not self._starting:
            self._start_a_lane()

    def _start_a_lane(self) -> bool:
        """Have a lane that is idle, if there is one, begin in the loop's next pass: with all that has come by then."""
        for lane in self._lanes:
            if lane.until is None:
                self._starting = True
                lane.until = self._loop.create_task(self._write_on(lane), name="waystation postgres writer")
                return True
        return False

    async def _write_on(self, lane: _Lane) -> None:
        self._starting = False
        try:
            while batch := self._next():
                self._one_by_one = len(batch) == 1 and not self._queue
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
            lane.until = None

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
            uncertain_by_now = uncertain or write.is_uncertain or attempt.uncertain
            await self._alone(Attempt(attempt.connection, uncertain_by_now), write.what)

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
