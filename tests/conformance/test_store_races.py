"""Several processes on one database: one winner, and nobody serves what another has deleted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.booking import Books
from waystation.errors import RunNotFound
from waystation.store import Store, open_store
from waystation.store.protocol import JournalMoved
from waystation.store.records import RunFilter, Schedule
from waystation.testing.store_suite.transactions import amounts, make_ledger
from waystation.testing.store_suite.writes import CREATED, commit, head, new_run, opened

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 60

CHILD = """
import asyncio, json, os, sys
from waystation.store import open_store
from waystation.store.protocol import IdempotencyKeyUsed
from waystation.testing.crashing import CrashingStore
from waystation.testing.store_suite.transactions import amounts, make_ledger
from waystation.testing.store_suite.writes import commit, new_run

def say(what):
    print(json.dumps(what), flush=True)

async def start(store, me):
    try:
        await store.create_run(new_run(me, key="order-7"))
    except IdempotencyKeyUsed as used:
        return used.run_id
    return me

async def advance(store, me):
    won = []
    for slot in range(100, 130):
        if await store.advance_schedule("daily", slot, slot + 1):
            won.append(slot)
    return won

async def write(store, me):
    await store.create_run(new_run(me))
    after = 1
    while not os.path.exists(me):
        await store.commit(commit(after, b"x", run_id=me))
        after += 1
        if after == 10:
            say("writing")
    return after

async def pay(store, me):
    transaction = await store.transaction()
    await transaction.execute("INSERT INTO ledger VALUES (5)")
    await store.commit(commit(1, b"paid"), within=transaction)

async def main(what, url, me):
    store = open_store(url)
    if what == "pay":
        store = CrashingStore(store, at=1, when=me)
    await store.open()
    say("ready")
    sys.stdin.readline()
    say(await globals()[what](store, me))
    await store.close()

