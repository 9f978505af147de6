"""What each write does to a SQLite store, inside the writer's transaction.

Each checks first and writes then: one that is refused has written nothing (see ``sqlite_writer``).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TypeAlias

from waystation.core.refs import Millis, Seq
from waystation.errors import RunAlreadyExists, RunIsRunning, RunNotFound
from waystation.store.protocol import Fenced, IdempotencyKeyUsed, JournalMoved
from waystation.store.records import Commit, Head, MakeCommit, NewRun, Opened, RunRecord, Worker
from waystation.store.sqlite_reads import get_run, read

_MOST_NUMBERS = 10_000

_MOST_PRUNED = 10_000
"""When so many entries are deleted, the transaction is long enough: the loop and other processes wait for it."""


Plain: TypeAlias = tuple[int, Commit]
"""A commit that appends to a run whose number is known, and neither opens nor closes a suspension: nearly every one.
Those of a transaction are a few statements, however many they are."""


# Appends the entry only if the run's epoch is the writer's, the journal reaches the seq, and not beyond it: the fence,
# the comparison and the append are one statement. Refused, it does nothing and counts no row: what is not found is
# NULL, which no column takes. (An INSERT that selects from the journal would go by way of a temporary table.)
_APPEND = """
INSERT OR IGNORE INTO waystation_journal (run_no, seq, entry) VALUES (
    (SELECT run_no FROM waystation_runs WHERE run_no = ? AND epoch = ?),
    CASE ? WHEN 0 THEN 1 ELSE (SELECT seq + 1 FROM waystation_journal WHERE run_no = ? AND seq = ?) END,
    ?
)
"""

_APPEND_MORE = "INSERT INTO waystation_journal (run_no, seq, entry) VALUES (?, ?, ?)"

_STANDING = """
SELECT epoch, (SELECT coalesce(max(seq), 0) FROM waystation_journal AS journal WHERE journal.run_no = runs.run_no)
FROM waystation_runs AS runs WHERE run_no = ?
"""

_CREATE = """
INSERT OR IGNORE INTO waystation_runs
    (run_id, workflow_id, version, idempotency_key, fingerprint, resource_id,
    created_at, updated_at, status, epoch, owner, wake_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_SAME_KEY = "SELECT run_id FROM waystation_runs WHERE workflow_id = ? AND idempotency_key = ?"

_HEAD = """
UPDATE waystation_runs SET status = ?, epoch = ?, owner = ?, fingerprint = ?, updated_at = ?, wake_at = ?
WHERE run_no = ?
"""

_FRONTIER = "INSERT OR REPLACE INTO waystation_frontiers (run_no, seq, state) VALUES (?, ?, ?)"

_CLAIM = """
UPDATE waystation_runs SET status = 'running', owner = :worker, epoch = epoch + 1, wake_at = NULL, updated_at = :now
WHERE run_id = :run AND (
    status = 'running' AND (
        owner IS NULL OR owner = :worker
        OR NOT EXISTS (SELECT 1 FROM waystation_workers WHERE worker_id = waystation_runs.owner AND expires_at > :now)
    )
    OR status IN ('waiting', 'suspended') AND wake_at <= :now
)
"""

_ENDED = """
SELECT run_no, run_id FROM waystation_runs
WHERE status IN ('success', 'failed', 'cancelled') AND updated_at < ?
ORDER BY updated_at, run_no LIMIT ?
"""

_BEAT = """
INSERT INTO waystation_workers (worker_id, host, pid, expires_at) VALUES (?, ?, ?, ?)
ON CONFLICT (worker_id) DO UPDATE SET host = excluded.host, pid = excluded.pid, expires_at = excluded.expires_at
"""


class RunNumbers:
    """The numbers that stand for runs in the tables.

    Attributes:
        known: those that are known here, by run: at most 10,000.
    """

    def __init__(self) -> None:
        self.known: dict[str, int] = {}

    def find(self, connection: sqlite3.Connection, run_id: str) -> int:
        """The run's number.

        Raises:
            RunNotFound.
        """
        number = self.known.get(run_id)
        if number is None:
            row = connection.execute("SELECT run_no FROM waystation_runs WHERE run_id = ?", (run_id,)).fetchone()
            if row is None:
                raise _not_found(run_id)
            number = int(row[0])
            self.learn(run_id, number)
        return number

    def learn(self, run_id: str, number: int) -> None:
        """The run has this number."""
        if len(self.known) >= _MOST_NUMBERS:
            self.known.clear()  # not the oldest alone: a dict looks for it in the places of all that were older
        self.known[run_id] = number

    def drop(self, run_id: str) -> None:
        """Forget one: the run is deleted; one of that id would have another number."""
        self.known.pop(run_id, None)

    def forget(self) -> None:
        """Forget all: a number given in a transaction that is rolled back is given again, to another run."""
        self.known.clear()


def commit(connection: sqlite3.Connection, numbers: RunNumbers, write: Commit) -> None:
    """Append the entries and what goes with them.

    Raises:
        RunNotFound, Fenced, JournalMoved: nothing was written.
    """
    try:
        _commit(connection, numbers.find(connection, write.run_id), write)
    except RunNotFound:
        # Another process may have deleted the run since its number was learned, and made it anew.
        numbers.drop(write.run_id)
        _commit(connection, numbers.find(connection, write.run_id), write)


def plain(numbers: RunNumbers, write: Commit) -> Plain | None:
    """``write``, if it is one that is written together with others."""
    if write.opened or write.closed or not write.entries:
        return None
    number = numbers.known.get(write.run_id)
    return None if number is None else (number, write)


def commit_together(connection: sqlite3.Connection, plains: Sequence[Plain]) -> bool:
    """Commit to many runs; False if one was refused: then the transaction is to be rolled back."""
    rows = [_row(run_no, write) for run_no, write in plains]
    if connection.executemany(_APPEND, rows).rowcount != len(rows):
        return False
    if longer := [_later_rows(run_no, write) for run_no, write in plains if len(write.entries) > 1]:
        connection.executemany(_APPEND_MORE, chain.from_iterable(longer))
    if heads := [_head_row(run_no, write.head) for run_no, write in plains if write.head is not None]:
        connection.executemany(_HEAD, heads)
    if frontiers := [_frontier_row(run_no, write) for run_no, write in plains if write.frontier is not None]:
        connection.executemany(_FRONTIER, frontiers)
    return True


def _row(run_no: int, write: Commit) -> tuple[int, int, Seq, int, Seq, bytes]:
    """The first entry of a commit, as ``_APPEND`` is given it."""
    return run_no, write.epoch, write.after, run_no, write.after, write.entries[0]


def _later_rows(run_no: int, write: Commit) -> Iterator[tuple[int, Seq, bytes]]:
    return ((run_no, seq, entry) for seq, entry in enumerate(write.entries[1:], write.after + 2))


def _head_row(run_no: int, head: Head) -> tuple[object, ...]:
    return head.status, head.epoch, head.owner, head.fingerprint, head.updated_at, head.wake_at, run_no


def _frontier_row(run_no: int, write: Commit) -> tuple[int, Seq, bytes | None]:
    return run_no, write.after + len(write.entries), write.frontier


def commit_on_top(
    connection: sqlite3.Connection, numbers: RunNumbers, run_id: str, after: Seq, make: MakeCommit
) -> None:
    """Commit what ``make`` makes of the run as it is now.

    Raises:
        RunNotFound, Fenced, JournalMoved: nothing was written.
    """
    record = get_run(connection, run_id)
    if record is None:
        raise _not_found(run_id)
    commit(connection, numbers, make(record, read(connection, run_id, after, None)))


def _commit(connection: sqlite3.Connection, run_no: int, write: Commit) -> None:
    entries = write.entries
    if entries:
        if not connection.execute(_APPEND, _row(run_no, write)).rowcount:
            _refuse(connection, run_no, write)
            raise JournalMoved
        if len(entries) > 1:
            connection.executemany(_APPEND_MORE, _later_rows(run_no, write))
    else:
        _refuse(connection, run_no, write)
    if write.head is not None:
        connection.execute(_HEAD, _head_row(run_no, write.head))
    if write.frontier is not None:
        connection.execute(_FRONTIER, _frontier_row(run_no, write))
    _open(connection, run_no, write.opened)
    for seq in write.closed:
        connection.execute("DELETE FROM waystation_suspensions WHERE run_no = ? AND seq = ?", (run_no, seq))


def _open(connection: sqlite3.Connection, run_no: int, opened: Sequence[Opened]) -> None:
    for each in opened:
        row = (run_no, each.seq, each.address)
        connection.execute("INSERT INTO waystation_suspensions (run_no, seq, address) VALUES (?, ?, ?)", row)


def _refuse(connection: sqlite3.Connection, run_no: int, write: Commit) -> None:
    """Refuse the commit if there is a reason to, the strongest one."""
    row = connection.execute(_STANDING, (run_no,)).fetchone()
    if row is None:
        raise _not_found(write.run_id)
    epoch, last_seq = row
    if epoch != write.epoch:
        raise Fenced
    if last_seq != write.after:
        raise JournalMoved


def create_run(connection: sqlite3.Connection, numbers: RunNumbers, run: NewRun) -> None:
    """Create a run with its first entries.

    Raises:
        IdempotencyKeyUsed, RunAlreadyExists: nothing was written.
    """
    if run.idempotency_key is not None:
        same = connection.execute(_SAME_KEY, (run.workflow_id, run.idempotency_key)).fetchone()
        if same is not None:
            raise IdempotencyKeyUsed(same[0])
    head = run.head
    standing = ("pending", 0, None, None) if head is None else (head.status, head.epoch, head.owner, head.wake_at)
    times = (run.created_at, run.created_at if head is None else head.updated_at)
    names = (run.run_id, run.workflow_id, run.version, run.idempotency_key, run.fingerprint, run.resource_id)
    created = connection.execute(_CREATE, (*names, *times, *standing))
    if not created.rowcount or created.lastrowid is None:
        raise RunAlreadyExists(f"there is a run {run.run_id!r} in the store already", run_id=run.run_id)
    run_no = created.lastrowid
    numbers.learn(run.run_id, run_no)
    connection.executemany(_APPEND_MORE, [(run_no, seq, entry) for seq, entry in enumerate(run.entries, 1)])
    if run.frontier is not None:
        seq = len(run.entries) if run.frontier_seq is None else run.frontier_seq
        connection.execute(_FRONTIER, (run_no, seq, run.frontier))
    _open(connection, run_no, run.opened)


def delete_run(connection: sqlite3.Connection, numbers: RunNumbers, run_id: str) -> bool:
    """Delete a run and all that is kept of it; whether there was one.

    Raises:
        RunIsRunning: nothing was written.
    """
    row = connection.execute("SELECT run_no, status FROM waystation_runs WHERE run_id = ?", (run_id,)).fetchone()
    if row is None:
        return False
    run_no, status = row
    if status == "running":
        raise RunIsRunning(f"run {run_id!r} is running: cancel it first, or wait for its end", run_id=run_id)
    _delete(connection, numbers, run_no, run_id)
    return True


def prune(connection: sqlite3.Connection, numbers: RunNumbers, ended_before: Millis, limit: int) -> int:
    """Delete those of the runs that ended longest ago, up to ``limit`` and about 10,000 entries; gives how many."""
    ended = connection.execute(_ENDED, (ended_before, max(limit, 0))).fetchall()
    entries = 0
    for deleted, (run_no, run_id) in enumerate(ended, 1):
        entries += _delete(connection, numbers, run_no, run_id)
        if entries >= _MOST_PRUNED:
            return deleted
    return len(ended)


def _delete(connection: sqlite3.Connection, numbers: RunNumbers, run_no: int, run_id: str) -> int:
    """Delete all of a run; gives how many entries it had."""
    for table in ("waystation_suspensions", "waystation_frontiers", "waystation_runs"):
        connection.execute(f"DELETE FROM {table} WHERE run_no = ?", (run_no,))  # noqa: S608  (constants)
    numbers.drop(run_id)
    return connection.execute("DELETE FROM waystation_journal WHERE run_no = ?", (run_no,)).rowcount


def put_definition(connection: sqlite3.Connection, fingerprint: str, workflow_id: str, description: bytes) -> None:
    """Keep a description, once."""
    connection.execute(
        "INSERT OR IGNORE INTO waystation_definitions (fingerprint, workflow_id, description) VALUES (?, ?, ?)",
        (fingerprint, workflow_id, description),
    )


def beat(connection: sqlite3.Connection, worker: Worker) -> None:
    """Register the worker, or extend its lease."""
    connection.execute(_BEAT, (worker.worker_id, worker.host, worker.pid, worker.expires_at))


def retire(connection: sqlite3.Connection, worker: Worker) -> None:
    """Remove the worker and hand over its runs, unless its lease was extended."""
    gone = connection.execute(
        "DELETE FROM waystation_workers WHERE worker_id = ? AND expires_at = ?", (worker.worker_id, worker.expires_at)
    )
    if gone.rowcount:
        connection.execute(
            "UPDATE waystation_runs SET owner = NULL WHERE owner = ? AND status = 'running'", (worker.worker_id,)
        )


def claim(connection: sqlite3.Connection, run_id: str, worker_id: str, now: Millis) -> RunRecord | None:
    """Take over a run that nobody drives; None if somebody does."""
    claimed = connection.execute(_CLAIM, {"run": run_id, "worker": worker_id, "now": now})
    return get_run(connection, run_id) if claimed.rowcount else None


def _not_found(run_id: str) -> RunNotFound:
    return RunNotFound(f"there is no run {run_id!r} in the store", run_id=run_id)
