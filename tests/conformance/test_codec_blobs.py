"""Long entries are kept in blobs: written before the commit that refers to them, deleted after it is gone."""

from __future__ import annotations

import errno
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from tests.conformance.apps import Place
from tests.conformance.blob_folders import LONG, SHORT, Watched, Watching, watching
from tests.conformance.stock import comes_to, won
from waystation import Blobs, Codec, CodecStore, open_store, step, sweep_blobs, workflow
from waystation.errors import (
    BlobMissing,
    RunNotFound,
    StoreClosed,
    StoreFull,
    StoreUnavailable,
)
from waystation.store.codec.on_top import TRIES
from waystation.store.protocol import Fenced, JournalMoved
from waystation.store.records import Commit, MakeCommit, RunRecord
from waystation.testing.store_suite.writes import CREATED, commit, head, new_run

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["memory", "sqlite"])
async def there(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Watching]:
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/runs.db"
    async with watching(open_store(url), tmp_path / "blobs") as watched:
        yield watched


async def test_a_long_entry_is_in_a_blob_before_the_commit_and_a_short_one_in_the_store(there: Watching) -> None:
    await there.store.create_run(new_run())
    assert there.files() == []
    await there.store.commit(commit(1, SHORT, LONG, SHORT, frontier=LONG))
    (blob,) = there.files()
    assert blob.read_bytes() == LONG
    first, second, third, fourth = await there.inner.read("r1")
    assert (first, second, fourth) == (CREATED, SHORT, SHORT)
    assert len(third) < 100
    assert list(await there.store.read("r1")) == [CREATED, SHORT, LONG, SHORT]
    assert await there.store.read_some("r1", [3, 1, 9]) == {3: LONG, 1: CREATED}
    stored = await there.store.load("r1")
    assert stored is not None
    assert stored.frontier == LONG, "what is written again and again is not put outside"


async def test_the_folder_is_never_asked_on_the_event_loop(there: Watching) -> None:
    await there.store.create_run(new_run())
    await there.store.commit(commit(1, LONG, LONG))
    await there.store.commit_on_top("r1", 1, lambda _, since: commit(3, *since))
    await there.store.read("r1")
    await sweep_blobs(there.store)
    await there.store.delete_run("r1")
    assert set(there.folder.asked) == {"put", "get", "now", "names", "delete"}
    assert threading.get_ident() not in there.folder.threads


async def test_a_folder_that_is_full_refuses_the_commit_and_nothing_of_it_is_there(there: Watching) -> None:
    await there.store.create_run(new_run())

    def full() -> None:
        if there.folder.asked.count("put") == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    there.folder.before["put"] = full
    with pytest.raises(StoreFull, match="writing a blob of run 'r1' failed in the folder of blobs"):
        await there.store.commit(commit(1, LONG, LONG, LONG, head=head("failed")))
    assert list(await there.inner.read("r1")) == [CREATED]
    assert there.files() == [], "those that were put are not left behind"
    await there.store.commit(commit(1, LONG))


async def test_a_folder_that_cannot_be_reached_is_a_store_that_cannot_be_reached(there: Watching) -> None:
    def away() -> None:
        raise ConnectionResetError(errno.ECONNRESET, "reset by peer")

    await there.store.create_run(new_run())
    await there.store.commit(commit(1, LONG))
    there.folder.before = {"put": away, "get": away}
    for refused in (there.store.commit(commit(2, LONG)), there.store.read("r1")):
        with pytest.raises(StoreUnavailable, match=r"run 'r1' failed in the folder of blobs .*reset by peer"):
            await refused
    there.folder.before = {}
    assert list(await there.store.read("r1")) == [CREATED, LONG]


