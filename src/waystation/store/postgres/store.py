"""The PostgreSQL store's face: what is asked of it, and which part does it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from waystation.core.refs import Millis, Seq
from waystation.errors import TransactionMisused
from waystation.store.postgres import commits, creations, reads, schedules, survey, writes
from waystation.store.postgres.connections import Attempt, Connection, Connections
from waystation.store.postgres.listening import Listener, News
from waystation.store.postgres.schema import bring_up_to_date
from waystation.store.postgres.settings import PostgresSettings
from waystation.store.postgres.transactions import PostgresTransaction, Transactions
from waystation.store.postgres.writer import GroupWriter
from waystation.store.protocol import JournalMoved, StoreTransaction
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

T = TypeVar("T")

_log = logging.getLogger("waystation.postgres")

_OPEN_PATIENCE = 5.0
"""How long opening waits for a server that is starting: an address that is wrong is told soon."""

_TRIES_ON_TOP = 3
"""So often a commit on top is tried without keeping others out."""


class PostgresStore:
    """Keeps runs in PostgreSQL 14 or newer. Belongs to the event loop that opens it.

    A commit is durable as the server makes it: with its defaults (``fsync`` and ``synchronous_commit`` on) neither a
    power cut nor a crash takes one that was told. The store changes neither; it warns of a server that has them off.

    Arguments:
        where: the address, ``postgresql://user:password@host:port/database``, or settings.
    """

    def __init__(self, where: str | PostgresSettings) -> None:
        settings = PostgresSettings.of_url(where) if isinstance(where, str) else where
        self._settings = settings
        self._connections = Connections(settings)
        self._parts: _Parts | None = None
        self._opening = asyncio.Lock()

    # ------------------------------------------------------------------ life

    async def open(self) -> None:
        """Connect, and bring the schema up to date. Opening twice is fine.

        A server that cannot be reached is waited for for a few seconds.
        """
        async with self._opening:
            if self._parts is not None:
                return
            await self._connections.open()
            where, schema = self._connections.where, self._settings.schema
            patience = min(_OPEN_PATIENCE, self._settings.patience)
            try:
                await self._connections.run(lambda attempt: bring_up_to_date(attempt, where, schema), patience=patience)
                await self._connections.run(self._warn_of_what_is_not_durable)
            except BaseException:
                await self._connections.let_go()
                raise
            self._parts = _Parts(self._connections)

    async def _warn_of_what_is_not_durable(self, attempt: Attempt) -> None:
        for setting in ("fsync", "synchronous_commit"):
            value = await attempt.connection.fetchval("SELECT current_setting($1)", setting)
            if value == "off":
                _log.warning("%s has %s off: a crash of it may take what was told", self._connections.where, setting)

    async def close(self) -> None:
        """Finish what is queued and let go. A transaction that is open is rolled back."""
        parts, self._parts = self._parts, None
        if parts is not None:
            self._connections.hurry()
            parts.transactions.close()
            await parts.creations.drain()
            await parts.commits.drain()
            for listener in parts.listeners:
                await listener.stop()
        await self._connections.close()

    def listen(self, heard: Callable[[Heard], None]) -> bool:
        """From now on call ``heard`` on the event loop when another process tells that it has written."""
        parts = self._open()
        parts.news.alone = not parts.listeners
        parts.listeners.append(Listener(self._connections, parts.news, heard))
        return True

    async def now(self) -> Millis:
        """The time by the server's clock."""
        return await self._run(reads.now)

    # ------------------------------------------------------------------ looking from outside

    async def schema(self) -> SchemaStatus:
        """How the schema stands; also before ``open``. Makes and changes nothing."""
        where, schema = self._connections.where, self._settings.schema
        return await self._look(partial(survey.schema_status, where=where, schema=schema))

    async def survey(self) -> Survey:
        """What is in the store; also before ``open``. Makes and changes nothing."""
        where, schema = self._connections.where, self._settings.schema
        return await self._look(partial(survey.survey, where=where, schema=schema))

    async def _look(self, ask: Callable[[Attempt], Awaitable[T]]) -> T:
        if self._parts is not None:
            return await self._run(ask)
        return await self._connections.run_apart(ask, patience=min(_OPEN_PATIENCE, self._settings.patience))

    # ------------------------------------------------------------------ writing

    async def create_run(self, run: NewRun) -> None:
        """Create a run, durably."""
        await self._open().creations.write(run, run.run_id)

    async def commit(self, commit: Commit, *, within: StoreTransaction | None = None) -> None:
        """Write ``commit``, durably, all or nothing; with ``within``, together with what was written there."""
        parts = self._open()
        if within is None:
            await parts.commits.write((commit, False), commit.run_id)
            return
        if not isinstance(within, PostgresTransaction) or not parts.transactions.has(within):
            raise TransactionMisused("the transaction is not of this store")
        await within.commit(commit, parts.news.of_commits([(commit, False)]))

    async def commit_on_top(self, run_id: str, after: Seq, make: MakeCommit) -> None:
        """Write what ``make`` makes of what is there; if others write all the time, while they are kept out."""
        parts = self._open()
        for _ in range(_TRIES_ON_TOP):
            there = await self._run(partial(reads.since, run_id=run_id, after=after))
            if there is None:
                raise writes.not_found(run_id)
            commit = make(*there)
            try:
                await parts.commits.write((commit, True), commit.run_id)
            except JournalMoved:
                continue
            return
        made: list[Commit] = []

        async def keeping_others_out(attempt: Attempt) -> None:
            if attempt.uncertain and made and await commits.has_landed(attempt.connection, made[-1]):
                return
            async with attempt.connection.transaction():
                commit = make(*await writes.lock(attempt.connection, run_id, after))
                made.append(commit)
                news = parts.news.of_commits([(commit, True)])
                await commits.commit_alone(Attempt(attempt.connection, uncertain=False), commit, news)

        await self._run(keeping_others_out)

    async def transaction(self) -> StoreTransaction:
        """Open the database to a step's writes, in a transaction of its own; waits for a connection that is free."""
        return await self._open().transactions.begin()

    async def delete_run(self, run_id: str) -> bool:
        """Delete a run and all that is kept of it; whether there was one. Others hear of it."""
        return await self._run(partial(writes.delete_run, run_id=run_id, news=self._open().news.of_runs([run_id])))

    async def prune(self, ended_before: Millis, *, limit: int) -> int:
        """Delete at most ``limit`` runs that ended before then, the oldest first, in several short transactions."""
        deleted = 0
        while deleted < limit:
            batch = await self._run(partial(writes.prune, ended_before=ended_before, limit=min(limit - deleted, 1000)))
            if not batch:
                break
            deleted += batch
        return deleted

    async def put_definition(self, fingerprint: str, workflow_id: str, description: bytes) -> None:
        """Keep the description of a definition, once."""
        await self._run(
            partial(writes.put_definition, fingerprint=fingerprint, workflow_id=workflow_id, description=description)
        )

    # ------------------------------------------------------------------ reading

    async def load(self, run_id: str) -> StoredRun | None:
        """The run's record, frontier and the entries after it."""
        return await self._run(partial(reads.load, run_id=run_id))

    async def read(self, run_id: str, *, after: Seq = 0, limit: int | None = None) -> Sequence[bytes]:
        """The run's entries after ``after``."""
        return await self._run(partial(reads.read, run_id=run_id, after=after, limit=limit))

    async def snapshot(self, run_id: str) -> RunSnapshot | None:
        """The run as of one moment, but for its journal."""
        return await self._run(partial(reads.snapshot, run_id=run_id))

    async def read_some(self, run_id: str, seqs: Sequence[Seq]) -> dict[Seq, bytes]:
        """The entries of the given seqs."""
        return await self._run(partial(reads.read_some, run_id=run_id, seqs=seqs))

    async def get_run(self, run_id: str) -> RunRecord | None:
        """The run's record."""
        return await self._run(partial(reads.get_run, run_id=run_id))

    async def last_seqs(self, run_ids: Sequence[str]) -> dict[str, Seq]:
        """The last seq of each of these runs' journals; unknown runs are left out."""
        return await self._run(partial(reads.last_seqs, run_ids=run_ids))

    async def list_runs(self, where: RunFilter, *, limit: int, cursor: str | None = None) -> RunPage:
        """Runs, newest first."""
        return await self._run(partial(reads.list_runs, where=where, limit=limit, cursor=cursor))

    async def open_suspensions(
        self, *, run_id: str | None = None, workflow_id: str | None = None, limit: int = 1000
    ) -> Sequence[OpenSuspension]:
        """Open suspensions, oldest first."""
        return await self._run(partial(reads.open_suspensions, run_id=run_id, workflow_id=workflow_id, limit=limit))

    async def get_definition(self, fingerprint: str) -> bytes | None:
        """The description kept for ``fingerprint``."""
        return await self._run(partial(reads.get_definition, fingerprint=fingerprint))

    # ------------------------------------------------------------------ ownership

    async def beat(self, worker: Worker) -> None:
        """Register the worker, or extend its lease."""
        await self._run(partial(writes.beat, worker=worker))

    async def workers(self) -> Sequence[Worker]:
        """Every registered worker."""
        return await self._run(reads.workers)

    async def retire(self, worker: Worker) -> None:
        """Remove the worker and hand over its runs, unless its lease was extended meanwhile; others hear of it."""
        await self._run(partial(writes.retire, worker=worker, news=self._open().news.anything_free()))

    async def claim(self, run_id: str, worker_id: str, now: Millis) -> RunRecord | None:
        """Take over a run that nobody drives."""
        return await self._run(partial(writes.claim, run_id=run_id, worker_id=worker_id, now=now))

    async def claimable(self, workflows: Sequence[WorkflowKey], now: Millis, *, limit: int) -> Sequence[str]:
        """Ids of runs of these workflows that ``claim`` would take, longest waiting first."""
        return await self._run(partial(reads.claimable, workflows=workflows, now=now, limit=limit))

    async def next_wake(self, workflows: Sequence[WorkflowKey], *, after: Millis | None = None) -> Millis | None:
        """The earliest ``wake_at`` of the waiting and suspended runs of these workflows, later than ``after``."""
        return await self._run(partial(reads.next_wake, workflows=workflows, after=after))

    async def foreign_changes(self) -> int:
        """A number that grows with the time: what others wrote is heard (``listen``); this is the slow look behind."""
        self._open()
        return int(asyncio.get_running_loop().time() / max(self._settings.poll, 0.01))

    # ------------------------------------------------------------------ schedules

    async def put_schedule(self, schedule: Schedule) -> Schedule:
        """Keep a schedule; if it is there, only another ``spec`` changes it."""
        return await self._run(partial(schedules.put_schedule, schedule=schedule))

    async def schedules(self) -> Sequence[Schedule]:
        """Every schedule, by id."""
        return await self._run(schedules.schedules)

    async def advance_schedule(self, schedule_id: str, slot: Millis, next_at: Millis | None) -> bool:
        """Slot ``slot`` is dealt with; whether it still was the next one."""
        return await self._run(partial(schedules.advance_schedule, schedule_id=schedule_id, slot=slot, next_at=next_at))

    async def pause_schedule(self, schedule_id: str, *, paused: bool, next_at: Millis | None) -> bool:
        """Pause it, or let it go on from ``next_at``; whether it is known."""
        return await self._run(
            partial(schedules.pause_schedule, schedule_id=schedule_id, paused=paused, next_at=next_at)
        )

    # ------------------------------------------------------------------ one way in

    async def _run(self, use: Callable[[Attempt], Awaitable[T]]) -> T:
        self._open()
        return await self._connections.run(use)

    def _open(self) -> _Parts:
        if self._parts is None:
            raise self._connections.closed()
        return self._parts


