"""Histories of the real engine: an app that dies at a chosen write, and is followed by another on the same store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta

import msgspec

from tests.simulation.dice import Seeded
from tests.simulation.judge import Judge
from tests.simulation.ledger import RUN, Ledger
from tests.simulation.random_graphs import EVENTS, random_workflow
from waystation import Run, Store, Waystation, Workflow, open_store
from waystation.core.entries import AnyEntry, SuspensionAnswered
from waystation.core.machine import Machine
from waystation.core.refs import Seq
from waystation.errors import AppClosed, RunError
from waystation.store.protocol import StoreTransaction
from waystation.store.records import ENDED, Commit, Heard, MakeCommit, NewRun, RunRecord
from waystation.testing import VirtualClock

LEASE = timedelta(seconds=15)


class Mortal:
    """A store as one process sees it: at a chosen write the process dies, and nothing it asks is answered any more.

    Attributes:
        died: set when it does.
    """

    def __init__(self, store: Store, at: int, *, after: bool) -> None:
        self.died = asyncio.Event()
        self._store = store
        self._left = at
        self._after = after

    def __getattr__(self, name: str) -> object:
        method: Callable[..., Awaitable[object]] = getattr(self._store, name)

        async def asked(*args: object, **named: object) -> object:
            await self._live()
            return await method(*args, **named)

        return asked

    async def open(self) -> None:
        """It is open."""

    async def close(self) -> None:
        """The next process needs it."""

    def listen(self, heard: Callable[[Heard], None]) -> None:
        """Nobody tells it anything."""

    async def create_run(self, run: NewRun) -> None:
        """See ``Store``."""
        await self._write(lambda: self._store.create_run(run))

    async def commit(self, commit: Commit, *, within: StoreTransaction | None = None) -> None:
        """See ``Store``."""
        await self._write(lambda: self._store.commit(commit, within=within))

    async def commit_on_top(self, run_id: str, after: Seq, make: MakeCommit) -> None:
        """See ``Store``."""
        await self._write(lambda: self._store.commit_on_top(run_id, after, make))

    async def _write(self, write: Callable[[], Awaitable[None]]) -> None:
        await self._live()
        self._left -= 1
        if self._left == 0 and not self._after:
            self.died.set()
            await self._live()
        await write()
        if self._left == 0:
            self.died.set()
            await self._live()

    async def _live(self) -> None:
        if self.died.is_set():
            await asyncio.Event().wait()  # whoever is dead waits for ever


class EngineHistory:
    """One run of a random workflow, from its start to its end, through as many processes as it takes."""

    def __init__(self, seed: int, store: Store) -> None:
        self.dice = Seeded(f"engine {seed}")
        self.store = store
        self.clock = VirtualClock()
        self.ledger = Ledger(self.dice, store)
        self.workflow: Workflow[object, object] = random_workflow(self.dice, self.ledger.parts(), nodes=12)
        self.accepted: list[int] = []
        self._answers = 0

    async def live(self) -> None:
        """The whole history."""
        for number in range(40):
            self.ledger.calm = number > 6
            at = self.dice.number(1, 12) if not self.ledger.calm else 0
            mortal = Mortal(self.store, at, after=self.dice.chance(50))
            async with self._process(mortal) as app:
                if await self._until_death(mortal, self._go_on(app)):
                    return
            self.clock.move(LEASE + timedelta(seconds=1))
        raise AssertionError("the run does not end")

    @asynccontextmanager
    async def _process(self, mortal: Mortal) -> AsyncGenerator[Waystation]:
        """An app that is never closed: in the end it is just gone."""
        before = asyncio.all_tasks()
        app = Waystation(
            workflows=[self.workflow],
            store=mortal,  # type: ignore[arg-type]  # it has every method: by ``__getattr__``, which checkers do not look into
            clock=self.clock,
            lease=LEASE,
            recover_every=timedelta(milliseconds=2),
        )
        try:
            await app.open()
            yield app
        finally:
            mortal.died.set()
            tasks = asyncio.all_tasks() - before
            while tasks:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
                tasks = asyncio.all_tasks() - before

    async def _until_death(self, mortal: Mortal, going_on: Awaitable[None]) -> bool:
        """Whether what was to be done was done, and the process still lives."""
        work = asyncio.ensure_future(going_on)
        death = asyncio.ensure_future(mortal.died.wait())
        try:
            await asyncio.wait({work, death}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
                return True
            return False
        finally:
            for task in (work, death):
                task.cancel()
            await asyncio.wait({work, death})

    # ------------------------------------------------------------------ what people do

    async def _go_on(self, app: Waystation) -> None:
        record = await self.store.get_run(RUN)
        if record is None:
            run = await app.get_workflow(self.workflow).create_run(run_id=RUN)
        else:
            run = Run(app, self.workflow, RUN)
        if record is None or record.status == "pending":
            await run.start_async([[1], [2, 3]])
        while True:
            record = await self._rest()
            if record.status in ENDED:
                return
            await self._rouse(app, run, record)

    async def _rest(self) -> RunRecord:
        """Until the run is parked or has ended; now and then someone comes before that."""
        while True:
            record = await self.store.get_run(RUN)
            assert record is not None
            if record.status not in ("pending", "running") or self.ledger.chance(1):
                return record
            await asyncio.sleep(0)

    async def _rouse(self, app: Waystation, run: Run[object, object], record: RunRecord) -> None:
        if self.ledger.chance(2):
            await run.cancel_async()
            return
        if self.dice.chance(25):
            await self._send(run)
        waiting = await app.pending(run_id=RUN)
        if waiting and self.dice.chance(80):
            suspension = self.dice.pick(waiting)
            together = 2 if self.dice.chance(20) else 1
            took = await asyncio.gather(*(self._answer(run, suspension.id) for _ in range(together)))
            assert sum(took) <= 1, "two answers to one suspension were accepted"
        elif record.status in ("waiting", "suspended"):
            if record.wake_at is None:
                for _ in range(20):
                    await self._send(run)
            else:
                self.clock.move(timedelta(milliseconds=max(record.wake_at - self.clock.now(), 0)))
            await asyncio.sleep(0)

    async def _send(self, run: Run[object, object]) -> None:
        with suppress(RunError):  # it has ended meanwhile, or waits for no such event
            await run.send_event(self.dice.pick(EVENTS), [[1]])

    async def _answer(self, run: Run[object, object], suspension: str) -> bool:
        self._answers += 1
        number = self._answers
        try:
            await run.resume_async(suspension=suspension, data={"number": number})
        except (RunError, AppClosed):
            return False
        self.accepted.append(number)
        return True

    # ------------------------------------------------------------------ in the end

    async def judge(self) -> None:
        """Every promise, by what is in the store and in the ledger."""
        assert not self.ledger.broken, self.ledger.broken
        journal = await self.ledger.journal()
        judge = Judge(self.workflow.graph)
        machine = Machine(self.workflow.graph)
        for entry in journal:
            judge.read(entry)
            machine.apply(entry)
        record = await self.store.get_run(RUN)
        assert record is not None
        assert record.status == machine.state.standing
        assert await self.store.open_suspensions(run_id=RUN) == []
        answered = [_number(entry) for entry in journal if isinstance(entry, SuspensionAnswered)]
        assert set(self.accepted) <= set(answered), "an accepted answer was lost"
        assert len(answered) == len(set(answered)), "an answer was taken twice"


def _number(entry: AnyEntry) -> int:
    assert isinstance(entry, SuspensionAnswered)
    data: dict[str, int] = msgspec.json.decode(entry.data)
    return data["number"]


class Faults(logging.Handler):
    """What an app tells of faults of its own, and of runs that it cannot read: there are to be none.

    Attributes:
        told: what was told.
    """

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Someone logs something."""
        if record.levelno >= logging.ERROR or "left alone" in record.msg:
            self.told.append(self.format(record))

    @contextmanager
    def listening(self) -> Generator[Faults]:
        """Hear what the library tells."""
        library = logging.getLogger("waystation")
        library.addHandler(self)
        try:
            yield self
        finally:
            library.removeHandler(self)


async def live(seed: int) -> EngineHistory:
    """One history of the engine."""
    store = open_store("memory://")
    await store.open()
    history, faults = EngineHistory(seed, store), Faults()
    try:
        async with asyncio.timeout(30):
            with faults.listening():
                await history.live()
    except TimeoutError:
        tail = [str(entry) for entry in (await history.ledger.journal())[-5:]]
        record = await store.get_run(RUN)
        told = "\n".join(faults.told)
        raise AssertionError(f"nothing goes on, at {history.clock.now()}: {record}, after {tail}\n{told}") from None
    assert not faults.told, "\n".join(faults.told)
    await history.judge()
    return history
