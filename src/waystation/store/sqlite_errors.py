"""What SQLite says, in the words of this library."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from waystation.errors import StoreBusy, StoreCorrupt, StoreError, StoreFull, StoreReadOnly

_PRIMARY = 0xFF
"""An extended result code keeps the kind of error in its lowest byte."""

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another connection is in the way, so that trying again may help."""
    return _kind(error) in _BUSY


def is_of_the_whole(error: BaseException) -> bool:
    """Whether the error is of the whole transaction, not of the statement that met it: lock, disk, memory, file."""
    return isinstance(error, sqlite3.Error) and not isinstance(
        error, (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError, sqlite3.InterfaceError)
    )


def store_error(error: sqlite3.Error, path: Path) -> StoreError:
    """The typed error for one of SQLite's."""
    kind = _kind(error)
    if kind in _BUSY:
        return StoreBusy(
            f"another process, or a step's transaction, held the lock of {str(path)!r} for too long; nothing was "
            "written. Look for what keeps a transaction open on it, and try again"
        )
    if kind == sqlite3.SQLITE_FULL or _code(error) == sqlite3.SQLITE_IOERR_SHMSIZE:
        return StoreFull(f"there is no space left for {str(path)!r}; nothing was written. Make room and try again")
    if kind in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM} or (
        kind == sqlite3.SQLITE_CANTOPEN and not _may_write(path)
    ):
        return StoreReadOnly(
            f"{str(path)!r} cannot be written to: this process needs the right to write the file and its folder"
        )
    if kind in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return StoreCorrupt(
            f"{str(path)!r} is damaged or not a SQLite database ({error}); "
            "name another file, or bring back a backup of this one"
        )
    return StoreError(f"{str(path)!r}: SQLite says: {error} ({getattr(error, 'sqlite_errorname', 'no code')})")


def _may_write(path: Path) -> bool:
    return os.access(path.parent, os.W_OK | os.X_OK) and (not path.exists() or os.access(path, os.R_OK | os.W_OK))


def _code(error: sqlite3.Error) -> int:
    # Errors of the Python module itself, such as a value that cannot be bound, carry no code.
    return getattr(error, "sqlite_errorcode", 0)


def _kind(error: sqlite3.Error) -> int:
    return _code(error) & _PRIMARY
