"""What can be seen of a store from outside, and of a run as of one moment."""

# ruff: noqa: D102, PLR2004  (a test's name says what it tests, and its numbers are its own)

from __future__ import annotations

import pytest
from msgspec.structs import replace

from waystation.errors import StoreClosed
from waystation.store.protocol import Store
from waystation.store.records import NewRun, RunFilter, RunSnapshot, RunStatus, Schedule, Worker
from waystation.testing.store_suite.rules import OnAsyncio
from waystation.testing.store_suite.writes import CREATED, commit, head, new_run, opened


class OutsideSuite(OnAsyncio):
    """Surveys and snapshots."""

    async def test_the_schema_of_an_open_store_is_the_newest(self, store: Store) -> None:
        status = await store.schema()
        assert status.is_settled
        assert status.version == status.newest > 0
        assert status.store

    async def test_a_survey_counts_what_is_there(self, store: Store) -> None:
        empty = await store.survey()
        assert (dict(empty.runs), empty.open_suspensions, empty.oldest_unfinished) == ({}, 0, None)
        assert (list(empty.workers), list(empty.schedules)) == ([], [])
        statuses: list[RunStatus] = ["success", "success", "failed", "suspended", "running", "suspended", "success"]
        for number, status in enumerate(statuses):
            asked = [opened(1, "a")] if status == "suspended" else []
            begun = new_run(f"r{number}", at=10 - number, head=head(status, epoch=0))
            await store.create_run(replace(begun, opened=asked))
        worker = Worker(worker_id="w", host="h", pid=1, expires_at=7)
        await store.beat(worker)
        schedule = Schedule(schedule_id="s", workflow_id="flow", spec="daily", next_at=5)
        await store.put_schedule(schedule)
        found = await store.survey()
        assert dict(found.runs) == {"success": 3, "failed": 1, "suspended": 2, "running": 1}
        assert found.open_suspensions == 2
        assert found.oldest_unfinished == await store.get_run("r5")
        assert (list(found.workers), list(found.schedules)) == ([worker], [schedule])
        assert found.size > 0
        assert (found.at is None) == (await store.now() is None)

    async def test_the_oldest_of_runs_created_in_one_moment_is_the_first(self, store: Store) -> None:
        for number in range(3):
            await store.create_run(new_run(f"r{number}", at=5))
        await store.commit(commit(1, b"2", run_id="r0", head=head("success")))
        oldest = (await store.survey()).oldest_unfinished
        assert oldest is not None
        assert oldest.run_id == "r1"

    async def test_a_record_tells_the_idempotency_key(self, store: Store) -> None:
        await store.create_run(new_run("r1", key="order-7"))
        await store.create_run(new_run("r2"))
        listed = (await store.list_runs(RunFilter(), limit=9)).runs
        assert [run.idempotency_key for run in listed] == [None, "order-7"]
        await store.commit(commit(1, b"2", head=head("running", epoch=3)))
        claimed = await store.claim("r1", "w", 1)
        assert claimed is not None
        assert claimed.idempotency_key == "order-7"

    async def test_a_snapshot_is_the_run_but_for_its_journal(self, store: Store) -> None:
        await store.create_run(new_run(key="k", version="2", resource_id="x"))
        record = await store.get_run("r1")
        assert record is not None
        assert await store.snapshot("r1") == RunSnapshot(
            record=record, last_seq=1, frontier=None, frontier_seq=0, opened=[]
        )
        parked = head("suspended", wake_at=9)
        asked = [opened(2, "a"), opened(3, "b")]
        await store.commit(commit(1, b"2", b"3", head=parked, frontier=b"state", opened=asked))
        await store.commit(commit(3, b"4", epoch=1, closed=[2]))
        found = await store.snapshot("r1")
        assert found is not None
        assert found.record == await store.get_run("r1")
        assert (found.last_seq, found.frontier, found.frontier_seq) == (4, b"state", 3)
        assert list(found.opened) == [opened(3, "b")]
        assert await store.snapshot("nobody") is None

    async def test_a_run_may_begin_with_a_frontier_that_lags_behind(self, store: Store) -> None:
        begun = NewRun(
            run_id="r1",
            workflow_id="flow",
            fingerprint="f",
            created_at=1,
            entries=[CREATED, b"2", b"3"],
            frontier=b"state",
            frontier_seq=2,
        )
        await store.create_run(begun)
        stored = await store.load("r1")
        assert stored is not None
        assert (stored.frontier, stored.frontier_seq, list(stored.entries)) == (b"state", 2, [b"3"])
        assert stored.last_seq == 3

    async def test_a_closed_store_shows_nothing(self, store: Store) -> None:
        await store.close()
        with pytest.raises(StoreClosed):
            await store.schema()
        with pytest.raises(StoreClosed):
            await store.survey()
