"""Blobs are deleted with their run, after its rows; and what nothing refers to is swept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.conformance.blob_folders import LONG, SHORT, Watching, watching
from waystation import Codec, CodecStore, open_store, sweep_blobs
from waystation.errors import CodecInvalid, RunIsRunning, RunNotFound
from waystation.store.codec import deletion
from waystation.store.codec.blobs import owner_of
from waystation.store.protocol import JournalMoved
from waystation.store.records import Commit, RunStatus
from waystation.testing.store_suite.writes import CREATED, commit, head, new_run

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "sqlite"])
async def there(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Watching]:
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/runs.db"
    async with watching(open_store(url), tmp_path / "blobs") as watched:
        yield watched


async def test_a_deleted_runs_blobs_are_deleted_after_its_rows(there: Watching) -> None:
    for run_id in ("r1", "r2"):
        await there.store.create_run(new_run(run_id))
        await there.store.commit(commit(1, LONG, SHORT, LONG, run_id=run_id))
    loop = asyncio.get_running_loop()
    rows: list[int] = []

    def look() -> None:
        rows.append(len(asyncio.run_coroutine_threadsafe(there.inner.read("r1"), loop).result(30)))

    there.folder.before["delete"] = look
    assert await there.store.delete_run("r1")
    assert rows == [0]
    assert len(there.files()) == 2
    assert list(await there.store.read("r2")) == [CREATED, LONG, SHORT, LONG]
    assert not await there.store.delete_run("r1")


async def test_a_run_that_is_not_deleted_keeps_its_blobs(there: Watching) -> None:
    await there.store.create_run(new_run(head=head("running", owner="w")))
    await there.store.commit(commit(1, LONG, epoch=1))
    with pytest.raises(RunIsRunning):
        await there.store.delete_run("r1")
    assert list(await there.store.read("r1")) == [CREATED, LONG]


async def test_a_run_of_a_deleted_ones_id_keeps_its_own_blobs(there: Watching) -> None:
    await there.store.create_run(new_run())
    await there.store.commit(commit(1, LONG))
    begun: list[bool] = []

    real = there.inner.delete_run

    async def delete_and_begin_anew(run_id: str) -> bool:
        deleted = await real(run_id)
        await there.store.create_run(new_run())
        await there.store.commit(commit(1, LONG))
        begun.append(deleted)
        return deleted

    there.inner.delete_run = delete_and_begin_anew  # type: ignore[method-assign]  # another process is that quick
    assert await there.store.delete_run("r1")
    assert begun == [True]
    assert list(await there.store.read("r1")) == [CREATED, LONG]


async def test_blobs_that_could_not_be_deleted_are_told_of_and_left_to_the_sweep(
    there: Watching, caplog: pytest.LogCaptureFixture
) -> None:
    await there.store.create_run(new_run())
    await there.store.commit(commit(1, LONG))

    def away() -> None:
        raise ConnectionResetError("reset by peer")

    there.folder.before["delete"] = away
    assert await there.store.delete_run("r1")
    assert "blobs of run r1 are left behind until they are swept" in caplog.text
    there.folder.before = {}
    there.age(48)
    assert await sweep_blobs(there.store) == 1
    assert there.files() == []


@pytest.mark.parametrize("most_known", [3, 10_000])
async def test_pruned_runs_take_their_blobs_with_them_however_many_are_due(
    most_known: int, there: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "MOST_KNOWN", most_known)
    for number in range(25):
        run_id = f"r{number}"
        await there.store.create_run(new_run(run_id, at=0))
        # Several end in one moment, and not in the order of their ids.
        await there.store.commit(commit(1, LONG, run_id=run_id, head=head("success", at=number * 7 % 25 // 3)))
    assert len(there.files()) == 25
    left = 25
    for limit in (1, 2, 4, 4, 100):
        deleted = await there.store.prune(7, limit=limit)
        left -= deleted
        assert len(there.files()) == left
        assert len(await there.store.last_seqs([f"r{number}" for number in range(25)])) == left
    assert left == 4
    assert await there.store.prune(7, limit=100) == 0
    assert await there.store.prune(99, limit=0) == 0
    assert await there.store.prune(99, limit=100) == 4
    assert there.files() == []


# ------------------------------------------------------------------ the sweep


async def test_the_sweep_takes_old_orphans_and_nothing_else(there: Watching) -> None:
    statuses: tuple[RunStatus, ...] = ("success", "suspended", "running")
    for status in statuses:
        await there.store.create_run(new_run(status))
        await there.store.commit(commit(1, LONG, run_id=status, head=head(status)))
        with pytest.raises(JournalMoved):
            await there.store.commit(commit(7, LONG, run_id=status, epoch=1))
    with pytest.raises(RunNotFound):
        await there.store.commit(commit(7, LONG, run_id="of nobody"))
    of_nobody = next(file for file in there.files() if file.name.startswith(owner_of("of nobody")))
    foreign = of_nobody.with_name("notes-and-other-things.txt")
    for file in (foreign, of_nobody.with_name(f"{of_nobody.name}.part")):
        file.write_bytes(b"x")
    assert len(there.files()) == 9
    there.age(23)
    assert await sweep_blobs(there.store) == 0, "whoever wrote them may be about to commit"
    there.age(2)
    # The orphans of those that rest; that of nobody; and what was torn as it was written. Not that of who is running.
    assert await sweep_blobs(there.store) == 4
    for status in statuses:
        assert list(await there.store.read(status)) == [CREATED, LONG]
    assert foreign.exists()
    assert len(there.files()) == 5


async def test_what_a_commit_under_way_will_refer_to_is_not_swept(there: Watching) -> None:
    await there.store.create_run(new_run(head=head("running", owner="w")))
    real = there.inner.commit
    swept: list[int] = []

    async def sweeps_before(write: Commit, **more: object) -> None:
        there.age(1000)  # the process stood still for weeks, between the blob and the commit
        swept.append(await sweep_blobs(there.store, older_than=timedelta(hours=1)))
        await real(write)

    there.inner.commit = sweeps_before  # type: ignore[method-assign,assignment]  # the commit that is under way
    await there.store.commit(commit(1, LONG, epoch=1))
    assert swept == [0]
    assert list(await there.store.read("r1")) == [CREATED, LONG]


async def test_a_blob_is_as_old_as_it_was_when_the_sweep_began(there: Watching) -> None:
    with pytest.raises(RunNotFound):
        await there.store.commit(commit(7, LONG))
    real = there.folder.now

    def now() -> float:
        # Once the sweep has begun to look around, hours pass.
        return real() + (3 * 3600 if "names" in there.folder.asked else 0)

    there.folder.now = now  # type: ignore[method-assign]  # a clock that is moved
    assert await sweep_blobs(there.store, older_than=timedelta(hours=1)) == 0
    assert await sweep_blobs(there.store, older_than=timedelta(hours=1)) == 1


async def test_a_sweep_that_makes_no_sense_is_refused(there: Watching) -> None:
    with pytest.raises(CodecInvalid, match="may be needed yet"):
        await sweep_blobs(there.store, older_than=timedelta(minutes=59))
    for without in (there.inner, CodecStore(there.inner, Codec())):
        with pytest.raises(CodecInvalid, match="no blobs to sweep"):
            await sweep_blobs(without)
