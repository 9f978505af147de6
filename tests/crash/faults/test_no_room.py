"""There is no room as a store is opened, for the index of its log, or to fold the log into the file."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from tests.crash.faults.disks import Disk, log_of, quota, small_disk
from waystation import open_store
from waystation.errors import StoreFull
from waystation.store import Store
from waystation.testing.store_suite.writes import commit, new_run

BIG = b"x" * 1_000_000


def store_in(file: Path) -> Store:
    return open_store(f"sqlite:///{file}")


async def made(file: Path) -> None:
    store = store_in(file)
    await store.open()
    await store.create_run(new_run())
    await store.close()


async def entries(file: Path) -> Sequence[bytes]:
    store = store_in(file)
    await store.open()
    found = await store.read("r1")
    await store.close()
    return found


@pytest.mark.parametrize("there", [False, True], ids=["new", "made before"])
def test_a_store_for_which_there_is_no_room_is_told_as_it_is_opened_and_can_be_opened_later(
    there: bool, disk: Disk
) -> None:
    file = disk.folder / "runs.db"

    async def use() -> None:
        if there:
            await made(file)
        store = store_in(file)
        disk.strike(file)
        with pytest.raises(StoreFull):
            await store.open()
        disk.mend()
        await store.open()
        await store.create_run(new_run("another"))
        assert len(await store.read("r1")) == int(there)
        await store.close()

    asyncio.run(use())


def test_what_a_killed_process_left_in_the_log_is_there_when_there_is_room_again(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        file, copy = disk.folder / "runs.db", tmp_path / "copy.db"
        asyncio.run(leave(file, copy))
        disk.strike(file)
        with pytest.raises(StoreFull):
            asyncio.run(entries(file))
        disk.mend()
        assert len(asyncio.run(entries(file))) == 20


async def leave(file: Path, copy: Path) -> None:
    """A store as a process that is killed leaves it: with all it wrote in the log, and no index of that."""
    store = store_in(copy)
    await store.open()
    await store.create_run(new_run())
    for after in range(1, 20):
        await store.commit(commit(after, b"x" * 2000))
    file.write_bytes(copy.read_bytes())
    log_of(file).write_bytes(log_of(copy).read_bytes())
    await store.close()


def test_an_index_of_the_log_that_cannot_grow_is_told_and_with_room_it_goes_on(tmp_path: Path) -> None:
    """It grows by 32 KB for each 4,096 pages of the log; of these there is room for one more."""
    with small_disk(tmp_path / "disk", size="64m") as disk:
        file = disk.folder / "runs.db"

        async def use() -> None:
            await made(file)
            store = store_in(file)
            await store.open()
            # A reader that stays keeps the log from being begun anew.
            with closing(sqlite3.connect(file, isolation_level=None)) as reader:
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM waystation_runs").fetchone()
                index = file.with_name("runs.db-shm")
                after, length = 1, index.stat().st_size
                while log_of(file).stat().st_size < 4050 * 4120:
                    await store.commit(commit(after, BIG[:20_000]))
                    after += 1
                assert index.stat().st_size == length, "it has not grown yet"

                async def write_until_refused() -> None:
                    nonlocal after
                    while True:
                        disk.mend()
                        disk.leave(7)  # enough for the log's next pages, and not for 32 KB
                        await store.commit(commit(after, b"small"))
                        after += 1

                with pytest.raises(StoreFull):
                    await write_until_refused()
                assert index.stat().st_size <= length + 8 * 4096
                assert len(await store.read("r1")) == after
                disk.mend()
                await store.commit(commit(after, b"small"))
                assert len(await store.read("r1")) == after + 1
            await store.close()

        asyncio.run(asyncio.wait_for(use(), 60))


def test_a_log_that_cannot_be_folded_into_the_file_stays_beside_it_and_loses_nothing(tmp_path: Path) -> None:
    """The file is at the limit of its length, and the log is not: commits go on, and the close leaves the log."""
    with quota(tmp_path / "disk") as disk:
        file = disk.folder / "runs.db"

        async def fill() -> int:
            await made(file)
            store = store_in(file)
            await store.open()
            await store.commit(commit(1, BIG, BIG))
            await store.close()
            store = store_in(file)
            await store.open()
            length = file.stat().st_size
            resource.setrlimit(resource.RLIMIT_FSIZE, (length + 1000, resource.RLIM_INFINITY))
            after = 3
            for _ in range(20):
                await store.commit(commit(after, b"x" * 20_000))
                after += 1
            await store.close()
            assert file.stat().st_size <= length + 1000
            assert log_of(file).stat().st_size > 20 * 20_000
            return after

        acknowledged = asyncio.run(fill())
        disk.mend()
        assert len(asyncio.run(entries(file))) == acknowledged
        assert not log_of(file).exists(), "with room it is folded in"
