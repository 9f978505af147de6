"""A store that can be read and not written: at the start, or from some moment on while an app has it open."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.faults.disks import immutable, run_or_skip, small_disk
from tests.crash.faults.faulting import Trial
from tests.crash.fork_server import ROOT
from tests.crash.plays import PLAYS
from waystation import open_store
from waystation.errors import StoreReadOnly
from waystation.testing.store_suite.writes import new_run


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


@pytest.mark.parametrize("there", [False, True], ids=["new", "made before"])
def test_a_store_on_a_read_only_file_system_is_told_as_it_is_opened_and_can_be_opened_later(
    there: bool, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk") as disk:
        url = f"sqlite:///{disk.folder / 'runs.db'}"

        async def use() -> None:
            if there:
                first = open_store(url)
                await first.open()
                await first.create_run(new_run())
                await first.close()
            store = open_store(url)
            left_out = "a read-only file system was not tried"
            run_or_skip(left_out, "mount", "-o", "remount,ro", str(disk.folder))
            with pytest.raises(StoreReadOnly, match="cannot be written to"):
                await store.open()
            run_or_skip(left_out, "mount", "-o", "remount,rw", str(disk.folder))
            await store.open()
            await store.create_run(new_run("another"))
            assert len(await store.read("r1")) == int(there)
            await store.close()

        asyncio.run(use())


READER = """
import asyncio, os, sys
from waystation import open_store
from waystation.errors import StoreError
from waystation.store.sqlite_schema import migrations, newest_schema

async def main():
    migrations(), newest_schema()  # read while this process still may
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)  # root may write wherever it likes
    try:
        await open_store(sys.argv[1]).open()
    except StoreError as error:
        print(error.code)
    else:
        print("opened")

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("of_folder", "of_file"),
    [(0o555, 0o666), (0o777, 0o444), (0o555, 0o444), (0o777, 0o000)],
    ids=["the folder", "the file", "both", "not even read"],
)
def test_what_the_rights_of_folder_and_file_forbid_is_told_as_that(
    of_folder: int, of_file: int, tmp_path: Path
) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    file = folder / "runs.db"

    async def make() -> None:
        store = open_store(f"sqlite:///{file}")
        await store.open()
        await store.close()

    asyncio.run(make())
    before = file.read_bytes()
    file.chmod(of_file)
    folder.chmod(of_folder)
    changed = [each for each in tmp_path.parents if each.stat().st_uid == os.getuid() and not each.stat().st_mode & 1]
    for each in [tmp_path, *changed]:
        each.chmod(each.stat().st_mode | 0o005)  # another user must come as far as the folder
    try:
        said = subprocess.run(
            [sys.executable, "-c", READER, f"sqlite:///{file}"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        folder.chmod(0o755)
        file.chmod(0o644)
    assert said.stdout.split() == [StoreReadOnly.code], said.stderr
    assert file.read_bytes() == before
