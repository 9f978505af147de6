"""The store goes away under a fleet, and comes back."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.fleet.life.places import Place, place, until
from tests.fleet.life.shop import WORKFLOWS
from tests.postgres_server import PostgresServer
from tests.restate_server import RestateServer
from waystation import Waystation
from waystation.core.entries import SleepBegun

pytestmark = pytest.mark.anyio


@pytest.fixture
def server() -> Generator[PostgresServer]:
    """A PostgreSQL of its own."""
    with PostgresServer() as found:
        yield found


@pytest.fixture
def there(tmp_path: Path, server: PostgresServer, restate: RestateServer) -> Generator[Place]:
    """A place there, where no call to the store is patient for long."""
    with place(tmp_path, f"{server.url}?patience=0.2", restate, "away") as found:
        yield found


async def test_calls_are_made_again_while_postgresql_is_away_and_the_runs_go_on_when_it_is_back(
    there: Place, server: PostgresServer
) -> None:
    await there.worker("one").ready()
    async with Waystation(workflows=WORKFLOWS, store=there.store, dispatch=there.dispatch) as app:
        running = [await app.get_workflow("holding").start_async("gate") for _ in range(5)]
        await there.until_lines(5, "held began")
        asleep = await asyncio.gather(*(app.get_workflow("sleeping").start_async("dream") for _ in range(5)))

        async def sleep() -> bool:
            """Their first step is recorded: one that only has ended when its store goes away is run again."""
            journals = [await run.journal() for run in asleep]
            return all(any(isinstance(entry, SleepBegun) for entry in journal) for journal in journals)

        await until(sleep, "the sleepers sleep")
        server.stop()

        async def retried() -> bool:
            """The sleepers' time has come: their calls find no store, and are made again."""
            return any(each.get("retry_count", 0) > 2 for each in await there.invocations())

        await until(retried, "calls are made again")
        server.start()
        there.open_gate("gate")
        assert {(await run.wait()).status for run in [*running, *asleep]} == {"success"}

    ended = Counter(line.split(" ", 1)[1] for line in there.lines("ended"))
    steps = {"holding": ("first", "held", "last"), "sleeping": ("first", "last")}
    assert ended == {f"{run.run_id} {step} ended": 1 for run in [*running, *asleep] for step in steps[run.workflow.id]}
