"""How processes on one PostgreSQL tell each other what they wrote: NOTIFY, inside the transaction that writes.

It is told when a run's head changes (it was created, answered, parked, handed over, or has ended), when one is deleted
(but by pruning), and when something comes to a run from outside; steps on their way only now and then, for those who
follow a run: PostgreSQL serialises the commits of all that notify. Who misses it, because its connection was broken,
sees it by the slow look behind (``PostgresSettings.poll``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

import asyncpg
import msgspec

from waystation.store.postgres.connections import Connections, pause
from waystation.store.postgres.failures import DRIVER_ERRORS
from waystation.store.postgres.writes import CHANNEL
from waystation.store.records import Commit, Heard, NewRun

_log = logging.getLogger("waystation.postgres")

_MOST_BYTES = 7000
"""PostgreSQL takes less than 8000 in one notification."""

_NOW_AND_THEN = 0.05
"""So long, in seconds, a store is silent of steps alone after it told something."""

_PING_EVERY = 10.0

_WARN_AT = 3


class _News(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is told. ``by`` is the store that tells it; ``runs`` None for any."""

    by: str
    runs: Sequence[str] | None = None
    free: bool = False


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_News)


class News:
    """What this store tells others.

    Arguments:
        name: the store's, never used twice.

    Attributes:
        alone: whether one app alone uses the store: then nobody here need hear what it told itself.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop = asyncio.get_running_loop()
        self._told_at = 0.0
        self.alone = True

    def of_runs(self, run_ids: Sequence[str], *, free: bool = False) -> str:
        """That these runs were written to; ``free``: and someone may take them over."""
        self._told_at = self._loop.time()
        text = _encoder.encode(_News(self._name, run_ids, free))
        if len(text) > _MOST_BYTES:
            text = _encoder.encode(_News(self._name, None, free))
        return text.decode()

    def of_commits(self, commits: Sequence[tuple[Commit, bool]]) -> str:
        """Of these commits what others want to know now; each with whether it is to be told in any case."""
        if self._loop.time() - self._told_at > _NOW_AND_THEN:
            told = [commit for commit, _ in commits]
        else:
            told = [commit for commit, tells in commits if tells or commit.head is not None]
        if not told:
            return ""
        free = any(c.head is not None and c.head.status == "running" and c.head.owner is None for c in told)
        return self.of_runs([commit.run_id for commit in told], free=free)

    def of_creations(self, runs: Sequence[NewRun]) -> str:
        """Of new runs those that nobody drives."""
        free = [r.run_id for r in runs if r.head is not None and r.head.status == "running" and r.head.owner is None]
        return self.of_runs(free, free=True) if free else ""

    def anything_free(self) -> str:
        """That there are runs to take over."""
        return self.of_runs((), free=True)

    def read(self, text: str) -> Heard | None:
        """What another store told; None if it was this one, or is not understood here."""
        try:
            news = _decoder.decode(text)
        except msgspec.MsgspecError:
            return Heard(run_ids=None, free=True)  # of another version: better one look too many
        return None if news.by == self._name and self.alone else Heard(run_ids=news.runs, free=news.free)


class Listener:
    """Hears what other processes tell, on a connection of its own that is made anew when it breaks.

    Arguments:
        connections: of the store.
        news: reads what is heard.
        heard: called on the event loop.
    """

    def __init__(self, connections: Connections, news: News, heard: Callable[[Heard], None]) -> None:
        self._connections = connections
        self._news = news
        self._heard = heard
        self._task = asyncio.get_running_loop().create_task(self._listen_on(), name="waystation postgres listener")

    async def stop(self) -> None:
        """Hear no more."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _listen_on(self) -> None:
        tries = 0
        while True:
            try:
                connection = await self._connections.connect()
            except DRIVER_ERRORS as error:
                level = logging.WARNING if tries == _WARN_AT else logging.DEBUG
                _log.log(level, "%s cannot be listened to now: %s", self._connections.where, type(error).__name__)
                tries += 1
                await asyncio.sleep(pause(tries))
                continue
            try:
                tries = 0
                await self._listen(connection)
            except DRIVER_ERRORS:
                _log.debug("the listener's connection to %s broke", self._connections.where)
                await asyncio.sleep(pause(1))
            finally:
                connection.terminate()

    async def _listen(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        gone = asyncio.Event()

        def hear(_connection: object, _pid: int, _channel: str, payload: object) -> None:
            told = self._news.read(str(payload))
            if told is not None:
                self._heard(told)

        connection.add_termination_listener(lambda _connection: gone.set())
        await connection.add_listener(CHANNEL, hear)
        # Whatever was told before is not heard any more.
        self._heard(Heard(run_ids=None, free=True))
        while not gone.is_set():
            # A network that has gone silent breaks nothing by itself.
            with suppress(TimeoutError):
                async with asyncio.timeout(_PING_EVERY):
                    await gone.wait()
            if not gone.is_set():
                await connection.execute("SELECT 1")