asyncio.run(main(*sys.argv[1:]))
"""


class Child:
    """Another process with the same store open."""

    def __init__(self, what: str, url: str, me: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", CHILD, what, url, me],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def said(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def go(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def end(self, code: int = 0) -> None:
        self._process.communicate(timeout=TIMEOUT)
        assert self._process.returncode == code


def raced(what: str, url: str, count: int) -> Sequence[Any]:
    """What each of the processes said that did it at once."""
    children = [Child(what, url, f"r{number}") for number in range(count)]
    assert [child.said() for child in children] == ["ready"] * count
    for child in children:
        child.go()
    said = [child.said() for child in children]
    for child in children:
        child.end()
    return said


@pytest.fixture
def url(kept: Books) -> str:
    return kept.url


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    store = open_store(url)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def other(url: str, store: Store) -> AsyncIterator[Store]:
    """Another store object on the same database: to the first, it is as another process."""
    another = open_store(url)
    await another.open()
    yield another
    await another.close()


async def test_of_starts_with_one_key_in_several_processes_one_is_written(url: str, store: Store) -> None:
    winners = raced("start", url, 6)
    assert len(set(winners)) == 1, "all are told the same run"
    page = await store.list_runs(RunFilter(), limit=10)
    assert [run.run_id for run in page.runs] == [winners[0]]


async def test_a_slot_is_dealt_with_by_one_process(url: str, store: Store) -> None:
    await store.put_schedule(Schedule(schedule_id="daily", workflow_id="flow", spec="x", next_at=100))
    won = raced("advance", url, 4)
    slots = [slot for each in won for slot in each]
    (kept,) = await store.schedules()
    assert sorted(slots) == list(range(100, kept.next_at or 0)), "each once, none left out"


async def test_pruning_goes_on_while_another_process_writes(url: str, store: Store, tmp_path: Path) -> None:
    for number in range(300):
        await store.create_run(new_run(f"e{number}", head=head("success", epoch=0, at=number)))
    writer = Child("write", url, str(tmp_path / "stop"))
    assert writer.said() == "ready"
    writer.go()
    assert writer.said() == "writing"
    pruned = []
    while batch := await store.prune(1000, limit=20):
        pruned.append(batch)
    assert pruned == [20] * 15
    (tmp_path / "stop").touch()
    written = writer.said()
    writer.end()
    assert await store.last_seqs([str(tmp_path / "stop"), "e7"]) == {str(tmp_path / "stop"): written}


@pytest.mark.parametrize(("when", "paid"), [("before", False), ("after", True)])
async def test_what_a_killed_process_wrote_in_a_transaction_is_there_with_its_commit_or_not_at_all(
    when: str, paid: bool, url: str, store: Store
) -> None:
    await make_ledger(store)
    child = Child("pay", url, when)
    assert child.said() == "ready"
    child.go()
    child.end(-signal.SIGKILL)
    assert await amounts(store) == ([5] if paid else [])
    assert list(await store.read("r1")) == ([CREATED, b"paid"] if paid else [CREATED])


async def test_a_run_that_another_process_deleted_is_not_written_to(store: Store, other: Store, kept: Books) -> None:
    await store.create_run(new_run())
    await store.commit(commit(1, b"2", frontier=b"state", opened=[opened(2, "a")]))
    assert await other.delete_run("r1")
    for late in (commit(2, b"late"), commit(2, head=head("failed")), commit(0, b"first")):
        with pytest.raises(RunNotFound):
            await store.commit(late)
    assert nothing_is_left(kept)


def nothing_is_left(kept: Books) -> bool:
    tables = ("runs", "journal", "frontiers", "suspensions")
    return all(kept.look(f"SELECT count(*) FROM waystation_{table}") == [(0,)] for table in tables)


async def test_a_run_that_another_process_deleted_and_made_anew_is_another(store: Store, other: Store) -> None:
    await store.create_run(new_run())
    await store.commit(commit(1, b"2"))
    assert await other.delete_run("r1")
    await other.create_run(new_run("in-between"))
    await other.create_run(new_run("r1", at=9))
    with pytest.raises(JournalMoved):
        await store.commit(commit(2, b"late"))
    await store.commit(commit(1, b"new"))
    assert list(await other.read("r1")) == [CREATED, b"new"]
    assert list(await other.read("in-between")) == [CREATED]


async def test_a_deleted_runs_number_is_not_given_again(store: Store, kept: Books) -> None:
    await store.create_run(new_run("first"))
    await store.create_run(new_run("last"))
    [(before,)] = kept.look("SELECT max(run_no) FROM waystation_runs")
    await store.delete_run("last")
    await store.create_run(new_run("next"))
    [(number,)] = kept.look("SELECT run_no FROM waystation_runs WHERE run_id = 'next'")
    assert number > before


async def test_of_a_pruned_run_no_row_is_left(store: Store, kept: Books) -> None:
    for number in range(5):
        await store.create_run(new_run(f"r{number}", key=f"k{number}"))
        done = commit(1, b"2", run_id=f"r{number}", head=head("failed"), frontier=b"state", opened=[opened(2, "a")])
        await store.commit(done)
    assert await store.prune(10, limit=10) == 5
    assert nothing_is_left(kept)


async def test_long_runs_are_pruned_in_several_transactions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(f"sqlite:///{tmp_path}/runs.db")
    await store.open()
    monkeypatch.setattr("waystation.store.sqlite_writes._MOST_PRUNED", 10)
    for number in range(7):
        await store.create_run(new_run(f"r{number}"))
        await store.commit(commit(1, *[b"x"] * 4, run_id=f"r{number}", head=head("failed", at=number)))
    began: list[str] = []
    vars(store)["_connection"].set_trace_callback(lambda sql: began.append(sql) if sql.startswith("BEGIN") else None)
    assert await store.prune(100, limit=5) == 5
    assert len(began) == 3, "of two runs, two and one"
    assert await store.prune(100, limit=5) == 2
    await store.close()
