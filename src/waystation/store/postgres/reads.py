"""What is read from a PostgreSQL store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg

from waystation.core.addresses import Address
from waystation.core.refs import Millis, Seq
from waystation.store.cursors import Place, decode_cursor, encode_cursor
from waystation.store.postgres.connections import Attempt, Connection
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

RECORD: Final = (
    "run_no, run_id, workflow_id, version, fingerprint, status, resource_id, "
    "created_at, updated_at, epoch, owner, wake_at, idempotency_key"
)

_AT_ONCE = 10_000
"""So many entries are asked for at once."""

_LOAD = f"""
SELECT {RECORD}, last_seq, coalesce(frontier.seq, 0) AS frontier_seq, frontier.state, ARRAY(
    SELECT entry FROM waystation_journal AS journal
    WHERE journal.run_no = runs.run_no AND journal.seq > coalesce(frontier.seq, 0) ORDER BY journal.seq LIMIT {_AT_ONCE}
) AS entries
FROM (SELECT * FROM waystation_runs WHERE run_id = $1) AS runs
LEFT JOIN (SELECT run_no AS of_run, seq, state FROM waystation_frontiers) AS frontier ON of_run = run_no
"""  # noqa: S608  (constants)

_SINCE = f"""
SELECT {RECORD}, ARRAY(
    SELECT entry FROM waystation_journal AS journal
    WHERE journal.run_no = runs.run_no AND journal.seq > $2 ORDER BY journal.seq
) AS entries
FROM waystation_runs AS runs WHERE run_id = $1
"""  # noqa: S608  (constants)

_SNAPSHOT = f"""
SELECT {RECORD}, last_seq, coalesce(frontier.seq, 0) AS frontier_seq, frontier.state,
    ARRAY(SELECT seq FROM waystation_suspensions AS open WHERE open.run_no = runs.run_no ORDER BY seq) AS seqs,
    ARRAY(SELECT address FROM waystation_suspensions AS open WHERE open.run_no = runs.run_no ORDER BY seq) AS places
FROM (SELECT * FROM waystation_runs WHERE run_id = $1) AS runs
LEFT JOIN (SELECT run_no AS of_run, seq, state FROM waystation_frontiers) AS frontier ON of_run = run_no
"""  # noqa: S608  (constants)

_READ = """
SELECT entry FROM waystation_journal
WHERE run_no = (SELECT run_no FROM waystation_runs WHERE run_id = $1) AND seq > $2 ORDER BY seq LIMIT $3
"""

_READ_SOME = """
SELECT seq, entry FROM waystation_journal
WHERE run_no = (SELECT run_no FROM waystation_runs WHERE run_id = $1) AND seq = ANY($2::bigint[])
"""

# Each select is in the order of the answer (but for the runs of the dead). Owners are found by going from each to the
# next in their index: they are few, their runs may be many. (IS NOT DISTINCT FROM is = that no index is used for: else
# all that is running would be read to be held against it.)
_CLAIMABLE = """
WITH RECURSIVE owners (owner) AS (
    (SELECT owner FROM waystation_runs WHERE owner IS NOT NULL ORDER BY owner LIMIT 1)
    UNION ALL
    SELECT (SELECT min(runs.owner) FROM waystation_runs AS runs WHERE runs.owner > owners.owner)
    FROM owners WHERE owners.owner IS NOT NULL
), workflows AS (
    SELECT * FROM unnest($1::text[], $2::text[]) AS _ (workflow_id, version)
)
(
    SELECT run_id, run_no, updated_at AS since FROM waystation_runs
    WHERE status = 'running' AND owner IS NULL AND (workflow_id, version) IN (SELECT * FROM workflows)
    ORDER BY updated_at, run_no LIMIT $4
)
UNION ALL
(
    SELECT runs.run_id, runs.run_no, runs.updated_at FROM (
        SELECT owner FROM owners WHERE owner IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM waystation_workers WHERE worker_id = owners.owner AND expires_at > $3)
    ) AS dead CROSS JOIN LATERAL (
        SELECT run_id, run_no, updated_at FROM waystation_runs
        WHERE owner = dead.owner AND status IS NOT DISTINCT FROM 'running'
        AND (workflow_id, version) IN (SELECT * FROM workflows)
        ORDER BY updated_at, run_no LIMIT $4
    ) AS runs
    ORDER BY updated_at, run_no LIMIT $4
)
UNION ALL
(
    SELECT run_id, run_no, wake_at FROM waystation_runs
    WHERE status IN ('waiting', 'suspended') AND wake_at IS NOT NULL AND wake_at <= $3
    AND (workflow_id, version) IN (SELECT * FROM workflows)
    ORDER BY wake_at, run_no LIMIT $4
)
ORDER BY since, run_no LIMIT $4
"""

_NEXT_WAKE = """
SELECT wake_at FROM waystation_runs
WHERE status IN ('waiting', 'suspended') AND wake_at IS NOT NULL AND wake_at > $3
AND (workflow_id, version) IN (SELECT * FROM unnest($1::text[], $2::text[]))
ORDER BY wake_at LIMIT 1
"""

_EVER = -(2**63)
"""Before every time there is."""

_OPEN = """
SELECT run_id, workflow_id, version, address, open.seq, entry
FROM waystation_suspensions AS open JOIN waystation_runs USING (run_no)
JOIN waystation_journal AS journal ON journal.run_no = open.run_no AND journal.seq = open.seq
WHERE ($1::text IS NULL OR workflow_id = $1) ORDER BY suspension_no LIMIT $2
"""

_OPEN_OF_RUN = """
SELECT run_id, workflow_id, version, address, open.seq, entry
FROM waystation_runs JOIN waystation_suspensions AS open USING (run_no)
JOIN waystation_journal AS journal ON journal.run_no = open.run_no AND journal.seq = open.seq
WHERE run_id = $3 AND ($1::text IS NULL OR workflow_id = $1) ORDER BY suspension_no LIMIT $2
"""

_NOW = "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"


async def get_run(attempt: Attempt, run_id: str) -> RunRecord | None:
    """The run's record."""
    row = await attempt.connection.fetchrow(f"SELECT {RECORD} FROM waystation_runs WHERE run_id = $1", run_id)  # noqa: S608  (a constant)
    return None if row is None else record_of(row)


