"""Deleting runs, and pruning those that ended long ago."""

# ruff: noqa: D102, PLR2004  (a test's name says what it tests, and its numbers are its own)

from __future__ import annotations

import pytest

from waystation.errors import RunIsRunning, RunNotFound
from waystation.store.protocol import Store
from waystation.store.records import UNFINISHED, RunFilter, RunStatus, WorkflowKey
from waystation.testing.store_suite.journal import open_now
from waystation.testing.store_suite.rules import OnAsyncio
from waystation.testing.store_suite.writes import CREATED, commit, head, new_run, opened

_ENDS: tuple[RunStatus, ...] = ("success", "failed", "cancelled")


async def _left(store: Store) -> list[str]:
    return sorted(run.run_id for run in (await store.list_runs(RunFilter(), limit=1000)).runs)


class DeletionSuite(OnAsyncio):
    """Deleting and pruning runs."""

    async def test_of_a_deleted_run_nothing_is_left(self, store: Store) -> None:
        for run_id in ("r1", "r2"):
            await store.create_run(new_run(run_id, key=f"key of {run_id}", resource_id="x"))
            parked = head("suspended", wake_at=9)
            write = commit(1, b"2", run_id=run_id, head=parked, frontier=b"state", opened=[opened(2, "a")])
            await store.commit(write)
        assert await store.delete_run("r1") is True
        assert await store.delete_run("r1") is False
        assert await store.delete_run("nobody") is False
        assert await store.get_run("r1") is None
        assert await store.load("r1") is None
        assert list(await store.read("r1")) == []
        assert await store.read_some("r1", [1, 2]) == {}
        assert await store.last_seqs(["r1", "r2"]) == {"r2": 2}
        assert await open_now(store) == [("r2", 2, "a", b"2")]
        assert await open_now(store, run_id="r1") == []
        assert await store.claimable([WorkflowKey("flow")], 99, limit=10) == ["r2"]
        assert await store.claim("r1", "w", 99) is None
        assert await _left(store) == ["r2"]

    async def test_a_running_run_is_not_deleted(self, store: Store) -> None:
        await store.create_run(new_run(head=head("running", epoch=0, owner="w")))
        with pytest.raises(RunIsRunning) as caught:
            await store.delete_run("r1")
        assert caught.value.run_id == "r1"
        assert list(await store.read("r1")) == [CREATED]

    async def test_a_deleted_runs_id_and_key_are_free_and_its_writers_are_refused(self, store: Store) -> None:
        await store.create_run(new_run(key="k"))
        await store.commit(commit(1, b"2", frontier=b"state", opened=[opened(2, "a")]))
        await store.delete_run("r1")
        for refused in (commit(2, b"late"), commit(2, head=head("failed"))):
            with pytest.raises(RunNotFound):
                await store.commit(refused)
        await store.create_run(new_run(key="k", at=7))
        stored = await store.load("r1")
        assert stored is not None
        assert (stored.record.created_at, list(stored.entries), stored.frontier) == (7, [CREATED], None)
        assert await open_now(store) == []
        await store.commit(commit(1, b"again"))
        assert list(await store.read("r1")) == [CREATED, b"again"]

    async def test_pruning_deletes_what_ended_before_then_the_oldest_first(self, store: Store) -> None:
        for number in range(12):
            # Neither in the order in which they began, nor in that in which they are written.
            end = number * 5 % 12
            await store.create_run(new_run(f"e{end:02}", at=99 - end, head=head("running", epoch=0)))
            await store.commit(commit(1, b"2", run_id=f"e{end:02}", head=head(_ENDS[end % 3], at=end)))
        for status in UNFINISHED:
            await store.create_run(new_run(f"u-{status}", at=0, head=head(status, epoch=0, at=0)))
        unfinished = [run_id for run_id in await _left(store) if run_id.startswith("u")]
        assert await store.prune(10, limit=4) == 4
        assert await _left(store) == [f"e{number:02}" for number in range(4, 12)] + unfinished
        assert await store.prune(10, limit=0) == 0
        assert await store.prune(10, limit=100) == 6
        assert await _left(store) == ["e10", "e11", *unfinished]
        assert await store.prune(10, limit=100) == 0
        assert await store.last_seqs(["e00", "e10"]) == {"e10": 2}
