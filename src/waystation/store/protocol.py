"""What a store must do. Everything durable goes through this one narrow door.

The store keeps, for each run: one *record* (what lists and claims need), the *journal* (appended, never changed),
at most one *frontier* (a derived cache: the folded state as of some seq, so that a resume need not read the whole
journal), and its *open suspensions*. Besides: the *workers* (processes with a lease) and the *definitions* that
runs were begun under.

The rules a store keeps, each with a test in ``tests/conformance``:

1. *All or nothing.* A ``Commit`` is durable as a whole when ``commit`` returns, or nothing of it is written.
2. *Compare and append.* It is written only if the journal's last seq is ``after`` (else ``JournalMoved``) and the
   run's epoch is ``epoch`` (else ``Fenced``). So there is one history, one winner of any race, and a process that
   lost its run cannot write.
3. *Appended only.* No journal row is ever updated.
4. *Isolation.* Commits of many runs may be written together for speed; one that is refused takes no other with it.

Values are opaque bytes here. Times are milliseconds since 1970 UTC, given by the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from waystation.core.refs import Millis, Seq
from waystation.store.records import (
    Commit,
    Heard,
    MakeCommit,
    NewRun,
    OpenSuspension,
    RunFilter,
    RunPage,
    RunRecord,
    RunSnapshot,
    Schedule,
    SchemaStatus,
    StoredRun,
    Survey,
    Worker,
    WorkflowKey,
)


class JournalMoved(Exception):
    """Someone else appended to the journal first: read what came, decide again."""


class Fenced(Exception):
    """The run's epoch is not the writer's: another process owns the run now."""


class IdempotencyKeyUsed(Exception):
    """There is a run of this workflow with this idempotency key already: ``run_id``."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(run_id)


class StoreTransaction(Protocol):
    """The store's own database, open to a step's writes. Nothing of it is durable until ``commit(within=)``."""

    async def execute(self, sql: str, parameters: Sequence[object] = ()) -> Sequence[tuple[object, ...]]:
        """Run one statement of the database's own SQL; gives the rows it yields, if it yields any."""
        ...

    async def roll_back(self) -> None:
        """Undo all of it, and let go. Doing so twice, or after its commit, changes nothing."""
        ...


