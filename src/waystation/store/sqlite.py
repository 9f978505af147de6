"""A store in a SQLite file: the default. One machine, any number of processes.

Writes go through ``sqlite_writer`` (together what comes together), what they do is in ``sqlite_writes``, queries in
``sqlite_reads``, schedules in ``sqlite_schedules``, opening and migrations in ``sqlite_schema``, whose a file is in
``sqlite_version``. One connection does it all, on the event loop's thread. As no transaction of it outlives a call,
what is read is always what was committed. Steps' transactions do outlive a call; they have a connection of their own
(``sqlite_transactions``).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar, get_args

from waystation.core.refs import Millis, Seq
from waystation.errors import StoreClosed, StoreSchemaOlder
from waystation.store import sqlite_reads as reads
from waystation.store import sqlite_schedules, sqlite_survey
from waystation.store import sqlite_writes as writes
from waystation.store.protocol import StoreTransaction
from waystation.store.records import (
    Commit,
    Heard,
    MakeCommit,
    NewRun,
    OpenSuspension,
    RunFilter,
    RunPage,
    RunRecord,
    RunSnapshot,
    Schedule,
    SchemaStatus,
    StoredRun,
    Survey,
    Worker,
    WorkflowKey,
)
from waystation.store.sqlite_place import Place
from waystation.store.sqlite_schema import connect, connect_again
from waystation.store.sqlite_transactions import Transactions
from waystation.store.sqlite_writer import GroupWriter, Synchronous, patiently

T = TypeVar("T")

SYNCHRONOUS: Final[tuple[Synchronous, ...]] = get_args(Synchronous)


class SQLiteStore:
    """Keeps runs in a SQLite file. Belongs to the event loop that opens it.

    Arguments:
        path: the file; made if it is not there. Its folder must exist, on a local disk.
        synchronous: what a power cut, or a crash of the machine, may take. A killed process takes nothing in any.
            ``full``: nothing. ``normal``: the commits of the last moments. ``on-suspend``: those too, but only
            steps' results, never that a run was created, started, answered, parked or ended; nor what steps wrote
            in transactions.
        shared: the file may be one that an application has begun and goes on using: the store's tables are made in
            it, all named ``waystation_...``, and everything else in it is left as it is, but for WAL mode, which it is
            put into. Without this such a file is refused. It only matters until the tables are there.
    """

    def __init__(self, path: str | Path, *, synchronous: Synchronous = "full", shared: bool = False) -> None:
        self._path = Path(path)
        self._synchronous: Synchronous = synchronous
        self._shared = shared
        self._connection: sqlite3.Connection | None = None
        self._place: Place | None = None
        self._writer: GroupWriter | None = None
        self._transactions: Transactions | None = None
        self._numbers = writes.RunNumbers()
        self._closed = False

    # ------------------------------------------------------------------ life

    async def open(self) -> None:
        """Connect, and bring the schema up to date. Opening twice is fine."""
        if self._closed:
            raise StoreClosed(f"the store {str(self._path)!r} was closed; make another")
        if self._connection is not None:
            return
        attempt = partial(connect, self._path, self._synchronous, shared=self._shared)
        connection = await patiently(attempt, self._path)
        if self._is_settled():
            connection.close()  # someone else was quicker
            return
        self._connection = connection
        self._place = place = Place(connection, self._path)
        self._writer = writer = GroupWriter(
            connection,
            self._path,
            self._synchronous,
            rolled_back=self._numbers.forget,
            is_left=place.is_left,
            held=lambda: self._transactions is not None and self._transactions.is_open,
        )
        again = partial(connect_again, connection, self._synchronous)
        self._transactions = Transactions(again, self._path, place.check, freed=writer.wake)

    def _is_settled(self) -> bool:
        """Whether the store was opened or closed meanwhile."""
        return self._connection is not None or self._closed

    async def close(self) -> None:
        """Finish what is queued and let go. A transaction that is open is rolled back."""
        self._closed = True
        # Before the queue is waited for: it is what the queue waits for.
        transactions, self._transactions = self._transactions, None
        if transactions is not None:
            transactions.close()
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.drain()
        connection, self._connection = self._connection, None
        if connection is not None:
            # Where the file is not in its place, another may be: what is in the log is not for that one.
            if self._place is not None and not self._place.is_left():
                with suppress(sqlite3.Error):
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.close()

    # ------------------------------------------------------------------ looking from outside

    async def schema(self) -> SchemaStatus:
        """How the schema stands; also before ``open``, and where there is no file yet. Makes and changes nothing."""
        ask = partial(sqlite_survey.schema, path=self._path, shared=self._shared)
        return await self._look(ask) or sqlite_survey.schema_status(self._path, 0)

    async def survey(self) -> Survey:
        """What is in the store; also before ``open``. Makes and changes nothing."""
        found = await self._look(partial(sqlite_survey.survey, path=self._path, shared=self._shared))
        if found is None:
            status = sqlite_survey.schema_status(self._path, 0)
            raise StoreSchemaOlder.of(status.store, status.version, status.newest)
        return found

    async def _look(self, ask: Callable[[sqlite3.Connection], T]) -> T | None:
        if self._closed:
            raise self._not_open()
        if self._connection is not None:
            return await self._read(ask)
        return await patiently(partial(sqlite_survey.seen_from_outside, self._path, ask), self._path)

    # ------------------------------------------------------------------ writing

    async def create_run(self, run: NewRun) -> None:
        """Create a run, durably."""
        await self._write(partial(writes.create_run, numbers=self._numbers, run=run), run_id=run.run_id)

    async def commit(self, commit: Commit, *, within: StoreTransaction | None = None) -> None:
        """Write ``commit``, durably, all or nothing; with ``within``, together with what was written there."""
        apply = partial(writes.commit, numbers=self._numbers, write=commit)
        if within is not None:
            self._of_steps().commit(within, apply)
            return
        settles = commit.head is not None or bool(commit.opened) or bool(commit.closed)
        plain = writes.plain(self._numbers, commit)
        if self._writer is None:
            raise self._not_open()
        await self._writer.write(apply, settles=settles, run_id=commit.run_id, plain=plain)

    async def commit_on_top(self, run_id: str, after: Seq, make: MakeCommit) -> None:
        """Write what ``make`` makes of what is there, inside the transaction that writes it."""
        apply = partial(writes.commit_on_top, numbers=self._numbers, run_id=run_id, after=after, make=make)
        await self._write(apply)

    async def transaction(self) -> StoreTransaction:
        """Open the file to a step's writes; waits for others that have it open.

        One step at a time has it, and nothing else is written meanwhile, by any process: it should be short. Foreign
        keys that tables declare are enforced. Its commits show in ``foreign_changes``: one look more, no harm.
        """
        return await self._of_steps().begin()

    async def delete_run(self, run_id: str) -> bool:
        """Delete a run and all that is kept of it; whether there was one."""
        return await self._write(partial(writes.delete_run, numbers=self._numbers, run_id=run_id))

    async def prune(self, ended_before: Millis, *, limit: int) -> int:
        """Delete at most ``limit`` runs that ended before then, the oldest first; gives how many.

        It takes several small transactions where the runs are long, so that others get in between. The file does not
        shrink; what is free in it is used again.
        """
        deleted = 0
        while deleted < limit:
            apply = partial(writes.prune, numbers=self._numbers, ended_before=ended_before, limit=limit - deleted)
            batch = await self._write(apply, settles=False)
            if not batch:
                break
            deleted += batch
        return deleted

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

    async def snapshot(self, run_id: str) -> RunSnapshot | None:
        """The run as of one moment, but for its journal."""
        return await self._read(lambda connection: reads.snapshot(connection, run_id))

    async def read_some(self, run_id: str, seqs: Sequence[Seq]) -> dict[Seq, bytes]:
        """The entries of the given seqs."""
        return await self._read(lambda connection: reads.read_some(connection, run_id, seqs))

    async def get_run(self, run_id: str) -> RunRecord | None:
        """The run's record."""
        return await self._read(lambda connection: reads.get_run(connection, run_id))

    async def last_seqs(self, run_ids: Sequence[str]) -> dict[str, Seq]:
        """The last seq of each of these runs' journals; unknown runs are left out."""
        return await self._read(lambda connection: reads.last_seqs(connection, run_ids))

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

    async def claimable(self, workflows: Sequence[WorkflowKey], now: Millis, *, limit: int) -> Sequence[str]:
        """Ids of runs of these workflows that ``claim`` would take, longest waiting first."""
        # Asked again and again, also while nothing is written: so that an app that only waits tells of it too.
        if self._place is not None:
            self._place.check()
        return await self._read(lambda connection: reads.claimable(connection, workflows, now, limit))

    async def next_wake(self, workflows: Sequence[WorkflowKey], *, after: Millis | None = None) -> Millis | None:
        """The earliest ``wake_at`` of the waiting and suspended runs of these workflows, later than ``after``."""
        return await self._read(lambda connection: reads.next_wake(connection, workflows, after))

    async def now(self) -> None:
        """It has no clock but the machine's."""

    def listen(self, heard: Callable[[Heard], None]) -> bool:  # noqa: ARG002  (it never has something to tell)
        """Nobody tells a file's processes anything."""
        return False

    async def foreign_changes(self) -> int:
        """SQLite's own count of what other connections wrote. This store writes and asks on the same one.

        But for steps' transactions, which are on another and so are counted.
        """
        return await self._read(reads.data_version)

    # ------------------------------------------------------------------ schedules

    async def put_schedule(self, schedule: Schedule) -> Schedule:
        """Keep a schedule; if it is there, only another ``spec`` changes it."""
        return await self._write(partial(sqlite_schedules.put_schedule, schedule=schedule))

    async def schedules(self) -> Sequence[Schedule]:
        """Every schedule, by id."""
        return await self._read(sqlite_schedules.schedules)

    async def advance_schedule(self, schedule_id: str, slot: Millis, next_at: Millis | None) -> bool:
        """Slot ``slot`` is dealt with; whether it still was the next one."""
        return await self._write(
            partial(sqlite_schedules.advance_schedule, schedule_id=schedule_id, slot=slot, next_at=next_at)
        )

    async def pause_schedule(self, schedule_id: str, *, paused: bool, next_at: Millis | None) -> bool:
        """Pause it, or let it go on from ``next_at``; whether it is known."""
        return await self._write(
            partial(sqlite_schedules.pause_schedule, schedule_id=schedule_id, paused=paused, next_at=next_at)
        )

    # ------------------------------------------------------------------ one way to write, one to read

    def _write(
        self,
        apply: Callable[[sqlite3.Connection], T],
        *,
        settles: bool = True,
        run_id: str = "",
    ) -> Awaitable[T]:
        if self._writer is None:
            raise self._not_open()
        return self._writer.write(apply, settles=settles, run_id=run_id)

    async def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        def ask() -> T:
            if self._connection is None or self._closed:
                raise self._not_open()
            return query(self._connection)

        return await patiently(ask, self._path)

    def _of_steps(self) -> Transactions:
        if self._transactions is None:
            raise self._not_open()
        return self._transactions

    def _not_open(self) -> StoreClosed:
        state = "was closed" if self._closed else "is not open yet: await its open() first"
        return StoreClosed(f"the store {str(self._path)!r} {state}")
