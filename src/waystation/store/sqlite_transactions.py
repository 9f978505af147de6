"""Steps' own writes to a SQLite store's file, in one transaction with the step's result.

A store has one connection for them, beside the one it works with itself: a step may take its time between two
statements, and meanwhile the store goes on reading. One step at a time has it; it holds the file's write lock until
it ends, so while it is open nothing else is written, in this process (see ``GroupWriter``) or another.

What a step may run is decided by SQLite as it compiles the statement (an *authorizer*), not by looking at its text:
anything but what would end the transaction, reach outside it, or change what is the store's own: that is whatever
has a name that begins with ``waystation_``.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from textwrap import shorten

from waystation.errors import StoreClosed, TransactionMisused
from waystation.store.protocol import StoreTransaction
from waystation.store.sqlite_errors import is_of_the_file, store_error
from waystation.store.sqlite_version import PREFIX
from waystation.store.sqlite_writer import REFUSALS, patiently

_ENDS = frozenset({sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT})
_OUTSIDE = frozenset({sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH})

_TEMPORARY = frozenset(
    {
        sqlite3.SQLITE_CREATE_TEMP_TABLE,
        sqlite3.SQLITE_CREATE_TEMP_VIEW,
        sqlite3.SQLITE_CREATE_TEMP_TRIGGER,
        sqlite3.SQLITE_CREATE_TEMP_INDEX,
    }
)

# Those that only look; full-text tables ask for some of them themselves.
_PRAGMAS = frozenset(
    {"data_version", "table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo"}
)

# Where in an authorizer's arguments the name stands of what is changed or made.
_FIRST = frozenset(
    {
        sqlite3.SQLITE_INSERT,
        sqlite3.SQLITE_UPDATE,
        sqlite3.SQLITE_DELETE,
        sqlite3.SQLITE_CREATE_TABLE,
        sqlite3.SQLITE_CREATE_VTABLE,
        sqlite3.SQLITE_CREATE_VIEW,
        sqlite3.SQLITE_CREATE_INDEX,
        sqlite3.SQLITE_CREATE_TRIGGER,
        sqlite3.SQLITE_DROP_TABLE,
        sqlite3.SQLITE_ANALYZE,
    }
)
_SECOND = frozenset(
    {
        sqlite3.SQLITE_CREATE_INDEX,
        sqlite3.SQLITE_DROP_INDEX,
        sqlite3.SQLITE_CREATE_TRIGGER,
        sqlite3.SQLITE_DROP_TRIGGER,
        sqlite3.SQLITE_ALTER_TABLE,
    }
)
_VACUUM_REFUSED = "SQLite does it in no transaction"  # refused by SQLite, at run time: no authorizer is asked
_SEQUENCE = "sqlite_sequence"  # keeps run numbers from being given twice; SQLite itself writes to it for a DROP TABLE


def _refusal(action: int, first: str | None, second: str | None, *, drops: bool) -> str | None:
    """Why a step may not do this; None if it may. ``drops``: the statement is a DROP TABLE, of a table that it may."""
    if action in _ENDS:
        return "its end is the step's end: leave out BEGIN, COMMIT, ROLLBACK and savepoints"
    if action in _OUTSIDE:
        return "it is of the store's file alone: no other can be attached"
    if action in _TEMPORARY:
        return "what is temporary would outlive it, and could hide the store's own tables: make an ordinary table"
    if action == sqlite3.SQLITE_PRAGMA and (first or "").lower() not in _PRAGMAS:
        return f"PRAGMA {first} is not of one transaction"
    for name in (first if action in _FIRST else None, second if action in _SECOND else None):
        if name is not None and name.lower().startswith(PREFIX):
            return f"{name!r} is the store's own, as is every name that begins so: it can be read, and not changed"
        if name is not None and name.lower() == _SEQUENCE and not drops:
            return f"{name!r} is not for writing, nor for renaming a table, which writes there: it keeps runs' numbers"
    return None


class SQLiteTransaction:
    """One step's transaction. See ``StoreTransaction``."""

    def __init__(self, connection: sqlite3.Connection, path: Path, let_go: Callable[[], None]) -> None:
        self._connection = connection
        self._path = path
        self._let_go = let_go
        self._over: Exception | None = None
        self._guarded = False
        self._drops = False
        self._refused: str | None = None
        connection.set_authorizer(self._authorize)

    async def execute(self, sql: str, parameters: Sequence[object] = ()) -> Sequence[tuple[object, ...]]:
        """Run one statement, on the event loop's thread; gives all the rows it yields.

        Raises:
            TransactionMisused: it is not a statement for a step's transaction, or that is over.
            sqlite3.Error: what SQLite says of the statement. The transaction goes on without it.
            StoreError: what befell the file, whatever the statement is. The transaction is over.
        """
        self.check_open()
        self._guard()
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            reason = self._refused or (_VACUUM_REFUSED if "VACUUM" in str(error) else None)
            if reason is None and is_of_the_file(error):
                told = store_error(error, self._path)
                self.end(TransactionMisused(f"the transaction is over: {told}"))
                raise told from error
            if reason is None:
                raise
            raise TransactionMisused(f"a step's transaction cannot run {shorten(sql, 80)!r}: {reason}") from error
        finally:
            self._guarded = False
            if not self._connection.in_transaction:
                # ON CONFLICT ROLLBACK, or a full disk: what follows would be committed by itself.
                self.end(TransactionMisused("the transaction was rolled back by one of its statements"))

    async def roll_back(self) -> None:
        """Undo all of it, and let go. Doing so twice changes nothing."""
        self.end(TransactionMisused("the transaction is over: it was rolled back"))

    def commit(self, apply: Callable[[sqlite3.Connection], None], check: Callable[[], None]) -> None:
        """Have ``apply`` write, and commit all of it together, unless ``check`` refuses.

        Raises:
            JournalMoved, Fenced, RunError: ``apply`` refused, and nothing has changed: it can be tried again.
            TransactionMisused: the transaction is over, or SQLite refuses what it holds; it is rolled back.
            StoreError: it is rolled back.
        """
        self.check_open()
        try:
            check()
            apply(self._connection)
            self._connection.execute("COMMIT")
        except REFUSALS:
            raise
        except sqlite3.IntegrityError as error:
            refused = TransactionMisused(f"the transaction cannot be committed: {error}")
            self.end(refused)
            raise refused from error
        except BaseException as error:
            told = store_error(error, self._path) if isinstance(error, sqlite3.Error) else error
            self.end(TransactionMisused(f"the transaction is over: its commit failed ({told})"))
            raise told from error
        self.end(TransactionMisused("the transaction is over: it was committed"))

    def end(self, reason: Exception) -> None:
        """Roll back what is not committed, and let go; ``reason`` is told to whoever uses it after."""
        if self._over is not None:
            return
        self._over = reason
        if self._connection.in_transaction:
            # It can only fail where SQLite has rolled back itself.
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
        self._let_go()

    def check_open(self) -> None:
        """Refuse if it is over."""
        if self._over is not None:
            raise self._over

    def _guard(self) -> None:
        self._guarded, self._drops, self._refused = True, False, None

    def _authorize(self, action: int, first: str | None, second: str | None, _of: str | None, _by: str | None) -> int:
        reason = _refusal(action, first, second, drops=self._drops) if self._guarded else None
        if reason is None:
            self._drops = self._drops or action == sqlite3.SQLITE_DROP_TABLE
            return sqlite3.SQLITE_OK
        self._refused = reason
        return sqlite3.SQLITE_DENY