async def test_a_run_goes_on_when_the_folder_is_back(tmp_path: Path) -> None:
    refused: list[str] = []

    @step
    async def longer(text: str) -> str:
        if not refused:
            watched.before["put"] = refuse
        return text * 100

    def refuse() -> None:
        refused.append("put")
        if len(refused) == 3:
            del watched.before["put"]
        raise ConnectionResetError(errno.ECONNRESET, "reset by peer")

    flow = workflow("flow", input=str, output=int).then(longer).map(len).commit()
    blobs = Blobs(tmp_path / "blobs", over=100)
    blobs.folder = watched = Watched(blobs.folder)
    place = Place("sqlite", tmp_path)
    async with place.app(flow, codec=Codec(blobs=blobs)) as app:
        run = await app.get_workflow(flow).start_async("x")
        await comes_to(run, "success")
        assert won(await run.wait()) == 100
    assert len(refused) == 3


async def test_a_commit_that_is_tried_again_is_harmless_whatever_became_of_the_first(there: Watching) -> None:
    await there.store.create_run(new_run())
    write = commit(1, LONG)
    for refused, kind in ((commit(7, LONG), JournalMoved), (commit(1, LONG, epoch=9), Fenced)):
        with pytest.raises(kind):
            await there.store.commit(refused)
    await there.store.commit(write)
    with pytest.raises(JournalMoved):
        await there.store.commit(write)
    assert len(there.files()) == 4
    there.age(2)
    assert await sweep_blobs(there.store, older_than=timedelta(hours=1)) == 3
    assert list(await there.store.read("r1")) == [CREATED, LONG]


async def test_a_store_that_is_closed_says_so(there: Watching) -> None:
    await there.store.create_run(new_run())
    await there.store.close()
    with pytest.raises(StoreClosed):
        await there.store.commit(commit(1, LONG))
    with pytest.raises(StoreClosed):
        await sweep_blobs(there.store)


async def test_two_stores_may_share_a_folder_and_neither_sweeps_the_others_blobs(tmp_path: Path) -> None:
    async with (
        watching(open_store(f"sqlite:///{tmp_path}/one.db"), tmp_path / "blobs") as one,
        watching(open_store(f"sqlite:///{tmp_path}/other.db"), tmp_path / "blobs") as other,
    ):
        for each in (one, other):
            await each.store.create_run(new_run())
            await each.store.commit(commit(1, LONG))
        one.age(48)
        assert await sweep_blobs(one.store) == 0
        assert await one.store.delete_run("r1")
        assert list(await other.store.read("r1")) == [CREATED, LONG]


async def test_processes_that_open_a_store_at_once_have_one_folder(tmp_path: Path) -> None:
    stores = [
        CodecStore(open_store(f"sqlite:///{tmp_path}/runs.db"), Codec(blobs=Blobs(tmp_path / "blobs", over=100)))
        for _ in range(3)
    ]
    for store in stores:
        await store.open()
    await stores[0].create_run(new_run())
    await stores[0].commit(commit(1, LONG))
    for store in stores:
        assert list(await store.read("r1")) == [CREATED, LONG]
        await store.close()
    assert len(list((tmp_path / "blobs").iterdir())) == 1


# ------------------------------------------------------------------ a crash between blob and commit

PROGRAM = """
import asyncio, sys
from waystation import Blobs, Codec, CodecStore, open_store
from waystation.testing.crashing import CrashingStore
from waystation.testing.store_suite.writes import commit, new_run

async def main(folder: str, at: int, when: str) -> None:
    inner = CrashingStore(open_store(f"sqlite:///{folder}/runs.db"), at=at, when=when)
    store = CodecStore(inner, Codec(blobs=Blobs(f"{folder}/blobs", over=100)))
    await store.open()
    await store.create_run(new_run())
    await store.commit(commit(1, b"long " * 100))
    print("not reached")

asyncio.run(main(sys.argv[1], 2, sys.argv[2]))
"""


