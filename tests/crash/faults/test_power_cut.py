"""The power of the disk is cut, on a real file system: what was not synced is gone. Nothing acknowledged is among it.

The disk is a file with ext4 in it, which is told to stop at once, and is mounted again. Meanwhile all that is asked of
it fails: so this is the trial of a disk that breaks, too.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from tests.crash.faults.disks import Disconnected, disconnected
from tests.crash.faults.faulting import TIMEOUT, FaultingStore, FaultySite, app_of
from tests.crash.judge import Standing, check_ended, check_interrupted
from tests.crash.plays import PLAYS, Play, finish, summary
from waystation import open_store
from waystation.errors import StoreDiskError
from waystation.testing.store_suite.writes import commit, new_run

RUNS = 5


@pytest.fixture
def disk(tmp_path: Path) -> Generator[Disconnected]:
    with disconnected(tmp_path / "disk") as broken:
        yield broken


async def cut_after(disk: Disconnected, url: str, rounds: int, chance: random.Random) -> Sequence[int]:
    """How many entries of each run were acknowledged when the disk went away."""
    store = open_store(url)
    await store.open()
    lengths = [1] * RUNS

    async def write(number: int) -> None:
        entry = b"x" * chance.randrange(10, 20_000)
        await store.commit(commit(lengths[number], entry, entry, run_id=f"r{number}"))
        lengths[number] += 2

    await asyncio.gather(*(store.create_run(new_run(f"r{number}")) for number in range(RUNS)))
    for _ in range(rounds):
        await asyncio.gather(*(write(number) for number in range(RUNS)))
        await write(0)
    disk.strike(Path())
    with pytest.raises(StoreDiskError, match="Look at the system's log"):
        await write(0)
    await store.close()
    return lengths


async def lengths_in(url: str) -> Sequence[int]:
    store = open_store(url)
    await store.open()
    found = [len(await store.read(f"r{number}")) for number in range(RUNS)]
    await store.close()
    return found


@pytest.mark.parametrize("rounds", [0, 1, 2, 7, 20, 41, 60])
def test_what_was_acknowledged_is_there_after_the_power_was_cut(rounds: int, disk: Disconnected) -> None:
    url = f"sqlite:///{disk.folder / 'runs.db'}"
    acknowledged = asyncio.run(cut_after(disk, url, rounds, random.Random(rounds)))
    disk.mend()
    assert asyncio.run(lengths_in(url)) == acknowledged


def test_the_cut_is_one_as_what_is_not_synced_is_lost_by_it(disk: Disconnected) -> None:
    """Of ``synchronous=normal`` that is documented; here it shows that the tests above try what they say."""
    url = f"sqlite:///{disk.folder / 'runs.db'}?synchronous=normal"

    async def make() -> None:
        store = open_store(url)
        await store.open()
        await store.close()

    asyncio.run(make())
    acknowledged = asyncio.run(cut_after(disk, url, 7, random.Random(7)))
    disk.mend()
    assert sum(asyncio.run(lengths_in(url))) < sum(acknowledged)


async def undisturbed(play: Play, site: FaultySite) -> Sequence[object]:
    async with app_of(play, open_store(site.url)) as app:
        return summary(await finish(play, app))


async def until_cut(play: Play, disk: Disconnected, site: FaultySite, at: int) -> Standing | None:
    """How the run stood when the power was cut at its write ``at``; None if there was no such write."""
    before: list[Standing] = []

    def cut() -> None:
        before.append(site.seen())
        disk.strike(site.file)

    async with app_of(play, FaultingStore(open_store(site.url), at=at, fault=cut)) as app:
        try:
            await finish(play, app)
        except StoreDiskError:
            return before[0]
    assert not before, "the run came to its end without a disk"
    return None


def off_for_longer_than_a_lease(site: FaultySite) -> None:
    """So that nobody waits for the app that had the run; its process, this one, still is alive."""
    with closing(sqlite3.connect(site.file)) as connection:
        connection.execute("UPDATE waystation_workers SET expires_at = 0")
        connection.commit()


@pytest.mark.parametrize("which", ["events", "money"])
def test_a_run_whose_power_is_cut_at_a_write_goes_on_from_all_that_was_acknowledged(
    which: str, disk: Disconnected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = PLAYS[which]

    def site_of(at: int) -> FaultySite:
        site = FaultySite(disk.folder / f"at-{at}", tmp_path / f"ledger-{at}")
        site.prepare()
        monkeypatch.setenv("LEDGER", str(site.ledger_file))
        return site

    site = site_of(0)
    expected, reference = asyncio.run(undisturbed(play, site)), site.seen()
    for at in range(1, 1000):
        shutil.rmtree(site.folder)
        site = site_of(at)
        before = asyncio.run(asyncio.wait_for(until_cut(play, disk, site, at), TIMEOUT))
        if before is None:
            assert at > 5, "the trial came to the run's writes"
            break
        disk.mend()
        off_for_longer_than_a_lease(site)
        assert asyncio.run(asyncio.wait_for(undisturbed(play, site), TIMEOUT)) == expected
        after = site.look()
        check_interrupted(before, after)
        check_ended(play.workflow.graph, after, reference, crashes=1)