class Transactions:
    """The connection that steps' transactions have, one after the other.

    Arguments:
        connect: makes the connection; called once, when it is first needed.
        path: the database's file, to be named in errors.
        check: refuses if the file is not where it was opened any more.
        freed: called when a transaction has let go of the file's lock, before the next may have it.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        path: Path,
        check: Callable[[], None],
        freed: Callable[[], None],
    ) -> None:
        self._connect = connect
        self._path = path
        self._check = check
        self._freed = freed
        self._connection: sqlite3.Connection | None = None
        self._turn = asyncio.Lock()
        self._current: SQLiteTransaction | None = None
        self._closed = False

    @property
    def is_open(self) -> bool:
        """Whether a step has a transaction open now."""
        return self._current is not None

    async def begin(self) -> SQLiteTransaction:
        """The next transaction, when those before it have ended."""
        await self._turn.acquire()
        try:
            connection = await patiently(self._begin, self._path)
        except BaseException:
            self._turn.release()
            raise
        self._current = SQLiteTransaction(connection, self._path, self._let_go)
        return self._current

    def _begin(self) -> sqlite3.Connection:
        if self._closed:
            raise self._store_closed()
        self._check()
        if self._connection is None:
            self._connection = self._connect()
        self._connection.execute("BEGIN IMMEDIATE")
        return self._connection

    def _let_go(self) -> None:
        self._current = None
        # First what waits in this process's queue is written, in the loop's next pass, then the next step has its
        # turn: so steps cannot keep all others out.
        self._freed()
        asyncio.get_running_loop().call_soon(self._turn.release)

    def commit(self, transaction: StoreTransaction, apply: Callable[[sqlite3.Connection], None]) -> None:
        """Commit a transaction of this store, together with what ``apply`` writes."""
        if not isinstance(transaction, SQLiteTransaction):
            raise TransactionMisused("the transaction is not of this store")
        transaction.check_open()
        if transaction is not self._current:
            raise TransactionMisused("the transaction is not of this store")
        transaction.commit(apply, self._check)

    def close(self) -> None:
        """Roll back what is open, and let go of the file."""
        self._closed = True
        if self._current is not None:
            self._current.end(self._store_closed())
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _store_closed(self) -> StoreClosed:
        return StoreClosed(f"the store {str(self._path)!r} was closed; what was not committed is rolled back")