async def load(attempt: Attempt, run_id: str) -> StoredRun | None:
    """The run's record, frontier and the entries after it, as of one moment."""
    while True:
        row = await attempt.connection.fetchrow(_LOAD, run_id)
        if row is None:
            return None
        entries: list[bytes] = row["entries"]
        # The rest of a long one: what is up to its last seq never changes, but may be deleted as a whole.
        while row["frontier_seq"] + len(entries) < row["last_seq"]:
            after = row["frontier_seq"] + len(entries)
            more = await _entries(attempt.connection, run_id, after, min(_AT_ONCE, row["last_seq"] - after))
            if not more:
                break
            entries += more
        else:
            return StoredRun(
                record=record_of(row), frontier=row["state"], frontier_seq=row["frontier_seq"], entries=entries
            )


async def snapshot(attempt: Attempt, run_id: str) -> RunSnapshot | None:
    """The run as of one moment, but for its journal."""
    row = await attempt.connection.fetchrow(_SNAPSHOT, run_id)
    if row is None:
        return None
    return RunSnapshot(
        record=record_of(row),
        last_seq=row["last_seq"],
        frontier=row["state"],
        frontier_seq=row["frontier_seq"],
        opened=[
            Opened(seq=seq, address=Address(address)) for seq, address in zip(row["seqs"], row["places"], strict=True)
        ],
    )


async def since(attempt: Attempt, run_id: str, after: Seq) -> tuple[RunRecord, list[bytes]] | None:
    """The run's record and the entries after ``after``, as of one moment."""
    row = await attempt.connection.fetchrow(_SINCE, run_id, after)
    return None if row is None else (record_of(row), row["entries"])


async def read(attempt: Attempt, run_id: str, after: Seq, limit: int | None) -> list[bytes]:
    """The run's entries after ``after``."""
    entries: list[bytes] = []
    while limit is None or len(entries) < limit:
        ask = _AT_ONCE if limit is None else min(limit - len(entries), _AT_ONCE)
        more = await _entries(attempt.connection, run_id, after + len(entries), ask)
        entries += more
        if len(more) < ask:
            break
    return entries


async def _entries(connection: Connection, run_id: str, after: Seq, limit: int) -> list[bytes]:
    return [entry for (entry,) in await connection.fetch(_READ, run_id, after, limit)]


async def read_some(attempt: Attempt, run_id: str, seqs: Sequence[Seq]) -> dict[Seq, bytes]:
    """The entries of the given seqs."""
    return {row["seq"]: row["entry"] for row in await attempt.connection.fetch(_READ_SOME, run_id, list(seqs))}


async def last_seqs(attempt: Attempt, run_ids: Sequence[str]) -> dict[str, Seq]:
    """The last seq of each of these runs that is there."""
    rows = await attempt.connection.fetch(
        "SELECT run_id, last_seq FROM waystation_runs WHERE run_id = ANY($1::text[])", list(run_ids)
    )
    return {row["run_id"]: row["last_seq"] for row in rows}


