"""A store in memory: for tests, and for runs that need not outlive the process."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from operator import attrgetter

import msgspec

from waystation.core.addresses import Address
from waystation.core.entries import Millis, Seq
from waystation.errors import RunAlreadyExists, RunNotFound, StoreClosed
from waystation.store.cursors import Place, decode_cursor, encode_cursor
from waystation.store.protocol import (
    Commit,
    Fenced,
    JournalMoved,
    NewRun,
    OpenSuspension,
    RunFilter,
    RunPage,
    RunRecord,
    StoredRun,
    Worker,
)


class _Kept(msgspec.Struct):
    """A run as it is kept here. Its record is replaced, its journal only appended to."""

    place: Place
    record: RunRecord
    journal: list[bytes]
    frontier: bytes | None = None
    frontier_seq: Seq = 0


_place = attrgetter("place")


class MemoryStore:
    """Keeps runs in this process's memory, by the same rules as any store. They are gone when it is.

    No call ever waits, so none is interrupted half-way: that is what makes each of them atomic.
    """

    def __init__(self) -> None:
        self._is_open = False
        self._closed = False
        self._runs: dict[str, _Kept] = {}
        self._oldest_first: list[_Kept] = []
        # Those that a claim could be for; the many that ended or are parked need not be searched.
        self._active: dict[str, _Kept] = {}
        # In the order of opening.
        self._open: dict[tuple[str, Seq], Address] = {}
        self._workers: dict[str, Worker] = {}
        self._definitions: dict[str, bytes] = {}

    async def open(self) -> None:
        """Nothing to connect to. Opening twice is fine."""
        if self._closed:
            raise StoreClosed("the store was closed; make another")
        self._is_open = True

    async def close(self) -> None:
        """Forget everything. Every later call raises ``StoreClosed``."""
        self.__init__()  # type: ignore[misc]  # the empty store is exactly the new one
        self._closed = True

    def _check_open(self) -> None:
        if not self._is_open:
            state = "was closed" if self._closed else "is not open yet: await its open() first"
            raise StoreClosed(f"the store {state}")

    # ------------------------------------------------------------------ writing

    async def create_run(self, run: NewRun) -> None:
        """Create a run."""
        self._check_open()
        if run.run_id in self._runs:
            raise RunAlreadyExists(f"there is a run {run.run_id!r} in the store already", run_id=run.run_id)
        head = run.head
        record = RunRecord(
            run_id=run.run_id,
            workflow_id=run.workflow_id,
            fingerprint=run.fingerprint,
            status="pending" if head is None else head.status,
            resource_id=run.resource_id,
            created_at=run.created_at,
            updated_at=run.created_at if head is None else head.updated_at,
            epoch=0 if head is None else head.epoch,
            owner=None if head is None else head.owner,
            wake_at=None if head is None else head.wake_at,
        )
        kept = _Kept(Place(run.created_at, len(self._runs) + 1), record, list(run.entries))
        self._runs[run.run_id] = kept
        self._put(kept, record)
        insort(self._oldest_first, kept, key=_place)

    async def commit(self, commit: Commit) -> None:
        """Write ``commit``, all or nothing."""
        self._check_open()
        kept = self._runs.get(commit.run_id)
        if kept is None:
            raise RunNotFound(f"there is no run {commit.run_id!r} in the store", run_id=commit.run_id)
        if kept.record.epoch != commit.epoch:
            raise Fenced
        if len(kept.journal) != commit.after:
            raise JournalMoved
        kept.journal += commit.entries
        if commit.frontier is not None:
            kept.frontier, kept.frontier_seq = commit.frontier, len(kept.journal)
        for opened in commit.opened:
            self._open[commit.run_id, opened.seq] = opened.address
        for seq in commit.closed:
            self._open.pop((commit.run_id, seq), None)
        if (head := commit.head) is not None:
            self._put(
                kept,
                msgspec.structs.replace(
                    kept.record,
                    status=head.status,
                    epoch=head.epoch,
                    owner=head.owner,
                    wake_at=head.wake_at,
                    fingerprint=head.fingerprint,
                    updated_at=head.updated_at,
                ),
            )

    def _put(self, kept: _Kept, record: RunRecord) -> None:
        kept.record = record
        if record.status in {"running", "waiting"}:
            self._active[record.run_id] = kept
        else:
            self._active.pop(record.run_id, None)

    async def put_definition(self, fingerprint: str, workflow_id: str, description: bytes) -> None:  # noqa: ARG002  (a fingerprint says it all)
        """Keep the description of a definition, once."""
        self._check_open()
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

    async def list_runs(self, where: RunFilter, *, limit: int, cursor: str | None = None) -> RunPage:
        """Runs, newest first."""
        self._check_open()
        found: list[_Kept] = []
        for kept in self._newest_first(where.until, cursor):
            record = kept.record
            if where.since is not None and record.created_at < where.since:
                break
            if (
                where.workflow_id in {None, record.workflow_id}
                and where.status in {None, record.status}
                and where.resource_id in {None, record.resource_id}
            ):
                found.append(kept)
            if len(found) > limit:
                break
        more = len(found) > limit
        del found[limit:]
        return RunPage(
            runs=[kept.record for kept in found], cursor=encode_cursor(found[-1].place) if more and found else None
        )

    def _newest_first(self, until: Millis | None, cursor: str | None) -> Iterator[_Kept]:
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
        found: list[OpenSuspension] = []
        for (of, seq), address in self._open.items():
            if len(found) >= limit:
                break
            kept = self._runs[of]
            if run_id in {None, of} and workflow_id in {None, kept.record.workflow_id}:
                found.append(
                    OpenSuspension(
                        run_id=of,
                        workflow_id=kept.record.workflow_id,
                        address=address,
                        seq=seq,
                        entry=kept.journal[seq - 1],
                    )
                )
        return found

    async def get_definition(self, fingerprint: str) -> bytes | None:
        """The description kept for ``fingerprint``."""
        self._check_open()
        return self._definitions.get(fingerprint)

    # ------------------------------------------------------------------ ownership

    async def beat(self, worker: Worker) -> None:
        """Register the worker, or extend its lease."""
        self._check_open()
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
        del self._workers[worker.worker_id]
        for kept in list(self._active.values()):
            if kept.record.owner == worker.worker_id:
                self._put(kept, msgspec.structs.replace(kept.record, owner=None))

    async def claim(self, run_id: str, worker_id: str, now: Millis) -> RunRecord | None:
        """Take over a run that nobody drives."""
        self._check_open()
        kept = self._active.get(run_id)
        if kept is None or not self._is_free(kept.record, worker_id, now):
            return None
        self._put(
            kept,
            msgspec.structs.replace(
                kept.record,
                status="running",
                owner=worker_id,
                epoch=kept.record.epoch + 1,
                wake_at=None,
                updated_at=now,
            ),
        )
        return kept.record

    def _is_free(self, record: RunRecord, worker_id: str | None, now: Millis) -> bool:
        if record.status == "waiting":
            return record.wake_at is not None and record.wake_at <= now
        if record.owner is None or record.owner == worker_id:
            return True
        owner = self._workers.get(record.owner)
        return owner is None or owner.expires_at <= now

    async def claimable(self, workflow_ids: Sequence[str], now: Millis, *, limit: int) -> Sequence[str]:
        """Ids of runs of these workflows that ``claim`` would take, longest waiting first."""
        self._check_open()
        free = [
            kept
            for kept in self._active.values()
            if kept.record.workflow_id in workflow_ids and self._is_free(kept.record, None, now)
        ]
        free.sort(key=lambda kept: (_free_since(kept.record), kept.place.number))
        return [kept.record.run_id for kept in free[:limit]]

    async def next_wake(self, workflow_ids: Sequence[str]) -> Millis | None:
        """The earliest ``wake_at`` of the waiting runs of these workflows."""
        self._check_open()
        return min(
            (
                kept.record.wake_at
                for kept in self._active.values()
                if kept.record.status == "waiting"
                and kept.record.wake_at is not None
                and kept.record.workflow_id in workflow_ids
            ),
            default=None,
        )

    async def foreign_changes(self) -> int:
        """Always the same: nobody else can write here."""
        self._check_open()
        return 0


def _free_since(record: RunRecord) -> Millis:
    return record.updated_at if record.wake_at is None else record.wake_at
