"""What a store keeps and gives: records, without behaviour.

Values are opaque bytes here. Times are milliseconds since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

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


class WorkflowKey(NamedTuple):
    """A workflow by id and version ("" for none): what a process can drive, and what a run is of."""

    workflow_id: str
    version: str = ""


class Head(msgspec.Struct, frozen=True, kw_only=True, gc=False):
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
    the entries open (a forked run may begin with some). ``frontier`` is the state as of ``frontier_seq``: None for
    the last of the entries (that of a run from elsewhere may lag behind).
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
    frontier_seq: Seq | None = None
    opened: Sequence[Opened] = ()

    @property
    def record(self) -> RunRecord:
        """Its first record."""
        head = self.head
        return RunRecord(
            run_id=self.run_id,
            workflow_id=self.workflow_id,
            version=self.version,
            fingerprint=self.fingerprint,
            status="pending" if head is None else head.status,
            resource_id=self.resource_id,
            created_at=self.created_at,
            updated_at=self.created_at if head is None else head.updated_at,
            epoch=0 if head is None else head.epoch,
            owner=None if head is None else head.owner,
            wake_at=None if head is None else head.wake_at,
            idempotency_key=self.idempotency_key,
        )


class Opened(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A suspension that a commit opens. ``seq`` is that of its ``StepSuspended`` entry, in the same commit."""

    seq: Seq
    address: Address


class Commit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
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


class RunRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
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
    idempotency_key: str | None = None

    @property
    def key(self) -> WorkflowKey:
        """The workflow it is a run of."""
        return WorkflowKey(self.workflow_id, self.version)


MakeCommit: TypeAlias = Callable[[RunRecord, Sequence[bytes]], Commit]
"""Makes a commit of a run's record and of what was appended since."""


class StoredRun(msgspec.Struct, frozen=True, kw_only=True, gc=False):
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


class RunSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A run as of one moment, but for its journal, which nobody changes: the entries up to ``last_seq`` belong to it.

    ``frontier`` is the encoded state as of ``frontier_seq`` (None and 0 if none is saved), ``opened`` are the
    suspensions that are open, by seq.
    """

    record: RunRecord
    last_seq: Seq
    frontier: bytes | None
    frontier_seq: Seq
    opened: Sequence[Opened]


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


class SchemaStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a store's schema stands.

    Attributes:
        store: which store it is, in words for people, without a password.
        version: the version of the schema that is there, 0 if none is.
        newest: the version that opening the store would bring it to.
    """

    store: str
    version: int
    newest: int

    @property
    def is_settled(self) -> bool:
        """Whether opening the store changes nothing: its schema is the newest, or one from later on that fits."""
        return self.version >= self.newest


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a store, as of one moment.

    Attributes:
        runs: how many runs stand so, by status; those that none has are left out.
        open_suspensions: how many suspensions wait for an answer.
        oldest_unfinished: of the runs that have not ended the one that was created first.
        workers, schedules: all of them.
        size: how many bytes it takes where it is kept.
        at: that moment by the store's own clock; None if it has none but the machine's.
    """

    runs: Mapping[RunStatus, int]
    open_suspensions: int
    oldest_unfinished: RunRecord | None
    workers: Sequence[Worker]
    schedules: Sequence[Schedule]
    size: int
    at: Millis | None = None


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What another process told: that it wrote to these runs (None for any), and whether there may be runs that
    nobody drives (``free``)."""

    run_ids: Sequence[str] | None
    free: bool
