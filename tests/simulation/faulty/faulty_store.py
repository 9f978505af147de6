"""The store as one process sees it, over a way on which messages are lost, late, doubled and overtaken.

What a store promises holds here too. It is *truthful*: what it says was written is, and of what it refuses nothing is.
Where it cannot find out, it says so (``StoreUnavailable``), and then both may be. What it reads is what was there at
some moment since it was asked; and of what others wrote it may lag behind, as a replica does, but never of what this
process itself has written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn, TypeVar

from tests.simulation.faulty.truth import Truth
from tests.simulation.faulty.weather import Kind, Weather
from tests.simulation.ledger import RUN
from waystation.core.refs import Millis, Seq
from waystation.errors import RunAlreadyExists, RunNotFound, StoreUnavailable
from waystation.store.protocol import Fenced, JournalMoved, StoreTransaction
from waystation.store.records import (
    Commit,
    Heard,
    MakeCommit,
    NewRun,
    OpenSuspension,
    RunRecord,
    RunSnapshot,
    StoredRun,
    Worker,
    WorkflowKey,
)

T = TypeVar("T")

_REFUSALS = (Fenced, JournalMoved, RunNotFound, RunAlreadyExists)


class FaultyStore:
    """One process's way to the store.

    Arguments:
        name: the process, until its worker is known.
        elsewhere: begins what happens on the way and no longer in the process.
        dies: called when the process is to be gone.

    Attributes:
        is_dead: whether the process is gone: nothing it asks is answered any more.
        is_away: whether the store cannot be reached at all.
        awake: cleared while the process is paused: what it sends and what it is sent waits.
        heard: told of others' writes.
        writer: the process as a worker of the library's, for who wrote what.
    """

    def __init__(
        self,
        name: str,
        truth: Truth,
        weather: Weather,
        *,
        elsewhere: Callable[[Awaitable[None]], None],
        dies: Callable[[], None],
    ) -> None:
        self.is_dead = False
        self.is_away = False
        self.awake = asyncio.Event()
        self.awake.set()
        self.heard: Callable[[Heard], None] = lambda _heard: None
        self.writer = name
        self._truth = truth
        self._weather = weather
        self._elsewhere = elsewhere
        self._dies = dies
        # The first of the run's versions that this process may be shown: it has seen, or made, that one.
        self._floor = 0
        self._changes = 0
        self._claimable: Sequence[str] = ()

    # ------------------------------------------------------------------ the way

    async def _there(self) -> None:
        await self._alive()
        if way := self._weather.way():
            await asyncio.sleep(way)
            await self._alive()
        if self.is_away:
            self._fail("the store is away")

    async def _back(self) -> None:
        if way := self._weather.way():
            await asyncio.sleep(way)
        await self._alive()

    async def _alive(self) -> None:
        while not self.awake.is_set():
            await self.awake.wait()
        if self.is_dead:
            await asyncio.Event().wait()  # whoever is dead waits for ever

    async def _die(self) -> NoReturn:
        self.is_dead = True
        self._dies()
        await asyncio.Event().wait()
        raise AssertionError("nobody wakes the dead")

    def _fail(self, why: str) -> NoReturn:
        raise StoreUnavailable(f"the simulated store cannot be reached: {why}")

    async def _read(self, ask: Callable[[], Awaitable[T]]) -> T:
        await self._there()
        if self._weather.fails():
            self._fail("a read was cut off")
        value = await ask()
        await self._back()
        return value

    async def _write(
        self,
        kind: Kind,
        land: Callable[[], Awaitable[T]],
        again: Callable[[], Awaitable[T]] | None = None,
        stray: Callable[[], Awaitable[T]] | None = None,
    ) -> T:
        """Have ``land`` happen in the store, or whatever becomes of it.

        Arguments:
            again: what a client does that has lost the answer: tries again, and finds out what is true.
            stray: what arrives later, when nobody waits for it any more; ``land`` if that is the same.
        """
        await self._there()
        match self._weather.fate(kind):
            case "lost":
                await self._back()
                self._fail("a write was lost")
            case "unacknowledged":
                await self._quietly(land)
                await self._back()
                self._fail("the answer to a write was lost")
            case "late":
                self._elsewhere(self._later(stray or land))
                await self._back()
                self._fail("a write was given up")
            case "found out" if again is not None:
                if self._weather.arrives():
                    await self._quietly(land)
                await asyncio.sleep(self._weather.lateness())
                await self._alive()
                value = await again()
            case "again":
                value = await self._landing(land)
                self._elsewhere(self._later(stray or land))
            case "dies before":
                await self._die()
            case "dies after":
                await self._quietly(land)
                await self._die()
            case _:
                value = await self._landing(land)
        await self._back()
        return value

    async def _landing(self, land: Callable[[], Awaitable[T]]) -> T:
        value = await land()
        self._floor = len(self._truth.versions) - 1
        return value

    async def _later(self, land: Callable[[], Awaitable[object]]) -> None:
        await asyncio.sleep(self._weather.lateness())
        await self._quietly(land)

    async def _quietly(self, land: Callable[[], Awaitable[object]]) -> None:
        try:
            await self._landing(land)
        except _REFUSALS as refused:
            self._weather.happened[f"refused unheard, {type(refused).__name__}"] += 1

    # ------------------------------------------------------------------ life

    async def open(self) -> None:
        """It is open."""

    async def close(self) -> None:
        """Others have it open."""

    def listen(self, heard: Callable[[Heard], None]) -> None:
        """See ``Store``."""
        if self._weather.tells:
            self.heard = heard

    def tell(self) -> None:
        """Someone else has written; that may be lost, late, or told twice."""
        if self.is_dead or self._weather.loses_news():
            return
        for _ in range(2 if self._weather.doubles_news() else 1):
            self._elsewhere(self._news())

    async def _news(self) -> None:
        await asyncio.sleep(self._weather.way())
        await self._alive()
        self.heard(Heard(run_ids=[RUN], free=True))

    async def now(self) -> Millis | None:
        """The processes' clock is the loop's."""
        return None

    # ------------------------------------------------------------------ writing

    async def create_run(self, run: NewRun) -> None:
        """See ``Store``."""

        has_landed = False

        async def land() -> None:
            nonlocal has_landed
            await self._truth.create(self.writer, run)
            has_landed = True

        async def again() -> None:
            if not has_landed:
                await self._landing(land)

        await self._write("create", land, again)

    async def commit(self, commit: Commit, *, within: StoreTransaction | None = None) -> None:
        """See ``Store``."""
        assert within is None, "there are no transactions here"
        await self._write("commit", *self._committing(commit))

    def _committing(self, commit: Commit) -> tuple[Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]]:
        has_landed = False

        async def land() -> None:
            nonlocal has_landed
            await self._truth.commit(self.writer, commit)
            has_landed = True

        async def again() -> None:
            if not has_landed:
                await self._landing(land)

        return land, again

    async def commit_on_top(self, run_id: str, after: Seq, make: MakeCommit) -> None:
        """See ``Store``."""
        await self._there()
        made = await self._truth.made(after, make)
        has_landed = False

        async def land() -> None:
            nonlocal made
            made = await self._truth.made(after, make)
            await stray()

        async def stray() -> None:
            # It was made by the process, in the past: others may have come in between.
            nonlocal has_landed
            await self._truth.commit(self.writer, made)
            has_landed = True

        async def again() -> None:
            if not has_landed:
                await self._landing(land)

        await self._write("on top", land, again, stray)

    async def put_definition(self, fingerprint: str, workflow_id: str, description: bytes) -> None:
        """See ``Store``."""
        await self._read(lambda: self._truth.store.put_definition(fingerprint, workflow_id, description))

    # ------------------------------------------------------------------ reading

    def _seen(self) -> int:
        """The version of the run that this process is shown."""
        latest = len(self._truth.versions) - 1
        if latest > self._floor and self._weather.is_stale():
            self._floor = max(self._floor, latest - self._weather.lag())
        else:
            self._floor = latest
        return self._floor

    async def _version(self) -> RunSnapshot | None:
        return self._truth.versions[self._seen()]

    async def load(self, run_id: str) -> StoredRun | None:
        """See ``Store``."""
        seen = await self._read(self._version)
        if seen is None:
            return None
        entries = self._truth.journal[seen.frontier_seq : seen.last_seq]
        return StoredRun(record=seen.record, frontier=seen.frontier, frontier_seq=seen.frontier_seq, entries=entries)

    async def read(self, run_id: str, *, after: Seq = 0, limit: int | None = None) -> Sequence[bytes]:
        """See ``Store``."""
        seen = await self._read(self._version)
        last = 0 if seen is None else seen.last_seq
        return self._truth.journal[after : last if limit is None else min(last, after + limit)]

    async def read_some(self, run_id: str, seqs: Sequence[Seq]) -> dict[Seq, bytes]:
        """See ``Store``."""
        seen = await self._read(self._version)
        return {seq: self._truth.journal[seq - 1] for seq in seqs if seen is not None and seq <= seen.last_seq}

    async def get_run(self, run_id: str) -> RunRecord | None:
        """See ``Store``."""
        seen = await self._read(self._version)
        return None if seen is None else seen.record

    async def last_seqs(self, run_ids: Sequence[str]) -> dict[str, Seq]:
        """See ``Store``."""
        seen = await self._read(self._version)
        return {RUN: seen.last_seq} if seen is not None and RUN in run_ids else {}

    async def open_suspensions(
        self, *, run_id: str | None = None, workflow_id: str | None = None, limit: int = 1000
    ) -> Sequence[OpenSuspension]:
        """See ``Store``."""
        seen = await self._read(self._version)
        if seen is None:
            return []
        return [
            OpenSuspension(
                run_id=RUN,
                workflow_id=seen.record.workflow_id,
                address=each.address,
                seq=each.seq,
                entry=self._truth.journal[each.seq - 1],
            )
            for each in seen.opened
        ]

    async def get_definition(self, fingerprint: str) -> bytes | None:
        """See ``Store``."""
        return await self._read(lambda: self._truth.store.get_definition(fingerprint))

    # ------------------------------------------------------------------ ownership

    async def beat(self, worker: Worker) -> None:
        """See ``Store``."""
        self.writer = worker.worker_id
        await self._write("beat", lambda: self._truth.beat(worker), lambda: self._truth.beat(worker))

    async def workers(self) -> Sequence[Worker]:
        """See ``Store``."""
        return await self._read(self._truth.store.workers)

    async def retire(self, worker: Worker) -> None:
        """See ``Store``."""

        async def land() -> None:
            await self._truth.retire(self.writer, worker)

        await self._write("retire", land, land)

    async def claim(self, run_id: str, worker_id: str, now: Millis) -> RunRecord | None:
        """See ``Store``."""

        async def land() -> RunRecord | None:
            return await self._truth.claim(worker_id, now)

        async def again() -> RunRecord | None:
            return await self._landing(land)

        return await self._write("claim", land, again)

    async def claimable(self, workflows: Sequence[WorkflowKey], now: Millis, *, limit: int) -> Sequence[str]:
        """See ``Store``."""
        found = await self._read(lambda: self._truth.store.claimable(workflows, now, limit=limit))
        shown = self._claimable if self._weather.is_stale() else found
        self._claimable = found
        return shown

    async def next_wake(self, workflows: Sequence[WorkflowKey], *, after: Millis | None = None) -> Millis | None:
        """See ``Store``."""
        return await self._read(lambda: self._truth.store.next_wake(workflows, after=after))

    async def foreign_changes(self) -> int:
        """See ``Store``."""
        found = await self._read(self._truth.store.foreign_changes)
        shown = self._changes if self._weather.is_stale() else found
        self._changes = found
        return shown
