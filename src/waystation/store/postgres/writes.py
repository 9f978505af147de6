"""What each write does but commits and creations (``commits``, ``creations``): mostly one statement, one commit."""

from __future__ import annotations

from collections.abc import Sequence

from waystation.core.refs import Millis, Seq
from waystation.errors import RunIsRunning, RunNotFound
from waystation.store.postgres.connections import Attempt, Connection
from waystation.store.postgres.reads import RECORD, record_of
from waystation.store.records import RunRecord, Worker

CHANNEL = "waystation"
"""Where processes tell each other what they wrote."""

# Whoever else is at the run has it: there is no use in waiting to see that it is taken.
_CLAIM = f"""
UPDATE waystation_runs AS runs
SET status = 'running', owner = $2, epoch = epoch + 1, wake_at = NULL, updated_at = $3
WHERE run_no = (
    SELECT run_no FROM waystation_runs AS free WHERE run_id = $1 AND (
        status = 'running' AND (
            owner IS NULL OR owner = $2
            OR NOT EXISTS (SELECT 1 FROM waystation_workers WHERE worker_id = free.owner AND expires_at > $3)
        )
        OR status IN ('waiting', 'suspended') AND wake_at <= $3
    )
    FOR UPDATE SKIP LOCKED
)
RETURNING {RECORD}
"""  # noqa: S608  (constants)

_BEAT = """
INSERT INTO waystation_workers (worker_id, host, pid, expires_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (worker_id) DO UPDATE SET host = excluded.host, pid = excluded.pid, expires_at = excluded.expires_at
"""

_RETIRE = """
WITH gone AS (DELETE FROM waystation_workers WHERE worker_id = $3 AND expires_at = $4 RETURNING worker_id),
freed AS (UPDATE waystation_runs SET owner = NULL FROM gone WHERE owner = gone.worker_id RETURNING 1)
SELECT count(*), (SELECT count(*) FROM pg_notify($1, $2) WHERE $2 <> '' AND EXISTS (SELECT 1 FROM freed)) FROM freed
"""

_ENDED = """
SELECT run_no, last_seq FROM waystation_runs
WHERE status IN ('success', 'failed', 'cancelled') AND updated_at < $1
ORDER BY updated_at, run_no LIMIT $2 FOR UPDATE SKIP LOCKED
"""

_MOST_PRUNED = 10_000
"""When so many entries are deleted, the transaction is long enough."""


async def delete_run(attempt: Attempt, run_id: str, news: str) -> bool:
    """Delete a run and all that is kept of it; whether there was one. If so, others are told ``news``.

    Raises:
        RunIsRunning: nothing was written.
    """
    connection = attempt.connection
    async with connection.transaction():
        # The lock first: what is deleted after is then all there will be.
        row = await connection.fetchrow(
            "SELECT run_no, status FROM waystation_runs WHERE run_id = $1 FOR UPDATE", run_id
        )
        if row is None:
            return attempt.uncertain
        if row["status"] == "running":
            raise RunIsRunning(f"run {run_id!r} is running: cancel it first, or wait for its end", run_id=run_id)
        await _delete(connection, [row["run_no"]])
        if news:
            await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, news)
    return True


async def prune(attempt: Attempt, ended_before: Millis, limit: int) -> int:
    """Delete those of the runs that ended longest ago, up to ``limit`` and about 10,000 entries; gives how many."""
    connection = attempt.connection
    async with connection.transaction():
        numbers: list[int] = []
        entries = 0
        for run_no, last_seq in await connection.fetch(_ENDED, ended_before, max(limit, 0)):
            numbers.append(run_no)
            entries += last_seq
            if entries >= _MOST_PRUNED:
                break
        if numbers:
            await _delete(connection, numbers)
    return len(numbers)


async def _delete(connection: Connection, numbers: Sequence[int]) -> None:
    for table in ("suspensions", "frontiers", "journal", "runs"):
        await connection.execute(f"DELETE FROM waystation_{table} WHERE run_no = ANY($1::bigint[])", numbers)  # noqa: S608  (constants)


async def put_definition(attempt: Attempt, fingerprint: str, workflow_id: str, description: bytes) -> None:
    """Keep a description, once."""
    await attempt.connection.execute(
        "INSERT INTO waystation_definitions (fingerprint, workflow_id, description) VALUES ($1, $2, $3) "
        "ON CONFLICT DO NOTHING",
        *(fingerprint, workflow_id, description),
    )


async def beat(attempt: Attempt, worker: Worker) -> None:
    """Register the worker, or extend its lease."""
    await attempt.connection.execute(_BEAT, worker.worker_id, worker.host, worker.pid, worker.expires_at)


async def retire(attempt: Attempt, worker: Worker, news: str) -> None:
    """Remove the worker and hand over its runs, unless its lease was extended."""
    await attempt.connection.fetch(_RETIRE, CHANNEL, news, worker.worker_id, worker.expires_at)


async def claim(attempt: Attempt, run_id: str, worker_id: str, now: Millis) -> RunRecord | None:
    """Take over a run that nobody drives; None if somebody does."""
    row = await attempt.connection.fetchrow(_CLAIM, run_id, worker_id, now)
    return None if row is None else record_of(row)


async def lock(connection: Connection, run_id: str, after: Seq) -> tuple[RunRecord, list[bytes]]:
    """Keep others from the run until the transaction's end; gives its record and the entries after ``after``.

    Raises:
        RunNotFound.
    """
    row = await connection.fetchrow(
        f"SELECT {RECORD} FROM waystation_runs WHERE run_id = $1 FOR NO KEY UPDATE",  # noqa: S608  (a constant)
        run_id,
    )
    if row is None:
        raise not_found(run_id)
    # A statement of its own: it sees what was committed while the lock was waited for.
    entries = await connection.fetch(
        "SELECT entry FROM waystation_journal WHERE run_no = $1 AND seq > $2 ORDER BY seq", row["run_no"], after
    )
    return record_of(row), [entry for (entry,) in entries]


def not_found(run_id: str) -> RunNotFound:
    """What is raised of a run that is not there."""
    return RunNotFound(f"there is no run {run_id!r} in the store", run_id=run_id)
