"""Whether the files that are open are still the ones that are named so.

What is written to a file that was deleted is gone when the last process that has it open ends, and SQLite does not
look: with a write-ahead log it goes on in files that nobody will find again. Nor may one database be mixed with the
log of another. So each write is refused unless all three of its files are where they were when the store was opened.
(One that is deleted in the very moment of a write is lost as one that is deleted after it.)
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import TypeAlias

from waystation.store.sqlite_errors import moved

_Identity: TypeAlias = tuple[int, int]

_ENDINGS = ("", "-wal", "-shm")


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
        self._files = tuple(f"{file}{ending}" for ending in _ENDINGS)
        self._opened: tuple[_Identity | None, ...] = (None,) * len(_ENDINGS)
        self._opened = self._look()

    def check(self) -> None:
        """Refuse if a file is gone, or another.

        Raises:
            StoreMoved.
        """
        if self.is_left():
            raise moved(self._path)

    def is_left(self) -> bool:
        """Whether a file is gone, or another."""
        return self._look() != self._opened

    def _look(self) -> tuple[_Identity | None, ...]:
        return tuple(map(_identity, self._files, self._opened))


def _identity(file: str, known: _Identity | None) -> _Identity | None:
    try:
        found = os.stat(file)  # noqa: PTH116  (each write asks three times: a Path would double that)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return known  # the disk fails, say: then SQLite will tell
    return found.st_dev, found.st_ino
