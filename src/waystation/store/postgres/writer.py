"""The one writer of a PostgreSQL store: what many coroutines commit at once is one statement and one commit.

It has a connection of its own, on which one statement is under way at a time; what comes meanwhile goes with the
next. A commit that is refused takes no other with it, and one whose run is being written to by someone else is written
alone, on another connection, so that the others need not wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import asyncpg

from waystation.errors import StoreError
from waystation.store.postgres import writes
from waystation.store.postgres.connections import Attempt, Connections
from waystation.store.records import Commit

_MOST_TOGETHER = 500


class _Write:
    __slots__ = ("commit", "future", "tells")

    def __init__(self, commit: Commit, future: asyncio.Future[None], *, tells: bool) -> None:
        self.commit = commit
        self.future = future
        self.tells = tells

    def settle(self, outcome: BaseException | None) -> None:
        if self.future.done():
            return  # its waiter was cancelled
        if outcome is None:
            self.future.set_result(None)
        else:
            self.future.set_exception(outcome)


class GroupWriter:
    """Writes commits, together what comes together.

    Arguments:
        connections: of the store.
        news: what to tell other processes of these commits; each with whether it must be told.
    """

    def __init__(self, connections: Connections, news: Callable[[Sequence[tuple[Commit, bool]]], str]) -> None:
        self._connections = connections
        self._news = news
        self._loop = asyncio.get_running_loop()
        self._queue: list[_Write] = []
        self._writing: asyncio.Task[None] | None = None
        self._apart: set[asyncio.Task[None]] = set()
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    def write(self, commit: Commit, *, tells: bool) -> asyncio.Future[None]:
        """Have ``commit`` written; done once it is durable.

        One that nobody waits for any more, because the waiter was cancelled, is written all the same.

        Arguments:
            tells: whether other processes are told in any case.
        """
        future: asyncio.Future[None] = self._loop.create_future()
        self._queue.append(_Write(commit, future, tells=tells))
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
                    await self._connections.patiently(partial(self._send, batch))
                except BaseException as error:
                    told = error if isinstance(error, StoreError) else StoreError("the write was interrupted")
                    for write in batch:
                        write.settle(told)
                    if not isinstance(error, Exception):
                        raise
        finally:
            self._writing = None

    def _next(self) -> list[_Write]:
        """What goes together: of each run one commit, the others wait for the next turn."""
        batch: dict[str, _Write] = {}
        left: list[_Write] = []
        for write in self._queue:
            if write.commit.run_id in batch or len(batch) >= _MOST_TOGETHER:
                left.append(write)
            else:
                batch[write.commit.run_id] = write
        self._queue = left
        return list(batch.values())

    async def _send(self, batch: list[_Write], uncertain: bool) -> None:  # noqa: FBT001  (what ``patiently`` calls)
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connections.connect(settled_plans=True)
        try:
            written = await writes.send(self._connection, [write.commit for write in batch], self._told(batch))
        except BaseException:
            # Whatever it was, the connection may be in the middle of it.
            await self._disconnect()
            raise
        for place, write in enumerate(batch):
            if place in written:
                write.settle(None)
            else:
                self._write_apart(write, uncertain=uncertain)

    def _told(self, batch: Sequence[_Write]) -> str:
        return self._news([(write.commit, write.tells) for write in batch])

    def _write_apart(self, write: _Write, *, uncertain: bool) -> None:
        """It was refused, or its run was not free: waiting for it shows which."""
        task = self._loop.create_task(self._alone(write, uncertain=uncertain), name="waystation postgres write apart")
        self._apart.add(task)
        task.add_done_callback(self._apart.discard)

    async def _alone(self, write: _Write, *, uncertain: bool) -> None:
        async def attempt(attempt: Attempt) -> None:
            known = Attempt(attempt.connection, uncertain=uncertain or attempt.uncertain)
            await writes.commit_alone(known, write.commit, self._told([write]))

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
            with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
                async with asyncio.timeout(1):
                    await connection.close()
            if not connection.is_closed():
                connection.terminate()
