"""The store's lock is held by another process: for short, for too long, by one that stands still, by one that dies."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.crash.faults.faulting import FaultySite, Trial, app_of
from tests.crash.plays import PLAYS, finish, summary
from waystation import open_store
from waystation.errors import StoreBusy

PLAY = PLAYS["money"]
TIMEOUT = 30.0

# It writes within its lock, so that what it holds when it dies has to be undone by others.
HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(sys.argv[2])
connection.execute("INSERT INTO charges VALUES ('of another', 'x')")
print("held", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
connection.close()
print("free", flush=True)
"""


class Holder:
    """A process that holds the lock."""

    def __init__(self, file: Path, begin: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(file), begin],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._said() == "held"

    def _said(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def let_go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        assert self._said() == "free"

    def signal(self, which: signal.Signals) -> None:
        os.kill(self.process.pid, which)

    def end(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=TIMEOUT)


@contextmanager
def holding(site: FaultySite, begin: str = "BEGIN IMMEDIATE") -> Generator[Holder]:
    holder = Holder(site.file, begin)
    try:
        yield holder
    finally:
        holder.end()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waystation.store.sqlite_writer.PATIENCE", 0.2)


@pytest.mark.parametrize("begin", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_a_lock_held_for_short_is_waited_for(begin: str, site: FaultySite) -> None:
    async def use() -> None:
        async with app_of(PLAY, open_store(site.url)) as app:
            with holding(site, begin) as holder:
                ending = asyncio.create_task(finish(PLAY, app))
                # It comes to its first write, and tries for the lock.
                await asyncio.wait([ending], timeout=0.3)
                assert not ending.done()
                assert site.ledger.lines() == []
                holder.let_go()
                assert summary(await ending)[0] == "success"

    asyncio.run(asyncio.wait_for(use(), TIMEOUT))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("how", ["it goes on", "it stands still, and is killed"])
def test_a_lock_held_for_too_long_is_told_nothing_is_changed_and_later_it_goes_on(how: str, site: FaultySite) -> None:
    async def use() -> None:
        async with app_of(PLAY, open_store(site.url)) as app:
            with holding(site) as holder:
                if how != "it goes on":
                    holder.signal(signal.SIGSTOP)
                with pytest.raises(StoreBusy, match="held the lock"):
                    await finish(PLAY, app)
                assert site.seen().journal == []
                assert site.ledger.lines() == []
                if how == "it goes on":
                    holder.let_go()
                else:
                    holder.signal(signal.SIGKILL)
                assert summary(await finish(PLAY, app))[0] == "success"

    asyncio.run(asyncio.wait_for(use(), TIMEOUT))
    assert "of another" not in [key for key, _ in site.look().charges]


class Blocked:
    """A place where from some moment on another process stands still with the lock of the store, until it is killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._holder: Holder | None = None

    def strike(self, file: Path) -> None:
        self._holder = Holder(file, "BEGIN IMMEDIATE")
        self._holder.signal(signal.SIGSTOP)

    def mend(self) -> None:
        if self._holder is not None:
            self._holder.end()
            self._holder = None


@pytest.mark.parametrize("which", ["events", "each"])
def test_a_lock_held_too_long_at_a_write_is_told_and_once_it_is_free_the_same_app_ends_the_run(
    which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waystation.store.sqlite_writer.PATIENCE", 0.05)
    (tmp_path / "place").mkdir()
    trial = Trial(PLAYS[which], Blocked(tmp_path / "place"), StoreBusy, tmp_path, monkeypatch)
    at = 1
    while trial.struck_at(at):
        at += 1
    assert at > 5, "the trial came to the run's writes"


@pytest.mark.usefixtures("impatient")
def test_a_store_that_is_locked_as_it_is_opened_is_told_and_can_be_opened_later(site: FaultySite) -> None:
    async def use() -> None:
        app = app_of(PLAY, open_store(site.url))
        with holding(site) as holder:
            with pytest.raises(StoreBusy):
                await app.open()
            holder.let_go()
            async with app:
                assert summary(await finish(PLAY, app))[0] == "success"

    asyncio.run(asyncio.wait_for(use(), TIMEOUT))


@pytest.mark.usefixtures("impatient")
def test_an_app_closes_though_another_stands_still_with_the_lock(site: FaultySite) -> None:
    async def use() -> None:
        app = app_of(PLAY, open_store(site.url))
        await app.open()
        assert summary(await finish(PLAY, app))[0] == "success"
        # Now it has a lease, which it would give back.
        with holding(site) as holder:
            holder.signal(signal.SIGSTOP)
            await app.close()

    asyncio.run(asyncio.wait_for(use(), TIMEOUT))
    # What was acknowledged is there, and what the other had begun is not.
    assert site.look().journal
    assert "of another" not in [key for key, _ in site.seen().charges]


@pytest.mark.usefixtures("impatient")
def test_an_app_that_could_not_open_closes_though_another_stands_still_with_the_lock(site: FaultySite) -> None:
    async def use() -> None:
        with holding(site, begin="BEGIN DEFERRED") as holder:
            holder.signal(signal.SIGSTOP)
            app = app_of(PLAY, open_store(site.url))
            with pytest.raises(StoreBusy):
                await app.open()
            await app.close()

    asyncio.run(asyncio.wait_for(use(), TIMEOUT))
