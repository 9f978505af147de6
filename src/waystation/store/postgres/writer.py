"""The writers of a PostgreSQL store: what many coroutines write at once is one statement and one commit.

There is one for commits and one for new runs. It has a connection of its own, on which one statement is under way at a
time; what comes meanwhile goes with the next. What is refused takes no other with it, and what has to wait for someone
else is written alone, on another connection, so that the others need not wait.
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


class GroupWriter(Generic[W]):
    """Writes together what comes together.

    Arguments:
        connections: of the store.
        send: writes several, of different runs, in one statement; gives the places of those that are written. It must
            be harmless to send again what was written already: that is not written, then.
        alone: writes one that was not, or raises why not; it is told whether an earlier try may have been done.
    """

    def __init__(
        self,
        connections: Connections,
        *,
        send: Callable[[Connection, Sequence[W]], Awaitable[set[int]]],
        alone: Callable[[Attempt, W], Awaitable[None]],
    ) -> None:
        self._connections = connections
        self._send = send
        self._alone = alone
        self._loop = asyncio.get_running_loop()
        self._queue: list[_Write[W]] = []
        self._writing: asyncio.Task[None] | None = None
        self._apart: set[asyncio.Task[None]] = set()
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    def write(self, what: W, run_id: str) -> asyncio.Future[None]:
        """Have it written; done once it is durable.

        One that nobody waits for any more, because the waiter was cancelled, is written all the same.
        """
        future: asyncio.Future[None] = self._loop.create_future()
        self._queue.append(_Write(what, run_id, future))
        if self._writing is None:
            self._writing = self._loop.create_task(self._write_on(), name="waystation postgres writer")
        return future

    async def drain(self) -> None:
        """Wait until nothing is queued, written or refused; then let the connection go."""
        while under_way := [*self._apart, *([self._writing] if self._writing is not None else [])]:
            await asyncio.wait(under_way)
        await self._disconnect()

    async def _write_on(self) -> None:
        try:
            while self._queue:
                batch = self._next()
                try:
                    await self._connections.patiently(partial(self._write_together, batch))
                except BaseException as error:
                    told = error if isinstance(error, StoreError) else StoreError("the write was interrupted")
                    for write in batch:
                        write.settle(told)
                    if not isinstance(error, Exception):
                        raise
        finally:
            self._writing = None

    def _next(self) -> list[_Write[W]]:
        """What goes together: of each run one write, the others wait for the next turn."""
        batch: dict[str, _Write[W]] = {}
        left: list[_Write[W]] = []
        for write in self._queue:
            if write.run_id in batch or len(batch) >= _MOST_TOGETHER:
                left.append(write)
            else:
                batch[write.run_id] = write
        self._queue = left
        return list(batch.values())

    async def _write_together(self, batch: list[_Write[W]], uncertain: bool) -> None:  # noqa: FBT001  (``patiently`` calls it)
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connections.connect(settled_plans=True)
        try:
            written = await self._send(self._connection, [write.what for write in batch])
        except BaseException:
            # Whatever it was, the connection may be in the middle of it.
            await self._disconnect()
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

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*DRIVER_ERRORS):
                async with asyncio.timeout(1):
                    await connection.close()
            if not connection.is_closed():
                connection.terminate()
