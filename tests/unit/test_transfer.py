"""Runs on their way out of a store and into another: as of one moment, a part at a time, as a whole or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest
from msgspec.structs import replace

from tests.unit.test_run_files import a_run, exported, journal, lines_of, store_with
from waystation import Store
from waystation.core.refs import Seq
from waystation.errors import PayloadUnreadable, RunAlreadyExists, RunNotFound, StoreFull
from waystation.store.passing import PassingStore
from waystation.store.protocol import Fenced
from waystation.store.records import Commit, Head, NewRun, RunFilter, RunStatus, WorkflowKey
from waystation.store.transfer import export_run, import_run

pytestmark = pytest.mark.anyio

FLOW = [WorkflowKey("flow", "2")]


class ReadStore(PassingStore):
    """Tells how much of journals was asked for at once, and given.

    Attributes:
        pages: how many entries, and how many bytes, each read gave.
        full: whether no run can be created.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.pages: list[tuple[int, int]] = []
        self.full = False

    async def read(self, run_id: str, *, after: Seq = 0, limit: int | None = None) -> Sequence[bytes]:
        found = await super().read(run_id, after=after, limit=limit)
        self.pages.append((len(found), sum(map(len, found))))
        return found

    async def create_run(self, run: NewRun) -> None:
        if self.full:
            raise StoreFull
        await super().create_run(run)


def running(epoch: int = 3, owner: str | None = "w1") -> Head:
    return Head(status="running", epoch=epoch, owner=owner, fingerprint="f", updated_at=4)


# ------------------------------------------------------------------ out of a store


async def test_a_run_that_goes_on_meanwhile_leaves_as_it_was_when_its_export_began() -> None:
    store = await store_with(a_run(head=running()))
    before = await exported(store)
    lines: list[bytes] = []
    async for line in export_run(store, "r1"):
        lines.append(line)
        after = 4 + len(lines)
        await store.commit(Commit(run_id="r1", epoch=3, after=after, entries=[b"more"], closed=[5], frontier=b"new"))
    assert b"".join(lines) == before


async def test_a_run_that_is_deleted_meanwhile_is_told() -> None:
    store = await store_with(a_run())
    leaving = export_run(store, "r1")
    await anext(leaving)
    await store.delete_run("r1")
    with pytest.raises(RunNotFound, match="deleted while it was exported"):
        _ = [line async for line in leaving]


async def test_a_run_that_is_deleted_and_made_anew_meanwhile_is_not_mixed_with_the_new_one() -> None:
    store = await store_with(a_run())
    leaving = export_run(store, "r1")
    await anext(leaving)
    await store.delete_run("r1")
    await store.create_run(a_run(journal([7, 8]), created_at=2))
    with pytest.raises(RunNotFound, match="deleted while it was exported"):
        _ = [line async for line in leaving]


async def test_a_run_that_is_not_there_is_told() -> None:
    with pytest.raises(RunNotFound, match="no run 'r9'"):
        await exported(await store_with(a_run()), "r9")


@pytest.mark.parametrize("part", ["entry", "frontier", "definition"])
async def test_a_run_that_is_kept_encoded_leaves_only_through_its_codec(part: str) -> None:
    sealed = b"\xc1WE what a codec made"
    run = a_run(
        [*journal(), sealed] if part == "entry" else None, **({"frontier": sealed} if part == "frontier" else {})
    )
    store = await store_with(run, description=sealed if part == "definition" else None)
    with pytest.raises(PayloadUnreadable, match=rf"(the {part}|{part} 6) of run 'r1' is kept encoded.*--app") as caught:
        await exported(store)
    assert caught.value.run_id == "r1"


async def test_a_long_journal_is_read_a_part_at_a_time() -> None:
    store = ReadStore(await store_with(a_run(journal(range(5000)))))
    count = 0
    async for line in export_run(store, "r1"):
        count += line.startswith(b'{"line":"entry"')
    assert count == 5003
    assert max(entries for entries, _ in store.pages) == 1000
    assert len(store.pages) < 12