def crash(folder: Path, when: str) -> None:
    """Run the program, which is killed before or after its second write to the store."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), when],
        env={"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (-9, ""), done.stderr


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_crash_between_a_blob_and_its_commit_leaves_an_orphan_and_nothing_else(
    when: str, tmp_path: Path
) -> None:
    crash(tmp_path, when)
    async with watching(open_store(f"sqlite:///{tmp_path}/runs.db"), tmp_path / "blobs") as there:
        assert len(there.files()) == 1
        there.age(2)
        swept = await sweep_blobs(there.store, older_than=timedelta(hours=1))
        if when == "before":
            assert (swept, list(await there.store.read("r1"))) == (1, [CREATED])
            await there.store.commit(commit(1, LONG))
        else:
            assert (swept, list(await there.store.read("r1"))) == (0, [CREATED, b"long " * 100])


# ------------------------------------------------------------------ commits on top


async def test_a_commit_on_top_sees_what_was_given_and_its_long_entries_are_in_blobs(there: Watching) -> None:
    await there.store.create_run(new_run())
    await there.store.commit(commit(1, LONG, SHORT))
    seen: list[list[bytes]] = []

    def make(record: RunRecord, since: Sequence[bytes]) -> Commit:
        seen.append(list(since))
        return commit(3, LONG + b"new", SHORT, epoch=record.epoch)

    await there.store.commit_on_top("r1", 1, make)
    assert seen[-1] == [LONG, SHORT]
    assert list(await there.store.read("r1")) == [CREATED, LONG, SHORT, LONG + b"new", SHORT]
    assert len(there.files()) == 2


async def test_a_commit_on_top_of_a_run_that_is_written_to_without_a_pause_is_written_all_the_same(
    there: Watching,
) -> None:
    await there.store.create_run(new_run())
    await there.store.commit(commit(1, LONG))
    others = 0
    real = there.inner.commit_on_top

    async def someone_else_comes_first(run_id: str, after: int, make: MakeCommit) -> None:
        nonlocal others
        others += 1
        await there.store.commit(commit((await there.inner.last_seqs(["r1"]))["r1"], LONG + str(others).encode()))
        await real(run_id, after, make)

    there.inner.commit_on_top = someone_else_comes_first  # type: ignore[method-assign]  # the store writes in between, each time
    given: list[int] = []

    def make(record: RunRecord, since: Sequence[bytes]) -> Commit:
        given.append(len(since))
        return commit(1 + len(since), LONG + b"on top", epoch=record.epoch)

    await there.store.commit_on_top("r1", 1, make)
    assert others == TRIES + 1
    journal = await there.store.read("r1")
    assert journal[-1] == LONG + b"on top"
    assert len(journal) == 3 + others
    assert (await there.inner.read("r1"))[-1] == LONG + b"on top", "it is kept inside: there was no time to put it out"


async def test_a_commit_on_top_that_is_refused_is_refused_as_ever(there: Watching) -> None:
    await there.store.create_run(new_run())
    calls = 0

    def refuses(record: RunRecord, since: Sequence[bytes]) -> Commit:
        nonlocal calls
        calls += 1
        raise JournalMoved

    with pytest.raises(JournalMoved):
        await there.store.commit_on_top("r1", 0, refuses)
    assert calls == 1
    with pytest.raises(RunNotFound):
        await there.store.commit_on_top("r9", 0, refuses)
    with pytest.raises(Fenced):
        await there.store.commit_on_top("r1", 0, lambda _, since: commit(1, LONG, epoch=9))
    assert list(await there.store.read("r1")) == [CREATED]


async def test_a_commit_on_top_of_what_cannot_be_read_tells_what_that_is(there: Watching) -> None:
    await there.store.create_run(new_run())
    await there.store.commit(commit(1, LONG))
    there.files()[0].unlink()
    with pytest.raises(BlobMissing, match="entry 2 of run 'r1'"):
        await there.store.commit_on_top("r1", 1, lambda _, since: commit(2, SHORT))
    assert len(await there.inner.read("r1")) == 2
