"""Killed at any of its writes, a run whose data is encoded goes on; all that is left behind is blobs of nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.blob_folders import age
from tests.conformance.codec_process import codec, go_on
from tests.conformance.secretive import RESULT, secretive
from tests.conformance.stock import won
from waystation import Encryption, Waystation, sweep_blobs

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).resolve().parents[2]


def process(folder: Path, at: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(Path(__file__).with_name("codec_process.py")), str(folder), str(at)],
        env={
            "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
            "WAYSTATION_KEYS": os.environ["WAYSTATION_KEYS"],
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_a_run_goes_on_from_a_crash_at_any_write_and_only_orphans_are_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYSTATION_KEYS", f"k:{Encryption.new_key()}")
    whole = tmp_path / "whole"
    whole.mkdir()
    undisturbed = process(whole, 0)
    assert undisturbed.returncode == 0, undisturbed.stderr
    writes = int(undisturbed.stdout)
    assert writes > 6
    orphans = 0
    for at in range(1, writes + 1):
        folder = tmp_path / f"before-{at}"
        folder.mkdir()
        killed = process(folder, at)
        assert killed.returncode == -9, killed.stderr
        orphans += await goes_on(folder)
    assert orphans > 0, "a blob was written before the write that it was killed at"


async def goes_on(folder: Path) -> int:
    """The run comes to its end, and is whole after a sweep; gives how many blobs that swept."""
    blobs = folder / "blobs"
    app = Waystation(workflows=[secretive], store=f"sqlite:///{folder}/runs.db", codec=codec(folder))
    async with app:
        await go_on(app)
        age(blobs, 48)
        swept = await sweep_blobs(app.store)
        assert await sweep_blobs(app.store) == 0
    async with app.copy(store=f"sqlite:///{folder}/runs.db") as again:
        run = await again.get_run("r1")
        assert won(await run.wait()) == RESULT
        assert len(await run.journal()) > 6
    return swept
