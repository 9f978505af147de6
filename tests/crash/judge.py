"""Judges a run that was interrupted: by its journal, by the ledger outside the store, and by the user's own table."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.crash.homes import Home
from tests.crash.ledger import Ledger
from tests.crash.plays import RUN_ID
from waystation import open_store
from waystation.core.addresses import node_key, number_of
from waystation.core.encoding import decode_entry
from waystation.core.entries import (
    AnyEntry,
    BranchTaken,
    EventAwaited,
    EventDefaulted,
    ForeachBegun,
    LoopDecided,
    Mapped,
    OnceRecorded,
    SleepBegun,
    SleepEnded,
    StepBailed,
    StepCancelled,
    StepFailed,
    StepRetrying,
    StepSucceeded,
    StepSuspended,
    SuspensionAnswered,
    UndoBegun,
)
from waystation.define.nodes import UNDO, Graph

_EMPTY = """
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema AND tablename <> 'waystation_schema'
    LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
END $$
"""


@dataclass(frozen=True)
class Site:
    """Where one run is performed: a store with a table of the user's own, and a ledger.

    Attributes:
        folder: of the ledger, and of the store where that is a file.
        elsewhere: where the store is if not there.
        schema: the store's name there.
    """

    folder: Path
    elsewhere: Home | None = None
    schema: str = "site"

    @property
    def file(self) -> Path:
        return self.folder / "runs.db"

    @property
    def url(self) -> str:
        return self._home.url(self._name)

    @property
    def _home(self) -> Home:
        return self.elsewhere or Home(self.folder)

    @property
    def _name(self) -> str:
        return self.schema if self.elsewhere is not None else self.file.stem

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.folder / "ledger")

    def prepare(self) -> None:
        """Make the store and the user's table."""

        async def open_and_close() -> None:
            store = open_store(self.url)
            await store.open()
            await store.close()

        self.folder.mkdir()
        asyncio.run(open_and_close())
        self._home.run("CREATE TABLE charges (key TEXT, text TEXT)", self._name)

    def anew(self, name: str) -> Site:
        """A site as this was when it was prepared: its own ledger, and a copy of the file, or the same store, emptied.

        That is quicker than preparing one. Where the store is a file, no run may have been performed here.
        """
        site = replace(self, folder=self.folder.with_name(name))
        site.folder.mkdir()
        if self.elsewhere is None:
            shutil.copy(self.file, site.file)
        else:
            self._home.run(_EMPTY, self._name)
        return site

    def look(self) -> Standing:
        """All that is known of the run now."""

        async def read() -> Sequence[bytes]:
            store = open_store(self.url)
            await store.open()
            try:
                return await store.read(RUN_ID)
            finally:
                await store.close()

        journal = asyncio.run(read())
        charges = [(key, text) for key, text in self._home.look("SELECT key, text FROM charges", self._name)]
        return Standing(journal, self.ledger.lines(), charges)


@dataclass(frozen=True)
class Standing:
    """How a run stands.

    Attributes:
        journal: its entries, byte for byte.
        lines: the ledger.
        charges: the rows that its steps' transactions made: key and text.
    """

    journal: Sequence[bytes]
    lines: Sequence[str]
    charges: Sequence[tuple[str, str]]

    @property
    def entries(self) -> list[AnyEntry]:
        return [decode_entry(data) for data in self.journal]

    def over(self) -> set[str]:
        """The ledger's lines that must not come again: of what is recorded as done."""
        return lines_of(self.entries)

    def kinds(self) -> Counter[tuple[str, str]]:
        """How often each kind of entry is there for each address: the same for every way through the run."""
        return Counter((type(entry).__name__, getattr(entry, "address", "")) for entry in self.entries)


def lines_of(entries: Sequence[AnyEntry]) -> set[str]:
    """The lines in the ledger of all that these entries record as done."""
    answered: set[str] = set()
    found: set[str] = set()
    for entry in entries:
        match entry:
            case SuspensionAnswered():
                answered.add(entry.address)
            case StepSucceeded() | StepFailed() | StepRetrying() | StepSuspended() | StepBailed() | StepCancelled():
                leg = "answered" if entry.address in answered else "fresh"
                found.add(f"{entry.address} {leg} {entry.attempt}")
            case OnceRecorded():
                found.add(f"{entry.address} {entry.name} 1")
            case LoopDecided():
                found.add(f"{entry.address} asked {entry.turn}")
            case BranchTaken() | ForeachBegun() | Mapped() | SleepBegun():
                found.add(f"{entry.address} asked {number_of(entry.address)}")
            case _:
                pass
    return found


def check_interrupted(before: Standing, after: Standing) -> None:
    """What must hold of a run whose process was killed as it stood ``before``, and that stands as ``after`` now."""
    # Whatever was recorded, an answer and an event and until when it sleeps too, is there and as it was.
    assert after.journal[: len(before.journal)] == before.journal, "what was recorded is lost or changed"
    again = before.over() & set(after.lines[len(before.lines) :])
    assert not again, f"what was done was done again: {sorted(again)}"
    check_transactions(before)


def check_transactions(standing: Standing) -> None:
    """A step's writes are there if and only if its result is, and once."""
    done = {entry.address for entry in standing.entries if isinstance(entry, StepSucceeded)}
    paid = [f"{RUN_ID}:{address}" for address in done if address.startswith(("pay", "all["))]
    assert sorted(key for key, _ in standing.charges) == sorted(paid)


def check_ended(graph: Graph, after: Standing, reference: Standing, *, crashes: int) -> None:
    """What must hold of a run that has ended after so many crashes, beside one that nothing has interrupted."""
    assert after.kinds() == reference.kinds(), "another way through the run than without a crash"
    assert set(after.lines) == set(reference.lines), "something else was done than without a crash"
    usual, found = Counter(reference.lines), Counter(after.lines)
    for line, times in found.items():
        assert times <= usual[line] * (1 + crashes), f"{line!r} was done {times} times in {crashes} crashes"
    check_transactions(after)
    assert sorted(after.charges) == sorted(reference.charges)
    check_times(after.entries)
    check_undone(graph, after)


def check_times(entries: Sequence[AnyEntry]) -> None:
    """No sleep and no wait has ended before the time that was recorded when it began."""
    until = {entry.address: entry.until for entry in entries if isinstance(entry, (SleepBegun, EventAwaited))}
    for entry in entries:
        if isinstance(entry, (SleepEnded, EventDefaulted)):
            assert entry.at >= until[entry.address], f"{entry.address} ended early"


def check_undone(graph: Graph, after: Standing) -> None:
    """Every completed step that can be undone was, once, the last one first; each attempt may have been repeated."""
    entries = after.entries
    if not any(isinstance(entry, UndoBegun) for entry in entries):
        return
    completed = [entry.address for entry in entries if isinstance(entry, StepSucceeded) and UNDO not in entry.address]
    steps = {address: graph.step(node_key(address)) for address in completed}
    expected = [f"{each}{UNDO}" for each in reversed(completed) if (step := steps[each]) is not None and step.undo]
    recorded = [
        entry.address
        for entry in entries
        if isinstance(entry, (StepSucceeded, StepFailed)) and entry.address.endswith(UNDO)
    ]
    assert recorded == expected
    ran = [line.split()[0] for line in after.lines if UNDO in line]
    assert [address for address, _ in itertools.groupby(ran)] == expected
