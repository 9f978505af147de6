"""A PostgreSQL database before there is a store in it: made by many at once, foreign, newer, missing, or forbidden."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.conformance.programs import all_at_once
from tests.postgres_server import Databases, PostgresServer
from waystation import Waystation, step, workflow
from waystation.errors import (
    StoreAccessDenied,
    StoreError,
    StoreSchemaForeign,
    StoreSchemaNewer,
    StoreUnavailable,
)
from waystation.store import Store, open_store
from waystation.store.postgres import PostgresSettings, PostgresStore
from waystation.testing.store_suite.writes import CREATED, new_run

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[Store]:
    store = open_store(url)
    try:
        await store.open()
        yield store
    finally:
        await store.close()


def tables(databases: Databases, url: str) -> list[str]:
    """What is in the database, with its schema."""
    asked = "SELECT relnamespace::regnamespace || '.' || relname FROM pg_class WHERE relkind = 'r' ORDER BY 1"
    found = [name for (name,) in databases.fetch(url, asked)]
    return [name for name in found if not name.startswith(("pg_", "information_schema"))]


# ------------------------------------------------------------------ made by many, or not at all

OPEN = """
import asyncio, sys
from waystation import open_store
from waystation.testing.store_suite.writes import new_run

async def main():
    store = open_store(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    await store.open()
    await store.create_run(new_run(sys.argv[2]))
    await store.close()

asyncio.run(main())
"""


@pytest.mark.parametrize("options", ["", "?schema=of_its_own"])
def test_six_processes_make_the_schema_at_once(options: str, postgres: str, databases: Databases) -> None:
    all_at_once(OPEN, [(f"{postgres}{options}", f"r{number}") for number in range(6)])
    schema = "of_its_own" if options else "public"
    assert databases.fetch(postgres, f"SELECT run_id FROM {schema}.waystation_runs ORDER BY run_id") == [
        (f"r{number}",) for number in range(6)
    ]
    assert databases.fetch(postgres, f"SELECT count(*) FROM {schema}.waystation_schema") == [(1,)]


async def test_two_stores_in_schemas_of_one_database_know_nothing_of_each_other(postgres: str) -> None:
    async with opened(f"{postgres}?schema=one") as one, opened(f"{postgres}?schema=other") as other:
        await one.create_run(new_run("r1"))
        assert await other.get_run("r1") is None
        await other.create_run(new_run("r1"))
        assert list(await one.read("r1")) == [CREATED]


async def test_a_database_with_tables_of_those_names_is_left_alone(postgres: str, databases: Databases) -> None:
    databases.execute(postgres, "CREATE TABLE waystation_runs (mine int)")
    with pytest.raises(StoreSchemaForeign, match=r"'waystation_runs'.*schema="):
        async with opened(postgres):
            pass
    assert tables(databases, postgres) == ["public.waystation_runs"]
    async with opened(f"{postgres}?schema=apart") as store:
        await store.create_run(new_run("r1"))


async def test_tables_of_an_application_are_no_hindrance_and_stay(postgres: str, databases: Databases) -> None:
    databases.execute(postgres, "CREATE TABLE runs (mine int); CREATE TABLE journal (mine int)")
    async with opened(postgres) as store:
        await store.create_run(new_run("r1"))
    assert {"public.runs", "public.journal", "public.waystation_runs"} <= set(tables(databases, postgres))


async def test_a_schema_of_a_newer_version_is_refused_and_left_alone(postgres: str, databases: Databases) -> None:
    async with opened(postgres):
        pass
    databases.execute(postgres, "UPDATE waystation_schema SET version = 99, oldest = 98")
    with pytest.raises(StoreSchemaNewer, match=r"schema is 99.*upgrade Waystation"):
        async with opened(postgres):
            pass
    assert databases.fetch(postgres, "SELECT version, oldest FROM waystation_schema") == [(99, 98)]


async def test_a_migration_that_fails_leaves_nothing(postgres: str, databases: Databases) -> None:
    # A name is taken that its last statement needs; a sequence is not looked for beforehand.
    databases.execute(postgres, "CREATE SEQUENCE waystation_schedules")
    with pytest.raises(StoreError, match="waystation_schedules"):
        async with opened(postgres):
            pass
    assert tables(databases, postgres) == []
    databases.execute(postgres, "DROP SEQUENCE waystation_schedules")
    async with opened(postgres) as store:
        await store.create_run(new_run("r1"))


# ------------------------------------------------------------------ not there, or not let in


async def test_a_database_that_is_not_there_is_told(databases: Databases) -> None:
    with pytest.raises(StoreError, match=r"no such database.*createdb") as caught:
        async with opened(databases.address("nowhere")):
            pass
    assert type(caught.value) is StoreError


async def test_a_server_that_is_not_there_is_told_with_its_address() -> None:
    store = PostgresStore(PostgresSettings(dsn="postgresql://me:secret@127.0.0.1:1/runs", patience=0.1))
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1/runs cannot be reached") as caught:
        await store.open()
    assert "secret" not in str(caught.value)
    await store.close()


@pytest.fixture(scope="module")
def guarded() -> Generator[str]:
    """The address of a server that asks the role ``guest`` for its password, which is ``right``."""
    with PostgresServer() as server:
        rules = server.data / "pg_hba.conf"
        rules.write_text(f"host all guest 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        with Databases(server.url) as databases:
            databases.execute(server.url, "CREATE ROLE guest LOGIN PASSWORD 'right'")
            databases.execute(server.url, "CREATE DATABASE runs OWNER guest")
            server.restart()
            yield databases.address("runs")


def as_role(url: str, role: str, password: str = "") -> str:
    parts = urlsplit(url)
    user = f"{role}:{password}" if password else role
    return urlunsplit(parts._replace(netloc=f"{user}@{parts.hostname}:{parts.port}"))


@pytest.mark.parametrize("password", ["wrong", ""])
async def test_a_wrong_password_is_told_and_not_shown(guarded: str, password: str) -> None:
    with pytest.raises(StoreAccessDenied, match="user and password") as caught:
        async with opened(as_role(guarded, "guest", password)):
            pass
    assert "wrong" not in str(caught.value)
    async with opened(as_role(guarded, "guest", "right")) as store:
        assert await store.get_run("r1") is None


@pytest.fixture
def role(databases: Databases, postgres: str) -> Generator[str]:
    """A role that may log in, and nothing else."""
    databases.execute(postgres, "CREATE ROLE plain LOGIN")
    yield "plain"
    databases.execute(postgres, "DROP OWNED BY plain; DROP ROLE plain")


async def test_a_role_that_may_not_make_tables_is_told_what_to_do(
    postgres: str, databases: Databases, role: str
) -> None:
    for options in ("", "?schema=apart"):
        with pytest.raises(StoreAccessDenied, match=r"permission denied.*waystation db upgrade"):
            async with opened(as_role(postgres, role) + options):
                pass
    assert tables(databases, postgres) == []


async def test_a_role_without_rights_on_the_tables_is_told_and_one_with_them_runs_workflows(
    postgres: str, databases: Databases, role: str
) -> None:
    async with opened(postgres):
        pass
    url = as_role(postgres, role)
    with pytest.raises(StoreAccessDenied, match=r"permission denied.*postgresql\.md"):
        async with opened(url):
            pass
    databases.execute(
        postgres,
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO plain;"
        "REVOKE INSERT, UPDATE, DELETE ON waystation_schema FROM plain",
    )

    @step
    async def double(number: int) -> int:
        return 2 * number

    flow = workflow("flow", input=int, output=int).then(double).commit()
    async with Waystation(workflows=[flow], store=url) as app:
        result = await app.get_workflow(flow).start(4)
        assert result.status == "success"
        assert result.result == 8
        await app.delete_run(result.run_id)
        assert (await app.list_runs()).runs == []
