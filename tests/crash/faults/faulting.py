"""A store under which something happens at one of its writes, and an app that is to come through it."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from tests.crash.faults.disks import Disk
from tests.crash.judge import Standing, check_ended, check_interrupted
from tests.crash.ledger import Ledger
from tests.crash.plays import Play, finish, summary
from waystation import Waystation, open_store
from waystation.core.refs import Millis, Seq
from waystation.errors import StoreError
from waystation.store.passing import PassingStore
from waystation.store.protocol import Store, StoreTransaction
from waystation.store.records import Commit, MakeCommit, NewRun, RunRecord, Worker

TIMEOUT = 30.0
"""How long a run may take, in seconds, before it is taken to hang."""


class FaultingStore(PassingStore):
    """Passes everything on to ``store``. Before the write ``at`` is asked of it, of whatever kind, ``fault`` is called.

    Arguments:
        over: called when that write has been refused; None if the fault is to last.

    Attributes:
        met: whether it came to that write.
    """

    def __init__(
        self, store: Store, *, at: int, fault: Callable[[], None], over: Callable[[], None] | None = None
    ) -> None:
        super().__init__(store)
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
        within = within.inner if isinstance(within, _Struck) else within
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
        failing = self._begin_to_fail()
        try:
            inner = await super().transaction()
        except BaseException:
            self._end(failing=failing)
            raise
        return _Struck(inner, self._over) if failing and self._over is not None else inner


class _Struck:
    """A transaction whose first statement meets a fault, which is over then."""

    def __init__(self, inner: StoreTransaction, over: Callable[[], None]) -> None:
        self.inner = inner
        self._over = over

    async def execute(self, sql: str, parameters: Sequence[object] = ()) -> Sequence[tuple[object, ...]]:
        try:
            return await self.inner.execute(sql, parameters)
        finally:
            self._over()

    async def roll_back(self) -> None:
        await self.inner.roll_back()


def app_of(play: Play, store: Store) -> Waystation:
    """An app that soon looks again at what it could not go on with."""
    return Waystation(
        workflows=[play.workflow],
        store=store,
        recover_every=timedelta(milliseconds=20),
        look_every=timedelta(milliseconds=5),
    )


@dataclass(frozen=True)
class FaultySite:
    """A store where faults are, with a table of the user's own, and with a ledger where there are none."""

    folder: Path
    ledger_file: Path

    @property
    def file(self) -> Path:
        return self.folder / "runs.db"

    @property
    def url(self) -> str:
        return f"sqlite:///{self.file}"

    def prepare(self) -> None:
        """Make the store and the user's table."""
        self.folder.mkdir()
        asyncio.run(self._opened())
        with closing(sqlite3.connect(self.file)) as connection:
            connection.execute("CREATE TABLE charges (key TEXT, text TEXT)")
            connection.commit()

    async def _opened(self) -> None:
        store = open_store(self.url)
        await store.open()
        await store.close()

    def look(self) -> Standing:
        """All that is known of the only run, once the store has been opened, and closed."""
        asyncio.run(self._opened())
        return self.seen()

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.ledger_file)

    def seen(self) -> Standing:
        """All that is known of the only run, read beside the store: also when that cannot be opened."""
        with closing(sqlite3.connect(f"{self.file.as_uri()}?mode=ro", uri=True)) as connection:
            journal = [entry for (entry,) in connection.execute("SELECT entry FROM waystation_journal ORDER BY seq")]
            charges = connection.execute("SELECT key, text FROM charges").fetchall()
        return Standing(journal, self.ledger.lines(), charges)


class Trial:
    """One play, again and again, each time with a fault at another of its writes."""

    def __init__(
        self, play: Play, disk: Disk, told: type[StoreError], folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.play = play
        self._disk = disk
        self._told = told
        self._folder = folder
        self._monkeypatch = monkeypatch
        site = self._site("reference")
        self.expected = asyncio.run(self._undisturbed(site))
        self.reference = site.seen()
        shutil.rmtree(site.folder)

    def _site(self, name: str) -> FaultySite:
        site = FaultySite(self._disk.folder / name, self._folder / f"ledger-{name}")
        site.prepare()
        self._monkeypatch.setenv("LEDGER", str(site.ledger_file))
        return site

    async def _undisturbed(self, site: FaultySite) -> Sequence[object]:
        async with app_of(self.play, open_store(site.url)) as app:
            return summary(await finish(self.play, app))

    def struck_at(self, at: int, *, lasting: bool = True) -> bool:
        """Strike at this write, mend, and judge. Whether there was such a write.

        Arguments:
            lasting: until the client is told; else for this one write.
        """
        site = self._site(str(at))
        endure = self._endure if lasting else self._endure_a_moment
        try:
            before, result = asyncio.run(asyncio.wait_for(endure(site, at), TIMEOUT))
            if before is None:
                return False
            assert result == self.expected
            after = site.look()
            check_interrupted(before, after)
            check_ended(self.play.workflow.graph, after, self.reference, crashes=1)
            return True
        finally:
            self._disk.mend()
            shutil.rmtree(site.folder)

    async def _endure(self, site: FaultySite, at: int) -> tuple[Standing | None, Sequence[object]]:
        """How the run stood when the fault was there, and what it came to."""
        store = FaultingStore(open_store(site.url), at=at, fault=lambda: self._disk.strike(site.file))
        async with app_of(self.play, store) as app:
            try:
                result = await finish(self.play, app)
            except self._told:
                pass
            else:
                assert not store.met, "the run came to its end in spite of the fault"
                return None, summary(result)
            before = site.seen()
            with pytest.raises(self._told):
                await app.get_workflow(self.play.workflow).create_run(run_id="another")
            self._disk.mend()
            return before, summary(await finish(self.play, app))

    async def _endure_a_moment(self, site: FaultySite, at: int) -> tuple[Standing | None, Sequence[object]]:
        """The same of a fault that is over before the client can do anything."""
        before: list[Standing] = []

        def over() -> None:
            before.append(site.seen())
            self._disk.mend()

        store = FaultingStore(open_store(site.url), at=at, fault=lambda: self._disk.strike(site.file), over=over)
        async with app_of(self.play, store) as app:
            try:
                result = await finish(self.play, app)
            except self._told:
                result = await finish(self.play, app)
        return before[0] if before else None, summary(result)
