"""Steps' transactions on PostgreSQL: what may be run in one, and how the store goes on around it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
import pytest

from tests.postgres_server import Databases
from waystation.errors import StoreClosed, StoreError, TransactionMisused
from waystation.store.postgres import PostgresSettings, PostgresStore, transactions
from waystation.store.protocol import StoreTransaction
from waystation.testing.store_suite.transactions import amounts, make_ledger
from waystation.testing.store_suite.writes import CREATED, commit, head, new_run, opened

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(postgres: str) -> AsyncIterator[PostgresStore]:
    """Runs r1 and r2, and a table ``ledger`` of the user's."""
    store = PostgresStore(PostgresSettings(dsn=postgres))
    await store.open()
    await make_ledger(store)
    yield store
    await store.close()


@pytest.fixture
async def transaction(store: PostgresStore) -> StoreTransaction:
    return await store.transaction()


ENDING = [
    "COMMIT",
    "commit; begin",
    "-- of mine\nROLLBACK",
    "/* a */ END",
    ";ABORT",
    "BEGIN",
    "START TRANSACTION",
    "SAVEPOINT mine",
    "ROLLBACK TO SAVEPOINT waystation",
    "RELEASE waystation",
    "PREPARE TRANSACTION 'x'",
]
REACHING_OUT = ["SET statement_timeout = 0", "RESET ALL", "LISTEN waystation", "DISCARD ALL", "LOAD 'plpgsql'"]
DEFINING_OURS = [
    "DROP TABLE waystation_definitions",
    "ALTER TABLE Waystation_Runs ADD COLUMN mine text",
    "TRUNCATE public.waystation_journal",
    "CREATE TABLE waystation_mine (x int)",
    "CREATE INDEX mine ON waystation_runs (epoch)",
    "LOCK TABLE waystation_runs",
    'DROP TABLE "waystation_runs"',
]


@pytest.mark.parametrize("statement", ENDING + REACHING_OUT + DEFINING_OURS)
async def test_what_would_break_it_is_refused_and_it_goes_on(
    statement: str, store: PostgresStore, transaction: StoreTransaction
) -> None:
    await transaction.execute("INSERT INTO ledger VALUES (5)")
    with pytest.raises(TransactionMisused, match="cannot run"):
        await transaction.execute(statement)
    await transaction.execute("INSERT INTO ledger VALUES (6)")
    await store.commit(commit(1, b"2"), within=transaction)
    assert await amounts(store) == [5, 6]
    assert list(await store.read("r1")) == [CREATED, b"2"]


TRIGGER = """
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN DELETE FROM waystation_journal; RETURN NEW; END';
CREATE TRIGGER t AFTER INSERT ON ledger FOR EACH ROW EXECUTE FUNCTION meddle()
"""


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE waystation_runs SET epoch = 99",
        "DELETE FROM waystation_journal",
        "WITH gone AS (DELETE FROM waystation_journal RETURNING 1) SELECT count(*) FROM gone",
        "INSERT INTO waystation_workers VALUES ('x', 'x', 1, 1)",
        "DO $$ BEGIN DELETE FROM waystation_journal; END $$",
        "INSERT INTO ledger VALUES (7)",  # by the trigger
    ],
)
async def test_who_changed_the_stores_tables_cannot_commit_however_it_was_done(
    statement: str, store: PostgresStore, postgres: str, databases: Databases
) -> None:
    databases.execute(postgres, TRIGGER)
    transaction = await store.transaction()
    await transaction.execute(statement)
    with pytest.raises(TransactionMisused, match="the store's own tables"):
        await store.commit(commit(1, b"2"), within=transaction)
    assert await amounts(store) == []
    assert list(await store.read("r1")) == [CREATED]
    await store.commit(commit(1, b"2"))


async def test_what_is_a_users_own_may_be_done(store: PostgresStore, transaction: StoreTransaction) -> None:
    for statement in (
        "CREATE TABLE orders (id serial PRIMARY KEY, of_run text, total int)",
        "CREATE INDEX orders_by_run ON orders (of_run)",
        "ALTER TABLE orders ADD COLUMN note text",
    ):
        assert list(await transaction.execute(statement)) == [], statement
    insert = "INSERT INTO orders (of_run, total) VALUES ($1, $2) RETURNING id"
    assert list(await transaction.execute(insert, ("r1", 5))) == [(1,)]
    totals = "SELECT run_id, total FROM waystation_runs JOIN orders ON of_run = run_id"
    assert list(await transaction.execute(totals)) == [("r1", 5)]
    await store.commit(commit(1, b"2", head=head("suspended"), opened=[opened(2, "a")]), within=transaction)


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("INSERT INTO ledger VALUES (5), (5)", asyncpg.UniqueViolationError),
        ("INSERT INTO nowhere VALUES (5)", asyncpg.UndefinedTableError),
        ("not SQL", asyncpg.PostgresSyntaxError),
        ("INSERT INTO ledger VALUES (1); INSERT INTO ledger VALUES (2)", asyncpg.PostgresSyntaxError),
    ],
)
async def test_an_error_of_a_statement_is_the_databases_own_and_takes_nothing_else_with_it(
    statement: str, kind: type[Exception], store: PostgresStore, transaction: StoreTransaction
) -> None:
    await transaction.execute("INSERT INTO ledger VALUES (4)")
    with pytest.raises(kind):
        await transaction.execute(statement)
    await store.commit(commit(1, b"2"), within=transaction)
    assert await amounts(store) == [4]


