"""A process that writes as fast as it can is killed: what it was told is there, and nothing half."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from waystation import open_store

ROOT = Path(__file__).resolve().parents[2]

WRITER = """
import asyncio, sys
from tests.conformance.test_stores import commit, new_run
from waystation import open_store

async def write(store, run_id):
    await store.create_run(new_run(run_id))
    after = 1
    while True:
        await store.commit(commit(after, b"a" * 300, b"b" * 300, b"c" * 300, run_id=run_id))
        after += 3
        print(run_id, after, flush=True)

async def main():
    store = open_store(sys.argv[1])
    await store.open()
    await asyncio.gather(*(write(store, f"r{number}") for number in range(10)))

asyncio.run(main())
"""


@pytest.mark.parametrize("lines", [1, 37, 200, 1000])
def test_what_was_acknowledged_is_there_and_each_commit_is_whole(lines: int, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'runs.db'}"
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, url],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(lines)]
    process.send_signal(signal.SIGKILL)
    told += process.stdout.readlines()
    process.stdout.close()
    assert process.wait(timeout=30) == -signal.SIGKILL
    acknowledged: dict[str, int] = {}
    for line in told:
        if line.endswith("\n"):
            run_id, seq = line.split()
            acknowledged[run_id] = int(seq)
    assert acknowledged

    async def lengths() -> dict[str, int]:
        store = open_store(url)
        await store.open()
        found = {f"r{number}": len(await store.read(f"r{number}")) for number in range(10)}
        await store.close()
        return found

    for run_id, length in asyncio.run(lengths()).items():
        assert length >= acknowledged.get(run_id, 0), "an acknowledged commit is lost"
        assert length == 0 or length % 3 == 1, "a commit is half there"
