"""What is read from a SQLite store."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, TypeAlias, get_args

from waystation.core.addresses import Address
from waystation.core.refs import Millis, Seq
from waystation.store.cursors import Place, decode_cursor, encode_cursor
from waystation.store.records import (
    Opened,
    OpenSuspension,
    RunFilter,
    RunPage,
    RunRecord,
    RunSnapshot,
    RunStatus,
    StoredRun,
    Worker,
    WorkflowKey,
)
from waystation.store.sqlite_errors import impossible

RECORD = (
    "run_no, run_id, workflow_id, version, fingerprint, status, resource_id, "
    "created_at, updated_at, epoch, owner, wake_at, idempotency_key"
)

# Each as [workflow id, version].
_WORKFLOWS = "SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:workflows)"

# Whoever drives runs, and at the end NULL: found by going from each to the next in their index, as they are few, and
# their runs may be many.
_OWNERS = """
WITH RECURSIVE owners (owner) AS (
    SELECT min(owner) FROM waystation_runs WHERE status = 'running'
    UNION ALL
    SELECT (SELECT min(owner) FROM waystation_runs WHERE status = 'running' AND owner > owners.owner)
    FROM owners WHERE owner IS NOT NULL
)
"""

# Each select is in the order of the answer (but for the runs of the dead), so that SQLite merges them and stops at
# the limit.
_CLAIMABLE = f"""
{_OWNERS}
SELECT run_id, run_no, updated_at AS since FROM waystation_runs INDEXED BY waystation_runs_orphaned
WHERE status = 'running' AND owner IS NULL AND (workflow_id, version) IN ({_WORKFLOWS})
UNION ALL
SELECT run_id, run_no, updated_at FROM waystation_runs INDEXED BY waystation_runs_owned
WHERE owner IN (
        SELECT owner FROM owners
        WHERE NOT EXISTS (SELECT 1 FROM waystation_workers WHERE worker_id = owners.owner AND expires_at > :now)
    )
    AND owner IS NOT NULL AND status = 'running' AND (workflow_id, version) IN ({_WORKFLOWS})
UNION ALL
SELECT run_id, run_no, wake_at FROM waystation_runs INDEXED BY waystation_runs_asleep
WHERE status IN ('waiting', 'suspended') AND wake_at <= :now AND (workflow_id, version) IN ({_WORKFLOWS})
ORDER BY since, run_no LIMIT :limit
"""  # noqa: S608  (constants)

_STATUSES: frozenset[str] = frozenset(get_args(RunStatus))

_MOST_APART = 100
"""So many owners at most have a select each: SQLite takes 500 in one statement."""

_EVER = -(2**63)
"""Before every time there is."""

_NEXT_WAKE = f"""
SELECT wake_at FROM waystation_runs INDEXED BY waystation_runs_asleep
WHERE status IN ('waiting', 'suspended') AND wake_at > :after AND (workflow_id, version) IN ({_WORKFLOWS})
ORDER BY wake_at LIMIT 1
"""  # noqa: S608  (constants)

_LAST_SEQS = """
SELECT run_id, (SELECT coalesce(max(seq), 0) FROM waystation_journal AS journal WHERE journal.run_no = runs.run_no)
FROM json_each(?) CROSS JOIN waystation_runs AS runs ON run_id = value
"""

# CROSS JOIN: in this order, whatever the planner may think of it; it is the order of the answer.
_OPEN = """
SELECT run_id, workflow_id, version, address, waystation_suspensions.seq, entry
FROM waystation_suspensions CROSS JOIN waystation_runs USING (run_no) CROSS JOIN waystation_journal USING (run_no, seq)
WHERE (:workflow IS NULL OR workflow_id = :workflow)
ORDER BY suspension_no LIMIT :limit
"""

_OPEN_OF_RUN = """
SELECT run_id, workflow_id, version, address, waystation_suspensions.seq, entry
FROM waystation_runs CROSS JOIN waystation_suspensions USING (run_no) CROSS JOIN waystation_journal USING (run_no, seq)
WHERE run_id = :run AND (:workflow IS NULL OR workflow_id = :workflow)
ORDER BY suspension_no LIMIT :limit
"""

_OPENED = "SELECT seq, address FROM waystation_suspensions WHERE run_no = ? ORDER BY seq"


def get_run(connection: sqlite3.Connection, run_id: str) -> RunRecord | None:
    """The run's record."""
    row = connection.execute(f"SELECT {RECORD} FROM waystation_runs WHERE run_id = ?", (run_id,)).fetchone()  # noqa: S608  (a constant)
    return None if row is None else record_of(row)


