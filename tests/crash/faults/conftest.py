"""What the tests of faults share."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.crash.faults.disks import Disk, quota, small_disk
from tests.crash.faults.faulting import FaultySite


@pytest.fixture(params=["disk", "quota"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Disk]:
    """A place that can be full, in either of the ways there are."""
    with (small_disk if request.param == "disk" else quota)(tmp_path / "disk") as limited:
        yield limited


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FaultySite:
    """A store with the user's table, no run yet, and a ledger."""
    monkeypatch.setenv("LEDGER", str(tmp_path / "ledger"))
    site = FaultySite(tmp_path / "store", tmp_path / "ledger")
    site.prepare()
    return site
