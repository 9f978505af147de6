"""Runs as a store in memory keeps them, and the order in which they may be looked for."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from heapq import merge
from itertools import islice
from typing import TypeAlias

import msgspec

from waystation.core.refs import Millis, Seq
from waystation.store.cursors import Place
from waystation.store.records import ENDED, NewRun, RunFilter, RunRecord, Worker, WorkflowKey

_Timed: TypeAlias = tuple[Millis, int, RunRecord]
"""A time of a run, its number, its record: in sorted lists, so that the earliest is found without a search. No two
have one number, so records are never compared."""


class Kept(msgspec.Struct, gc=False):
    """A run as it is kept here. Its record is replaced, its journal only appended to."""

    place: Place
    record: RunRecord
    journal: list[bytes]
    frontier: bytes | None = None
    frontier_seq: Seq = 0
    open: set[Seq] = msgspec.field(default_factory=set[Seq])


def new_kept(run: NewRun, number: int) -> Kept:
    """A new run."""
    return Kept(
        place=Place(run.created_at, number),
        record=run.record,
        journal=list(run.entries),
        frontier=run.frontier,
        frontier_seq=_frontier_seq(run),
    )


def _frontier_seq(run: NewRun) -> Seq:
    if run.frontier is None:
        return 0
    return len(run.entries) if run.frontier_seq is None else run.frontier_seq


def fits(record: RunRecord, where: RunFilter) -> bool:
    """Whether the run is one of those that are asked for, whenever it was created."""
    return (
        where.workflow_id in {None, record.workflow_id}
        and (where.statuses is None or record.status in where.statuses)
        and where.resource_id in {None, record.resource_id}
    )


def size_of(run: Kept) -> int:
    """How many bytes of data are kept of the run."""
    return sum(map(len, run.journal)) + len(run.frontier or b"")


class Filed:
    """The runs that a claim or a pruning could be for, filed by what they are looked for by.

    All others need not be searched, however many they are. A run is taken out before its record is replaced, and
    put back after.
    """

    def __init__(self) -> None:
        self._running: dict[str, Kept] = {}
        self._asleep: list[_Timed] = []
        self._ended: list[_Timed] = []

    def put(self, run: Kept) -> None:
        """File a run by its record."""
        record = run.record
        if record.status == "running":
            self._running[record.run_id] = run
        elif (timed := self._timed(record)) is not None:
            of_its_kind, at = timed
            insort(of_its_kind, (at, run.place.number, record))

    def take_out(self, run: Kept) -> None:
        """Undo ``put``."""
        record = run.record
        if record.status == "running":
            del self._running[record.run_id]
        elif (timed := self._timed(record)) is not None:
            of_its_kind, at = timed
            del of_its_kind[bisect_left(of_its_kind, (at, run.place.number))]

    def _timed(self, record: RunRecord) -> tuple[list[_Timed], Millis] | None:
        """Where a run that does not run is filed, and by which time; None if it is not looked for."""
        if record.status in ENDED:
            return self._ended, record.updated_at
        if record.wake_at is not None and record.status in {"waiting", "suspended"}:
            return self._asleep, record.wake_at
        return None

    def owned_by(self, worker_id: str) -> Sequence[Kept]:
        """The running runs that this worker drives."""
        return [run for run in self._running.values() if run.record.owner == worker_id]

    def ended(self, before: Millis, limit: int) -> Sequence[str]:
        """Ids of runs that ended before then, the oldest first."""
        last = min(max(limit, 0), bisect_left(self._ended, (before,)))
        return [record.run_id for _, _, record in self._ended[:last]]

    def free(self, workflows: Sequence[WorkflowKey], workers: dict[str, Worker], now: Millis, limit: int) -> list[str]:
        """Ids of runs of these workflows that can be claimed, longest waiting first."""
        drivable = set(workflows)
        left_alone = sorted(
            (run.record.updated_at, run.place.number, run.record)
            for run in self._running.values()
            if run.record.key in drivable and is_free(run.record, None, workers, now)
        )
        due = self._asleep[: bisect_left(self._asleep, (now + 1,))]
        awake = (timed for timed in due if timed[2].key in drivable)
        return [record.run_id for _, _, record in islice(merge(left_alone, awake), limit)]

    def next_wake(self, workflows: Sequence[WorkflowKey], after: Millis | None) -> Millis | None:
        """When the first of the sleeping runs of these workflows wakes, later than ``after``."""
        drivable = set(workflows)
        first = 0 if after is None else bisect_left(self._asleep, (after + 1,))
        later = islice(self._asleep, first, None)
        return next((at for at, _, record in later if record.key in drivable), None)


def is_free(record: RunRecord, worker_id: str | None, workers: dict[str, Worker], now: Millis) -> bool:
    """Whether the run can be claimed, by this worker (None: by any other than its own)."""
    if record.status in {"waiting", "suspended"}:
        return record.wake_at is not None and record.wake_at <= now
    if record.status != "running":
        return False
    if record.owner is None or record.owner == worker_id:
        return True
    owner = workers.get(record.owner)
    return owner is None or owner.expires_at <= now