@contextmanager
def one_moment(connection: sqlite3.Connection) -> Generator[None]:
    """What is read within is as of one moment."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("COMMIT")


def load(connection: sqlite3.Connection, run_id: str) -> StoredRun | None:
    """The run's record, frontier and the entries after it, as of one moment."""
    with one_moment(connection):
        found = _with_frontier(connection, run_id)
        if found is None:
            return None
        row, frontier_seq, frontier = found
        entries = connection.execute(
            "SELECT entry FROM waystation_journal WHERE run_no = ? AND seq > ? ORDER BY seq", (row[0], frontier_seq)
        )
        return StoredRun(
            record=record_of(row),
            frontier=frontier,
            frontier_seq=frontier_seq,
            entries=[entry for (entry,) in entries],
        )


def snapshot(connection: sqlite3.Connection, run_id: str) -> RunSnapshot | None:
    """The run as of one moment, but for its journal."""
    with one_moment(connection):
        found = _with_frontier(connection, run_id)
        if found is None:
            return None
        row, frontier_seq, frontier = found
        opened = connection.execute(_OPENED, (row[0],))
        return RunSnapshot(
            record=record_of(row),
            last_seq=last_seqs(connection, [run_id])[run_id],
            frontier=frontier,
            frontier_seq=frontier_seq,
            opened=[Opened(seq=seq, address=Address(address)) for seq, address in opened],
        )


def _with_frontier(connection: sqlite3.Connection, run_id: str) -> tuple[sqlite3.Row, Seq, bytes | None] | None:
    """The run's row, and its frontier with the seq it is as of: 0 if it has none."""
    row = connection.execute(f"SELECT {RECORD} FROM waystation_runs WHERE run_id = ?", (run_id,)).fetchone()  # noqa: S608  (a constant)
    if row is None:
        return None
    saved = connection.execute("SELECT seq, state FROM waystation_frontiers WHERE run_no = ?", (row[0],)).fetchone()
    return (row, saved[0], saved[1]) if saved is not None else (row, 0, None)


def read(connection: sqlite3.Connection, run_id: str, after: Seq, limit: int | None) -> list[bytes]:
    """The run's entries after ``after``."""
    rows = connection.execute(
        "SELECT entry FROM waystation_journal WHERE run_no = (SELECT run_no FROM waystation_runs WHERE run_id = ?) "
        "AND seq > ? ORDER BY seq LIMIT ?",
        (run_id, after, -1 if limit is None else limit),
    )
    return [entry for (entry,) in rows]


def read_some(connection: sqlite3.Connection, run_id: str, seqs: Sequence[Seq]) -> dict[Seq, bytes]:
    """The entries of the given seqs."""
    return dict(
        connection.execute(
            "SELECT seq, entry FROM waystation_journal "
            "WHERE run_no = (SELECT run_no FROM waystation_runs WHERE run_id = ?) "
            "AND seq IN (SELECT value FROM json_each(?))",
            (run_id, json.dumps(list(seqs))),
        )
    )


def last_seqs(connection: sqlite3.Connection, run_ids: Sequence[str]) -> dict[str, Seq]:
    """The last seq of each of these runs that is there."""
    return dict(connection.execute(_LAST_SEQS, (json.dumps(list(run_ids)),)))


def list_runs(connection: sqlite3.Connection, where: RunFilter, limit: int, cursor: str | None) -> RunPage:
    """Runs, newest first.

    Each status, and of runs that are driven each owner, has a select of its own, which an index gives in the order of
    the page; SQLite merges them as it goes, so that a page costs what it holds and not what there is (but that of what
    one workflow has running passes by what others have).
    """
    if where.statuses is not None and not where.statuses:
        return RunPage(runs=[], cursor=None)
    place = None if cursor is None else decode_cursor(cursor)
    with one_moment(connection):
        selects = [_select(part, place) for part in _parts(connection, where)]
        asked = " UNION ALL ".join(select for select, _ in selects)
        values = [value for _, values in selects for value in values]
        rows = connection.execute(
            f"{asked} ORDER BY created_at DESC, run_no DESC LIMIT ?", (*values, limit + 1)
        ).fetchall()
    more = len(rows) > limit
    del rows[limit:]
    runs = [record_of(row) for row in rows]
    end = encode_cursor(Place(runs[-1].created_at, rows[-1][0])) if more and runs else None
    return RunPage(runs=runs, cursor=end)


_Terms: TypeAlias = list[tuple[str, tuple[object, ...]]]
"""What a run must be, term by term, each with the values that it is given."""


class _Part(NamedTuple):
    """Some of the runs that are to be listed.

    Attributes:
        source: where they are looked for.
        terms: what they must be.
    """

    source: str
    terms: _Terms


