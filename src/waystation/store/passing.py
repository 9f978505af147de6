"""A store that passes everything on to another: for stores that do one thing more."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from waystation.core.refs import Millis, Seq
from waystation.store.protocol import Store, StoreTransaction
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


class PassingStore:
    """Passes everything on to ``store``; what is done in another way is for those that inherit it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def create_run(self, run: NewRun) -> None:
        """See ``Store``."""
        await self._store.create_run(run)

    async def commit(self, commit: Commit, *, within: StoreTransaction | None = None) -> None:
        """See ``Store``."""
        await self._store.commit(commit, within=within)

    async def commit_on_top(self, run_id: str, after: Seq, make: MakeCommit) -> None:
        """See ``Store``."""
        await self._store.commit_on_top(run_id, after, make)

    async def open(self) -> None:
        """See ``Store``."""
        await self._store.open()

    async def close(self) -> None:
        """See ``Store``."""
        await self._store.close()

    async def schema(self) -> SchemaStatus:
        """See ``Store``."""
        return await self._store.schema()

    async def survey(self) -> Survey:
        """See ``Store``."""
        return await self._store.survey()

    async def transaction(self) -> StoreTransaction:
        """See ``Store``."""
        return await self._store.transaction()

    async def delete_run(self, run_id: str) -> bool:
        """See ``Store``."""
        return await self._store.delete_run(run_id)

    async def prune(self, ended_before: Millis, *, limit: int) -> int:
        """See ``Store``."""
        return await self._store.prune(ended_before, limit=limit)

    async def put_definition(self, fingerprint: str, workflow_id: str, description: bytes) -> None:
        """See ``Store``."""
        await self._store.put_definition(fingerprint, workflow_id, description)

    async def load(self, run_id: str) -> StoredRun | None:
        """See ``Store``."""
        return await self._store.load(run_id)

    async def read(self, run_id: str, *, after: Seq = 0, limit: int | None = None) -> Sequence[bytes]:
        """See ``Store``."""
        return await self._store.read(run_id, after=after, limit=limit)

    async def snapshot(self, run_id: str) -> RunSnapshot | None:
        """See ``Store``."""
        return await self._store.snapshot(run_id)

    async def read_some(self, run_id: str, seqs: Sequence[Seq]) -> dict[Seq, bytes]:
        """See ``Store``."""
        return await self._store.read_some(run_id, seqs)

    async def get_run(self, run_id: str) -> RunRecord | None:
        """See ``Store``."""
        return await self._store.get_run(run_id)

    async def last_seqs(self, run_ids: Sequence[str]) -> dict[str, Seq]:
        """See ``Store``."""
        return await self._store.last_seqs(run_ids)

    async def list_runs(self, where: RunFilter, *, limit: int, cursor: str | None = None) -> RunPage:
        """See ``Store``."""
        return await self._store.list_runs(where, limit=limit, cursor=cursor)

    async def open_suspensions(
        self, *, run_id: str | None = None, workflow_id: str | None = None, limit: int = 1000
    ) -> Sequence[OpenSuspension]:
        """See ``Store``."""
        return await self._store.open_suspensions(run_id=run_id, workflow_id=workflow_id, limit=limit)

    async def get_definition(self, fingerprint: str) -> bytes | None:
        """See ``Store``."""
        return await self._store.get_definition(fingerprint)

    async def beat(self, worker: Worker) -> None:
        """See ``Store``."""
        await self._store.beat(worker)

    async def workers(self) -> Sequence[Worker]:
        """See ``Store``."""
        return await self._store.workers()

    async def retire(self, worker: Worker) -> None:
        """See ``Store``."""
        await self._store.retire(worker)

    async def claim(self, run_id: str, worker_id: str, now: Millis) -> RunRecord | None:
        """See ``Store``."""
        return await self._store.claim(run_id, worker_id, now)

    async def claimable(self, workflows: Sequence[WorkflowKey], now: Millis, *, limit: int) -> Sequence[str]:
        """See ``Store``."""
        return await self._store.claimable(workflows, now, limit=limit)

    async def next_wake(self, workflows: Sequence[WorkflowKey], *, after: Millis | None = None) -> Millis | None:
        """See ``Store``."""
        return await self._store.next_wake(workflows, after=after)

    async def put_schedule(self, schedule: Schedule) -> Schedule:
        """See ``Store``."""
        return await self._store.put_schedule(schedule)

    async def schedules(self) -> Sequence[Schedule]:
        """See ``Store``."""
        return await self._store.schedules()

    async def advance_schedule(self, schedule_id: str, slot: Millis, next_at: Millis | None) -> bool:
        """See ``Store``."""
        return await self._store.advance_schedule(schedule_id, slot, next_at)

    async def pause_schedule(self, schedule_id: str, *, paused: bool, next_at: Millis | None) -> bool:
        """See ``Store``."""
        return await self._store.pause_schedule(schedule_id, paused=paused, next_at=next_at)

    async def now(self) -> Millis | None:
        """See ``Store``."""
        return await self._store.now()

    def listen(self, heard: Callable[[Heard], None]) -> bool:
        """See ``Store``."""
        return self._store.listen(heard)

    async def foreign_changes(self) -> int:
        """See ``Store``."""
        return await self._store.foreign_changes()
