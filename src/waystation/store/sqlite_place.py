"""Whether the files that are open are still the ones that are named so.

What is written to a file that was deleted is gone when the last process that has it open ends, and SQLite does not
look: with a write-ahead log it goes on in files that nobody will find again. Nor may one database be mixed with the
log of another. So each write is refused unless all three of its files are where they were when the store was opened.
(One that is deleted in the very moment of a write is lost as one that is deleted after it.)

To look at the files themselves before each write is dear: since Linux 6.13 a file whose times were asked for gets a
new, exact time at its next write, so the disk's journal has to be written with each sync of the log. A name that is
removed, or put in another's place, changes the time of the folder; as long as that stands, the files need no look.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import NamedTuple, TypeAlias

from waystation.store.sqlite_errors import moved

_Identity: TypeAlias = tuple[int, int]

_ENDINGS = ("", "-wal", "-shm")

_GRAIN, _COARSE_GRAIN = 100_000_000, 3_000_000_000
"""Nanoseconds after which a second change of a folder has another time than the first, for sure. The clock of most file
systems goes on each 10 ms or less; some know whole seconds (or two) alone."""


class Place:
    """Where an open store has its files.

    Arguments:
        connection: has the file open, in WAL mode, and has read from it: so all three are there, and stay for as long
            as it is open.
        path: how the file is named in errors.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        (file,) = connection.execute("SELECT file FROM pragma_database_list WHERE name = 'main'").fetchone()
        self._path = path
        # As SQLite has it: whole, and where a link leads to, wherever this process has moved to since.
        self._folder = os.path.dirname(file)  # noqa: PTH120  (as it is, a link is not followed again)
        self._files = tuple(f"{file}{ending}" for ending in _ENDINGS)
        self._opened: tuple[_Identity | None, ...] = (None,) * len(_ENDINGS)
        self._opened = self._look()
        self._unchanged: _Folder | None = None

    def check(self) -> None:
        """Refuse if a file is gone, or another.

        Raises:
            StoreMoved.
        """
        if self.is_left():
            raise moved(self._path)

    def is_left(self) -> bool:
        """Whether a file is gone, or another."""
        folder = _folder(self._folder)
        if folder is not None and folder == self._unchanged:
            return False
        if self._look() != self._opened:
            return True
        self._unchanged = folder if folder is not None and _is_settled(folder) else None
        return False

    def _look(self) -> tuple[_Identity | None, ...]:
        return tuple(map(_identity, self._files, self._opened))


class _Folder(NamedTuple):
    """A folder with the names in it: another, or a change of one of them, is not equal.

    Attributes:
        changed: when a name was made, removed or replaced last, in nanoseconds since 1970.
    """

    device: int
    number: int
    changed: int


def _folder(path: str) -> _Folder | None:
    """The folder as it is now; None if that is not known."""
    try:
        found = os.stat(path)  # noqa: PTH116  (before each write: a Path would double what it takes)
    except OSError:
        return None
    return _Folder(found.st_dev, found.st_ino, found.st_mtime_ns)


def _is_settled(folder: _Folder) -> bool:
    """Whether the next change will be seen: not one within the same tick of the file system's clock."""
    grain = _GRAIN if folder.changed % 1_000_000_000 else _COARSE_GRAIN
    return time.time_ns() - folder.changed > grain


def _identity(file: str, known: _Identity | None) -> _Identity | None:
    try:
        found = os.stat(file)  # noqa: PTH116  (see the folder's)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return known  # the disk fails, say: then SQLite will tell
    return found.st_dev, found.st_ino
