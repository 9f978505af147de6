"""A store under which something happens at one of its writes, and an app that is to come through it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tests.crash.judge import Site, Standing
from tests.crash.ledger import Ledger
from tests.crash.plays import Play
from waystation import Waystation
from waystation.core.refs import Millis, Seq
from waystation.store.protocol import Store, StoreTransaction
from waystation.store.records import Commit, MakeCommit, NewRun, RunRecord, Worker
from waystation.testing.crashing import CrashingStore


class FaultingStore(CrashingStore):
    """Passes everything on to ``store``. Before the write ``at`` is asked of it, of whatever kind, ``fault`` is called.

    Arguments:
        over: called when that write has been refused; None if the fault is to last.

    Attributes:
        met: whether it came to that write.
    """

    def __init__(
        self, store: Store, *, at: int, fault: Callable[[], None], over: Callable[[], None] | None = None
    ) -> None:
        super().__init__(store, at=0)
        self.met = False
        self._left = at
        self._fault = fault
        self._over = over

    def _begin_to_fail(self) -> bool:
        self._left -= 1
        if self._left:
            return False
        self.met = True
        self._fault()
        return True

    def _end(self, *, failing: bool) -> None:
        if failing and self._over is not None:
            self._over()

    async def create_run(self, run: NewRun) -> None:
        failing = self._begin_to_fail()
        try:
            await super().create_run(run)
        finally:
            self._end(failing=failing)

    async def commit(self, commit: Commit, *, within: StoreTransaction | None = None) -> None:
        failing = self._begin_to_fail()
        try:
            await super().commit(commit, within=within)
        finally:
            self._end(failing=failing)

    async def commit_on_top(self, run_id: str, after: Seq, make: MakeCommit) -> None:
        failing = self._begin_to_fail()
        try:
            await super().commit_on_top(run_id, after, make)
        finally:
            self._end(failing=failing)

    async def put_definition(self, fingerprint: str, workflow_id: str, description: bytes) -> None:
        failing = self._begin_to_fail()
        try:
            await super().put_definition(fingerprint, workflow_id, description)
        finally:
            self._end(failing=failing)

    async def beat(self, worker: Worker) -> None:
        failing = self._begin_to_fail()
        try:
            await super().beat(worker)
        finally:
            self._end(failing=failing)

    async def claim(self, run_id: str, worker_id: str, now: Millis) -> RunRecord | None:
        failing = self._begin_to_fail()
        try:
            return await super().claim(run_id, worker_id, now)
        finally:
            self._end(failing=failing)

    async def transaction(self) -> StoreTransaction:
        """A step's first write: to the user's own table, in the transaction that is opened here."""
        self._begin_to_fail()
        return await super().transaction()


def app_of(play: Play, store: Store) -> Waystation:
    """An app that soon looks again at what it could not go on with."""
    return Waystation(
        workflows=[play.workflow],
        store=store,
        recover_every=timedelta(milliseconds=20),
        look_every=timedelta(milliseconds=5),
    )


@dataclass(frozen=True)
class FaultySite(Site):
    """A store where faults are, with a ledger where none are."""

    ledger_file: Path

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.ledger_file)

    def seen(self) -> Standing:
        """All that is known of the only run, read beside the store: also when that cannot be opened."""
        with closing(sqlite3.connect(f"{self.file.as_uri()}?mode=ro", uri=True)) as connection:
            journal = [entry for (entry,) in connection.execute("SELECT entry FROM waystation_journal ORDER BY seq")]
            charges = connection.execute("SELECT key, text FROM charges").fetchall()
        return Standing(journal, self.ledger.lines(), charges)
