"""A store that can be read and not written: at the start, or from some moment on while an app has it open."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.faults.disks import immutable
from tests.crash.faults.faulting import Trial
from tests.crash.plays import PLAYS
from waystation.errors import StoreReadOnly


@pytest.mark.parametrize("which", ["events", "money"])
def test_a_file_made_read_only_at_a_write_is_told_and_once_it_is_not_the_same_app_ends_the_run(
    which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with immutable(tmp_path / "disk") as disk:
        trial = Trial(PLAYS[which], disk, StoreReadOnly, tmp_path, monkeypatch)
        at = 1
        while trial.struck_at(at):
            at += 1
    assert at > 5, "the trial came to the run's writes"
