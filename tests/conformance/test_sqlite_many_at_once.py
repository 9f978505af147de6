"""Writes of many runs to a SQLite store in one transaction: of plain commits, a few statements for all."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from msgspec import structs

from waystation.core.addresses import Address
from waystation.errors import RunNotFound, StoreError
from waystation.store import Store, open_store
from waystation.store.protocol import Fenced, JournalMoved
from waystation.store.records import Commit, Opened
from waystation.testing.store_suite.writes import CREATED, commit, head, new_run

pytestmark = pytest.mark.anyio

MANY = 20


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[Store]:
    store = open_store(f"sqlite:///{tmp_path / 'runs.db'}?synchronous=normal")
    await store.open()
    for number in range(MANY):
        await store.create_run(new_run(f"r{number}"))
    await asyncio.gather(*(store.commit(commit(1, b"2", run_id=f"r{number}")) for number in range(MANY)))
    yield store
    await store.close()


def statements_of(store: Store) -> list[str]:
    told: list[str] = []
    connection: sqlite3.Connection = vars(store)["_connection"]
    connection.set_trace_callback(told.append)
    return told


async def journals(store: Store) -> list[list[bytes]]:
    return [list(await store.read(f"r{number}")) for number in range(MANY)]


async def test_they_are_one_transaction_and_each_is_there(store: Store) -> None:
    told = statements_of(store)
    await asyncio.gather(*(store.commit(commit(2, b"3", run_id=f"r{number}")) for number in range(MANY)))
    assert told.count("COMMIT") == 1
    assert await journals(store) == [[CREATED, b"2", b"3"]] * MANY


@pytest.mark.parametrize(
    ("wrong", "refusal", "undone"),
    [
        pytest.param(commit(2, b"x", run_id="r7", epoch=9), Fenced, 1, id="of an epoch that is over"),
        pytest.param(commit(1, b"x", run_id="r7"), JournalMoved, 1, id="behind its journal"),
        pytest.param(commit(5, b"x", run_id="r7"), JournalMoved, 1, id="ahead of its journal"),
        pytest.param(commit(0, b"x", run_id="r7"), JournalMoved, 1, id="as if its journal were empty"),
        pytest.param(
            commit(2, b"x", run_id="r7", epoch=9, head=head("running")), Fenced, 1, id="with more than an entry"
        ),
        pytest.param(
            commit(2, b"x", run_id="r7", epoch=9, opened=[Opened(seq=3, address=Address("ask"))]),
            Fenced,
            0,
            id="that opens a suspension",
        ),
        pytest.param(
            structs.replace(commit(2, run_id="r7"), entries=[object()]), StoreError, 2, id="of what is no entry"
        ),
    ],
)
async def test_one_that_is_refused_is_told_why_and_all_others_are_written(
    store: Store, wrong: Commit, refusal: type[Exception], undone: int
) -> None:
    writes = [commit(2, b"3", run_id=f"r{number}") for number in range(MANY)]
    writes[7] = wrong
    told = statements_of(store)
    outcomes = await asyncio.gather(*map(store.commit, writes), return_exceptions=True)
    assert [type(each) for each in outcomes if each is not None] == [refusal]
    assert isinstance(outcomes[7], refusal)
    assert told.count("COMMIT") == 1
    assert told.count("ROLLBACK") == undone, "a plain one is refused with all of them, and then by itself"
    assert await journals(store) == [[CREATED, b"2", *([b"3"] * (number != 7))] for number in range(MANY)]


async def test_one_whose_run_is_gone_takes_no_other_with_it(store: Store, tmp_path: Path) -> None:
    other = open_store(f"sqlite:///{tmp_path / 'runs.db'}")
    await other.open()
    assert await other.delete_run("r3")
    await other.close()
    writes = [store.commit(commit(2, b"3", run_id=f"r{number}")) for number in range(MANY)]
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert isinstance(outcomes[3], RunNotFound)
    assert sum(each is None for each in outcomes) == MANY - 1


async def test_what_does_more_than_append_goes_with_those_that_do_not(store: Store) -> None:
    told = statements_of(store)
    await asyncio.gather(
        *(store.commit(commit(2, b"3", run_id=f"r{number}")) for number in range(5)),
        store.commit(commit(2, b"3", b"4", run_id="r5", head=head("running", owner="w"))),
        store.create_run(new_run("new")),
        *(store.commit(commit(2, b"3", run_id=f"r{number}")) for number in range(6, MANY)),
    )
    assert told.count("COMMIT") == 1
    record = await store.get_run("r5")
    assert record is not None
    assert record.owner == "w"
    assert await store.read("new") == [CREATED]
    expected = [[CREATED, b"2", b"3", *([b"4"] * (number == 5))] for number in range(MANY)]
    assert await journals(store) == expected


async def test_of_those_that_do_all_that_goes_together_each_has_its_own(store: Store) -> None:
    def parked(number: int) -> Commit:
        return commit(
            2,
            *[b"%d" % entry for entry in range(number % 3 + 1)],
            run_id=f"r{number}",
            head=head("success", owner=f"w{number}") if number % 2 else None,
            frontier=b"state %d" % number if number % 4 else None,
        )

    writes = [parked(number) for number in range(MANY)]
    await asyncio.gather(*map(store.commit, writes))
    for number, write in enumerate(writes):
        stored = await store.load(f"r{number}")
        assert stored is not None
        assert (stored.record.status, stored.record.owner) == (
            ("success", f"w{number}") if number % 2 else ("pending", None)
        )
        assert stored.frontier == write.frontier
        assert stored.frontier_seq == (2 + len(write.entries) if number % 4 else 0)
        assert await store.read(f"r{number}", after=2) == list(write.entries)


async def test_two_for_one_run_are_one_and_a_refusal_whatever_goes_along(store: Store) -> None:
    writes = [commit(2, b"3", run_id=f"r{number}") for number in range(MANY)]
    outcomes = await asyncio.gather(
        *map(store.commit, writes), store.commit(commit(2, b"y", run_id="r0")), return_exceptions=True
    )
    assert [type(each) for each in outcomes if each is not None] == [JournalMoved]
    assert await journals(store) == [[CREATED, b"2", b"3"]] * MANY


@pytest.mark.parametrize("alone", [False, True])
async def test_a_run_whose_making_failed_is_not_known_by_its_number(store: Store, *, alone: bool) -> None:
    """Its number is given to the next run: what is written to the first must not get there."""
    if alone:  # until one is not waited for that may go along
        for after in range(2, 8):
            await store.commit(commit(after, b"x", run_id="r0"))
        await asyncio.sleep(0)
    broken = structs.replace(new_run("a"), entries=[None])
    with pytest.raises(StoreError):
        await store.create_run(broken)
    await store.create_run(new_run("b"))
    with pytest.raises(RunNotFound):
        await store.commit(commit(1, b"of a", run_id="a"))
    assert await store.read("b") == [CREATED]
