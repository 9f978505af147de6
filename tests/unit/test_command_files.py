"""Files that a command writes: there as a whole, or as they were before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from waystation.cli.exits import UsageError
from waystation.cli.files import file_for, read_in_pieces, save
from waystation.errors import RunNotFound

pytestmark = pytest.mark.anyio


async def lines(*, breaks: bool) -> AsyncIterator[bytes]:
    yield b"first\n"
    if breaks:
        raise RunNotFound
    yield b"last\n"


async def test_a_file_whose_lines_break_off_stays_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "r1.jsonl"
    with pytest.raises(RunNotFound):
        await save(lines(breaks=True), file)
    assert list(tmp_path.iterdir()) == []
    file.write_bytes(b"the one before")
    with pytest.raises(RunNotFound):
        await save(lines(breaks=True), file)
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("r1.jsonl", b"the one before")]


async def test_a_file_is_replaced_in_one_move_so_that_who_reads_the_old_one_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "r1.jsonl"
    file.write_bytes(b"the one before")
    with file.open("rb") as opened:
        await save(lines(breaks=False), file)
        assert opened.read() == b"the one before"
    assert file.read_bytes() == b"first\nlast\n"
    assert list(tmp_path.iterdir()) == [file]


def test_files_are_named_for_their_runs_in_a_folder_that_is_one_or_is_meant_as_one(tmp_path: Path) -> None:
    assert file_for(f"{tmp_path}/a.jsonl", "r1", several=False) == tmp_path / "a.jsonl"
    assert file_for(str(tmp_path), "r1", several=False) == tmp_path / "r1.jsonl"
    assert file_for(f"{tmp_path}/new/", "r 1", several=False) == tmp_path / "new" / "r 1.jsonl"
    assert file_for(f"{tmp_path}/deep/er", "..", several=True) == tmp_path / "deep" / "er" / "...jsonl"
    assert (
        file_for(f"{tmp_path}/new", "../../etc/passwd", several=True)
        == tmp_path / "new" / "..%2F..%2Fetc%2Fpasswd.jsonl"
    )


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match=r"--output: .*file/folder.* cannot be used"):
        file_for(f"{tmp_path}/file/folder", "r1", several=True)


def test_a_file_is_read_a_piece_at_a_time(tmp_path: Path) -> None:
    file = tmp_path / "r1.jsonl"
    file.write_bytes(b"x" * 2_500_000)
    pieces = [len(piece) for piece in read_in_pieces(str(file))]
    assert sum(pieces) == 2_500_000
    assert max(pieces) <= 1024 * 1024
