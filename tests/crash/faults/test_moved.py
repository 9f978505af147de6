"""A store whose files are deleted, moved or replaced: under a running app, and between two starts."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext, suppress
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.crash.faults.disks import log_of
from tests.crash.faults.faulting import FaultySite
from tests.crash.fork_server import ROOT
from tests.crash.plays import PLAYS
from waystation import Waystation, open_store
from waystation.errors import NotSuspended, StoreMoved
from waystation.run import Run
from waystation.store import sqlite_place
from waystation.testing.store_suite.writes import commit, new_run

PLAY = PLAYS["nested"]
TIMEOUT = 30.0


def app_in(site: FaultySite) -> Waystation:
    return Waystation(workflows=[PLAY.workflow], store=site.url, recover_every=timedelta(milliseconds=20))


async def suspended(app: Waystation) -> Run[object, object]:
    run: Run[object, object] = await app.get_workflow(PLAY.workflow).create_run(run_id="run-1")
    assert (await run.start(PLAY.input, state=PLAY.state)).status == "suspended"
    return run


async def ended(run: Run[object, object]) -> str:
    while (result := await run.wait()).status == "suspended":
        for suspension in result.suspensions:
            with suppress(NotSuspended):
                await run.resume_async(suspension=suspension.id, data="!")
    return result.status


def files_of(site: FaultySite) -> Sequence[Path]:
    return [site.file.with_name(f"{site.file.name}{ending}") for ending in ("", "-wal", "-shm")]


def each_away(*which: int) -> Callable[[FaultySite, Path], None]:
    def move(site: FaultySite, aside: Path) -> None:
        for place in which:
            file = files_of(site)[place]
            file.rename(aside / file.name)

    return move


def folder_away(site: FaultySite, aside: Path) -> None:
    site.folder.rename(aside / "folder")


def replaced(site: FaultySite, aside: Path) -> None:
    each_away(0)(site, aside)
    shutil.copy(aside / site.file.name, site.file)


def put_back(site: FaultySite, aside: Path) -> None:
    if (aside / "folder").exists():
        (aside / "folder").rename(site.folder)
    for file in files_of(site):
        if (aside / file.name).exists():
            (aside / file.name).replace(file)


def long_unchanged(site: FaultySite) -> None:
    os.utime(site.folder, (1_700_000_000.5, 1_700_000_000.5))


def just_changed(site: FaultySite) -> None:
    os.utime(site.folder)


@pytest.mark.parametrize("seen", [just_changed, long_unchanged], ids=["just changed", "long unchanged"])
@pytest.mark.parametrize(
    "take_away",
    [each_away(0), each_away(1), each_away(2), each_away(1, 2), each_away(0, 1, 2), folder_away, replaced],
    ids=["the file", "the log", "the index of the log", "log and index", "all three", "the folder", "by a copy"],
)
def test_what_is_taken_from_under_an_app_is_told_nothing_is_acknowledged_and_put_back_it_goes_on(
    take_away: Callable[[FaultySite, Path], None],
    seen: Callable[[FaultySite], None],
    site: FaultySite,
    tmp_path: Path,
) -> None:
    aside = tmp_path / "aside"
    aside.mkdir()

    async def use() -> None:
        async with app_in(site) as app:
            seen(site)
            run = await suspended(app)
            before = await run.journal()
            lines = site.ledger.lines()
            take_away(site, aside)
            with pytest.raises(StoreMoved, match="Put back what was there"):
                await run.resume_async(data="!")
            with pytest.raises(StoreMoved):
                await app.get_workflow(PLAY.workflow).create_run()
            assert site.ledger.lines() == lines
            put_back(site, aside)
            assert await run.journal() == before
            assert await ended(run) == "success"

    asyncio.run(asyncio.wait_for(use(), TIMEOUT))
    assert site.look().lines == site.ledger.lines()


SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("changed", "now", "is_seen"),
    [
        (5 * SECOND + 1, 5 * SECOND + SECOND // 20, True),
        (5 * SECOND + 1, 4 * SECOND, True),
        (5 * SECOND, 7 * SECOND, True),
        (5 * SECOND + 1, 6 * SECOND, False),
    ],
    ids=["in one tick", "after the clock was set back", "in one tick of a coarse clock", "with the time set as it was"],
)
def test_the_time_of_a_folder_is_believed_only_when_the_next_change_will_have_another(
    changed: int, now: int, is_seen: bool, site: FaultySite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last is no promise: whoever sets the time of a folder back can hide what was done in it."""

    async def use() -> None:
        store = open_store(site.url)
        await store.open()
        monkeypatch.setattr(sqlite_place, "time", SimpleNamespace(time_ns=lambda: now))
        os.utime(site.folder, ns=(changed, changed))
        await store.create_run(new_run("r"))
        site.file.rename(site.file.with_name("elsewhere"))
        os.utime(site.folder, ns=(changed, changed))
        with pytest.raises(StoreMoved) if is_seen else nullcontext():
            await store.commit(commit(1, b"2", run_id="r"))
        site.file.with_name("elsewhere").rename(site.file)
        await store.close()

    asyncio.run(asyncio.wait_for(use(), TIMEOUT))


