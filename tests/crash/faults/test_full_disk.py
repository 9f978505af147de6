"""The disk is full at each write of a run: the app says so, loses nothing, and goes on when there is room again."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from tests.crash.faults.disks import Disk, quota, small_disk
from tests.crash.faults.faulting import FaultingStore, FaultySite, app_of
from tests.crash.judge import Standing, check_ended, check_interrupted
from tests.crash.plays import PLAYS, Play, finish, summary
from waystation import open_store
from waystation.errors import StoreFull

TIMEOUT = 30.0
"""How long a run may take, in seconds, before it is taken to hang."""


@pytest.fixture(params=["disk", "quota"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Disk]:
    with (small_disk if request.param == "disk" else quota)(tmp_path / "disk") as limited:
        yield limited


class Trial:
    """One play, again and again, each time with a full disk at another of its writes."""

    def __init__(self, play: Play, disk: Disk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.play = play
        self._disk = disk
        self._folder = folder
        self._monkeypatch = monkeypatch
        site = self._site("reference")
        self.expected = asyncio.run(self._undisturbed(site))
        self.reference = site.seen()
        shutil.rmtree(site.folder)

    def _site(self, name: str) -> FaultySite:
        site = FaultySite(self._disk.folder / name, self._folder / f"ledger-{name}")
        site.prepare()
        self._monkeypatch.setenv("LEDGER", str(site.ledger_file))
        return site

    async def _undisturbed(self, site: FaultySite) -> Sequence[object]:
        async with app_of(self.play, open_store(site.url)) as app:
            return summary(await finish(self.play, app))

    def full_at(self, at: int) -> bool:
        """Whether there was such a write."""
        site = self._site(str(at))
        try:
            before, result = asyncio.run(asyncio.wait_for(self._endure(site, at), TIMEOUT))
            if before is None:
                return False
            assert result == self.expected
            after = site.look()
            check_interrupted(before, after)
            check_ended(self.play.workflow.graph, after, self.reference, crashes=1)
            return True
        finally:
            self._disk.make_room()
            shutil.rmtree(site.folder)

    async def _endure(self, site: FaultySite, at: int) -> tuple[Standing | None, Sequence[object]]:
        """How the run stood when the disk was full, and what it came to."""
        store = FaultingStore(open_store(site.url), at=at, fault=lambda: self._disk.fill(site.file))
        async with app_of(self.play, store) as app:
            try:
                result = await finish(self.play, app)
            except StoreFull:
                pass
            else:
                assert not store.met, "the run came to its end on a full disk"
                return None, summary(result)
            before = site.seen()
            with pytest.raises(StoreFull, match="Make room"):  # it is told of whatever comes, and can be asked what is there
                await app.get_workflow(self.play.workflow).create_run(run_id="another")
            self._disk.make_room()
            return before, summary(await finish(self.play, app))


@pytest.mark.parametrize("which", PLAYS)
def test_a_disk_that_is_full_at_a_write_is_told_and_with_room_the_same_app_ends_the_run(
    which: str, disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = Trial(PLAYS[which], disk, tmp_path, monkeypatch)
    at = 1
    while trial.full_at(at):
        at += 1
    assert at > 5, "the trial came to the run's writes"
