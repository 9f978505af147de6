"""What each write does, as one statement where that is possible: one round trip, one commit.

The statement of a commit compares and writes at once. Its UPDATE moves the run's ``last_seq`` on where epoch and seq
are what the writer knows; that takes the row's lock, and where another had it first, PostgreSQL compares anew with
what that one left (READ COMMITTED). What the UPDATE did not move is not written, and was refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from waystation.core.refs import Millis, Seq
from waystation.errors import RunIsRunning, RunNotFound
from waystation.store.postgres.connections import Attempt, Connection
from waystation.store.postgres.reads import RECORD, record_of
from waystation.store.protocol import Fenced, JournalMoved
from waystation.store.records import Commit, Head, RunRecord, Worker

CHANNEL = "waystation"
"""Where processes tell each other what they wrote."""

_ASKED_PLAIN = """
WITH asked AS (
    SELECT * FROM unnest($3::text[], $4::bigint[], $5::bigint[], $6::bigint[])
    WITH ORDINALITY AS _ (run_id, epoch, after, last, nth)
)"""

_ASKED_FULL = """
WITH asked AS (
    SELECT * FROM unnest(
        $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
        $10::text[], $11::bigint[], $12::text[], $13::text[], $14::bigint[], $15::bigint[], $16::bytea[]
    ) WITH ORDINALITY AS _ (
        run_id, epoch, after, last, status, new_epoch, owner, fingerprint, updated_at, wake_at, frontier, nth
    )
)"""

# Of several runs none is waited for: who writes to one of them is soon done, and meanwhile the others need not wait.
# What is skipped is written alone, after. So no two writers ever wait for each other.
_FREE = """, free AS MATERIALIZED (
    SELECT run_no FROM waystation_runs AS runs JOIN asked USING (run_id)
    WHERE runs.epoch = asked.epoch AND runs.last_seq = asked.after
    FOR NO KEY UPDATE OF runs SKIP LOCKED
)"""

_HEAD = """,
        status = CASE WHEN asked.status IS NULL THEN runs.status ELSE asked.status END,
        epoch = CASE WHEN asked.status IS NULL THEN runs.epoch ELSE asked.new_epoch END,
        owner = CASE WHEN asked.status IS NULL THEN runs.owner ELSE asked.owner END,
        fingerprint = CASE WHEN asked.status IS NULL THEN runs.fingerprint ELSE asked.fingerprint END,
        updated_at = CASE WHEN asked.status IS NULL THEN runs.updated_at ELSE asked.updated_at END,
        wake_at = CASE WHEN asked.status IS NULL THEN runs.wake_at ELSE asked.wake_at END"""

_MOVED = """, moved AS (
    UPDATE waystation_runs AS runs SET last_seq = asked.last{head}
    FROM asked WHERE runs.run_id = asked.run_id AND runs.epoch = asked.epoch AND runs.last_seq = asked.after{free}
    RETURNING runs.run_no, asked.nth{more}
), appended AS (
    INSERT INTO waystation_journal (run_no, seq, entry)
    SELECT run_no, seq, entry FROM unnest($7::bigint[], $8::bigint[], $9::bytea[]) AS _ (nth, seq, entry)
    JOIN moved USING (nth)
)"""

_SETTLED = """, saved AS (
    INSERT INTO waystation_frontiers (run_no, seq, state)
    SELECT run_no, last, frontier FROM moved WHERE frontier IS NOT NULL
    ON CONFLICT (run_no) DO UPDATE SET seq = excluded.seq, state = excluded.state
), opened AS (
    INSERT INTO waystation_suspensions (run_no, seq, address)
    SELECT run_no, seq, address FROM unnest($17::bigint[], $18::bigint[], $19::text[])
    WITH ORDINALITY AS _ (nth, seq, address, place) JOIN moved USING (nth) ORDER BY place
), closed AS (
    DELETE FROM waystation_suspensions AS open
    USING moved JOIN unnest($20::bigint[], $21::bigint[]) AS _ (nth, seq) USING (nth)
    WHERE open.run_no = moved.run_no AND open.seq = _.seq
)"""

_DONE = """
SELECT nth FROM moved
UNION ALL SELECT 0 FROM pg_notify($1, $2) WHERE $2 <> ''
"""


def _statement(*, full: bool, several: bool) -> str:
    moved = _MOVED.format(
        head=_HEAD if full else "",
        free=" AND runs.run_no IN (SELECT run_no FROM free)" if several else "",
        more=", asked.last, asked.frontier" if full else "",
    )
    return (
        (_ASKED_FULL if full else _ASKED_PLAIN)
        + (_FREE if several else "")
        + moved
        + (_SETTLED if full else "")
        + _DONE
    )


_COMMIT = {
    (full, several): _statement(full=full, several=several) for full in (False, True) for several in (False, True)
}

# One commit of steps alone, as most are: the same with less to set up.
_LONE = """
WITH moved AS (
    UPDATE waystation_runs SET last_seq = $4 WHERE run_id = $1 AND epoch = $2 AND last_seq = $3 RETURNING run_no
)
INSERT INTO waystation_journal (run_no, seq, entry)
SELECT run_no, $3 + nth, entry FROM moved, unnest($5::bytea[]) WITH ORDINALITY AS _ (entry, nth)
"""

_STANDING = "SELECT epoch, last_seq FROM waystation_runs WHERE run_id = $1"

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


async def send(connection: Connection, commits: Sequence[Commit], news: str) -> set[int]:
    """Write commits of different runs, in one statement; gives the places of those that are written.

    The others were refused, or, of several, not free at this moment.

    Arguments:
        news: what other processes are told, "" for nothing.
    """
    full = any(c.head is not None or c.frontier is not None or c.opened or c.closed for c in commits)
    if not full and not news and len(commits) == 1 and commits[0].entries:
        (commit,) = commits
        last = commit.after + len(commit.entries)
        given = (commit.run_id, commit.epoch, commit.after, last, commit.entries)
        return {0} if await connection.execute(_LONE, *given) != "INSERT 0 0" else set()
    values: list[object] = [
        CHANNEL,
        news,
        [commit.run_id for commit in commits],
        [commit.epoch for commit in commits],
        [commit.after for commit in commits],
        [commit.after + len(commit.entries) for commit in commits],
        [nth for nth, commit in enumerate(commits, 1) for _ in commit.entries],
        [seq for commit in commits for seq in range(commit.after + 1, commit.after + len(commit.entries) + 1)],
        [entry for commit in commits for entry in commit.entries],
    ]
    if full:
        heads = [commit.head for commit in commits]
        values += [
            [head and head.status for head in heads],
            [head and head.epoch for head in heads],
            [head and head.owner for head in heads],
            [head and head.fingerprint for head in heads],
            [head and head.updated_at for head in heads],
            [head and head.wake_at for head in heads],
            [commit.frontier for commit in commits],
            [nth for nth, commit in enumerate(commits, 1) for _ in commit.opened],
            [each.seq for commit in commits for each in commit.opened],
            [each.address for commit in commits for each in commit.opened],
            [nth for nth, commit in enumerate(commits, 1) for _ in commit.closed],
            [seq for commit in commits for seq in commit.closed],
        ]
    rows = await connection.fetch(_COMMIT[full, len(commits) > 1], *values)
    return {nth - 1 for (nth,) in rows if nth}


async def commit_alone(attempt: Attempt, commit: Commit, news: str) -> None:
    """Write one commit, waiting for whoever is at its run.

    Raises:
        RunNotFound, Fenced, JournalMoved: nothing was written.
    """
    if await send(attempt.connection, [commit], news):
        return
    if attempt.uncertain and await has_landed(attempt.connection, commit):
        return
    row = await attempt.connection.fetchrow(_STANDING, commit.run_id)
    if row is None:
        raise not_found(commit.run_id)
    raise Fenced if row["epoch"] != commit.epoch else JournalMoved


async def has_landed(connection: Connection, commit: Commit) -> bool:
    """Whether this very commit is in the store: by an earlier try, whose answer was lost.

    It waits for that try if it is under way still. Entries hold the time, and who writes them: two that are the same
    are one, unless someone else has taken the run by his.
    """
    async with connection.transaction():
        try:
            record, entries = await lock(connection, commit.run_id, commit.after)
        except RunNotFound:
            return False
    head = commit.head
    if is_of_another(record.epoch, record.owner, head):
        return False
    if commit.entries:
        return entries[: len(commit.entries)] == list(commit.entries)
    return head is not None and (record.epoch, record.status, record.owner, record.updated_at, record.wake_at) == (
        *(head.epoch, head.status, head.owner, head.updated_at, head.wake_at),
    )


def is_of_another(epoch: int, owner: str | None, head: Head | None) -> bool:
    """Whether another has the run under the very epoch by which ``head`` would have taken it: two may take a run by the
    same entries in the same millisecond, and one of them has it."""
    return head is not None and head.owner is not None and epoch == head.epoch and owner not in (None, head.owner)


async def delete_run(attempt: Attempt, run_id: str) -> bool:
    """Delete a run and all that is kept of it; whether there was one.

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
