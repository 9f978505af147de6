"""What a power cut leaves of the files: the last writes whole, in part, or in any mixture of sectors.

After each commit that was acknowledged a copy is taken: that much was synced. What came between two copies was not, so
any part of it may be on the disk. Each such part is tried: cut off at each sector, cut off at each frame of the log,
sectors missing in between, bytes that are noise.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from tests.crash.faults.disks import log_of
from waystation import open_store
from waystation.testing.store_suite.writes import commit, new_run

SECTOR = 512
FRAME = 4096 + 24
HEADER = 32
COMMITS = 24


@dataclass(frozen=True)
class Copy:
    """The files right after a commit was acknowledged."""

    file: bytes
    log: bytes


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Copy]:
    """Of a store in which the run ``r1`` has one entry, then two more with each copy."""
    file = tmp_path_factory.mktemp("store") / "runs.db"

    async def write() -> Sequence[Copy]:
        store = open_store(f"sqlite:///{file}")
        await store.open()
        # So that the log is folded into the file, and begun anew, now and then.
        vars(store)["_connection"].execute("PRAGMA wal_autocheckpoint = 30")
        await store.create_run(new_run())
        found = [Copy(file.read_bytes(), log_of(file).read_bytes())]
        for number in range(COMMITS):
            entry = b"%d" % number * random.Random(number).randrange(1, 4000)
            await store.commit(commit(1 + 2 * number, entry, entry))
            found.append(Copy(file.read_bytes(), log_of(file).read_bytes()))
        await store.close()
        return found

    return asyncio.run(write())


def sectors(before: bytes, after: bytes) -> Sequence[int]:
    """Where the sectors begin that are other ones after."""
    length = max(len(before), len(after))
    return [
        place for place in range(0, length, SECTOR) if before[place : place + SECTOR] != after[place : place + SECTOR]
    ]


def mixed(before: bytes, after: bytes, written: Sequence[int]) -> bytes:
    """``before`` with those sectors of ``after``."""
    content = bytearray(before)
    for place in written:
        if len(content) < place:
            content.extend(bytes(place - len(content)))
        content[place : place + SECTOR] = after[place : place + SECTOR]
    return bytes(content)


def remains(before: bytes, after: bytes, chance: random.Random) -> Iterator[bytes]:
    """What may be there of a file that was as ``before`` when it was synced, and was being made ``after``."""
    changed = sectors(before, after)
    for count in range(len(changed)):
        yield mixed(before, after, changed[:count])
    for _ in range(10):
        yield mixed(before, after, [place for place in changed if chance.random() < 0.7])
    for place in range(HEADER, len(after), FRAME):
        if len(before) <= place:
            yield after[:place]
    torn = bytearray(after)
    last = changed[-1]
    torn[last : last + 16] = chance.randbytes(min(16, len(torn) - last))
    yield bytes(torn)


def entries(folder: Path, copy: Copy) -> int:
    """How many entries there are, once the files are opened as they are."""
    file = folder / "runs.db"
    file.write_bytes(copy.file)
    log_of(file).write_bytes(copy.log)
    file.with_name("runs.db-shm").unlink(missing_ok=True)

    async def read() -> int:
        store = open_store(f"sqlite:///{file}")
        await store.open()
        found = await store.read("r1")
        await store.close()
        return len(found)

    found = asyncio.run(read())
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return found


def test_each_copy_has_all_that_was_acknowledged(copies: Sequence[Copy], tmp_path: Path) -> None:
    assert [entries(tmp_path, copy) for copy in copies] == [1 + 2 * number for number in range(COMMITS + 1)]
    assert any(later.file != copy.file for copy, later in pairwise(copies)), "none was folded in"


@pytest.mark.parametrize("number", range(COMMITS))
def test_however_much_of_a_commit_is_in_the_log_those_before_it_are_there_and_it_is_whole_or_not_there(
    number: int, copies: Sequence[Copy], tmp_path: Path
) -> None:
    before, after = copies[number], copies[number + 1]
    found = {entries(tmp_path, Copy(before.file, log)) for log in remains(before.log, after.log, random.Random(number))}
    assert 1 + 2 * number in found, "else nothing was torn"
    assert found <= {1 + 2 * number, 3 + 2 * number}


def test_however_much_of_the_log_is_folded_into_the_file_all_is_there(copies: Sequence[Copy], tmp_path: Path) -> None:
    chance = random.Random(5)
    tried = 0
    for number, (before, after) in enumerate(pairwise(copies)):
        changed = sectors(before.file, after.file)
        for part in (0.0, 0.2, 0.5, 0.8) if changed else ():
            file = mixed(before.file, after.file, [place for place in changed if chance.random() < part])
            assert entries(tmp_path, Copy(file, after.log)) == 3 + 2 * number
            tried += 1
    assert tried > 4