class Store(Protocol):
    """A durable home for runs. All methods may raise ``StoreError``."""

    async def open(self) -> None:
        """Connect, and bring the schema up to date. Safe to call from many processes at once.

        Raises:
            StoreSchemaNewer, StoreSchemaForeign, StoreReadOnly, StoreCorrupt, StoreFull, StoreBusy.
        """

    async def close(self) -> None:
        """Finish what is queued and let go. Every later call raises ``StoreClosed``. Closing twice is fine."""

    # ---- looking from outside

    async def schema(self) -> SchemaStatus:
        """How the schema stands; also before ``open``, and where there is no store yet. Changes nothing.

        Raises:
            StoreSchemaNewer, StoreSchemaForeign, StoreCorrupt.
        """
        ...

    async def survey(self) -> Survey:
        """What is in the store; also before ``open``. Changes nothing.

        Raises:
            StoreSchemaOlder: the schema is not there, or has to be brought up to date before it can be read.
        """
        ...

    # ---- writing

    async def create_run(self, run: NewRun) -> None:
        """Create a run, durably.

        Raises:
            RunAlreadyExists: a run of that id is there; nothing is changed.
            IdempotencyKeyUsed: a run of that workflow and key is there; nothing is changed. Told first, where both
                hold.
        """

    async def commit(self, commit: Commit, *, within: StoreTransaction | None = None) -> None:
        """Write ``commit``, durably, all or nothing; with ``within``, together with what was written there.

        If it is refused, the transaction stays as it was, to be committed again or rolled back.

        Raises:
            JournalMoved: the journal's last seq is not ``commit.after``.
            Fenced: the run's epoch is not ``commit.epoch`` (told before ``JournalMoved`` when both hold).
            RunNotFound: no such run.
        """

    async def commit_on_top(self, run_id: str, after: Seq, make: MakeCommit) -> None:
        """Write what ``make`` makes of the run's record and the entries after ``after``, with nobody in between: so a
        run that is written to without a pause can be written to all the same. ``make`` is quick, waits for nothing,
        may be called again, and may raise ``JournalMoved``: then nothing is written.

        Raises:
            JournalMoved, Fenced, RunNotFound: as ``commit``.
        """

    async def transaction(self) -> StoreTransaction:
        """Open the store's database to a step's writes; waits for others that have it open.

        Raises:
            TransactionsNotSupported: this store has no SQL database.
        """
        ...

    async def delete_run(self, run_id: str) -> bool:
        """Delete a run and all that is kept of it; whether there was one.

        Raises:
            RunIsRunning: it is ``running``; nothing is changed.
        """
        ...

    async def prune(self, ended_before: Millis, *, limit: int) -> int:
        """Delete at most ``limit`` runs that ended (``updated_at``) before then, the oldest first; gives how many."""
        ...

    async def put_definition(self, fingerprint: str, workflow_id: str, description: bytes) -> None:
        """Keep the description of a definition, once; a second put of one fingerprint changes nothing."""

    # ---- reading

    async def load(self, run_id: str) -> StoredRun | None:
        """The run's record, frontier and the entries after it; None if there is no such run."""
        ...

    async def read(self, run_id: str, *, after: Seq = 0, limit: int | None = None) -> Sequence[bytes]:
        """The run's entries after ``after``, in order, at most ``limit``; empty for an unknown run."""
        ...

    async def snapshot(self, run_id: str) -> RunSnapshot | None:
        """The run as of one moment, but for its journal; None if there is no such run."""
        ...

    async def read_some(self, run_id: str, seqs: Sequence[Seq]) -> dict[Seq, bytes]:
        """The entries of the given seqs."""
        ...

    async def get_run(self, run_id: str) -> RunRecord | None:
        """The run's record."""
        ...

    async def last_seqs(self, run_ids: Sequence[str]) -> dict[str, Seq]:
        """The last seq of each of these runs' journals; unknown runs are left out."""
        ...

    async def list_runs(self, where: RunFilter, *, limit: int, cursor: str | None = None) -> RunPage:
        """Runs, newest first. Pages do not repeat or skip runs while others are created."""
        ...

    async def open_suspensions(
        self, *, run_id: str | None = None, workflow_id: str | None = None, limit: int = 1000
    ) -> Sequence[OpenSuspension]:
        """Open suspensions, oldest first."""
        ...

    async def get_definition(self, fingerprint: str) -> bytes | None:
        """The description kept for ``fingerprint``."""
        ...

    # ---- ownership

    async def beat(self, worker: Worker) -> None:
        """Register the worker, or extend its lease."""

    async def workers(self) -> Sequence[Worker]:
        """Every registered worker, also those whose lease has run out."""
        ...

    async def retire(self, worker: Worker) -> None:
        """Remove the worker and hand over its runs at once: their owner becomes None.

        Does nothing if the worker's lease was extended since ``worker`` was read (``expires_at`` differs), so
        that a process believed dead is not retired while it lives.
        """

    async def claim(self, run_id: str, worker_id: str, now: Millis) -> RunRecord | None:
        """Take over a run that nobody drives: owner becomes ``worker_id``, the epoch grows by one, and it is running.

        It can be when it is ``running`` and its owner is None, unknown, expired or ``worker_id`` itself, or when it is
        ``waiting`` or ``suspended`` and its ``wake_at`` has come. Of many claims at once one gives the record after it.
        """
        ...

    async def claimable(self, workflows: Sequence[WorkflowKey], now: Millis, *, limit: int) -> Sequence[str]:
        """Ids of runs of these workflows that ``claim`` would take, longest waiting first.

        Runs whose owner is alive are not among them.
        """
        ...

    async def next_wake(self, workflows: Sequence[WorkflowKey], *, after: Millis | None = None) -> Millis | None:
        """The earliest ``wake_at`` of the waiting and suspended runs of these workflows, later than ``after``."""
        ...

    # ---- schedules

    async def put_schedule(self, schedule: Schedule) -> Schedule:
        """Keep a schedule; if it is there, only another ``spec`` changes it, and not whether it is paused. Gives what
        is kept then."""
        ...

    async def schedules(self) -> Sequence[Schedule]:
        """Every schedule, by id."""
        ...

    async def advance_schedule(self, schedule_id: str, slot: Millis, next_at: Millis | None) -> bool:
        """Slot ``slot`` is dealt with: the next is ``next_at``. Whether ``slot`` still was its ``next_at``; if not,
        another process was first and nothing is changed. Nor is it while the schedule is paused."""
        ...

    async def pause_schedule(self, schedule_id: str, *, paused: bool, next_at: Millis | None) -> bool:
        """Pause it, or let it go on from ``next_at``; whether it is known. While it is paused its ``next_at`` is kept
        as it is. Letting go on what is not paused changes nothing."""
        ...

    async def now(self) -> Millis | None:
        """The time by the store's own clock, which all its processes then go by; None if it has none: then they are on
        one machine, and that has one."""
        ...

    def listen(self, heard: Callable[[Heard], None]) -> bool:
        """From now on call ``heard`` on the event loop whenever another process tells that it has written; gives
        whether they do. A store that is told nothing never calls it; ``foreign_changes`` is for that, and for what was
        told and not heard."""
        ...

    async def foreign_changes(self) -> int:
        """A number that changes whenever someone else has written, be it another app on this very object. It may change
        by one's own writes too. Cheap: made to be polled."""
        ...
