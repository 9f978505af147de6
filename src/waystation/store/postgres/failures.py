"""What PostgreSQL and its driver say, in the words of this library."""

from __future__ import annotations

import asyncio

import asyncpg

from waystation.errors import (
    StoreAccessDenied,
    StoreBusy,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreReadOnly,
    StoreUnavailable,
)

DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, EOFError)
"""What the driver raises: what the server says, and what becomes of the way to it. ``InternalClientError`` comes of a
connection to which the server has said, while nobody asked anything, that it ends it, and which has not ended yet."""

# By class and code of the SQL standard and of PostgreSQL's appendix A.
_LOST_CLASSES = ("08", "57P01", "57P02", "57P03", "57P05", "53300", "25P03", "25P04")
_CONTEND = frozenset({"40001", "40P01"})
_FULL = frozenset({"53100", "53200", "53000"})
_CORRUPT = frozenset({"XX001", "XX002", "58P01", "58P02"})
_BUSY = frozenset({"55P03", "57014"})
_READ_ONLY = frozenset({"25006"})


def is_lost(error: BaseException) -> bool:
    """Whether the server could not be reached, or went away: trying again, on another connection, may help."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "").startswith(_LOST_CLASSES)
    if isinstance(error, (asyncpg.InterfaceError, asyncpg.InternalClientError)):
        # What the driver itself says of a connection that is gone; its misuse has the same class, and the same words
        # for ever more would only be told later.
        return True
    return isinstance(error, (OSError, TimeoutError, asyncio.IncompleteReadError, EOFError))


def is_contention(error: BaseException) -> bool:
    """Whether the server gave this statement up in favour of another's; nothing of it is written."""
    return isinstance(error, asyncpg.PostgresError) and error.sqlstate in _CONTEND


def store_error(error: BaseException, where: str) -> StoreError:
    """The typed error for one of the driver's.

    Arguments:
        where: the server and database, as it may be shown.
    """
    if isinstance(error, StoreError):
        return error
    state = error.sqlstate or "" if isinstance(error, asyncpg.PostgresError) else ""
    # Its message only: the detail of some errors holds the values of a row.
    said = str(error.args[0]) if isinstance(error, asyncpg.PostgresError) and error.args else type(error).__name__
    told: StoreError
    if state.startswith("28"):
        told = StoreAccessDenied(f"{where}: PostgreSQL lets this user not in ({said}); look at user and password")
    elif state == "42501":
        told = StoreAccessDenied(
            f"{where}: this user may not do that ({said}); grant it what docs/guide/postgresql.md lists, or have a "
            "user that may create tables run 'waystation db upgrade'"
        )
    elif state == "3D000":
        told = StoreError(f"{where}: there is no such database ({said}); make it first, with createdb")
    elif state in _FULL:
        told = StoreFull(f"{where}: the server has no room left ({said}); nothing was written. Make room and try again")
    elif state in _READ_ONLY:
        told = StoreReadOnly(f"{where} cannot be written to ({said}); give the address of the primary server")
    elif state in _CORRUPT:
        told = StoreCorrupt(f"{where}: PostgreSQL says that its data is damaged ({said}); look at the server's log")
    elif state in _BUSY:
        told = StoreBusy(
            f"{where}: a statement waited for too long ({said}); nothing of it was written. Look for what holds a lock "
            "(pg_stat_activity), and try again"
        )
    elif is_lost(error):
        told = StoreUnavailable(f"{where} cannot be reached ({said}); is the server up, and is the address right?")
    else:
        told = StoreError(f"{where}: PostgreSQL says: {said} ({state or type(error).__name__})")
    return told
