"""A store in memory: for tests, and for runs that need not outlive the process."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from operator import attrgetter

from msgspec.structs import replace

from waystation.core.refs import Millis, Seq
from waystation.errors import RunAlreadyExists, RunIsRunning, RunNotFound, StoreClosed, TransactionsNotSupported
from waystation.store.cursors import Place, decode_cursor, encode_cursor
from waystation.store.memory_runs import Filed, Kept, fits, is_free, new_kept, size_of
from waystation.store.memory_schedules import KeptSchedules
from waystation.store.memory_suspensions import KeptSuspensions
from waystation.store.protocol import Fenced, IdempotencyKeyUsed, JournalMoved, StoreTransaction
from waystation.store.records import (
    ENDED,
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

_place = attrgetter("place")


class MemoryStore:
    """Keeps runs in this process's memory, by the same rules as any store. They are gone when it is.

    No call ever waits, so none is interrupted half-way: that is what makes each of them atomic.
    """

    def __init__(self) -> None:
        self._is_open = False
        self._closed = False
        self._runs: dict[str, Kept] = {}
        self._oldest_first: list[Kept] = []
        self._last_number = 0
        self._keys: dict[tuple[str, str], str] = {}
        self._filed = Filed()
        self._suspensions = KeptSuspensions()
        self._workers: dict[str, Worker] = {}
        self._definitions: dict[str, bytes] = {}
        self._schedules = KeptSchedules()
        self._writes = 0

    async def open(self) -> None:
        """Nothing to connect to. Opening twice is fine."""
        if self._closed:
            raise StoreClosed("the store was closed; make another")
        self._is_open = True

    async def close(self) -> None:
        """Forget everything. Every later call raises ``StoreClosed``."""
        MemoryStore.__init__(self)  # the empty store is exactly the new one
        self._closed = True

    async def schema(self) -> SchemaStatus:
        """Memory has no schema to bring up to date."""
        if self._closed:
            self._check_open()
        return SchemaStatus(store="memory", version=1, newest=1)

    async def survey(self) -> Survey:
        """What is in it; also before ``open``."""
        if self._closed:
            self._check_open()
        records = [kept.record for kept in self._oldest_first]
        return Survey(
            runs=Counter(record.status for record in records),
            open_suspensions=len(self._suspensions),
            oldest_unfinished=next((record for record in records if record.status not in ENDED), None),
            workers=list(self._workers.values()),
            schedules=self._schedules.all(),
            size=sum(map(size_of, self._oldest_first)) + sum(map(len, self._definitions.values())),
        )

    def _check_open(self) -> None:
        if not self._is_open:
            state = "was closed" if self._closed else "is not open yet: await its open() first"
            raise StoreClosed(f"the store {state}")

    # ------------------------------------------------------------------ writing

    async def create_run(self, run: NewRun) -> None:
        """Create a run."""
        self._check_open()
        key = None if run.idempotency_key is None else (run.workflow_id, run.idempotency_key)
        if key is not None and key in self._keys:
            raise IdempotencyKeyUsed(self._keys[key])
        if run.run_id in self._runs:
            raise RunAlreadyExists(f"there is a run {run.run_id!r} in the store already", run_id=run.run_id)
        self._writes += 1
        self._last_number += 1
        kept = new_kept(run, self._last_number)
        self._runs[run.run_id] = kept
        if key is not None:
            self._keys[key] = run.run_id
        insort(self._oldest_first, kept, key=_place)
        self._filed.put(kept)
        self._suspensions.open(kept, run.opened)

    async def commit(self, commit: Commit, *, within: StoreTransaction | None = None) -> None:
        """Write ``commit``, all or nothing."""
        if not self._is_open:
            self._check_open()
        if within is not None:
            raise _no_transactions()
        kept = self._runs.get(commit.run_id)
        if kept is None:
            raise RunNotFound(f"there is no run {commit.run_id!r} in the store", run_id=commit.run_id)
        if kept.record.epoch != commit.epoch:
            raise Fenced
        if len(kept.journal) != commit.after:
            raise JournalMoved
        self._writes += 1
        kept.journal += commit.entries
        if commit.frontier is not None:
            kept.frontier, kept.frontier_seq = commit.frontier, len(kept.journal)
        if commit.opened or commit.closed:
            self._suspensions.open(kept, commit.opened)
            self._suspensions.close(kept, commit.closed)
        if (head := commit.head) is not None:
            self._put(
                kept,
                replace(
                    kept.record,
                    status=head.status,
                    epoch=head.epoch,
                    owner=head.owner,
                    wake_at=head.wake_at,
                    fingerprint=head.fingerprint,
                    updated_at=head.updated_at,
                ),
            )

    async def commit_on_top(self, run_id: str, after: Seq, make: MakeCommit) -> None:
        """Write what ``make`` makes of what is there."""
        record = await self.get_run(run_id)
        if record is None:
            raise RunNotFound(f"there is no run {run_id!r} in the store", run_id=run_id)
        await self.commit(make(record, await self.read(run_id, after=after)))

    async def transaction(self) -> StoreTransaction:
        """There is no SQL database here."""
        self._check_open()
        raise _no_transactions()

    async def delete_run(self, run_id: str) -> bool:
        """Delete a run and all that is kept of it; whether there was one."""
        self._check_open()
        kept = self._runs.get(run_id)
        if kept is None:
            return False
        if kept.record.status == "running":
            raise RunIsRunning(f"run {run_id!r} is running: cancel it first, or wait for its end", run_id=run_id)
        self._delete(kept)
        return True

    async def prune(self, ended_before: Millis, *, limit: int) -> int:
        """Delete at most ``limit`` runs that ended before then, the oldest first; gives how many."""
        self._check_open()
        old = self._filed.ended(ended_before, limit)
        for run_id in old:
            self._delete(self._runs[run_id])
        return len(old)

    def _delete(self, kept: Kept) -> None:
        record = kept.record
        self._writes += 1
        self._filed.take_out(kept)
        self._suspensions.close_all(kept)
        del self._oldest_first[bisect_left(self._oldest_first, kept.place, key=_place)]
        if record.idempotency_key is not None:
            del self._keys[record.workflow_id, record.idempotency_key]
        del self._runs[record.run_id]

    def _put(self, kept: Kept, record: RunRecord) -> None:
        self._filed.take_out(kept)
        kept.record = record
        self._filed.put(kept)

    async def put_definition(self, fingerprint: str, workflow_id: str, description: bytes) -> None:  # noqa: ARG002  (a fingerprint says it all)
        """Keep the description of a definition, once."""
        self._check_open()
        self._writes += 1
        self._definitions.setdefault(fingerprint, description)

    # ------------------------------------------------------------------ reading

    async def load(self, run_id: str) -> StoredRun | None:
        """The run's record, frontier and the entries after it."""
        self._check_open()
        kept = self._runs.get(run_id)
        if kept is None:
            return None
        return StoredRun(
            record=kept.record,
            frontier=kept.frontier,
            frontier_seq=kept.frontier_seq,
            entries=kept.journal[kept.frontier_seq :],
        )

    async def read(self, run_id: str, *, after: Seq = 0, limit: int | None = None) -> Sequence[bytes]:
        """The run's entries after ``after``."""
        self._check_open()
        kept = self._runs.get(run_id)
        if kept is None:
            return []
        return kept.journal[after : None if limit is None else after + limit]

    async def snapshot(self, run_id: str) -> RunSnapshot | None:
        """The run as of one moment, but for its journal."""
        self._check_open()
        kept = self._runs.get(run_id)
        if kept is None:
            return None
        return RunSnapshot(
            record=kept.record,
            last_seq=len(kept.journal),
            frontier=kept.frontier,
            frontier_seq=kept.frontier_seq,
            opened=self._suspensions.of(kept),
        )

    async def read_some(self, run_id: str, seqs: Sequence[Seq]) -> dict[Seq, bytes]:
        """The entries of the given seqs."""
        self._check_open()
        kept = self._runs.get(run_id)
        journal = kept.journal if kept is not None else []
        return {seq: journal[seq - 1] for seq in seqs if 0 < seq <= len(journal)}

    async def get_run(self, run_id: str) -> RunRecord | None:
        """The run's record."""
        self._check_open()
        kept = self._runs.get(run_id)
        return None if kept is None else kept.record

    async def last_seqs(self, run_ids: Sequence[str]) -> dict[str, Seq]:
        """The last seq of each of these runs' journals; unknown runs are left out."""
        self._check_open()
        return {run_id: len(self._runs[run_id].journal) for run_id in run_ids if run_id in self._runs}

    async def list_runs(self, where: RunFilter, *, limit: int, cursor: str | None = None) -> RunPage:
        """Runs, newest first."""
        self._check_open()
        found: list[Kept] = []
        for kept in self._newest_first(where.until, cursor):
            record = kept.record
            if where.since is not None and record.created_at < where.since:
                break
            if fits(record, where):
                found.append(kept)
            if len(found) > limit:
                break
        more = len(found) > limit
        del found[limit:]
        return RunPage(
            runs=[kept.record for kept in found], cursor=encode_cursor(found[-1].place) if more and found else None
        )

    def _newest_first(self, until: Millis | None, cursor: str | None) -> Iterator[Kept]:
        end = len(self._oldest_first)
        if until is not None:
            end = bisect_left(self._oldest_first, Place(until, 0), key=_place)
        if cursor is not None:
            end = min(end, bisect_left(self._oldest_first, decode_cursor(cursor), key=_place))
        return (self._oldest_first[index] for index in range(end - 1, -1, -1))

    async def open_suspensions(
        self, *, run_id: str | None = None, workflow_id: str | None = None, limit: int = 1000
    ) -> Sequence[OpenSuspension]:
        """Open suspensions, oldest first."""
        self._check_open()
        kept = None if run_id is None else self._runs.get(run_id)
        if run_id is not None and kept is None:
            return []
        wanted = (each for each in self._suspensions.rows(kept) if workflow_id in {None, each.workflow_id})
        return list(islice(wanted, limit))

    async def get_definition(self, fingerprint: str) -> bytes | None:
        """The description kept for ``fingerprint``."""
        self._check_open()
        return self._definitions.get(fingerprint)

    # ------------------------------------------------------------------ ownership

    async def beat(self, worker: Worker) -> None:
        """Register the worker, or extend its lease."""
        self._check_open()
        self._writes += 1
        self._workers[worker.worker_id] = worker

    async def workers(self) -> Sequence[Worker]:
        """Every registered worker."""
        self._check_open()
        return list(self._workers.values())

    async def retire(self, worker: Worker) -> None:
        """Remove the worker and hand over its runs, unless its lease was extended meanwhile."""
        self._check_open()
        known = self._workers.get(worker.worker_id)
        if known is None or known.expires_at != worker.expires_at:
            return
        self._writes += 1
        del self._workers[worker.worker_id]
        for kept in self._filed.owned_by(worker.worker_id):
            self._put(kept, replace(kept.record, owner=None))

    async def claim(self, run_id: str, worker_id: str, now: Millis) -> RunRecord | None:
        """Take over a run that nobody drives."""
        self._check_open()
        kept = self._runs.get(run_id)
        if kept is None or not is_free(kept.record, worker_id, self._workers, now):
            return None
        self._writes += 1
        self._put(
            kept,
            replace(
                kept.record,
                status="running",
                owner=worker_id,
                epoch=kept.record.epoch + 1,
                wake_at=None,
                updated_at=now,
            ),
        )
        return kept.record

    async def claimable(self, workflows: Sequence[WorkflowKey], now: Millis, *, limit: int) -> Sequence[str]:
        """Ids of runs of these workflows that ``claim`` would take, longest waiting first."""
        self._check_open()
        return self._filed.free(workflows, self._workers, now, limit)

    async def next_wake(self, workflows: Sequence[WorkflowKey], *, after: Millis | None = None) -> Millis | None:
        """The earliest ``wake_at`` of the waiting and suspended runs of these workflows, later than ``after``."""
        self._check_open()
        return self._filed.next_wake(workflows, after)

    # ------------------------------------------------------------------ schedules

    async def put_schedule(self, schedule: Schedule) -> Schedule:
        """Keep a schedule; if it is there, only another ``spec`` changes it."""
        self._check_open()
        self._writes += 1
        return self._schedules.put(schedule)

    async def schedules(self) -> Sequence[Schedule]:
        """Every schedule, by id."""
        self._check_open()
        return self._schedules.all()

    async def advance_schedule(self, schedule_id: str, slot: Millis, next_at: Millis | None) -> bool:
        """Slot ``slot`` is dealt with; whether it still was the next one."""
        self._check_open()
        self._writes += 1
        return self._schedules.advance(schedule_id, slot, next_at)

    async def pause_schedule(self, schedule_id: str, *, paused: bool, next_at: Millis | None) -> bool:
        """Pause it, or let it go on from ``next_at``; whether it is known."""
        self._check_open()
        self._writes += 1
        return self._schedules.pause(schedule_id, paused=paused, next_at=next_at)

    async def now(self) -> None:
        """It has no clock but the machine's."""

    def listen(self, heard: Callable[[Heard], None]) -> bool:  # noqa: ARG002  (it never has something to tell)
        """There is no other process."""
        return False

    async def foreign_changes(self) -> int:
        """How often anything was written: several apps may have this one object, and it cannot tell them apart."""
        self._check_open()
        return self._writes


def _no_transactions() -> TransactionsNotSupported:
    return TransactionsNotSupported(
        "a store in memory has no SQL database for a step's transaction to write to; use a SQLite store "
        "(store='sqlite:///file.db')"
    )
