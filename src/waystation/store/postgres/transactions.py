"""Steps' own writes to a PostgreSQL store's database, in one transaction with the step's result.

Each has a connection of the pool for as long as it is open; others go on meanwhile, but for rows that it has changed.
The run's own row is locked only as the result is committed with it.

A statement that fails does not end the transaction: it is rolled back to before that statement (a savepoint). What
would end the transaction is refused, and so is what changes the store's own tables: changed rows are counted by
PostgreSQL itself, and looked at before the commit.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from textwrap import shorten

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from waystation.errors import RunNotFound, StoreUnavailable, TransactionMisused
from waystation.store.postgres import commits
from waystation.store.postgres.connections import Attempt, Connections, is_gone
from waystation.store.postgres.failures import DRIVER_ERRORS, is_lost, store_error
from waystation.store.protocol import Fenced, JournalMoved
from waystation.store.records import Commit

# What may stand before a statement's first word.
_FIRST_WORD = re.compile(r"(?:\s|--[^\n]*\n?|/\*.*?\*/|\(|;)*([A-Za-z]+)", re.DOTALL)

_ENDS = frozenset(
    {"abort", "begin", "commit", "end", "prepare", "release", "rollback", "savepoint", "start", "discard"}
)
_REACHES_OUT = frozenset({"set", "reset", "listen", "unlisten", "load", "deallocate"})
_DEFINES = frozenset(
    {"alter", "comment", "create", "drop", "grant", "lock", "reindex", "revoke", "truncate", "cluster"}
)
_OWN = re.compile(r"\bwaystation_", re.IGNORECASE)

_CHANGED = """
SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint
FROM pg_stat_xact_user_tables WHERE relname LIKE 'waystation\\_%'
"""

_END_OTHER = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND application_name = $2"


def _refusal(sql: str) -> str | None:
    """Why a step may not run this; None if it may."""
    found = _FIRST_WORD.match(sql)
    word = found[1].lower() if found is not None else ""
    if word in _ENDS:
        return "its end is the step's end: leave out BEGIN, COMMIT, ROLLBACK and savepoints"
    if word in _REACHES_OUT:
        return f"{word.upper()} would outlive it"
    if word in _DEFINES and _OWN.search(sql):
        return "names that begin with 'waystation_' are the store's own: they can be read, and not changed"
    return None


class PostgresTransaction:
    """One step's transaction. See ``StoreTransaction``."""

    def __init__(
        self,
        connections: Connections,
        connection: PoolConnectionProxy[asyncpg.Record],
        changed: int,
        let_go: Callable[[PostgresTransaction, bool], None],
    ) -> None:
        self._connections = connections
        self.connection = connection
        self._changed = changed
        self._let_go = let_go
        # Who it is to the server, should the connection break in the middle of its commit.
        self._pid = connection.get_server_pid()
        self._name = connection.get_settings().application_name
        self._over: Exception | None = None
        self._turn = asyncio.Lock()

    async def execute(self, sql: str, parameters: Sequence[object] = ()) -> Sequence[tuple[object, ...]]:
        """Run one statement, with parameters as ``$1``, ``$2``; gives all the rows it yields.

        Raises:
            TransactionMisused: it is not a statement for a step's transaction, or that is over.
            asyncpg.PostgresError: what the server says of the statement. The transaction goes on without it.
            StoreUnavailable: the connection broke; the transaction is rolled back.
        """
        async with self._turn:
            self._check_open()
            reason = _refusal(sql)
            if reason is not None:
                raise TransactionMisused(f"a step's transaction cannot run {shorten(sql, 80)!r}: {reason}")
            try:
                rows = await self.connection.fetch(sql, *parameters)
                await self.connection.execute("RELEASE waystation; SAVEPOINT waystation")
            except DRIVER_ERRORS as error:
                if is_gone(self.connection) or (isinstance(error, asyncpg.PostgresError) and is_lost(error)):
                    raise self._broken(error) from error
                await self._without_the_last()
                raise
            except BaseException:
                self._end(TransactionMisused("the transaction is over: a statement of it was given up"), broken=True)
                raise
            return [tuple(row) for row in rows]

    async def _without_the_last(self) -> None:
        """Go on as if the statement that failed had not been there."""
        try:
            await self.connection.execute("ROLLBACK TO waystation")
        except DRIVER_ERRORS as error:
            raise self._broken(error) from error

    async def roll_back(self) -> None:
        """Undo all of it, and let go. Doing so twice changes nothing."""
        async with self._turn:
            if self._over is None:
                reason = TransactionMisused("the transaction is over: it was rolled back")
                try:
                    await self.connection.execute("ROLLBACK")
                except BaseException as error:
                    self._end(reason, broken=True)
                    if not isinstance(error, DRIVER_ERRORS):
                        raise
                else:
                    self._end(reason)

    async def commit(self, commit: Commit, news: str) -> None:
        """Write ``commit``, and commit all of it together.

        Raises:
            JournalMoved, Fenced, RunNotFound: nothing has changed: it can be tried again.
            TransactionMisused: the transaction is over, or the server refuses what it holds; it is rolled back.
            StoreError: it is rolled back.
        """
        async with self._turn:
            self._check_open()
            committing = False
            try:
                if await self.connection.fetchval(_CHANGED) != self._changed:
                    raise TransactionMisused(  # noqa: TRY301  (ended as any other failure)
                        "the transaction has changed the store's own tables, whose names begin with 'waystation_'; it "
                        "is rolled back"
                    )
                await commits.commit_alone(Attempt(self.connection, uncertain=False), commit, news)
                committing = True
                await self.connection.execute("COMMIT")
            except (JournalMoved, Fenced, RunNotFound):
                raise
            except asyncpg.IntegrityConstraintViolationError as error:
                refused = TransactionMisused(f"the transaction cannot be committed: {error.args[0]}")
                self._end(refused, broken=True)
                raise refused from error
            except DRIVER_ERRORS as error:
                told = store_error(error, self._connections.where)
                self._end(TransactionMisused(f"the transaction is over: its commit failed ({told})"), broken=True)
                if not committing or not is_lost(error) or not await self._was_committed(commit):
                    raise told from error
            except BaseException as error:
                self._end(TransactionMisused(f"the transaction is over: its commit failed ({error})"), broken=True)
                raise
            else:
                self._end(TransactionMisused("the transaction is over: it was committed"))

    async def _was_committed(self, commit: Commit) -> bool:
        """Find out, on another connection, what became of a commit whose answer was lost."""
        pid, name = self._pid, self._name

        async def ask(attempt: Attempt) -> bool:
            # What is left of it on the server must not be committed after this was answered.
            with suppress(asyncpg.InsufficientPrivilegeError):
                await attempt.connection.execute(_END_OTHER, pid, name)
            return await commits.has_landed(attempt.connection, commit)

        return await self._connections.run(ask)

    @property
    def is_over(self) -> bool:
        """Whether it was committed or rolled back."""
        return self._over is not None

    def end(self, reason: Exception) -> None:
        """Give it up at once; ``reason`` is told to whoever uses it after."""
        self._end(reason, broken=True)

    def _broken(self, error: BaseException) -> StoreUnavailable:
        told = StoreUnavailable(
            f"{self._connections.where}: the connection of a step's transaction broke ({type(error).__name__}); "
            "it is rolled back"
        )
        self._end(told, broken=True)
        return told

    def _end(self, reason: Exception, *, broken: bool = False) -> None:
        if self._over is None:
            self._over = reason
            self._let_go(self, broken)

    def _check_open(self) -> None:
        if self._over is not None:
            raise self._over