class _Parts:
    """What an open store is made of."""

    def __init__(self, connections: Connections) -> None:
        self.news = News(connections.name)
        self.commits = GroupWriter[tuple[Commit, bool]](
            connections, lanes=2, send=self._send, send_one=self._send_one, alone=self._commit_alone
        )
        self.creations = GroupWriter[NewRun](
            connections, lanes=1, send=self._create, send_one=self._create_one, alone=self._create_alone
        )
        self.transactions = Transactions(connections)
        self.listeners: list[Listener] = []

    async def _send(self, connection: Connection, asked: Sequence[tuple[Commit, bool]]) -> set[int]:
        return await commits.send(connection, [commit for commit, _ in asked], self.news.of_commits(asked))

    async def _send_one(self, connection: Connection, asked: tuple[Commit, bool]) -> bool:
        return await commits.send_one(connection, asked[0], self.news.of_commits([asked]))

    async def _commit_alone(self, attempt: Attempt, commit: tuple[Commit, bool]) -> None:
        await commits.commit_alone(attempt, commit[0], self.news.of_commits([commit]))

    async def _create(self, connection: Connection, runs: Sequence[NewRun]) -> set[int]:
        return await creations.create(connection, runs, self.news.of_creations(runs))

    async def _create_one(self, connection: Connection, run: NewRun) -> bool:
        return bool(await self._create(connection, [run]))

    async def _create_alone(self, attempt: Attempt, run: NewRun) -> None:
        await creations.create_alone(attempt, run, self.news.of_creations([run]))
