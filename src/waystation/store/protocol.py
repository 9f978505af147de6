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
from typing import Literal, NamedTuple, Protocol, TypeAlias

import msgspec

from waystation.core.addresses import Address
from waystation.core.refs import Millis, Seq

RunStatus = Literal["pending", "running", "waiting", "suspended", "paused", "success", "failed", "cancelled"]
"""Where a run stands.

``pending`` created, not started; ``running`` some process drives it (or should: see ``claimable``);
``waiting`` parked until a time or an event; ``suspended`` parked, and someone is asked for an answer (it may also
have a time at which it goes on); ``paused`` run step by step, and parked before the next; the rest are ends.
"""

UNFINISHED: tuple[RunStatus, ...] = ("pending", "running", "waiting", "suspended", "paused")

ENDED: frozenset[RunStatus] = frozenset({"success", "failed", "cancelled"})


class JournalMoved(Exception):
    """Someone else appended to the journal first: read what came, decide again."""


class Fenced(Exception):
    """The run's epoch is not the writer's: another process owns the run now."""


class WorkflowKey(NamedTuple):
    """A workflow by id and version ("" for none): what a process can drive, and what a run is of."""

    workflow_id: str
    version: str = ""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a run's record that changes. Written only when it does: most steps leave it alone.

    ``epoch`` is the fence: whoever takes the run over writes one more than it read. ``owner`` is the worker that
    drives it, None when parked or ended; ``wake_at``, for ``waiting`` and ``suspended``, when it goes on by itself, if
    it does; ``fingerprint`` the definition it follows; ``updated_at`` when this head was written.
    """

    status: RunStatus
    epoch: int
    owner: str | None
    fingerprint: str
    updated_at: Millis
    wake_at: Millis | None = None


class NewRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run to create. ``entries`` begin its journal, at seq 1; without a ``head`` it is pending, at epoch 0.

    ``idempotency_key``, where given, is unique among the runs of one workflow id. ``opened`` are suspensions that
    the entries open (a forked run may begin with some).
    """

    run_id: str
    workflow_id: str
    fingerprint: str
    created_at: Millis
    entries: Sequence[bytes]
    resource_id: str | None = None
    head: Head | None = None
    version: str = ""
    idempotency_key: str | None = None
    frontier: bytes | None = None
    opened: Sequence[Opened] = ()


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A suspension that a commit opens. ``seq`` is that of its ``StepSuspended`` entry, in the same commit."""

    seq: Seq
    address: Address


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """One atomic write to one run.

    Attributes:
        run_id: the run.
        epoch: the epoch the writer believes in.
        after: the last seq the writer knows; the entries become ``after + 1`` and so on.
        entries: encoded entries; may be empty (a change of head alone).
        head: the new head, None to leave it.
        frontier: the encoded state as of the last entry, None to leave it.
        opened: suspensions these entries open.
        closed: the seqs of suspensions these entries close.
    """

    run_id: str
    epoch: int
    after: Seq
    entries: Sequence[bytes] = ()
    head: Head | None = None
    frontier: bytes | None = None
    opened: Sequence[Opened] = ()
    closed: Sequence[Seq] = ()


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a run without reading its journal."""

    run_id: str
    workflow_id: str
    fingerprint: str
    status: RunStatus
    resource_id: str | None
    created_at: Millis
    updated_at: Millis
    epoch: int
    owner: str | None
    wake_at: Millis | None
    version: str = ""

    @property
    def key(self) -> WorkflowKey:
        """The workflow it is a run of."""
        return WorkflowKey(self.workflow_id, self.version)


MakeCommit: TypeAlias = Callable[[RunRecord, Sequence[bytes]], Commit]
"""Makes a commit of a run's record and of what was appended since."""


class StoredRun(msgspec.Struct, frozen=True, kw_only=True):
    """All that is needed to go on with a run: read in one consistent view.

    ``frontier`` is the encoded state as of ``frontier_seq`` (None and 0 if none is saved), ``entries`` are those after.
    """

    record: RunRecord
    frontier: bytes | None
    frontier_seq: Seq
    entries: Sequence[bytes]

    @property
    def last_seq(self) -> Seq:
        """The last seq of the journal."""
        return self.frontier_seq + len(self.entries)


class OpenSuspension(msgspec.Struct, frozen=True, kw_only=True):
    """A suspension that waits for an answer. ``entry`` is its encoded ``StepSuspended``."""

    run_id: str
    workflow_id: str
    version: str = ""
    address: Address
    seq: Seq
    entry: bytes


class RunFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs to list; None means any. ``since`` is inclusive, ``until`` exclusive, on ``created_at``."""

    workflow_id: str | None = None
    statuses: Sequence[RunStatus] | None = None
    resource_id: str | None = None
    since: Millis | None = None
    until: Millis | None = None


class RunPage(msgspec.Struct, frozen=True, kw_only=True):
    """Runs, newest first, and the cursor of the next page (None at the end)."""

    runs: Sequence[RunRecord]
    cursor: str | None


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """A process that drives runs, by a name that is never used twice. Its lease holds until ``expires_at``; ``host``
    is the machine and process space where its ``pid`` means something."""

    worker_id: str
    host: str
    pid: int
    expires_at: Millis


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """When a workflow is to be started by itself. ``spec`` is what it was defined as (cron, time zone, policy), as
    text: another one means that it was changed. ``next_at`` is the next slot that is to fire (None for never),
    ``last_at`` the last that did. While someone has it ``paused`` no slot fires."""

    schedule_id: str
    workflow_id: str
    spec: str
    next_at: Millis | None
    last_at: Millis | None = None
    paused: bool = False


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

    async def foreign_changes(self) -> int:
        """A number that changes whenever someone else has written, be it another app on this very object. It may change
        by one's own writes too. Cheap: made to be polled."""
        ...
