"""How a PostgreSQL store reaches its server: a bounded pool, and the patience to try again.

Every call goes through ``Connections.run``: while the server cannot be reached, or says that it is starting or
stopping, the call is tried again with longer and longer pauses, on another connection, until the patience is at its
end. A call that was under way when its connection broke may have been done all the same: it is told so when it is
tried again (``Attempt.uncertain``), and finds out.
"""

from __future__ import annotations

import asyncio
import math
import random
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from waystation.errors import StoreClosed
from waystation.store.postgres.busy_poll import BusyPoll, processors
from waystation.store.postgres.failures import DRIVER_ERRORS, is_contention, is_lost, store_error
from waystation.store.postgres.settings import PostgresSettings

T = TypeVar("T")

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"

_SHORTEST, _LONGEST = 0.02, 1.0
"""Bounds of the pause between two tries, in seconds."""

_CLOSING_PATIENCE = 2.0
"""How long what is queued goes on trying when the store is being closed, in seconds."""

_MOST_CONTENTIONS = 20

_ENOUGH_TO_POLL = 2
"""With fewer processors whoever polls takes them from the server, or from what its container may use."""

# Statements are small and known: they never gain by being compiled, and what they look for has an index.
_SERVER_SETTINGS = {"jit": "off", "timezone": "UTC", "lock_timeout": "0"}

