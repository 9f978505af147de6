"""The disk is full at each write of a run: the app says so, loses nothing, and goes on when there is room again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.faults.disks import Disk, quota
from tests.crash.faults.faulting import Trial
from tests.crash.plays import PLAYS
from waystation.errors import StoreFull


@pytest.mark.parametrize("which", PLAYS)
def test_a_disk_that_is_full_at_a_write_is_told_and_with_room_the_same_app_ends_the_run(
    which: str, disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = Trial(PLAYS[which], disk, StoreFull, tmp_path, monkeypatch)
    at = 1
    while trial.struck_at(at):
        at += 1
    assert at > 5, "the trial came to the run's writes"


@pytest.mark.parametrize("which", PLAYS)
def test_a_disk_that_is_full_for_a_moment_fails_no_step_and_the_run_goes_on_by_itself(
    which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with quota(tmp_path / "disk") as disk:
        trial = Trial(PLAYS[which], disk, StoreFull, tmp_path, monkeypatch)
        at = 1
        while trial.struck_at(at, lasting=False):
            at += 1
    assert at > 5, "the trial came to the run's writes"