async def test_of_large_entries_few_are_read_at_once() -> None:
    megabyte = "x" * 1024 * 1024
    store = ReadStore(await store_with(a_run(journal([megabyte] * 40))))
    async for _ in export_run(store, "r1"):
        pass
    assert sum(entries for entries, _ in store.pages) == 43
    assert max(size for _, size in store.pages) < 11 * 1024 * 1024


# ------------------------------------------------------------------ into a store


async def test_a_run_that_is_there_already_stays_as_it_is() -> None:
    file = await exported(await store_with(a_run()))
    there = a_run(journal([]), opened=[], frontier=None, head=running())
    store = await store_with(there, description=None)
    with pytest.raises(RunAlreadyExists, match="'r1' in the store already; nothing was imported") as caught:
        await import_run(store, [file])
    assert caught.value.run_id == "r1"
    assert list(await store.read("r1")) == list(there.entries)
    assert await store.get_definition("f") is None


async def test_a_run_whose_idempotency_key_is_used_is_refused() -> None:
    file = await exported(await store_with(a_run()))
    store = await store_with(replace(a_run(), run_id="r2"))
    with pytest.raises(
        RunAlreadyExists, match="run 'r2' of workflow 'flow' has the idempotency key of run 'r1', 'k'"
    ) as caught:
        await import_run(store, [file])
    assert caught.value.run_id == "r2"
    assert [run.run_id for run in (await store.list_runs(RunFilter(), limit=9)).runs] == ["r2"]


async def test_a_run_that_the_store_cannot_take_is_not_there() -> None:
    file = await exported(await store_with(a_run()))
    inner = await store_with(description=None)
    store = ReadStore(inner)
    store.full = True
    with pytest.raises(StoreFull):
        await import_run(store, [file])
    assert await inner.get_run("r1") is None
    store.full = False
    await import_run(store, [file])
    assert await inner.get_run("r1") is not None


async def test_a_running_run_arrives_to_be_claimed_and_who_drove_it_is_fenced() -> None:
    store = await store_with(a_run(head=running()))
    file = await exported(store)
    await store.commit(Commit(run_id="r1", epoch=3, after=5, head=replace(running(), status="cancelled")))
    assert await store.delete_run("r1")
    arrived = await import_run(store, [file])
    assert (arrived.status, arrived.owner) == ("running", None)
    for epoch in (3, 4, 50):  # before the export, and since
        with pytest.raises(Fenced):
            await store.commit(Commit(run_id="r1", epoch=epoch, after=5, entries=[b"late"]))
    assert await store.claimable(FLOW, 0, limit=9) == ["r1"]
    claimed = await store.claim("r1", "w2", 9)
    assert claimed is not None
    await store.commit(Commit(run_id="r1", epoch=claimed.epoch, after=5, entries=[b"more"]))


async def test_a_sleeping_run_arrives_to_be_woken_at_its_time() -> None:
    store = await store_with(description=None)
    await import_run(store, [await exported(await store_with(a_run()))])
    assert await store.next_wake(FLOW) == 99
    assert await store.claimable(FLOW, 98, limit=9) == []
    assert await store.claimable(FLOW, 99, limit=9) == ["r1"]


@pytest.mark.parametrize("status", ["success", "failed", "cancelled", "pending", "paused"])
async def test_a_run_at_rest_arrives_as_it_was_and_is_nobodys(status: RunStatus) -> None:
    old = await store_with(a_run(head=replace(running(owner=None), status=status), opened=[]))
    store = await store_with(description=None)
    arrived = await import_run(store, [await exported(old)])
    assert (arrived.status, arrived.updated_at, arrived.created_at) == (status, 4, 1)
    assert await store.claimable(FLOW, 10**9, limit=9) == []
    assert await store.prune(5, limit=9) == (status in {"success", "failed", "cancelled"})


async def test_a_run_comes_in_from_what_gives_its_bytes_when_they_come() -> None:
    file = await exported(await store_with(a_run()))

    async def coming() -> AsyncIterator[bytes]:
        for at in range(0, len(file), 100):
            yield file[at : at + 100]

    store = await store_with(description=None)
    await import_run(store, coming())
    assert lines_of(await exported(store))[3:][:-1] == lines_of(file)[3:][:-1]
