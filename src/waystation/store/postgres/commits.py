"""How commits are written: one statement, one round trip, one commit, be it of one run or of several.

The statement compares and writes at once. Its UPDATE moves the run's ``last_seq`` on where epoch and seq are what the
writer knows; that takes the row's lock, and where another had it first, PostgreSQL compares anew with what that one
left (READ COMMITTED). What the UPDATE did not move is not written, and was refused.

Of one commit the statement holds no more than what there is of it; of several each column is an array. The first is the
quicker for one by a fifth, and a run by itself sends no other.
"""

from __future__ import annotations

from collections.abc import Sequence

from waystation.errors import RunNotFound
from waystation.store.postgres.connections import Attempt, Connection
from waystation.store.postgres.writes import CHANNEL, lock, not_found
from waystation.store.protocol import Fenced, JournalMoved
from waystation.store.records import Commit, Head

# One step alone, as most are: there is nothing else to write, and nothing to take apart.
_STEP = """
WITH moved AS (
    UPDATE waystation_runs SET last_seq = $4 WHERE run_id = $1 AND epoch = $2 AND last_seq = $3 RETURNING run_no
)
INSERT INTO waystation_journal (run_no, seq, entry) SELECT run_no, $4, $5::bytea FROM moved
"""

_MOVED_ONE = """WITH moved AS (
    UPDATE waystation_runs SET last_seq = $4{head}
    WHERE run_id = $1 AND epoch = $2 AND last_seq = $3 RETURNING run_no
), appended AS (
    INSERT INTO waystation_journal (run_no, seq, entry)
    SELECT run_no, $3 + nth, entry FROM moved, unnest($5::bytea[]) WITH ORDINALITY AS _ (entry, nth)
)"""

_SAVED_ONE = """, saved AS (
    INSERT INTO waystation_frontiers (run_no, seq, state) SELECT run_no, $4, {state} FROM moved
    ON CONFLICT (run_no) DO UPDATE SET seq = excluded.seq, state = excluded.state
)"""

_OPENED_ONE = """, opened AS (
    INSERT INTO waystation_suspensions (run_no, seq, address)
    SELECT run_no, seq, address FROM moved, unnest({seqs}::bigint[], {addresses}::text[])
    WITH ORDINALITY AS _ (seq, address, place) ORDER BY place
)"""

_CLOSED_ONE = """, closed AS (
    DELETE FROM waystation_suspensions AS open USING moved
    WHERE open.run_no = moved.run_no AND open.seq = ANY({seqs}::bigint[])
)"""

_COLUMNS = ("status", "epoch", "owner", "fingerprint", "updated_at", "wake_at")
"""Of a head."""

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

_HEADS = """,
        status = CASE WHEN asked.status IS NULL THEN runs.status ELSE asked.status END,
        epoch = CASE WHEN asked.status IS NULL THEN runs.epoch ELSE asked.new_epoch END,
        owner = CASE WHEN asked.status IS NULL THEN runs.owner ELSE asked.owner END,
        fingerprint = CASE WHEN asked.status IS NULL THEN runs.fingerprint ELSE asked.fingerprint END,
        updated_at = CASE WHEN asked.status IS NULL THEN runs.updated_at ELSE asked.updated_at END,
        wake_at = CASE WHEN asked.status IS NULL THEN runs.wake_at ELSE asked.wake_at END"""

_MOVED = """, moved AS (
    UPDATE waystation_runs AS runs SET last_seq = asked.last{head}
    FROM asked WHERE runs.run_id = asked.run_id AND runs.epoch = asked.epoch
        AND runs.last_seq = asked.after AND runs.run_no IN (SELECT run_no FROM free)
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


def _statement_of_several(*, full: bool) -> str:
    moved = _MOVED.format(head=_HEADS if full else "", more=", asked.last, asked.frontier" if full else "")
    return (_ASKED_FULL if full else _ASKED_PLAIN) + _FREE + moved + (_SETTLED if full else "") + _DONE


_SEVERAL = {full: _statement_of_several(full=full) for full in (False, True)}

_STANDING = "SELECT epoch, last_seq FROM waystation_runs WHERE run_id = $1"


async def send(connection: Connection, commits: Sequence[Commit], news: str) -> set[int]:
    """Write commits of different runs, in one statement; gives the places of those that are written.

    The others were refused, or, of several, not free at this moment.

    Arguments:
        news: what other processes are told, "" for nothing.
    """
    if len(commits) == 1:
        return {0} if await send_one(connection, commits[0], news) else set()
    full = any(map(_settles, commits))
    rows = await connection.fetch(_SEVERAL[full], CHANNEL, news, *_columns_of_several(commits, full=full))
    return {nth - 1 for (nth,) in rows if nth}


def _settles(commit: Commit) -> bool:
    """Whether it writes more than entries."""
    return commit.head is not None or commit.frontier is not None or bool(commit.opened) or bool(commit.closed)


async def send_one(connection: Connection, commit: Commit, news: str) -> bool:
    """As ``send``, of one; gives whether it is written."""
    entries = commit.entries
    last = commit.after + len(entries)
    if len(entries) == 1 and not news and not _settles(commit):
        row = (commit.run_id, commit.epoch, commit.after, last, entries[0])
        return await connection.execute(_STEP, *row) != "INSERT 0 0"
    values: list[object] = [commit.run_id, commit.epoch, commit.after, last, entries]

    def given(value: object) -> str:
        values.append(value)
        return f"${len(values)}"

    head = commit.head
    changes = "" if head is None else "".join(f", {name} = {given(getattr(head, name))}" for name in _COLUMNS)
    statement = _MOVED_ONE.format(head=changes)
    if commit.frontier is not None:
        statement += _SAVED_ONE.format(state=given(commit.frontier))
    if commit.opened:
        seqs, addresses = [each.seq for each in commit.opened], [each.address for each in commit.opened]
        statement += _OPENED_ONE.format(seqs=given(seqs), addresses=given(addresses))
    if commit.closed:
        statement += _CLOSED_ONE.format(seqs=given(commit.closed))
    done = f"pg_notify({given(CHANNEL)}, {given(news)})" if news else "run_no"
    statement += f" SELECT {done} FROM moved"  # noqa: S608  (constants; what is given is bound)
    return bool(await connection.fetch(statement, *values))


def _columns_of_several(commits: Sequence[Commit], *, full: bool) -> Sequence[Sequence[object]]:
    columns: list[Sequence[object]] = [
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
        columns += [[head and getattr(head, name) for head in heads] for name in _COLUMNS]
        columns += [
            [commit.frontier for commit in commits],
            [nth for nth, commit in enumerate(commits, 1) for _ in commit.opened],
            [each.seq for commit in commits for each in commit.opened],
            [each.address for commit in commits for each in commit.opened],
            [nth for nth, commit in enumerate(commits, 1) for _ in commit.closed],
            [seq for commit in commits for seq in commit.closed],
        ]
    return columns


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