# A plan is made once and kept, also for arrays of any length. As the tables may have been empty when it was made,
# it must not be one that is only good while they are.
_SETTLED_PLANS = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a call, on a connection.

    Attributes:
        connection: to use, and to leave without an open transaction.
        uncertain: whether an earlier try may have been done: its connection broke before the server had answered.
    """

    connection: Connection
    uncertain: bool


def pause(tries: int) -> float:
    """How long to wait before the next try, in seconds: longer each time, and never twice the same."""
    longest: float = min(_LONGEST, _SHORTEST * 2 ** min(tries, 10))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311  (no secret)


class Connections:
    """The connections of one store.

    Arguments:
        settings: where the server is, and how many connections there may be.

    Attributes:
        busy_poll: around waiting for an answer of the server's that something waits for.
    """

    def __init__(self, settings: PostgresSettings) -> None:
        self.settings = settings
        self.where = settings.shown()
        self.name = f"waystation/{uuid.uuid4().hex[:12]}"
        self.busy_poll = BusyPoll(settings.busy_poll if processors() >= _ENOUGH_TO_POLL else 0.0)
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._closed = False
        self._made = 0
        self._latest = math.inf
        self._releasing: set[asyncio.Task[None]] = set()
        self._left: set[asyncio.Task[asyncpg.Connection[asyncpg.Record]]] = set()

    async def open(self) -> None:
        """Prepare to connect; the first connection is made by the first call."""
        if self._closed:
            raise self.closed()
        if self._pool is None:
            self._pool = asyncpg.create_pool(
                connect=self.connect,
                min_size=0,
                # Three more write, one listens.
                max_size=self.settings.connections - 4,
                reset=_leave_as_it_is,
                max_inactive_connection_lifetime=60.0,
            )
            try:
                await self._pool
            except BaseException:
                self._pool = None
                raise

    def hurry(self) -> None:
        """The store is being closed: wait no longer for a server that is away."""
        self._latest = asyncio.get_running_loop().time() + _CLOSING_PATIENCE

    async def close(self) -> None:
        """Let go of every connection. Calls that are under way end with an error."""
        self._closed = True
        await self.let_go()

    async def let_go(self) -> None:
        """Let go of every connection there is; it can be opened again unless it was closed."""
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                async with asyncio.timeout(5):
                    await pool.close()
            except DRIVER_ERRORS:
                pool.terminate()
        if self._left:
            await asyncio.wait(self._left, timeout=_CLOSING_PATIENCE)

    def closed(self) -> StoreClosed:
        """What to raise of a store that is not open."""
        state = "was closed" if self._closed else "is not open yet: await its open() first"
        return StoreClosed(f"the store {self.where} {state}")

    async def connect(
        self, *_ignored: object, settled_plans: bool = False, **_also: object
    ) -> asyncpg.Connection[asyncpg.Record]:
        """A new connection.

        Arguments:
            settled_plans: for the few statements that are run again and again (see above).
        """
        settings = self.settings
        self._made += 1
        server_settings = {
            **_SERVER_SETTINGS,
            **(_SETTLED_PLANS if settled_plans else {}),
            "application_name": f"{self.name}/{self._made}",
            "statement_timeout": str(round(settings.statement_timeout * 1000)),
        }
        if settings.schema is not None:
            server_settings["search_path"] = f"{settings.schema},public"
        making = asyncio.get_running_loop().create_task(
            asyncpg.connect(
                settings.dsn,
                timeout=settings.connect_timeout,
                # The server's own limit comes first; this one is for a network that has gone silent.
                command_timeout=settings.statement_timeout + 5 if settings.statement_timeout else None,
                server_settings=server_settings,
            ),
            name="waystation postgres connect",
        )
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            # The driver leaves an error that nobody fetches when it is cancelled in the middle of a handshake.
            making.add_done_callback(_not_wanted)
            self._left.add(making)
            making.add_done_callback(self._left.discard)
            raise

    async def acquire(self) -> PoolConnectionProxy[asyncpg.Record]:
        """One of the pool, to be released; waits for one that is free."""
        return await self._opened().acquire()

    def release(self, connection: PoolConnectionProxy[asyncpg.Record], *, broken: bool = False) -> None:
        """Give one back to the pool.

        Arguments:
            broken: it may be in the middle of something: it is not to be used again.
        """
        if broken and not is_gone(connection):
            connection.terminate()
        if self._pool is None:
            return  # closed meanwhile: its connections are ended with it
        task = asyncio.get_running_loop().create_task(_released(self._pool, connection))
        self._releasing.add(task)
        task.add_done_callback(self._releasing.discard)

    async def run(self, use: Callable[[Attempt], Awaitable[T]], *, patience: float | None = None) -> T:
        """Have ``use`` do its work on a connection, and again while the server cannot be reached.

        Raises:
            StoreError: what the server says, or that it could not be reached for so long.
        """
        return await self.patiently(lambda uncertain: self._on_any(use, uncertain=uncertain), patience=patience)

    async def run_apart(self, use: Callable[[Attempt], Awaitable[T]], *, patience: float) -> T:
        """As ``run``, on a connection of its own: also before ``open``."""

        async def apart(uncertain: bool) -> T:  # noqa: FBT001  (as it is told)
            connection = await self.connect()
            try:
                return await use(Attempt(connection, uncertain))
            finally:
                await connection.close()

        if self._closed:
            raise self.closed()
        return await self.patiently(apart, patience=patience)

    async def _on_any(self, use: Callable[[Attempt], Awaitable[T]], *, uncertain: bool) -> T:
        async with self._opened().acquire() as connection:
            with self.busy_poll:
                return await use(Attempt(connection, uncertain))

    def _opened(self) -> asyncpg.Pool[asyncpg.Record]:
        if self._pool is None:
            raise self.closed()
        return self._pool

    async def patiently(self, attempt: Callable[[bool], Awaitable[T]], *, patience: float | None = None) -> T:
        """Try, and try again while the server cannot be reached. ``attempt`` is told whether an earlier try may
        have been done.

        Raises:
            StoreError: what the server says, or that it could not be reached for so long.
        """
        now = asyncio.get_running_loop().time
        deadline = now() + (self.settings.patience if patience is None else patience)
        tries = contentions = 0
        uncertain = False
        while True:
            try:
                return await attempt(uncertain)
            except DRIVER_ERRORS as error:
                if self._closed:
                    raise self.closed() from error
                contentions += is_contention(error)
                if not (is_lost(error) and now() < min(deadline, self._latest)) and not (
                    is_contention(error) and contentions < _MOST_CONTENTIONS
                ):
                    raise store_error(error, self.where) from error
                uncertain = uncertain or is_lost(error)
            tries += 1
            await asyncio.sleep(pause(tries))


def is_gone(connection: PoolConnectionProxy[asyncpg.Record]) -> bool:
    """Whether the connection broke: then the pool has taken it back by itself, and it answers no question."""
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        return True


def _not_wanted(made: asyncio.Task[asyncpg.Connection[asyncpg.Record]]) -> None:
    """End a connection for which nobody waits any more."""
    if not made.cancelled() and made.exception() is None:
        made.result().terminate()


async def _leave_as_it_is(_connection: object) -> None:
    """Between two uses nothing need be undone: nobody changes a connection's state but by transactions that end."""


async def _released(pool: asyncpg.Pool[asyncpg.Record], connection: PoolConnectionProxy[asyncpg.Record]) -> None:
    with suppress(*DRIVER_ERRORS):
        await pool.release(connection)