def _parts(connection: sqlite3.Connection, where: RunFilter) -> Generator[_Part]:
    """What runs are to be listed, in parts of which an index gives each in order."""
    of_all = _terms(where)
    if where.statuses is None:
        yield _Part("waystation_runs", of_all)
        return
    for status in dict.fromkeys(where.statuses):
        terms: _Terms = [*of_all, ("status = ?", (status,))]
        if where.resource_id is not None or status == "success":
            # A resource has few runs, and an index of its own; of those that succeeded see schema.sql.
            yield _Part("waystation_runs", terms)
        elif status == "running":
            running: _Terms = [*of_all, ("status = 'running'", ())]
            owners = connection.execute(f"{_OWNERS} SELECT owner FROM owners").fetchall()  # noqa: S608  (a constant)
            # Of so many that SQLite takes no select for each, all are sorted.
            for part in [[("owner IS ?", owner)] for owner in owners] if len(owners) <= _MOST_APART else [[]]:
                yield _Part("waystation_runs INDEXED BY waystation_runs_owned", [*running, *part])
        else:
            # Says no more, but lets SQLite use the indexes of those.
            yield _Part("waystation_runs", [*terms, ("status <> 'success'", ()), ("status <> 'running'", ())])


def _select(part: _Part, place: Place | None) -> tuple[str, list[object]]:
    """What asks for the runs of a part, from ``place`` on, and its values."""
    terms = part.terms if place is None else [*part.terms, ("(created_at, run_no) < (?, ?)", place)]
    condition = f" WHERE {' AND '.join(term for term, _ in terms)}" if terms else ""
    return (
        f"SELECT {RECORD} FROM {part.source}{condition}",  # noqa: S608  (constants; the values are bound)
        [value for _, values in terms for value in values],
    )


def _terms(where: RunFilter) -> _Terms:
    """What a run must be to be listed, besides its status."""
    terms: _Terms = []
    if where.workflow_id is not None:
        terms.append(("workflow_id = ?", (where.workflow_id,)))
    if where.resource_id is not None:
        terms.append(("resource_id = ?", (where.resource_id,)))
    if where.since is not None:
        terms.append(("created_at >= ?", (where.since,)))
    if where.until is not None:
        terms.append(("created_at < ?", (where.until,)))
    return terms


def open_suspensions(
    connection: sqlite3.Connection, run_id: str | None, workflow_id: str | None, limit: int
) -> list[OpenSuspension]:
    """Open suspensions, oldest first."""
    rows = connection.execute(
        _OPEN if run_id is None else _OPEN_OF_RUN, {"run": run_id, "workflow": workflow_id, "limit": limit}
    )
    return [
        OpenSuspension(
            run_id=run, workflow_id=workflow, version=version, address=Address(address), seq=seq, entry=entry
        )
        for run, workflow, version, address, seq, entry in rows
    ]


def get_definition(connection: sqlite3.Connection, fingerprint: str) -> bytes | None:
    """The description kept for ``fingerprint``."""
    asked = "SELECT description FROM waystation_definitions WHERE fingerprint = ?"
    row = connection.execute(asked, (fingerprint,)).fetchone()
    return None if row is None else row[0]


def workers(connection: sqlite3.Connection) -> list[Worker]:
    """Every registered worker."""
    rows = connection.execute("SELECT worker_id, host, pid, expires_at FROM waystation_workers")
    return [Worker(worker_id=id_, host=host, pid=pid, expires_at=expires) for id_, host, pid, expires in rows]


def claimable(connection: sqlite3.Connection, workflows: Sequence[WorkflowKey], now: Millis, limit: int) -> list[str]:
    """Ids of runs that a claim would take, longest waiting first."""
    values = {"workflows": json.dumps(list(workflows)), "now": now, "limit": limit}
    return [run_id for run_id, _, _ in connection.execute(_CLAIMABLE, values)]


def next_wake(connection: sqlite3.Connection, workflows: Sequence[WorkflowKey], after: Millis | None) -> Millis | None:
    """The earliest ``wake_at`` of waiting and suspended runs, later than ``after``."""
    values = {"workflows": json.dumps(list(workflows)), "after": _EVER if after is None else after}
    row = connection.execute(_NEXT_WAKE, values).fetchone()
    return None if row is None else row[0]


def data_version(connection: sqlite3.Connection) -> int:
    """A number that changes when another connection, of this or another process, has written."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


def record_of(row: sqlite3.Row) -> RunRecord:
    """The record in a row of ``RECORD``."""
    _, run_id, workflow_id, version, fingerprint, status, resource_id, *times, epoch, owner, wake_at, key = row
    created_at, updated_at = times
    if status not in _STATUSES:
        raise impossible(f"run {run_id!r} cannot be {status!r}")
    return RunRecord(
        run_id=run_id,
        workflow_id=workflow_id,
        version=version,
        fingerprint=fingerprint,
        status=status,
        resource_id=resource_id,
        created_at=created_at,
        updated_at=updated_at,
        epoch=epoch,
        owner=owner,
        wake_at=wake_at,
        idempotency_key=key,
    )
