"""The one writer of a SQLite store: what many coroutines write at once is one transaction.

Everything runs on the event loop's own thread: a hop to another costs more than the commit itself. The first write
of a pass of the loop has a flush called at the end of that pass; so whatever is ready in the pass goes along. The
flush writes all of it in one transaction and only then tells anyone.

Where nothing has gone along for a while, a run is by itself, and its writes are written right where they are asked for,
and not queued: two passes of the loop less for each. That ends when another run writes in the same pass, and for one
pass when the loop has waited for long.

Most writes are plain commits. Those of a transaction are a few statements together; if one of them is refused, the
transaction is rolled back, and each is written by itself: then it shows which.

A write is a function that is given the connection, inside the transaction. It either writes all it has to, or
raises one of ``REFUSALS`` *before* it writes anything: then the others are not touched. If it raises anything else
of its own making, the transaction is rolled back and written again without it; so no write needs a savepoint. If
the transaction itself fails (a full disk, say), nothing of it is written and all of them are told.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, Literal, TypeAlias, TypeVar

import msgspec

from waystation.errors import RunError, StoreError
from waystation.store.protocol import Fenced, IdempotencyKeyUsed, JournalMoved
from waystation.store.sqlite_errors import is_busy, is_of_the_whole, moved, store_error
from waystation.store.sqlite_writes import Plain, commit_together

T = TypeVar("T")

Synchronous: TypeAlias = Literal["full", "normal", "on-suspend"]
"""What a power cut may take; see ``SQLiteStore``."""

REFUSALS = (JournalMoved, Fenced, IdempotencyKeyUsed, RunError)

_MOST_TOGETHER = 500
"""So many writes at most are one transaction, so that the loop is not held for long."""

_BY_ITSELF_AFTER = 3
"""After so many transactions of one write each, one is not waited for that may go along."""

_LONGEST_TURN = 0.01
"""So long, in seconds, a run by itself may go from write to write before the loop has its turn."""

PATIENCE = 10.0
"""How long a write waits for another connection's lock, in seconds."""

_SHORTEST, _LONGEST = 0.001, 0.05
"""Bounds of the pause between two tries for the lock, in seconds."""


def pause(tries: int) -> float:
    """How long to wait before the next try for a lock, in seconds: longer each time, and never twice the same."""
    longest: float = min(_LONGEST, _SHORTEST * 2 ** min(tries, 10))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311  (no secret)


