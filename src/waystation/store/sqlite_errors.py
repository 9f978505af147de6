"""What SQLite says, in the words of this library.

SQLite says "disk I/O error" of a full quota, of a file that was made read-only while it was open, and of a disk that
fails, alike; and where a disk fails as it is read, that the database is malformed. Which it is, is looked for beside
the file: by what can be seen without opening the file itself, as the close of a second handle on it would drop the
locks that SQLite has there.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
import tempfile
from pathlib import Path

from waystation.errors import (
    StoreBusy,
    StoreCorrupt,
    StoreDiskError,
    StoreError,
    StoreFull,
    StoreMoved,
    StoreReadOnly,
)

if sys.platform != "win32":
    import resource

_PRIMARY = 0xFF
"""An extended result code keeps the kind of error in its lowest byte."""

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

_DAMAGED_TOO = {sqlite3.SQLITE_IOERR_CORRUPTFS, sqlite3.SQLITE_IOERR_DATA}
"""Errors of reading that say the same: another kind, with a code of its own."""

_OF_THE_FILE = {
    *_BUSY,
    *_DAMAGED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
}

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_RIGHT = {errno.EROFS, errno.EACCES, errno.EPERM}

_PROBE_BYTES = 64 * 1024
"""More than SQLite asks for at once to go on."""


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another connection is in the way, so that trying again may help."""
    return _kind(error) in _BUSY


def is_of_the_whole(error: BaseException) -> bool:
    """Whether the error is of the whole transaction, not of the statement that met it: lock, disk, memory, file."""
    return isinstance(error, sqlite3.Error) and not isinstance(
        error, (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError, sqlite3.InterfaceError)
    )


def is_of_the_file(error: sqlite3.Error) -> bool:
    """Whether the error is of the file, whatever the statement that met it: no statement is to blame."""
    return _kind(error) in _OF_THE_FILE


def store_error(error: sqlite3.Error, path: Path) -> StoreError:
    """The typed error for one of SQLite's."""
    kind, code = _kind(error), _code(error)
    if kind in _BUSY:
        return StoreBusy(
            f"another process, or a step's transaction, held the lock of {str(path)!r} for too long; nothing was "
            "written. Look for what keeps a transaction open on it, and try again"
        )
    if kind in _DAMAGED or code in _DAMAGED_TOO:
        refused = _refusal_beside(path)
        fails = bool(refused) and refused not in _NO_ROOM | _NO_RIGHT
        return _disk_error(error, path) if fails else damaged(path, str(error))
    if code == sqlite3.SQLITE_READONLY_DBMOVED:
        return moved(path)
    if kind == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE:
        return _full(path)
    if kind in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
        return _read_only(path)
    if kind in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}:
        return _looked_into(error, path)
    return _other(error, path)


def impossible(what: str) -> sqlite3.DatabaseError:
    """As if SQLite had found out itself: a row holds what nobody can have written."""
    error = sqlite3.DatabaseError(what)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    error.sqlite_errorname = "SQLITE_CORRUPT"
    return error


def damaged(path: Path, what: str) -> StoreCorrupt:
    """The error of a file whose content cannot be right."""
    return StoreCorrupt(
        f"{str(path)!r} is damaged or not a SQLite database ({what}); name another file, or bring back a backup of "
        "this one, and of its -wal beside it: a file without the -wal that was written with it lacks commits"
    )


def moved(path: Path) -> StoreMoved:
    """The error of a file that is not where it was opened any more."""
    return StoreMoved(
        f"{str(path)!r} or its -wal or -shm beside it was deleted, moved or replaced while it was open; nothing more "
        "is written, as it could be lost. Put back what was there, and this goes on; or end every process that has "
        "the store open, and start again with what is there now"
    )


def _full(path: Path) -> StoreFull:
    return StoreFull(f"there is no space left for {str(path)!r}; nothing was written. Make room and try again")


def _read_only(path: Path) -> StoreReadOnly:
    return StoreReadOnly(
        f"{str(path)!r} cannot be written to: this process needs the right to write the file, those beside it that "
        "begin with its name, and its folder, on a file system that is not read-only. Nothing was written"
    )


def _other(error: sqlite3.Error, path: Path) -> StoreError:
    said = f"{error} ({getattr(error, 'sqlite_errorname', 'no code')})"
    if "Could not decode to UTF-8" in str(error):  # said by the module, without a code: no text was written so
        return damaged(path, str(error))
    return StoreError(f"{str(path)!r}: SQLite says: {said}")


def _looked_into(error: sqlite3.Error, path: Path) -> StoreError:
    """What is behind an error of reading or writing, or behind a file that cannot be opened."""
    if _has_no_right(path):
        return _read_only(path)
    refused = _refusal_beside(path)
    if refused in _NO_ROOM or _reaches_limit(path):
        return _full(path)
    if _kind(error) == sqlite3.SQLITE_CANTOPEN and not refused:
        return _other(error, path)
    return _disk_error(error, path)


def _disk_error(error: sqlite3.Error, path: Path) -> StoreDiskError:
    return StoreDiskError(
        f"the disk or the file system under {str(path)!r} fails: SQLite says: {error} "
        f"({getattr(error, 'sqlite_errorname', 'no code')}). What was told to be written is on it, if it keeps what it "
        "was given. Look at the system's log; the store goes on when the disk does"
    )


def _has_no_right(path: Path) -> bool:
    if not os.access(path.parent, os.W_OK | os.X_OK):
        return True
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        return True
    # No lock is on this one, so it can be opened: only that tells of a file that was made immutable.
    written_ahead = Path(f"{path}-wal")
    try:
        os.close(os.open(written_ahead, os.O_WRONLY))
    except FileNotFoundError:
        return False
    except OSError as refused:
        return refused.errno in _NO_RIGHT
    return False


def _refusal_beside(path: Path) -> int:
    """The number of the error with which a new file in the same folder is refused; 0 if it is not."""
    try:
        with tempfile.TemporaryFile(dir=path.parent, buffering=0) as probe:
            probe.write(bytes(_PROBE_BYTES))
    except OSError as refused:
        return refused.errno or errno.EIO
    return 0


def _reaches_limit(path: Path) -> bool:
    """Whether this process may not make one of the store's files any longer: ``ulimit -f``."""
    if sys.platform == "win32":
        return False
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if limit == resource.RLIM_INFINITY:
        return False
    lengths = [file.stat().st_size for file in (path, Path(f"{path}-wal")) if file.exists()]
    return max(lengths, default=0) + _PROBE_BYTES > limit


def _code(error: sqlite3.Error) -> int:
    # Errors of the Python module itself, such as a value that cannot be bound, carry no code.
    return getattr(error, "sqlite_errorcode", 0)


def _kind(error: sqlite3.Error) -> int:
    return _code(error) & _PRIMARY
