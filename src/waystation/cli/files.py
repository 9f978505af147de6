"""Files that a command writes and reads: written as a whole or not at all, read a piece at a time."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from waystation.cli.exits import UsageError
from waystation.cli.stdin import interruptible

_PIECE = 1024 * 1024


def file_for(output: str, run_id: str, *, several: bool) -> Path:
    """The file of a run, where ``output`` is a file, or a folder for files that are named for their runs.

    A folder is what is one, what ends in a slash, and what is given for ``several`` runs.

    Raises:
        UsageError.
    """
    path = Path(output)
    if not several and not path.is_dir() and not output.endswith(("/", os.sep)):
        return path
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot("--output", path, error) from None
    # An id may hold anything that can be printed, also a slash.
    return path / f"{quote(run_id, safe=' ')}.jsonl"


async def save(lines: AsyncIterator[bytes], file: Path) -> None:
    """Write a file. It is there when it is whole and on the disk; until then what was there before is.

    Raises:
        UsageError: the file cannot be written.
    """
    unfinished = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with unfinished.open("xb") as opened:
            async for line in lines:
                opened.write(line)
            opened.flush()
            os.fsync(opened.fileno())
        unfinished.replace(file)
    except OSError as error:
        raise _cannot("--output", file, error) from None
    finally:
        with suppress(OSError):
            unfinished.unlink()


async def to_standard_output(lines: AsyncIterator[bytes]) -> None:
    """Write to standard output, as bytes."""
    async for line in lines:
        sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def read_in_pieces(file: str) -> Iterator[bytes]:
    """The bytes of a file, or of standard input for ``-``, in pieces.

    Raises:
        UsageError: it cannot be read.
    """
    if file == "-":
        yield from _pieces(sys.stdin.buffer)
        return
    try:
        with Path(file).open("rb") as opened:
            yield from _pieces(opened)
    except OSError as error:
        raise _cannot("FILE", Path(file), error) from None


def _pieces(opened: BinaryIO) -> Iterator[bytes]:
    while piece := _piece(opened):
        yield piece


def _piece(opened: BinaryIO) -> bytes:
    with interruptible():
        return opened.read(_PIECE)


def _cannot(argument: str, file: Path, error: OSError) -> UsageError:
    return UsageError(f"{argument}: {str(file)!r} cannot be used: {error.strerror or error}")