async def patiently(attempt: Callable[[], T], path: Path) -> T:
    """Try, and try again while another connection is in the way.

    Raises:
        StoreError: what SQLite says, or that the other was in the way for too long.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE
    tries = 0
    while True:
        try:
            return attempt()
        except sqlite3.Error as error:
            if not is_busy(error) or loop.time() >= deadline:
                raise store_error(error, path) from error
        tries += 1
        await asyncio.sleep(pause(tries))


class _Write(msgspec.Struct, Generic[T], eq=False):
    apply: Callable[[sqlite3.Connection], T]
    future: asyncio.Future[T]
    plain: Plain | None
    settles: bool
    deadline: float | None = None


class GroupWriter:
    """Writes to one connection, together what comes together.

    Arguments:
        connection: in autocommit mode; nobody else leaves a transaction open on it.
        path: the database's file, to be named in errors.
        synchronous: what a power cut may take.
        rolled_back: called after a transaction was rolled back: what was learned inside it does not hold.
        is_left: whether the file is not where it was opened any more: then nothing is written.
        held: whether a step of this process has the lock, so that there is no use in trying; ``wake`` tells when it
            has let go.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: Path,
        synchronous: Synchronous,
        rolled_back: Callable[[], None],
        is_left: Callable[[], bool] = lambda: False,
        held: Callable[[], bool] = lambda: False,
    ) -> None:
        self._connection = connection
        self._path = path
        self._rolled_back = rolled_back
        self._is_left = is_left
        self._held = held
        self._by_need = synchronous == "on-suspend"
        self._is_full = synchronous == "full"
        self._loop = asyncio.get_running_loop()
        self._queue: list[_Write[object]] = []
        self._scheduled = False
        self._tries = 0
        self._later: asyncio.TimerHandle | None = None
        self._single = 0
        self._writing = ""
        self._turn_ends = 0.0

    def write(
        self,
        apply: Callable[[sqlite3.Connection], T],
        *,
        settles: bool = True,
        run_id: str = "",
        plain: Plain | None = None,
    ) -> asyncio.Future[T]:
        """Have ``apply`` write; gives what has its result once it is durable.

        One that nobody waits for any more, because the waiter was cancelled, is written all the same.

        Arguments:
            settles: whether a power cut must not take it even under ``on-suspend``.
            run_id: the run whose driver writes; "" for what is none's.
            plain: all that ``apply`` does, if that is a plain commit.
        """
        if run_id and not self._scheduled and not self._held() and self._is_by_itself(run_id):
            try:
                result = self._write_here(apply, settles=settles)
            except sqlite3.Error as error:
                if not is_busy(error):
                    raise store_error(error, self._path) from error
            else:
                written: asyncio.Future[T] = self._loop.create_future()
                written.set_result(result)
                return written
        return self._enqueue(apply, plain, settles=settles)

    def _write_here(self, apply: Callable[[sqlite3.Connection], T], *, settles: bool) -> T:
        """Write it in a transaction of its own, right now."""
        if self._is_left():
            raise moved(self._path)
        if self._by_need:
            self._demand(full=settles)
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            result = apply(connection)
            connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        return result

    def _enqueue(
        self, apply: Callable[[sqlite3.Connection], T], plain: Plain | None, *, settles: bool
    ) -> asyncio.Future[T]:
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.append(_Write(apply, future, plain, settles))  # type: ignore[arg-type]  # each future fits its own apply
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)
        return future

    def _is_by_itself(self, run_id: str) -> bool:
        """Whether no other run is likely to write in this pass of the loop."""
        if self._single < _BY_ITSELF_AFTER:
            return False
        if not self._writing:
            self._writing = run_id
            self._turn_ends = self._loop.time() + _LONGEST_TURN
            self._loop.call_soon(self._pass_is_over)
            return True
        return self._writing == run_id and self._loop.time() < self._turn_ends

    def _pass_is_over(self) -> None:
        self._writing = ""

    async def drain(self) -> None:
        """Wait until nothing is queued, written or refused."""
        while self._queue:
            await asyncio.wait([write.future for write in self._queue])

    def wake(self) -> None:
        """The lock was let go: what waits for it is written next."""
        if self._later is not None:
            self._later.cancel()
            self._later = None
            self._loop.call_soon(self._flush)

    # ------------------------------------------------------------------ the flush

    def _flush(self) -> None:
        self._later = None
        if self._held():
            self._try_later()
            return
        batch = self._queue[:_MOST_TOGETHER]
        try:
            outcomes: Sequence[object]
            outcomes = [moved(self._path) for _ in batch] if self._is_left() else self._transact(batch)
        except sqlite3.Error as error:
            if is_busy(error):
                self._try_later()
                return
            outcomes = [store_error(error, self._path) for _ in batch]
        except BaseException:
            self._settle(batch, [StoreError("the write was interrupted; nothing of it is written") for _ in batch])
            raise
        self._settle(batch, outcomes)

    def _settle(self, batch: list[_Write[object]], outcomes: Sequence[object]) -> None:
        del self._queue[: len(batch)]
        self._single = self._single + 1 if len(batch) == 1 else 0
        self._tries = 0
        self._scheduled = bool(self._queue)
        if self._queue:
            self._loop.call_soon(self._flush)
        for write, outcome in zip(batch, outcomes, strict=True):
            if write.future.done():
                continue  # its waiter was cancelled
            if isinstance(outcome, BaseException):
                write.future.set_exception(outcome)
            else:
                write.future.set_result(outcome)

    def _try_later(self) -> None:
        """Another connection has the lock: let the loop go on, and come back."""
        now = self._loop.time()
        for write in self._queue:
            if write.deadline is None:
                write.deadline = now + PATIENCE
        # Deadlines are set in the order of the queue, so those that have passed are in front.
        late = [write for write in self._queue if write.deadline is not None and write.deadline <= now]
        busy = sqlite3.OperationalError("database is locked")
        busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
        if late:
            tries = self._tries
            self._settle(late, [store_error(busy, self._path) for _ in late])
            self._tries = tries
            return
        self._tries += 1
        self._later = self._loop.call_later(pause(self._tries), self._flush)

    def _transact(self, batch: list[_Write[object]]) -> list[object]:
        """Write the batch in one transaction; what came of each: its result, or the exception it is refused with."""
        if self._by_need:
            self._demand(full=any(write.settles for write in batch))
        own: dict[int, BaseException] = {}
        plains = [write.plain for write in batch if write.plain is not None]
        while True:
            try:
                outcomes = self._attempt(batch, own, plains)
            except BaseException:
                self._roll_back()
                raise
            if outcomes is not None:
                return outcomes
            self._roll_back()

    def _attempt(
        self, batch: list[_Write[object]], own: dict[int, BaseException], plains: list[Plain]
    ) -> list[object] | None:
        """Try once; None if what was written has to be undone, and the rest tried again, by what is known then.

        Arguments:
            own: those that fail by themselves, by their place: they are left out.
            plains: those of the batch that are written together: none if one of them is refused.
        """
        connection = self._connection
        outcomes: list[object] = []
        connection.execute("BEGIN IMMEDIATE")
        if plains and not self._commit_together(plains):
            plains.clear()
            return None
        if len(plains) == len(batch):
            connection.execute("COMMIT")
            return [None for _ in batch]
        for place, write in enumerate(batch):
            if own and place in own:
                outcomes.append(own[place])
                continue
            if plains and write.plain is not None:
                outcomes.append(None)
                continue
            try:
                outcomes.append(write.apply(connection))
            except REFUSALS as refusal:
                outcomes.append(refusal)
            except Exception as error:
                if is_of_the_whole(error):
                    raise
                own[place] = store_error(error, self._path) if isinstance(error, sqlite3.Error) else error
                return None
        connection.execute("COMMIT")
        return outcomes

    def _commit_together(self, plains: list[Plain]) -> bool:
        """Write all of them; False if one is refused, or cannot be written."""
        try:
            return commit_together(self._connection, plains)
        except sqlite3.Error as error:
            if is_of_the_whole(error):
                raise
            return False

    def _roll_back(self) -> None:
        self._rolled_back()
        # After some errors SQLite has rolled back already.
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _demand(self, *, full: bool) -> None:
        if full != self._is_full:
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if full else 'NORMAL'}")
            self._is_full = full
