"""Who drives which run: workers, claims, and when sleeping runs wake."""

# ruff: noqa: D102, PLR2004  (a test's name says what it tests, and its numbers are its own)

from __future__ import annotations

import asyncio

import pytest

from waystation.store.protocol import Fenced, Store
from waystation.store.records import Head, Worker, WorkflowKey
from waystation.testing.store_suite.rules import OnAsyncio
from waystation.testing.store_suite.writes import commit, head, new_run

_FLOW = [WorkflowKey("flow")]


def _worker(worker_id: str, *, until: int = 100) -> Worker:
    return Worker(worker_id=worker_id, host="h", pid=1, expires_at=until)


async def _runs(store: Store, heads: dict[str, Head]) -> None:
    for run_id, state in heads.items():
        await store.create_run(new_run(run_id))
        await store.commit(commit(1, run_id=run_id, head=state))


class OwnershipSuite(OnAsyncio):
    """Who drives which run."""

    async def test_only_runs_that_nobody_drives_can_be_claimed_and_each_once(self, store: Store) -> None:
        for worker_id in ("w1", "w2", "w3"):
            await store.beat(_worker(worker_id))
        free = {
            "orphan": head("running"),
            "due": head("waiting", wake_at=50),
            "due-and-asked": head("suspended", wake_at=60),
            "of-nobody": head("running", owner="w9"),
        }
        others = {
            "driven": head("running", owner="w1"),
            "early": head("waiting", wake_at=500),
            "early-and-asked": head("suspended", wake_at=61),
            "parked": head("suspended"),
            "for-an-event": head("waiting"),
            "paused": head("paused"),
            "ended": head("success"),
        }
        await _runs(store, free | others)
        assert set(await store.claimable(_FLOW, 60, limit=10)) == set(free)
        assert await store.next_wake(_FLOW) == 50
        for run_id in others:
            assert await store.claim(run_id, "w2", 60) is None
        assert await store.claim("nobody", "w2", 60) is None
        for run_id in free:
            claimed = await store.claim(run_id, "w2", 60)
            assert claimed is not None
            assert (claimed.status, claimed.owner, claimed.epoch) == ("running", "w2", 2)
            assert (claimed.wake_at, claimed.updated_at) == (None, 60)
            assert await store.claim(run_id, "w3", 60) is None
            with pytest.raises(Fenced):
                await store.commit(commit(1, b"late", run_id=run_id, epoch=1))
        assert await store.claimable(_FLOW, 60, limit=10) == []
        assert await store.next_wake(_FLOW) == 61

    async def test_of_many_claims_at_once_one_succeeds(self, store: Store) -> None:
        for number in range(10):
            await store.beat(_worker(f"w{number}"))
        await _runs(store, {"r1": head("suspended", wake_at=50)})
        claims = await asyncio.gather(*(store.claim("r1", f"w{number}", 50) for number in range(10)))
        winners = [claim.owner for claim in claims if claim is not None]
        record = await store.get_run("r1")
        assert record is not None
        assert winners == [record.owner]

    async def test_what_waited_longest_comes_first(self, store: Store) -> None:
        await _runs(
            store,
            {
                "third": head("running", at=30),
                "first": head("waiting", wake_at=10, at=35),
                "fourth": head("suspended", wake_at=40, at=1),
                "second": head("running", owner="gone", at=20),
                "fifth": head("waiting", wake_at=40, at=0),
            },
        )
        order = ["first", "second", "third", "fourth", "fifth"]
        assert await store.claimable(_FLOW, 50, limit=10) == order
        assert await store.claimable(_FLOW, 50, limit=3) == order[:3]

    async def test_a_process_finds_the_runs_of_its_workflows_and_versions_alone(self, store: Store) -> None:
        kinds = [WorkflowKey("flow"), WorkflowKey("flow", "2"), WorkflowKey("other", "2"), WorkflowKey("other")]
        for number, kind in enumerate(kinds):
            state = head("waiting", epoch=0, wake_at=10 + number)
            await store.create_run(
                new_run(f"r{number}", workflow_id=kind.workflow_id, version=kind.version, head=state)
            )
        for number, kind in enumerate(kinds):
            assert await store.claimable([kind], 99, limit=10) == [f"r{number}"]
            assert await store.next_wake([kind]) == 10 + number
        crossed = [WorkflowKey("flow", "2"), WorkflowKey("other")]
        assert await store.claimable(crossed, 99, limit=10) == ["r1", "r3"]
        assert await store.next_wake(crossed) == 11
        for nothing in ([], [WorkflowKey("flow", "3")], [WorkflowKey("2", "flow")]):
            assert await store.claimable(nothing, 99, limit=10) == []
            assert await store.next_wake(nothing) is None

    async def test_the_next_time_is_asked_for_from_any_time_on(self, store: Store) -> None:
        times = {"r1": 10, "r2": 20, "r3": 20, "r4": 30}
        await _runs(store, {run_id: head("waiting", wake_at=at) for run_id, at in times.items()})
        found = [await store.next_wake(_FLOW, after=after) for after in (None, -1, 9, 10, 19, 20, 29, 30)]
        assert found == [10, 10, 10, 20, 20, 30, 30, None]

    async def test_a_run_sleeps_until_the_last_time_it_was_given(self, store: Store) -> None:
        await _runs(store, {"r1": head("waiting", wake_at=50)})
        await store.commit(commit(1, b"2", epoch=1, head=head("suspended", wake_at=20)))
        assert await store.next_wake(_FLOW) == 20
        await store.commit(commit(2, b"3", epoch=1, head=head("waiting", wake_at=70)))
        assert await store.next_wake(_FLOW) == 70
        await store.commit(commit(3, b"4", epoch=1, head=head("suspended")))
        assert await store.next_wake(_FLOW) is None
        # An ended run does not wake, whatever it was left with.
        await store.commit(commit(4, b"5", epoch=1, head=head("cancelled", wake_at=5)))
        assert await store.next_wake(_FLOW) is None
        assert await store.claimable(_FLOW, 99, limit=10) == []

    async def test_the_runs_of_a_worker_whose_lease_ran_out_are_free(self, store: Store) -> None:
        await store.beat(_worker("w1", until=100))
        await store.beat(_worker("w2", until=300))
        await _runs(store, {"r1": head("running", owner="w1"), "r2": head("running", owner="w2")})
        assert await store.claimable(_FLOW, 99, limit=10) == []
        assert await store.claimable(_FLOW, 100, limit=10) == ["r1"]
        assert await store.claim("r1", "w2", 99) is None
        assert await store.claim("r1", "w2", 100) is not None
        assert await store.claim("r2", "w2", 100) is not None, "one's own run can be claimed again"

    async def test_a_retired_workers_runs_are_handed_over_unless_it_has_beaten_meanwhile(self, store: Store) -> None:
        worker = _worker("w1", until=100)
        await store.beat(worker)
        await _runs(store, {"r1": head("running", owner="w1")})
        await store.beat(_worker("w1", until=200))
        await store.retire(worker)
        assert [each.expires_at for each in await store.workers()] == [200], "what was seen is out of date"
        assert await store.claimable(_FLOW, 1, limit=10) == []
        await store.retire(_worker("w1", until=200))
        assert await store.workers() == []
        assert await store.claimable(_FLOW, 1, limit=10) == ["r1"]