async def list_runs(attempt: Attempt, where: RunFilter, limit: int, cursor: str | None) -> RunPage:
    """Runs, newest first.

    Each status has a select of its own, which an index gives in the order of the page; so a page costs what it holds
    and not what there is. The runs of a status that most do not have are listed in an order that only their index has
    (by age): PostgreSQL takes them to be spread evenly over time, and would look for them among all the others, though
    those that are parked may all be old.
    """
    place = None if cursor is None else decode_cursor(cursor)
    selects: list[str] = []
    values: list[object] = []

    def bound(value: object) -> str:
        values.append(value)
        return f"${len(values)}"

    most = bound(limit + 1)
    for status in (None,) if where.statuses is None else dict.fromkeys(where.statuses):
        terms: list[str] = []
        if where.workflow_id is not None:
            terms.append(f"workflow_id = {bound(where.workflow_id)}::text")
        if status is not None:
            terms.append(f"status = '{_known(status)}'")
        if where.resource_id is not None:
            terms.append(f"resource_id = {bound(where.resource_id)}::text")
        by_age = status not in (None, "success") and where.resource_id is None
        sign, less, more_than = ("-", ">", "<=") if by_age else ("", "<", ">=")
        turn = -1 if by_age else 1
        if where.since is not None:
            terms.append(f"{sign}created_at {more_than} {bound(turn * where.since)}::bigint")
        if where.until is not None:
            terms.append(f"{sign}created_at {less} {bound(turn * where.until)}::bigint")
        if place is not None:
            at, number = bound(turn * place.created_at), bound(turn * place.number)
            terms.append(f"({sign}created_at, {sign}run_no) {less} ({at}::bigint, {number}::bigint)")
        condition = f"WHERE {' AND '.join(terms)} " if terms else ""
        order = "-created_at, -run_no" if by_age else "created_at DESC, run_no DESC"
        selects.append(f"(SELECT {RECORD} FROM waystation_runs {condition}ORDER BY {order} LIMIT {most})")  # noqa: S608  (constants; the values are bound)
    if not selects:
        return RunPage(runs=[], cursor=None)
    # As a table: the order after several selects in brackets is that of all, after a single one it is said twice.
    listed = f"({' UNION ALL '.join(selects)}) AS listed"
    union = f"SELECT * FROM {listed} ORDER BY created_at DESC, run_no DESC LIMIT {most}"  # noqa: S608  (constants, as above)
    rows = await attempt.connection.fetch(union, *values)
    more = len(rows) > limit
    del rows[limit:]
    end = encode_cursor(Place(rows[-1]["created_at"], rows[-1]["run_no"])) if more and rows else None
    return RunPage(runs=[record_of(row) for row in rows], cursor=end)


_STATUSES: Final[Mapping[RunStatus, str]] = {
    status: status
    for status in ("pending", "running", "waiting", "suspended", "paused", "success", "failed", "cancelled")
}


def _known(status: RunStatus) -> str:
    """A status, as text that may stand in a statement: so a partial index can be seen to hold all of it."""
    return _STATUSES[status]


async def open_suspensions(
    attempt: Attempt, run_id: str | None, workflow_id: str | None, limit: int
) -> list[OpenSuspension]:
    """Open suspensions, oldest first."""
    if run_id is None:
        rows = await attempt.connection.fetch(_OPEN, workflow_id, limit)
    else:
        rows = await attempt.connection.fetch(_OPEN_OF_RUN, workflow_id, limit, run_id)
    return [
        OpenSuspension(
            run_id=run, workflow_id=workflow, version=version, address=Address(address), seq=seq, entry=entry
        )
        for run, workflow, version, address, seq, entry in rows
    ]


async def get_definition(attempt: Attempt, fingerprint: str) -> bytes | None:
    """The description kept for ``fingerprint``."""
    asked = "SELECT description FROM waystation_definitions WHERE fingerprint = $1"
    found: bytes | None = await attempt.connection.fetchval(asked, fingerprint)
    return found


async def workers(attempt: Attempt) -> list[Worker]:
    """Every registered worker."""
    rows = await attempt.connection.fetch("SELECT worker_id, host, pid, expires_at FROM waystation_workers")
    return [Worker(worker_id=id_, host=host, pid=pid, expires_at=expires) for id_, host, pid, expires in rows]


async def claimable(attempt: Attempt, workflows: Sequence[WorkflowKey], now: Millis, limit: int) -> list[str]:
    """Ids of runs that a claim would take, longest waiting first."""
    rows = await attempt.connection.fetch(_CLAIMABLE, *_columns(workflows), now, limit)
    return [run_id for run_id, _, _ in rows]


async def next_wake(attempt: Attempt, workflows: Sequence[WorkflowKey], after: Millis | None) -> Millis | None:
    """The earliest ``wake_at`` of waiting and suspended runs, later than ``after``."""
    ever = _EVER if after is None else after
    found: int | None = await attempt.connection.fetchval(_NEXT_WAKE, *_columns(workflows), ever)
    return found


async def now(attempt: Attempt) -> Millis:
    """The server's clock."""
    found: int = await attempt.connection.fetchval(_NOW)
    return found


def _columns(workflows: Sequence[WorkflowKey]) -> tuple[list[str], list[str]]:
    return [key.workflow_id for key in workflows], [key.version for key in workflows]


def record_of(row: asyncpg.Record) -> RunRecord:
    """The record in a row of ``RECORD``'s columns."""
    return RunRecord(
        run_id=row["run_id"],
        workflow_id=row["workflow_id"],
        version=row["version"],
        fingerprint=row["fingerprint"],
        status=row["status"],
        resource_id=row["resource_id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        epoch=row["epoch"],
        owner=row["owner"],
        wake_at=row["wake_at"],
        idempotency_key=row["idempotency_key"],
    )
