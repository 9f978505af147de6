"""A write to PostgreSQL whose answer is lost is found out about: it is there once, and its writer is told the truth."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.postgres_server.cutting import Cutting, Side, cutting
from waystation.errors import RunAlreadyExists, StoreUnavailable, TransactionMisused
from waystation.store.postgres import PostgresSettings, PostgresStore
from waystation.store.protocol import Fenced, IdempotencyKeyUsed, JournalMoved
from waystation.store.records import Schedule
from waystation.testing.store_suite.writes import CREATED, commit, head, new_run

pytestmark = pytest.mark.anyio

SIDES: list[Side] = ["request", "answer"]


@pytest.fixture
async def way(postgres: str) -> AsyncIterator[Cutting]:
    async with cutting(postgres) as found:
        yield found


@pytest.fixture
async def store(way: Cutting) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(PostgresSettings(dsn=way.url, patience=20))
    await store.open()
    yield store
    await store.close()


@pytest.mark.parametrize("side", SIDES)
async def test_a_commit_whose_connection_breaks_is_written_once(store: PostgresStore, way: Cutting, side: Side) -> None:
    await store.create_run(new_run())
    way.cut(side, b"the lost one")
    await store.commit(commit(1, b"the lost one"))
    await store.commit(commit(2, b"the next"))
    assert way.cuts == 1
    assert list(await store.read("r1")) == [CREATED, b"the lost one", b"the next"]


@pytest.mark.parametrize("side", SIDES)
async def test_commits_of_many_runs_together_are_each_written_once(
    store: PostgresStore, way: Cutting, side: Side
) -> None:
    await asyncio.gather(*(store.create_run(new_run(f"r{n}")) for n in range(20)))
    way.cut(side, b"entry of r13")
    await asyncio.gather(
        *(store.commit(commit(1, b"entry of r%d" % n, run_id=f"r{n}", head=head("suspended"))) for n in range(20))
    )
    assert way.cuts == 1
    for n in range(20):
        assert list(await store.read(f"r{n}")) == [CREATED, b"entry of r%d" % n]


@pytest.mark.parametrize("side", SIDES)
async def test_a_change_of_head_alone_is_written_once(store: PostgresStore, way: Cutting, side: Side) -> None:
    await store.create_run(new_run())
    way.cut(side, b"a-worker-of-its-own")
    await store.commit(commit(1, head=head("running", owner="a-worker-of-its-own")))
    record = await store.get_run("r1")
    assert record is not None
    assert (record.owner, record.epoch, way.cuts) == ("a-worker-of-its-own", 1, 1)


async def test_who_was_overtaken_while_the_answer_was_lost_still_hears_that_it_was_written(
    store: PostgresStore, other_postgres: PostgresStore, way: Cutting
) -> None:
    await store.create_run(new_run(head=head("running", epoch=0)))
    way.cut("answer", b"the lost one")
    writing = asyncio.create_task(store.commit(commit(1, b"the lost one")))
    await way.was_cut()
    way.shut()
    assert await other_postgres.claim("r1", "w2", 5) is not None
    await other_postgres.commit(commit(2, b"by another", epoch=1))
    way.shut(shut=False)
    await writing
    assert list(await other_postgres.read("r1")) == [CREATED, b"the lost one", b"by another"]


async def test_who_was_overtaken_before_its_request_came_through_is_fenced(
    store: PostgresStore, other_postgres: PostgresStore, way: Cutting
) -> None:
    await store.create_run(new_run(head=head("running", epoch=0)))
    way.cut("request", b"the lost one")
    writing = asyncio.create_task(store.commit(commit(1, b"the lost one")))
    await way.was_cut()
    way.shut()
    assert await other_postgres.claim("r1", "w2", 5) is not None
    way.shut(shut=False)
    with pytest.raises(Fenced):
        await writing
    assert list(await other_postgres.read("r1")) == [CREATED]


async def test_another_entry_in_its_place_is_not_taken_for_ones_own(
    store: PostgresStore, other_postgres: PostgresStore, way: Cutting
) -> None:
    await store.create_run(new_run())
    way.cut("request", b"the lost one")
    writing = asyncio.create_task(store.commit(commit(1, b"the lost one")))
    await way.was_cut()
    way.shut()
    await other_postgres.commit(commit(1, b"by another"))
    way.shut(shut=False)
    with pytest.raises(JournalMoved):
        await writing
    assert list(await other_postgres.read("r1")) == [CREATED, b"by another"]


async def test_of_two_that_take_a_run_by_the_same_entry_in_the_same_millisecond_one_has_it(
    store: PostgresStore, other_postgres: PostgresStore, way: Cutting
) -> None:
    await store.create_run(new_run())
    way.cut("request", b"the same start")
    taking = asyncio.create_task(store.commit(commit(1, b"the same start", head=head("running", owner="a"))))
    await way.was_cut()
    way.shut()
    await other_postgres.commit(commit(1, b"the same start", head=head("running", owner="b")))
    way.shut(shut=False)
    with pytest.raises((Fenced, JournalMoved)):
        await taking


async def test_of_two_that_create_a_run_they_take_by_the_same_entries_one_has_it(
    store: PostgresStore, other_postgres: PostgresStore, way: Cutting
) -> None:
    way.cut("request", b"the-slot")
    making = asyncio.create_task(store.create_run(new_run("the-slot", head=head("running", owner="a"))))
    await way.was_cut()
    way.shut()
    await other_postgres.create_run(new_run("the-slot", head=head("running", owner="b")))
    way.shut(shut=False)
    with pytest.raises(RunAlreadyExists):
        await making


@pytest.mark.parametrize("side", SIDES)
async def test_a_run_whose_creation_is_cut_is_made_once(store: PostgresStore, way: Cutting, side: Side) -> None:
    way.cut(side, b"the-run")
    await store.create_run(new_run("the-run", key="k"))
    assert way.cuts == 1
    with pytest.raises(IdempotencyKeyUsed):
        await store.create_run(new_run("another", key="k"))
    with pytest.raises(RunAlreadyExists):
        await store.create_run(new_run("the-run", at=77))


@pytest.mark.parametrize("side", SIDES)
async def test_a_commit_on_top_is_written_once(store: PostgresStore, way: Cutting, side: Side) -> None:
    await store.create_run(new_run())
    way.cut(side, b"the lost one")
    await store.commit_on_top("r1", 1, lambda _, since: commit(1 + len(since), b"the lost one"))
    assert way.cuts == 1
    assert list(await store.read("r1")) == [CREATED, b"the lost one"]


async def test_a_claim_whose_answer_is_lost_is_ones_own(store: PostgresStore, way: Cutting) -> None:
    await store.create_run(new_run(head=head("running", epoch=0)))
    way.cut("answer", b"a-claimer")
    claimed = await store.claim("r1", "a-claimer", 5)
    assert claimed is not None
    await store.commit(commit(1, b"mine", epoch=claimed.epoch))
    assert way.cuts == 1


async def test_a_deletion_whose_answer_is_lost_has_deleted(store: PostgresStore, way: Cutting) -> None:
    await store.create_run(new_run("to-go"))
    way.cut("answer", b"COMMIT;")
    assert await store.delete_run("to-go")
    assert way.cuts == 1
    assert not await store.delete_run("to-go")


async def test_a_slot_is_dealt_with_though_the_answer_is_lost(store: PostgresStore, way: Cutting) -> None:
    await store.put_schedule(Schedule(schedule_id="each-day", workflow_id="w", spec="s", next_at=10))
    way.cut("answer", b"each-day")
    assert await store.advance_schedule("each-day", 10, 20)
    assert way.cuts == 1
    assert not await store.advance_schedule("each-day", 10, 20)


async def with_table(store: PostgresStore) -> None:
    await store.create_run(new_run())
    transaction = await store.transaction()
    await transaction.execute("CREATE TABLE paid (amount integer)")
    await transaction.execute("INSERT INTO paid VALUES ($1)", (1,))
    await store.commit(commit(1, b"made"), within=transaction)


async def paid(url: str) -> list[int]:
    connection = await asyncpg.connect(url)
    try:
        return [amount for (amount,) in await connection.fetch("SELECT amount FROM paid ORDER BY amount")]
    finally:
        await connection.close()


async def test_a_steps_transaction_whose_commit_was_answered_to_nobody_is_committed(
    store: PostgresStore, way: Cutting, postgres: str
) -> None:
    await with_table(store)
    transaction = await store.transaction()
    await transaction.execute("INSERT INTO paid VALUES (2)")
    way.cut("answer", b"COMMIT")
    await store.commit(commit(2, b"paid"), within=transaction)
    assert way.cuts == 1
    assert await paid(postgres) == [1, 2]
    assert list(await store.read("r1")) == [CREATED, b"made", b"paid"]


async def test_a_steps_transaction_whose_commit_never_came_through_is_rolled_back_and_said_to_be(
    store: PostgresStore, way: Cutting, postgres: str
) -> None:
    await with_table(store)
    transaction = await store.transaction()
    await transaction.execute("INSERT INTO paid VALUES (2)")
    way.cut("request", b"COMMIT")
    with pytest.raises(StoreUnavailable):
        await store.commit(commit(2, b"paid"), within=transaction)
    assert await paid(postgres) == [1]
    assert list(await store.read("r1")) == [CREATED, b"made"]
    with pytest.raises(TransactionMisused):
        await transaction.execute("SELECT 1")


async def test_a_steps_transaction_that_the_server_still_holds_open_is_ended_before_it_is_said_to_be(
    way: Cutting, postgres: str, other_postgres: PostgresStore
) -> None:
    store = PostgresStore(PostgresSettings(dsn=way.url, patience=20, statement_timeout=5))
    await store.open()
    await with_table(store)
    transaction = await store.transaction()
    await transaction.execute("INSERT INTO paid VALUES (2)")
    way.cut("request", b"COMMIT", noticed=False)
    with pytest.raises(StoreUnavailable):
        await store.commit(commit(2, b"paid"), within=transaction)
    # It holds the lock of the run's row until it ends.
    await asyncio.wait_for(other_postgres.commit(commit(2, b"by another")), 20)
    assert await paid(postgres) == [1]
    assert list(await other_postgres.read("r1")) == [CREATED, b"made", b"by another"]
    await store.close()


async def test_a_steps_statement_whose_connection_breaks_ends_the_transaction(
    store: PostgresStore, way: Cutting, postgres: str
) -> None:
    await with_table(store)
    transaction = await store.transaction()
    await transaction.execute("INSERT INTO paid VALUES (2)")
    way.cut("answer", b"INSERT INTO paid VALUES (3)")
    with pytest.raises(StoreUnavailable):
        await transaction.execute("INSERT INTO paid VALUES (3)")
    await transaction.roll_back()
    assert await paid(postgres) == [1]
    again = await store.transaction()
    await again.execute("INSERT INTO paid VALUES (4)")
    await store.commit(commit(2, b"paid"), within=again)
    assert await paid(postgres) == [1, 4]