async def test_parameters_that_do_not_fit_are_told_and_it_goes_on(
    store: PostgresStore, transaction: StoreTransaction
) -> None:
    for parameters in ((), ("no number",), (1, 2)):
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
            await transaction.execute("INSERT INTO ledger VALUES ($1)", parameters)
    await transaction.execute("INSERT INTO ledger VALUES ($1)", (4,))
    await store.commit(commit(1, b"2"), within=transaction)
    assert await amounts(store) == [4]


async def test_several_are_open_side_by_side_and_other_runs_are_written_meanwhile(store: PostgresStore) -> None:
    first, second = await store.transaction(), await store.transaction()
    await first.execute("INSERT INTO ledger VALUES (1)")
    await second.execute("INSERT INTO ledger VALUES (2)")
    await store.create_run(new_run("r3"))
    await store.commit(commit(1, b"2", run_id="r3"))
    await store.commit(commit(1, b"2", run_id="r2"), within=second)
    await store.commit(commit(1, b"2"), within=first)
    assert await amounts(store) == [1, 2]


async def test_more_than_there_are_connections_for_wait_for_their_turn(store: PostgresStore) -> None:
    asked = [asyncio.ensure_future(store.transaction()) for _ in range(12)]
    for number in range(12):
        done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        mine = done.pop()
        asked.remove(mine)
        transaction = await mine
        await transaction.execute(f"INSERT INTO ledger VALUES ({number})")
        await store.commit(commit(1 + number, b"x"), within=transaction)
        assert len(await store.read("r1")) == 2 + number, "the store is read although as many are open as can be"
    assert len(await amounts(store)) == 12


async def test_a_constraint_that_is_looked_at_last_refuses_the_whole(
    store: PostgresStore, transaction: StoreTransaction
) -> None:
    await transaction.execute("CREATE TABLE parents (id int PRIMARY KEY)")
    await transaction.execute("CREATE TABLE children (of int REFERENCES parents DEFERRABLE INITIALLY DEFERRED)")
    await transaction.execute("INSERT INTO children VALUES (1)")
    with pytest.raises(TransactionMisused, match="foreign key"):
        await store.commit(commit(1, b"2"), within=transaction)
    assert list(await store.read("r1")) == [CREATED]
    await store.commit(commit(1, b"2"))


async def test_one_that_is_not_waited_for_any_more_holds_up_nobody(store: PostgresStore) -> None:
    given_up = [asyncio.ensure_future(store.transaction()) for _ in range(20)]
    await asyncio.sleep(0)
    for each in given_up:
        each.cancel()
    for each in given_up:
        with suppress(asyncio.CancelledError):
            await (await each).roll_back()
    for _ in range(8):
        await (await store.transaction()).roll_back()


async def test_one_whose_statement_was_given_up_is_over_and_holds_up_nobody(
    store: PostgresStore, transaction: StoreTransaction, postgres: str, databases: Databases
) -> None:
    await transaction.execute("INSERT INTO ledger VALUES (5)")
    statement = asyncio.ensure_future(transaction.execute("SELECT pg_sleep(60)"))
    running = "SELECT pid FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'"
    async with asyncio.timeout(20):
        while not databases.fetch(postgres, running):
            await asyncio.sleep(0)
    statement.cancel()
    await asyncio.wait([statement])
    assert statement.cancelled()
    for refused in (transaction.execute("SELECT 1"), store.commit(commit(1, b"x"), within=transaction)):
        with pytest.raises(TransactionMisused, match="given up"):
            await refused
    for _ in range(8):
        again = await store.transaction()
        await again.execute("SELECT 1")
        await again.roll_back()
    assert await amounts(store) == []


async def test_what_fails_to_begin_keeps_no_connection(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(transactions, "_CHANGED", "SELECT nothing_of_that_name")
        for _ in range(20):
            with pytest.raises(StoreError, match="nothing_of_that_name"):
                await asyncio.wait_for(store.transaction(), 20)
    await (await asyncio.wait_for(store.transaction(), 20)).roll_back()


async def test_one_of_another_store_is_refused_though_it_is_of_the_same_database(
    store: PostgresStore, postgres: str
) -> None:
    other = PostgresStore(postgres)
    await other.open()
    transaction = await other.transaction()
    with pytest.raises(TransactionMisused, match="not of this store"):
        await store.commit(commit(1, b"x"), within=transaction)
    await transaction.roll_back()
    await other.close()
    assert list(await store.read("r1")) == [CREATED]


async def test_in_a_schema_of_its_own_a_users_tables_beside_it_are_found(postgres: str, databases: Databases) -> None:
    databases.execute(postgres, "CREATE TABLE orders (total int)")
    store = PostgresStore(PostgresSettings(dsn=postgres, schema="apart"))
    await store.open()
    await store.create_run(new_run())
    transaction = await store.transaction()
    await transaction.execute("INSERT INTO orders VALUES (5)")
    await store.commit(commit(1, b"2"), within=transaction)
    await store.close()
    assert databases.fetch(postgres, "SELECT total FROM public.orders") == [(5,)]


async def test_closing_the_store_rolls_it_back_and_refuses_who_uses_it(
    store: PostgresStore, postgres: str, databases: Databases
) -> None:
    transaction = await store.transaction()
    await transaction.execute("INSERT INTO ledger VALUES (5)")
    await asyncio.wait_for(store.close(), 10)
    for refused in (transaction.execute("SELECT 1"), store.commit(commit(1, b"x"), within=transaction)):
        with pytest.raises(StoreClosed):
            await refused
    with pytest.raises(StoreClosed):
        await store.transaction()
    await transaction.roll_back()
    assert databases.fetch(postgres, "SELECT * FROM ledger") == []