class Transactions:
    """The transactions of steps, as many at once as leave connections for everything else.

    Arguments:
        connections: of the store.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._turn = asyncio.Semaphore(max(1, connections.settings.connections - 6))
        self._open: set[PostgresTransaction] = set()

    async def begin(self) -> PostgresTransaction:
        """The next transaction, when there is a connection for it."""
        await self._turn.acquire()
        try:
            return await self._connections.patiently(lambda _uncertain: self._begin())
        except BaseException:
            self._turn.release()
            raise

    async def _begin(self) -> PostgresTransaction:
        connection = await self._connections.acquire()
        try:
            await connection.execute("BEGIN; SAVEPOINT waystation")
            changed = await connection.fetchval(_CHANGED)
        except BaseException:
            self._connections.release(connection, broken=True)
            raise
        transaction = PostgresTransaction(self._connections, connection, changed, self._let_go)
        self._open.add(transaction)
        return transaction

    def _let_go(self, transaction: PostgresTransaction, broken: bool) -> None:  # noqa: FBT001  (called by it alone)
        self._open.discard(transaction)
        self._connections.release(transaction.connection, broken=broken)
        self._turn.release()

    def has(self, transaction: PostgresTransaction) -> bool:
        """Whether it is one of this store's; one that is over says so itself."""
        return transaction in self._open or transaction.is_over

    def close(self) -> None:
        """Roll back what is open."""
        for transaction in list(self._open):
            transaction.end(self._connections.closed())
