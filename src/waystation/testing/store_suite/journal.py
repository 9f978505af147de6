"""Runs and their journals: compare and append, all or nothing."""

# ruff: noqa: D102, PLR2004  (a test's name says what it tests, and its numbers are its own)

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from waystation.errors import RunAlreadyExists, RunNotFound
from waystation.store.protocol import Fenced, JournalMoved, Store
from waystation.store.records import Commit, RunRecord
from waystation.testing.store_suite.rules import OnAsyncio
from waystation.testing.store_suite.writes import CREATED, commit, head, new_run, opened


async def open_now(
    store: Store, run_id: str | None = None, workflow_id: str | None = None
) -> list[tuple[str, int, str, bytes]]:
    """The open suspensions, as they are listed."""
    found = await store.open_suspensions(run_id=run_id, workflow_id=workflow_id)
    return [(each.run_id, each.seq, each.address, each.entry) for each in found]


class JournalSuite(OnAsyncio):
    """Runs and their journals."""

    async def test_a_created_run_is_there_once(self, store: Store) -> None:
        await store.create_run(new_run(resource_id="order", version="2"))
        with pytest.raises(RunAlreadyExists):
            await store.create_run(new_run(at=9))
        stored = await store.load("r1")
        assert stored is not None
        record = stored.record
        assert (record.status, record.resource_id, record.created_at) == ("pending", "order", 1)
        assert (record.key.workflow_id, record.key.version) == ("flow", "2")
        assert (list(stored.entries), stored.last_seq, stored.frontier) == ([CREATED], 1, None)
        assert await store.get_run("r1") == record
        assert await store.load("nobody") is None
        assert await store.get_run("nobody") is None

    async def test_entries_are_appended_in_order_and_only_after_what_the_writer_knows(self, store: Store) -> None:
        await store.create_run(new_run())
        await store.commit(commit(1, b"2", b"3"))
        for after in (0, 1, 2, 4, 99):
            with pytest.raises(JournalMoved):
                await store.commit(commit(after, b"x", head=head("failed")))
        assert list(await store.read("r1")) == [CREATED, b"2", b"3"]
        record = await store.get_run("r1")
        assert record is not None
        assert record.status == "pending", "of a refused commit nothing is written"
        assert list(await store.read("r1", after=1, limit=1)) == [b"2"]
        assert await store.read_some("r1", [3, 1, 77]) == {1: CREATED, 3: b"3"}
        with pytest.raises(RunNotFound):
            await store.commit(commit(0, b"x", run_id="nobody"))

    async def test_a_commit_on_top_is_made_of_what_is_there_as_it_is_written(self, store: Store) -> None:
        await store.create_run(new_run())
        await store.commit(commit(1, b"2", b"3", head=head("running", epoch=1, owner="w1")))
        seen: list[tuple[str, int, list[bytes]]] = []

        def make(record: RunRecord, since: Sequence[bytes]) -> Commit:
            seen.append((record.status, record.epoch, list(since)))
            return commit(1 + len(since), b"4", epoch=record.epoch)

        await store.commit_on_top("r1", 1, make)
        assert seen[-1] == ("running", 1, [b"2", b"3"])
        assert list(await store.read("r1")) == [CREATED, b"2", b"3", b"4"]
        with pytest.raises(RunNotFound):
            await store.commit_on_top("nobody", 1, make)

    async def test_a_commit_on_top_that_is_refused_writes_nothing(self, store: Store) -> None:
        await store.create_run(new_run())

        def refuse(_: RunRecord, __: Sequence[bytes]) -> Commit:
            raise JournalMoved

        def misplaced(_: RunRecord, since: Sequence[bytes]) -> Commit:
            return commit(5 + len(since), b"x")

        def fenced(_: RunRecord, since: Sequence[bytes]) -> Commit:
            return commit(1 + len(since), b"x", epoch=7)

        for make, refusal in ((refuse, JournalMoved), (misplaced, JournalMoved), (fenced, Fenced)):
            with pytest.raises(refusal):
                await store.commit_on_top("r1", 1, make)
        assert list(await store.read("r1")) == [CREATED]

    async def test_of_many_commits_on_top_at_once_each_is_written(self, store: Store) -> None:
        await store.create_run(new_run())

        def make(_: RunRecord, since: Sequence[bytes]) -> Commit:
            return commit(1 + len(since), b"%d" % (2 + len(since)))

        await asyncio.gather(*(store.commit_on_top("r1", 1, make) for _ in range(20)))
        assert list(await store.read("r1", after=1)) == [b"%d" % number for number in range(2, 22)]

    async def test_a_writer_with_another_epoch_is_fenced(self, store: Store) -> None:
        await store.create_run(new_run())
        await store.commit(commit(1, b"2", head=head("running", epoch=1, owner="w1")))
        for epoch in (0, 2):
            for after in (1, 2):
                with pytest.raises(Fenced):
                    await store.commit(commit(after, b"x", epoch=epoch))
        await store.commit(commit(2, b"3", epoch=1))
        assert len(await store.read("r1")) == 3

    async def test_a_change_of_head_alone_is_refused_for_the_same_reasons(self, store: Store) -> None:
        await store.create_run(new_run())
        with pytest.raises(JournalMoved):
            await store.commit(commit(2, head=head("failed")))
        with pytest.raises(Fenced):
            await store.commit(commit(1, epoch=7, head=head("failed")))
        await store.commit(commit(1, head=head("paused")))
        record = await store.get_run("r1")
        assert record is not None
        assert (record.status, record.epoch, record.updated_at) == ("paused", 1, 2)

    async def test_a_frontier_saves_the_reading_of_what_it_covers(self, store: Store) -> None:
        await store.create_run(new_run())
        await store.commit(commit(1, b"2", frontier=b"state", head=head("suspended")))
        await store.commit(commit(2, b"3", epoch=1))
        stored = await store.load("r1")
        assert stored is not None
        assert (stored.frontier, stored.frontier_seq, list(stored.entries)) == (b"state", 2, [b"3"])
        assert stored.last_seq == 3
        assert len(await store.read("r1")) == 3, "the journal keeps everything"

    async def test_open_suspensions_are_listed_oldest_first_until_closed(self, store: Store) -> None:
        for run_id, flow in (("r1", "flow"), ("r2", "other")):
            await store.create_run(new_run(run_id, workflow_id=flow, version="2"))
            await store.commit(commit(1, b"2", b"3", run_id=run_id, opened=[opened(2, "a"), opened(3, "b")]))
        of_r1, of_r2 = ([(run_id, 2, "a", b"2"), (run_id, 3, "b", b"3")] for run_id in ("r1", "r2"))
        assert await open_now(store) == of_r1 + of_r2
        await store.commit(commit(3, b"4", closed=[2]))
        assert await open_now(store) == of_r1[1:] + of_r2
        assert await open_now(store, run_id="r1") == of_r1[1:]
        assert await open_now(store, run_id="r1", workflow_id="other") == []
        assert await open_now(store, run_id="nobody") == []
        assert await open_now(store, workflow_id="other") == of_r2
        found = await store.open_suspensions(limit=1)
        assert [(each.run_id, each.seq, each.version) for each in found] == [("r1", 3, "2")]

    async def test_the_last_seqs_of_many_runs_are_told_at_once(self, store: Store) -> None:
        ids = [f"r{number}" for number in range(50)]
        for number, run_id in enumerate(ids):
            await store.create_run(new_run(run_id))
            if number % 2:
                await store.commit(commit(1, b"2", b"3", run_id=run_id))
        asked = [*ids, "r1", *(f"nobody-{number}" for number in range(5000))]
        assert await store.last_seqs(asked) == {run_id: 3 if number % 2 else 1 for number, run_id in enumerate(ids)}
        assert await store.last_seqs([]) == {}

    async def test_a_definition_is_kept_once(self, store: Store) -> None:
        await store.put_definition("f", "flow", b"first")
        await store.put_definition("f", "flow", b"second")
        assert await store.get_definition("f") == b"first"
        assert await store.get_definition("g") is None
