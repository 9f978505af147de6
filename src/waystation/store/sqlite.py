"""A store in a SQLite file: the default. One machine, any number of processes.

Writes go through ``sqlite_writer`` (together what comes together), what they do is in ``sqlite_writes``, queries in
``sqlite_reads``, opening and migrations in ``sqlite_schema``. One connection does it all, on the event loop's
thread. As no transaction outlives a call, what is read is always what was committed.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar, get_args

from waystation.core.entries import Millis, Seq
from waystation.errors import StoreClosed
from waystation.store import sqlite_reads as reads
from waystation.store import sqlite_writes as writes
from waystation.store.protocol import (
    Commit,
    NewRun,
    OpenSuspension,
    RunFilter,
    RunPage,
    RunRecord,
    StoredRun,
    Worker,
)
from waystation.store.sqlite_errors import is_busy, store_error
from waystation.store.sqlite_schema import connect
from waystation.store.sqlite_writer import PATIENCE, GroupWriter, Synchronous, pause

T = TypeVar("T")

SYNCHRONOUS: Final[tuple[Synchronous, ...]] = get_args(Synchronous)


class SQLiteStore:
    """Keeps runs in a SQLite file. Belongs to the event loop that opens it.

    Arguments:
        path: the file; made if it is not there. Its folder must exist, on a local disk.
        synchronous: what a power cut, or a crash of the machine, may take. A killed process takes nothing in any.
            ``full``: nothing. ``normal``: the commits of the last moments. ``on-suspend``: those too, but only
            steps' results, never that a run was created, started, answered, parked or ended.
    """

    def __init__(self, path: str | Path, *, synchronous: Synchronous = "full") -> None:
        self._path = Path(path)
        self._synchronous: Synchronous = synchronous
        self._connection: sqlite3.Connection | None = None
        self._writer: GroupWriter | None = None
        self._numbers = writes.RunNumbers()
        self._closed = False

    # ------------------------------------------------------------------ life

    async def open(self) -> None:
        """Connect, and bring the schema up to date. Opening twice is fine."""
        if self._closed:
            raise StoreClosed(f"the store {str(self._path)!r} was closed; make another")
        if self._connection is not None:
            return
        connection = await self._patiently(lambda: connect(self._path, self._synchronous))
        if self._is_settled():
            connection.close()  # someone else was quicker
            return
        self._connection = connection
        self._writer = GroupWriter(connection, self._path, self._synchronous, self._numbers.forget)

    def _is_settled(self) -> bool:
        """Whether the store was opened or closed meanwhile."""
        return self._connection is not None or self._closed

    async def close(self) -> None:
        """Finish what is queued and let go."""
        self._closed = True
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.drain()
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.close()

    # ------------------------------------------------------------------ writing

    async def create_run(self, run: NewRun) -> None:
        """Create a pending run, durably."""
        await self._write(partial(writes.create_run, run=run))

    async def commit(self, commit: Commit) -> None:
        """Write ``commit``, durably, all or nothing."""
        settles = commit.head is not None or bool(commit.opened) or bool(commit.closed)
        numbers = self._numbers
        await self._write(lambda connection: writes.commit(connection, numbers, commit), settles=settles)

    async def put_definition(self, fingerprint: str, workflow_id: str, description: bytes) -> None:
        """Keep the description of a definition, once."""
        await self._write(
            partial(writes.put_definition, fingerprint=fingerprint, workflow_id=workflow_id, description=description)
        )

    # ------------------------------------------------------------------ reading

    async def load(self, run_id: str) -> StoredRun | None:
        """The run's record, frontier and the entries after it."""
        return await self._read(lambda connection: reads.load(connection, run_id))

    async def read(self, run_id: str, *, after: Seq = 0, limit: int | None = None) -> Sequence[bytes]:
        """The run's entries after ``after``."""
        return await self._read(lambda connection: reads.read(connection, run_id, after, limit))

    async def read_some(self, run_id: str, seqs: Sequence[Seq]) -> dict[Seq, bytes]:
        """The entries of the given seqs."""
        return await self._read(lambda connection: reads.read_some(connection, run_id, seqs))

    async def get_run(self, run_id: str) -> RunRecord | None:
        """The run's record."""
        return await self._read(lambda connection: reads.get_run(connection, run_id))

    async def list_runs(self, where: RunFilter, *, limit: int, cursor: str | None = None) -> RunPage:
        """Runs, newest first."""
        return await self._read(lambda connection: reads.list_runs(connection, where, limit, cursor))

    async def open_suspensions(
        self, *, run_id: str | None = None, workflow_id: str | None = None, limit: int = 1000
    ) -> Sequence[OpenSuspension]:
        """Open suspensions, oldest first."""
        return await self._read(lambda connection: reads.open_suspensions(connection, run_id, workflow_id, limit))

    async def get_definition(self, fingerprint: str) -> bytes | None:
        """The description kept for ``fingerprint``."""
        return await self._read(lambda connection: reads.get_definition(connection, fingerprint))

    # ------------------------------------------------------------------ ownership

    async def beat(self, worker: Worker) -> None:
        """Register the worker, or extend its lease."""
        await self._write(partial(writes.beat, worker=worker), settles=False)

    async def workers(self) -> Sequence[Worker]:
        """Every registered worker."""
        return await self._read(reads.workers)

    async def retire(self, worker: Worker) -> None:
        """Remove the worker and hand over its runs, unless its lease was extended meanwhile."""
        await self._write(partial(writes.retire, worker=worker))

    async def claim(self, run_id: str, worker_id: str, now: Millis) -> RunRecord | None:
        """Take over a run that nobody drives."""
        return await self._write(partial(writes.claim, run_id=run_id, worker_id=worker_id, now=now))

    async def claimable(self, workflow_ids: Sequence[str], now: Millis, *, limit: int) -> Sequence[str]:
        """Ids of runs of these workflows that ``claim`` would take, longest waiting first."""
        return await self._read(lambda connection: reads.claimable(connection, workflow_ids, now, limit))

    async def next_wake(self, workflow_ids: Sequence[str]) -> Millis | None:
        """The earliest ``wake_at`` of the waiting runs of these workflows."""
        return await self._read(lambda connection: reads.next_wake(connection, workflow_ids))

    async def foreign_changes(self) -> int:
        """SQLite's own count of what other connections wrote. This store writes and asks on the same one."""
        return await self._read(reads.data_version)

    # ------------------------------------------------------------------ one way to write, one to read

    def _write(self, apply: Callable[[sqlite3.Connection], T], *, settles: bool = True) -> asyncio.Future[T]:
        if self._writer is None:
            raise self._not_open()
        return self._writer.write(apply, settles=settles)

    async def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        def ask() -> T:
            if self._connection is None or self._closed:
                raise self._not_open()
            return query(self._connection)

        return await self._patiently(ask)

    async def _patiently(self, attempt: Callable[[], T]) -> T:
        """Try, and try again while another process is in the way."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE
        tries = 0
        while True:
            try:
                return attempt()
            except sqlite3.Error as error:
                if not is_busy(error) or loop.time() >= deadline:
                    raise store_error(error, self._path) from error
            tries += 1
            await asyncio.sleep(pause(tries))

    def _not_open(self) -> StoreClosed:
        state = "was closed" if self._closed else "is not open yet: await its open() first"
        return StoreClosed(f"the store {str(self._path)!r} {state}")
