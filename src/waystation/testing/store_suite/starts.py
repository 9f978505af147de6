"""How runs begin: with a head, a frontier, open suspensions; and once for each idempotency key."""

# ruff: noqa: D102  (a test's name says what it tests, and its numbers are its own)

from __future__ import annotations

import asyncio

import pytest

from waystation.errors import RunAlreadyExists
from waystation.store.protocol import IdempotencyKeyUsed, Store
from waystation.store.records import NewRun
from waystation.testing.store_suite.journal import open_now
from waystation.testing.store_suite.rules import OnAsyncio
from waystation.testing.store_suite.writes import commit, head, new_run, opened


class StartsSuite(OnAsyncio):
    """How runs begin."""

    async def test_a_run_may_begin_with_a_history_and_open_suspensions(self, store: Store) -> None:
        fork = NewRun(
            run_id="fork",
            workflow_id="flow",
            fingerprint="f",
            created_at=5,
            entries=[b"1", b"2", b"3"],
            head=head("suspended", wake_at=70, at=6),
            frontier=b"state",
            opened=[opened(2, "a"), opened(3, "b")],
        )
        await store.create_run(fork)
        stored = await store.load("fork")
        assert stored is not None
        assert (stored.frontier, stored.frontier_seq, list(stored.entries)) == (b"state", 3, [])
        record = stored.record
        assert (record.status, record.epoch, record.wake_at, record.updated_at) == ("suspended", 1, 70, 6)
        assert await open_now(store, run_id="fork") == [("fork", 2, "a", b"2"), ("fork", 3, "b", b"3")]
        await store.commit(commit(3, b"4", run_id="fork", epoch=1, closed=[2]))
        assert await open_now(store) == [("fork", 3, "b", b"3")]

    async def test_an_idempotency_key_is_used_once_in_a_workflow(self, store: Store) -> None:
        await store.create_run(new_run("r1", key="order-7"))
        with pytest.raises(IdempotencyKeyUsed) as caught:
            await store.create_run(new_run("r2", key="order-7", version="2"))
        assert caught.value.run_id == "r1"
        assert await store.get_run("r2") is None
        await store.create_run(new_run("r3", key="order-8"))
        await store.create_run(new_run("r4", key="order-7", workflow_id="other"))
        await store.create_run(new_run("r5"))
        await store.create_run(new_run("r6"))

    async def test_a_used_key_is_told_before_a_used_id(self, store: Store) -> None:
        await store.create_run(new_run("r1", key="k"))
        await store.create_run(new_run("r2"))
        for run_id in ("r1", "r2"):
            with pytest.raises(IdempotencyKeyUsed) as caught:
                await store.create_run(new_run(run_id, key="k"))
            assert caught.value.run_id == "r1"
        with pytest.raises(RunAlreadyExists):
            await store.create_run(new_run("r2", key="free"))
        await store.create_run(new_run("r3", key="free"))

    async def test_of_many_starts_with_one_key_at_once_one_is_written(self, store: Store) -> None:
        told = await asyncio.gather(
            *(store.create_run(new_run(f"r{number}", key="k")) for number in range(20)), return_exceptions=True
        )
        assert told.count(None) == 1
        winner = f"r{told.index(None)}"
        assert {each.run_id for each in told if isinstance(each, IdempotencyKeyUsed)} == {winner}
        there = [number for number in range(20) if await store.get_run(f"r{number}") is not None]
        assert [f"r{number}" for number in there] == [winner]
