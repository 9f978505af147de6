"""How runs are created: any number of them in one statement.

One that is like most, with entries and nothing else, has a statement of its own, for the reason that ``commits`` tells.
"""

from __future__ import annotations

from collections.abc import Sequence

from waystation.errors import RunAlreadyExists
from waystation.store.postgres.commits import is_of_another
from waystation.store.postgres.connections import Attempt, Connection
from waystation.store.postgres.writes import CHANNEL
from waystation.store.protocol import IdempotencyKeyUsed
from waystation.store.records import NewRun

_CREATE_ONE = """
WITH made AS (
    INSERT INTO waystation_runs (
        run_id, workflow_id, version, idempotency_key, fingerprint, resource_id,
        created_at, updated_at, status, epoch, owner, wake_at, last_seq
    ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
    ON CONFLICT DO NOTHING RETURNING run_no
), appended AS (
    INSERT INTO waystation_journal (run_no, seq, entry)
    SELECT run_no, nth, entry FROM made, unnest($14::bytea[]) WITH ORDINALITY AS _ (entry, nth)
)
SELECT run_no FROM made
"""

# In the order of their ids, so that two that create the same runs wait for each other in one order.
_CREATE = """
WITH asked AS (
    SELECT * FROM unnest(
        $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bigint[],
        $11::text[], $12::bigint[], $13::text[], $14::bigint[], $15::bigint[], $16::bytea[], $17::bigint[]
    ) WITH ORDINALITY AS _ (
        run_id, workflow_id, version, idempotency_key, fingerprint, resource_id, created_at, updated_at,
        status, epoch, owner, wake_at, last_seq, frontier, frontier_seq, nth
    )
), made AS (
    INSERT INTO waystation_runs (
        run_id, workflow_id, version, idempotency_key, fingerprint, resource_id,
        created_at, updated_at, status, epoch, owner, wake_at, last_seq
    )
    SELECT run_id, workflow_id, version, idempotency_key, fingerprint, resource_id,
        created_at, updated_at, status, epoch, owner, wake_at, last_seq
    FROM asked ORDER BY workflow_id, idempotency_key, run_id
    ON CONFLICT DO NOTHING RETURNING run_no, run_id
), numbered AS (
    SELECT run_no, nth, frontier, frontier_seq FROM made JOIN asked USING (run_id)
), appended AS (
    INSERT INTO waystation_journal (run_no, seq, entry)
    SELECT run_no, seq, entry FROM unnest($18::bigint[], $19::bigint[], $20::bytea[]) AS _ (nth, seq, entry)
    JOIN numbered USING (nth)
), saved AS (
    INSERT INTO waystation_frontiers (run_no, seq, state)
    SELECT run_no, frontier_seq, frontier FROM numbered WHERE frontier IS NOT NULL
), opened AS (
    INSERT INTO waystation_suspensions (run_no, seq, address)
    SELECT run_no, seq, address FROM unnest($21::bigint[], $22::bigint[], $23::text[])
    WITH ORDINALITY AS _ (nth, seq, address, place) JOIN numbered USING (nth) ORDER BY place
)
SELECT nth FROM numbered UNION ALL SELECT 0 FROM pg_notify($1, $2) WHERE $2 <> ''
"""

_SAME_KEY = "SELECT run_id FROM waystation_runs WHERE workflow_id = $1 AND idempotency_key = $2"

_SAME_RUN = """
SELECT created_at, workflow_id, epoch, owner, (
    SELECT array_agg(entry ORDER BY seq) FROM waystation_journal AS journal
    WHERE journal.run_no = runs.run_no AND seq <= $2
)
FROM waystation_runs AS runs WHERE run_id = $1
"""


async def create(connection: Connection, runs: Sequence[NewRun], news: str) -> set[int]:
    """Create runs, of different ids; gives the places of those that are made.

    The others have an id or an idempotency key that is used already.

    Arguments:
        news: what other processes are told, "" for nothing.
    """
    if len(runs) == 1 and not news and runs[0].frontier is None and not runs[0].opened:
        *columns_of_run, _, _ = _columns(runs[0])  # but for the frontier and its seq
        return {0} if await connection.fetch(_CREATE_ONE, *columns_of_run, runs[0].entries) else set()
    columns = zip(*(_columns(run) for run in runs), strict=True)
    rows = await connection.fetch(
        _CREATE,
        *(CHANNEL, news, *map(list, columns)),
        [nth for nth, run in enumerate(runs, 1) for _ in run.entries],
        [seq for run in runs for seq in range(1, len(run.entries) + 1)],
        [entry for run in runs for entry in run.entries],
        [nth for nth, run in enumerate(runs, 1) for _ in run.opened],
        [each.seq for run in runs for each in run.opened],
        [each.address for run in runs for each in run.opened],
    )
    return {nth - 1 for (nth,) in rows if nth}


def _columns(run: NewRun) -> tuple[object, ...]:
    head, entries = run.head, len(run.entries)
    standing = ("pending", 0, None, None) if head is None else (head.status, head.epoch, head.owner, head.wake_at)
    return (
        *(run.run_id, run.workflow_id, run.version, run.idempotency_key, run.fingerprint, run.resource_id),
        *(run.created_at, run.created_at if head is None else head.updated_at, *standing),
        *(entries, run.frontier, entries if run.frontier_seq is None else run.frontier_seq),
    )


async def create_alone(attempt: Attempt, run: NewRun, news: str) -> None:
    """Create a run with its first entries.

    Raises:
        IdempotencyKeyUsed, RunAlreadyExists: nothing was written.
    """
    if await create(attempt.connection, [run], news):
        return
    if attempt.uncertain and await _is_this(attempt.connection, run):
        return
    if run.idempotency_key is not None:
        same = await attempt.connection.fetchval(_SAME_KEY, run.workflow_id, run.idempotency_key)
        if same is not None:
            raise IdempotencyKeyUsed(same)
    raise RunAlreadyExists(f"there is a run {run.run_id!r} in the store already", run_id=run.run_id)


async def _is_this(connection: Connection, run: NewRun) -> bool:
    """Whether the run of that id is this very one: made by an earlier try, whose answer was lost."""
    row = await connection.fetchrow(_SAME_RUN, run.run_id, len(run.entries))
    if row is None:
        return False
    created_at, workflow_id, epoch, owner, entries = row
    if is_of_another(epoch, owner, run.head):
        return False
    return (created_at, workflow_id, list(entries or ())) == (run.created_at, run.workflow_id, list(run.entries))
