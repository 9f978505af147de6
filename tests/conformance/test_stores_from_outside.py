"""Stores that are looked at before they are opened: whatever is there, or is not, stays as it is."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from tests.conformance.apps import Place
from tests.conformance.stock import ask
from waystation import open_store, workflow
from waystation.errors import StoreSchemaForeign, StoreSchemaNewer, StoreSchemaOlder, StoreUnavailable
from waystation.testing.store_suite.writes import head, new_run

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["sqlite", "postgres", "postgres in a schema"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a store that is not there yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/runs.db"
    found: str = request.getfixturevalue("postgres")
    return found if request.param == "postgres" else f"{found}?schema=waystation"


async def test_a_store_that_is_not_there_yet_is_not_made_by_looking(url: str) -> None:
    store = open_store(url)
    for _ in range(2):
        status = await store.schema()
        assert (status.version, status.is_settled) == (0, False)
        assert status.newest > 0
        with pytest.raises(StoreSchemaOlder, match=r"no store in .* yet; 'waystation db upgrade' makes it"):
            await store.survey()
    await store.open()
    assert (await store.schema()).is_settled
    assert dict((await store.survey()).runs) == {}
    await store.close()


async def test_a_store_of_one_schema_is_not_taken_for_that_of_another(postgres: str) -> None:
    store = open_store(postgres)
    await store.open()
    assert (await open_store(f"{postgres}?schema=flow").schema()).version == 0
    await store.close()


async def test_a_store_is_surveyed_without_being_opened(url: str) -> None:
    writer = open_store(url)
    await writer.open()
    await writer.create_run(new_run("r1", head=head("suspended")))
    seen = await writer.foreign_changes()
    looker = open_store(url)
    assert (await looker.schema()).is_settled
    found = await looker.survey()
    assert (dict(found.runs), found.workers) == ({"suspended": 1}, [])
    await looker.close()
    if url.startswith("sqlite"):
        assert await writer.foreign_changes() == seen, "nobody has written"
    await writer.close()


async def test_a_store_tells_where_it_is_without_a_password(postgres: str) -> None:
    assert (await open_store(f"{postgres}?schema=flow").schema()).store.endswith(" (schema flow)")
    store = open_store("postgresql://ada:s3cret@127.0.0.1:1/orders?patience=0&schema=flow")
    with pytest.raises(StoreUnavailable) as caught:
        await store.schema()
    assert "s3cret" not in caught.value.message
    assert "ada" not in caught.value.message


async def test_another_programs_tables_and_a_newer_store_are_told_by_looking(postgres: str) -> None:
    connection = await asyncpg.connect(postgres)
    await connection.execute("CREATE TABLE waystation_theirs (x int)")
    store = open_store(postgres)
    with pytest.raises(StoreSchemaForeign, match="waystation_theirs"):
        await store.schema()
    await connection.execute("DROP TABLE waystation_theirs")
    await store.open()
    await connection.execute("UPDATE waystation_schema SET version = 1000, oldest = 1")
    status = await open_store(postgres).schema()
    assert (status.version, status.is_settled) == (1000, True), "a later one that this version works with"
    assert dict((await open_store(postgres).survey()).runs) == {}
    await connection.execute("UPDATE waystation_schema SET oldest = 999")
    with pytest.raises(StoreSchemaNewer, match="newer version"):
        await open_store(postgres).schema()
    await connection.close()
    await store.close()


async def test_a_worker_at_work_is_in_the_survey_and_its_lease_holds(place: Place) -> None:
    flow = workflow("flow", input=int, output=int).then(ask).commit()
    async with place.app(flow) as app:
        await app.get_workflow(flow).start(1)
        found = await app.store.survey()
        (worker,) = found.workers
        now = found.at if found.at is not None else 0
        assert worker.expires_at > now
        assert (dict(found.runs), found.open_suspensions) == ({"suspended": 1}, 1)
