"""What every store promises, on each store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from waystation.store import Store, open_store
from waystation.core.addresses import Address
from waystation.errors import RunAlreadyExists, RunNotFound
from waystation.store.protocol import (
    Commit,
    Fenced,
    Head,
    JournalMoved,
    NewRun,
    Opened,
    RunFilter,
    RunStatus,
    Worker,
    WorkflowKey,
)

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory://", "sqlite:///{folder}/runs.db"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    url: str = request.param
    opened = open_store(url.format(folder=tmp_path))
    await opened.open()
    yield opened
    await opened.close()


def new_run(run_id: str = "r1", *, at: int = 1, workflow_id: str = "flow", resource_id: str | None = None) -> NewRun:
    return NewRun(
        run_id=run_id,
        workflow_id=workflow_id,
        fingerprint="f",
        created_at=at,
        entries=[b'"created"'],
        resource_id=resource_id,
    )


def head(status: RunStatus, *, epoch: int = 1, owner: str | None = None, wake_at: int | None = None) -> Head:
    return Head(status=status, epoch=epoch, owner=owner, fingerprint="f", updated_at=2, wake_at=wake_at)


def commit(after: int, *entries: bytes, run_id: str = "r1", epoch: int = 0, head: Head | None = None) -> Commit:
    return Commit(run_id=run_id, epoch=epoch, after=after, entries=entries, head=head)


async def test_a_created_run_is_there_once(store: Store) -> None:
    await store.create_run(new_run(resource_id="order"))
    with pytest.raises(RunAlreadyExists):
        await store.create_run(new_run(at=9))
    stored = await store.load("r1")
    assert stored is not None
    assert (stored.record.status, stored.record.resource_id, stored.record.created_at) == ("pending", "order", 1)
    assert (list(stored.entries), stored.last_seq, stored.frontier) == ([b'"created"'], 1, None)
    assert await store.load("nobody") is None
    assert await store.get_run("nobody") is None


async def test_entries_are_appended_in_order_and_only_after_what_the_writer_knows(store: Store) -> None:
    await store.create_run(new_run())
    await store.commit(commit(1, b"2", b"3"))
    for after in (0, 1, 2, 4, 99):
        with pytest.raises(JournalMoved):
            await store.commit(commit(after, b"x", head=head("failed")))
    assert list(await store.read("r1")) == [b'"created"', b"2", b"3"]
    record = await store.get_run("r1")
    assert record is not None
    assert record.status == "pending", "of a refused commit nothing is written"
    assert list(await store.read("r1", after=1, limit=1)) == [b"2"]
    assert await store.read_some("r1", [3, 1, 77]) == {1: b'"created"', 3: b"3"}
    with pytest.raises(RunNotFound):
        await store.commit(commit(0, b"x", run_id="nobody"))


async def test_a_writer_with_another_epoch_is_fenced(store: Store) -> None:
    await store.create_run(new_run())
    await store.commit(commit(1, b"2", head=head("running", epoch=1, owner="w1")))
    for epoch in (0, 2):
        with pytest.raises(Fenced):
            await store.commit(commit(2, b"x", epoch=epoch))
    await store.commit(commit(2, b"3", epoch=1))
    assert len(await store.read("r1")) == 3


async def test_a_frontier_saves_the_reading_of_what_it_covers(store: Store) -> None:
    await store.create_run(new_run())
    await store.commit(Commit(run_id="r1", epoch=0, after=1, entries=[b"2"], frontier=b"state", head=head("suspended")))
    await store.commit(commit(2, b"3", epoch=1))
    stored = await store.load("r1")
    assert stored is not None
    assert (stored.frontier, stored.frontier_seq, list(stored.entries), stored.last_seq) == (b"state", 2, [b"3"], 3)
    assert len(await store.read("r1")) == 3, "the journal keeps everything"


async def test_open_suspensions_are_listed_oldest_first_until_closed(store: Store) -> None:
    for run_id, flow in (("r1", "flow"), ("r2", "other")):
        await store.create_run(new_run(run_id, workflow_id=flow))
        opened = [Opened(seq=2, address=Address("a")), Opened(seq=3, address=Address("b"))]
        await store.commit(Commit(run_id=run_id, epoch=0, after=1, entries=[b"2", b"3"], opened=opened))

    async def listed(run_id: str | None = None, workflow_id: str | None = None) -> list[tuple[str, int, bytes]]:
        found = await store.open_suspensions(run_id=run_id, workflow_id=workflow_id)
        return [(each.run_id, each.seq, each.entry) for each in found]

    assert await listed() == [("r1", 2, b"2"), ("r1", 3, b"3"), ("r2", 2, b"2"), ("r2", 3, b"3")]
    await store.commit(Commit(run_id="r1", epoch=0, after=3, entries=[b"4"], closed=[2]))
    assert await listed() == [("r1", 3, b"3"), ("r2", 2, b"2"), ("r2", 3, b"3")]
    assert await listed(run_id="r1") == [("r1", 3, b"3")]
    assert await listed(workflow_id="other") == [("r2", 2, b"2"), ("r2", 3, b"3")]


async def test_runs_created_in_the_same_moment_are_paged_without_gap_or_double(store: Store) -> None:
    for number in range(10):
        await store.create_run(new_run(f"r{number}", at=5 + number // 4))
    seen: list[str] = []
    cursor = None
    while True:
        page = await store.list_runs(RunFilter(), limit=3, cursor=cursor)
        seen += [run.run_id for run in page.runs]
        if (cursor := page.cursor) is None:
            break
    assert seen == [f"r{number}" for number in range(9, -1, -1)]


async def ids(store: Store, where: RunFilter) -> Sequence[str]:
    return [run.run_id for run in (await store.list_runs(where, limit=100)).runs]


async def test_runs_are_filtered(store: Store) -> None:
    await store.create_run(new_run("r1", at=1, resource_id="x"))
    await store.create_run(new_run("r2", at=2, workflow_id="other"))
    await store.create_run(new_run("r3", at=3))
    await store.commit(commit(1, run_id="r3", head=head("failed")))
    assert await ids(store, RunFilter(workflow_id="other")) == ["r2"]
    assert await ids(store, RunFilter(statuses=["failed"])) == ["r3"]
    assert await ids(store, RunFilter(resource_id="x")) == ["r1"]
    assert await ids(store, RunFilter(since=2)) == ["r3", "r2"]
    assert await ids(store, RunFilter(until=2)) == ["r1"]
    assert await ids(store, RunFilter(since=2, until=3, statuses=["pending"])) == ["r2"]


async def test_a_definition_is_kept_once(store: Store) -> None:
    await store.put_definition("f", "flow", b"first")
    await store.put_definition("f", "flow", b"second")
    assert await store.get_definition("f") == b"first"
    assert await store.get_definition("g") is None


async def test_only_runs_that_nobody_drives_can_be_claimed_and_each_once(store: Store) -> None:
    for worker_id in ("w1", "w2", "w3"):
        await store.beat(Worker(worker_id=worker_id, host="h", pid=1, expires_at=100))
    for run_id, state in {
        "driven": head("running", owner="w1"),
        "orphan": head("running", owner=None),
        "due": head("waiting", wake_at=50),
        "early": head("waiting", wake_at=500),
        "parked": head("suspended"),
        "ended": head("success"),
    }.items():
        await store.create_run(new_run(run_id))
        await store.commit(commit(1, run_id=run_id, head=state))
    assert set(await store.claimable([WorkflowKey("flow")], 60, limit=10)) == {"orphan", "due"}
    assert await store.claimable([WorkflowKey("other")], 60, limit=10) == []
    assert await store.next_wake([WorkflowKey("flow")]) == 50
    for run_id in ("driven", "early", "parked", "ended"):
        assert await store.claim(run_id, "w2", 60) is None
    for run_id in ("orphan", "due"):
        claimed = await store.claim(run_id, "w2", 60)
        assert claimed is not None
        assert (claimed.status, claimed.owner, claimed.epoch) == ("running", "w2", 2)
        assert await store.claim(run_id, "w3", 60) is None
        with pytest.raises(Fenced):
            await store.commit(commit(1, b"late", run_id=run_id, epoch=1))


async def test_a_retired_workers_runs_are_handed_over_unless_it_has_beaten_meanwhile(store: Store) -> None:
    worker = Worker(worker_id="w1", host="h", pid=1, expires_at=100)
    await store.beat(worker)
    await store.create_run(new_run())
    await store.commit(commit(1, head=head("running", owner="w1")))
    await store.beat(Worker(worker_id="w1", host="h", pid=1, expires_at=200))
    await store.retire(worker)
    assert [each.expires_at for each in await store.workers()] == [200], "what was seen is out of date"
    assert await store.claimable([WorkflowKey("flow")], 1, limit=10) == []
    await store.retire(Worker(worker_id="w1", host="h", pid=1, expires_at=200))
    assert await store.workers() == []
    assert await store.claimable([WorkflowKey("flow")], 1, limit=10) == ["r1"]
