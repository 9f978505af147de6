"""What is true of the one run: its rows, as they are written, and every rule that can be held as that happens.

Whoever writes does so here, in the moment in which the store would: nothing waits. What is read here is what is; what
a process sees of it is in ``faulty_store``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import msgspec

from tests.simulation.judge import Judge
from tests.simulation.ledger import RUN
from tests.simulation.promises import as_recorded, open_suspensions
from waystation.core.addresses import Address
from waystation.core.encoding import decode_entry
from waystation.core.entries import (
    AnyEntry,
    CancelRequested,
    DefinitionAdopted,
    EventReceived,
    OnceRecorded,
    RunCreated,
    RunStarted,
    SuspensionAnswered,
)
from waystation.core.machine import Machine
from waystation.core.refs import Millis, Seq
from waystation.core.state import decode_state
from waystation.define.nodes import Graph
from waystation.store.memory import MemoryStore
from waystation.store.records import Commit, MakeCommit, NewRun, Opened, RunRecord, RunSnapshot, Worker

_FROM_OUTSIDE = (RunCreated, RunStarted, SuspensionAnswered, EventReceived, CancelRequested, DefinitionAdopted)
"""Entries that anyone may write. All others come from whoever drives the run."""


class Truth:
    """The store as it is.

    Attributes:
        store: where all is kept.
        broken: the promises that were broken, as seen here.
        versions: the run as it was after each write, the latest last; the first is None.
        folded: the fold of the journal and nothing else.
        judge: who holds the journal against its rules.
        answered: the answers in the journal, by the number in each, and the suspensions that they answer.
        answers: what each step was answered.
        events: the numbers of the events in the journal, one for each time.
        once: what is recorded of ``ctx.once``.
        wrote: told who wrote, whenever someone has.
    """

    def __init__(self, graph: Graph, store: MemoryStore) -> None:
        self.store = store
        self.broken: list[str] = []
        self.versions: list[RunSnapshot | None] = [None]
        self.folded = Machine(graph)
        self.judge = Judge(graph)
        self.journal: list[bytes] = []
        self.answered: dict[int, Seq] = {}
        self.answers: dict[Address, list[object]] = {}
        self.events: list[int] = []
        self.once: set[tuple[Address, str]] = set()
        self.wrote: Callable[[str], None] = lambda _by: None
        self._owners: dict[int, str] = {}
        self._before_latest: Seq = 0

    @property
    def record(self) -> RunRecord | None:
        """The run's record."""
        latest = self.versions[-1]
        return None if latest is None else latest.record

    @property
    def standing(self) -> str:
        """How the run stands by its journal."""
        return self.folded.state.standing

    def before_latest(self) -> Machine:
        """The fold of the journal as it was before the latest write of the run's driver."""
        folded = Machine(self.folded.graph)
        for data in self.journal[: self._before_latest]:
            folded.apply(decode_entry(data))
        return folded

    # ------------------------------------------------------------------ writing

    async def create(self, by: str, run: NewRun) -> None:
        """See ``Store.create_run``."""
        await self.store.create_run(run)
        await self._written(by)

    async def commit(self, by: str, commit: Commit) -> None:
        """See ``Store.commit``."""
        before = self.versions[-1]
        await self.store.commit(commit)
        assert before is not None, "there is a run, else it would have been refused"
        if commit.epoch != before.record.epoch:
            self._break(f"{by} wrote under epoch {commit.epoch}, and {before.record.epoch} was on")
        if commit.after != before.last_seq:
            self._break(f"{by} wrote after {commit.after}, and {before.last_seq} was the last")
        if by == before.record.owner:
            self._before_latest = before.last_seq
        await self._written(by, commit)

    async def made(self, after: Seq, make: MakeCommit) -> Commit:
        """What a ``commit_on_top`` is to write: what ``make`` makes of the run as it is."""
        record = await self.store.get_run(RUN)
        assert record is not None, "whoever writes on top has read the run before"
        return make(record, await self.store.read(RUN, after=after))

    async def claim(self, worker_id: str, now: Millis) -> RunRecord | None:
        """See ``Store.claim``."""
        record = await self.store.claim(RUN, worker_id, now)
        if record is not None:
            await self._written(worker_id)
        return record

    async def beat(self, worker: Worker) -> None:
        """See ``Store.beat``."""
        await self.store.beat(worker)

    async def retire(self, by: str, worker: Worker) -> None:
        """See ``Store.retire``."""
        before = await self.store.get_run(RUN)
        await self.store.retire(worker)
        if await self.store.get_run(RUN) != before:
            await self._written(by)

    # ------------------------------------------------------------------ holding

    async def _written(self, by: str, commit: Commit | None = None) -> None:
        self.versions.append(await self.store.snapshot(RUN))
        record = self.record
        assert record is not None
        # Of who took it by this very write, too: a start, say, is written under the epoch before.
        epoch = record.epoch if commit is None else commit.epoch
        if record.owner is not None and self._owners.setdefault(record.epoch, record.owner) != record.owner:
            self._break(f"{record.owner} has epoch {record.epoch}, and so had {self._owners[record.epoch]}")
        appended = await self.store.read(RUN, after=len(self.journal))
        self._hold_writer(appended, by, {self._owners.get(epoch), record.owner})
        for data in appended:
            self._fold(data)
        if commit is not None and commit.frontier is not None:
            self._hold_frontier(commit.frontier)
        if {each.seq: each.address for each in self._opened()} != open_suspensions(self.folded.state):
            self._break("the list of open suspensions is not what the journal tells")
        self.wrote(by)

    def _opened(self) -> Sequence[Opened]:
        latest = self.versions[-1]
        return () if latest is None else latest.opened

    def _hold_writer(self, appended: Sequence[bytes], by: str, owners: Collection[str | None]) -> None:
        """Only who has the run goes on with it; what comes from outside may tell at once what comes of it."""
        if appended and by not in owners and not isinstance(first := decode_entry(appended[0]), _FROM_OUTSIDE):
            self._break(f"{by} wrote {first}, and the run is not its own but of {owners}")

    def _fold(self, data: bytes) -> None:
        entry = decode_entry(data)
        self.journal.append(data)
        try:
            self.judge.read(entry)
            self.folded.apply(entry)
        except Exception as error:
            self._break(f"{entry} does not follow: {error!r}")
        self._note(entry)

    def _note(self, entry: AnyEntry) -> None:
        match entry:
            case SuspensionAnswered():
                data = msgspec.json.decode(entry.data)
                if data["number"] in self.answered:
                    self._break(f"answer {data['number']} was taken twice")
                self.answered[data["number"]] = entry.suspension
                self.answers.setdefault(entry.address, []).append(data)
            case EventReceived():
                self.events.append(msgspec.json.decode(entry.data)[0][0])
            case OnceRecorded():
                self.once.add((entry.address, entry.name))
            case _:
                pass

    def _hold_frontier(self, frontier: bytes) -> None:
        state = decode_state(frontier)
        if state is None or as_recorded(state) != as_recorded(self.folded.state):
            self._break(f"a frontier is not the fold of the journal up to {len(self.journal)}")

    def _break(self, what: str) -> None:
        self.broken.append(what)