def test_an_app_that_only_waits_says_that_its_file_is_gone(site: FaultySite, caplog: pytest.LogCaptureFixture) -> None:
    async def use() -> None:
        async with app_in(site) as app:
            await suspended(app)
            site.file.unlink()
            while not any("deleted, moved or replaced" in each.getMessage() for each in caplog.records):
                await asyncio.sleep(0)

    with caplog.at_level(logging.WARNING, "waystation"):
        asyncio.run(asyncio.wait_for(use(), TIMEOUT))


def test_an_app_whose_file_was_replaced_leaves_the_new_one_and_its_log_alone_as_it_closes(site: FaultySite) -> None:
    """A backup is brought back and used by another process, while an old one is still up."""

    async def use() -> None:
        app = app_in(site)
        await app.open()
        await suspended(app)
        for file in files_of(site):
            file.unlink()
        other = open_store(site.url)
        await other.open()
        await other.create_run(new_run("anew"))
        await other.commit(commit(1, b"2", run_id="anew"))
        log = log_of(site.file).read_bytes()
        assert log, "what was written is in the log of the new one"
        await app.close()
        assert log_of(site.file).read_bytes() == log
        assert len(await other.read("anew")) == 2
        await other.close()
        await (again := open_store(site.url)).open()
        assert len(await again.read("anew")) == 2
        await again.close()

    asyncio.run(asyncio.wait_for(use(), TIMEOUT))
    with closing(sqlite3.connect(site.file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_log_that_is_deleted_under_an_app_is_whole_in_the_file_once_it_closes(site: FaultySite) -> None:
    async def use() -> int:
        async with app_in(site) as app:
            run = await suspended(app)
            log_of(site.file).unlink()
            with pytest.raises(StoreMoved):
                await run.resume_async(data="!")
            return len(await run.journal())

    acknowledged = asyncio.run(asyncio.wait_for(use(), TIMEOUT))
    assert len(site.look().journal) == acknowledged


WRITER = """
import asyncio, os, sys
from waystation.testing.store_suite.writes import commit, new_run
from waystation import open_store

async def main():
    store = open_store(sys.argv[1])
    await store.open()
    for number in range(3):
        await store.create_run(new_run(f"r{number}"))
    for after in range(1, 400):
        for number in range(3):
            await store.commit(commit(after, b"x" * 1500, run_id=f"r{number}"))
        print(after + 1, flush=True)

asyncio.run(main())
"""


def test_without_the_log_that_a_killed_process_left_the_store_is_as_it_was_at_some_moment_before(
    site: FaultySite,
) -> None:
    """Deleting it loses what was acknowledged since: nobody can know that there was a log. But nothing is mixed up."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, site.url],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    told = [int(process.stdout.readline()) for _ in range(390)]
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)

    async def lengths() -> Sequence[int]:
        store = open_store(site.url)
        await store.open()
        found = [len(await store.read(f"r{number}")) for number in range(3)]
        await store.close()
        return found

    whole = site.folder.with_name("whole")
    shutil.copytree(site.folder, whole)
    log_of(site.file).unlink()
    without = asyncio.run(lengths())
    # The runs were written in turn: at any moment they are of one length, but for the last round.
    assert 0 < min(without) <= max(without) <= min(without) + 1
    assert max(without) < told[-1], "else it proves nothing: there was nothing in the log"
    with closing(sqlite3.connect(site.file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    shutil.rmtree(site.folder)
    whole.rename(site.folder)
    assert min(asyncio.run(lengths())) >= told[-1], "with the log, all that was acknowledged is there"
