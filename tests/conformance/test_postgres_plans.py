"""How PostgreSQL finds what is asked among 20,000 runs: by an index, and it reads little more than it gives."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from waystation.store import open_store
from waystation.store.postgres import reads
from waystation.store.postgres.connections import Attempt
from waystation.store.records import UNFINISHED, RunFilter, WorkflowKey

pytestmark = pytest.mark.anyio

# Of 20,000 runs of two workflows most have ended; 1,000 are driven by who lives, 10 by nobody and 10 by who is gone;
# 4,000 sleep, 20 of them no longer; 2,000 are suspended.
_RUNS = """
INSERT INTO waystation_runs (
    run_id, workflow_id, version, fingerprint, resource_id, created_at, updated_at, epoch, last_seq,
    status, owner, wake_at
)
SELECT 'r' || n, CASE WHEN n % 2 = 0 THEN 'flow' ELSE 'other' END, '', 'f', 'x' || n % 500, n, n, 1, 1,
    CASE WHEN n <= 1020 THEN 'running' WHEN n <= 5020 THEN 'waiting' WHEN n <= 7020 THEN 'suspended'
         WHEN n % 20 = 0 THEN 'failed' ELSE 'success' END,
    CASE WHEN n <= 10 THEN NULL WHEN n <= 20 THEN 'gone' WHEN n <= 1020 THEN 'alive' END,
    CASE WHEN n > 1020 AND n <= 1040 THEN 50 WHEN n > 1040 AND n <= 5020 THEN 1000000 + n END
FROM generate_series(1, 20000) AS n;
INSERT INTO waystation_journal (run_no, seq, entry) SELECT run_no, 1, 'x' FROM waystation_runs;
INSERT INTO waystation_suspensions (run_no, seq, address)
    SELECT run_no, 1, 'a' FROM waystation_runs WHERE status = 'suspended' ORDER BY run_no;
INSERT INTO waystation_workers (worker_id, host, pid, expires_at) VALUES ('alive', 'h', 1, 1000), ('gone', 'h', 1, 10);
"""

NOW = 100
FLOWS = [WorkflowKey("flow"), WorkflowKey("other")]
LIMIT = 10
READ_AT_MOST = 100
"""So many rows of the runs' table may be read for an answer of ten."""


class Explained:
    """A connection that has each statement it runs explained; it gives what the statement gives."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self._connection = connection
        self.scans: list[dict[str, Any]] = []

    async def fetch(self, sql: str, *values: object) -> list[asyncpg.Record]:
        [(plan,)] = await self._connection.fetch(f"EXPLAIN (ANALYZE, TIMING off, FORMAT json) {sql}", *values)
        self._note(json.loads(plan)[0]["Plan"])
        return await self._connection.fetch(sql, *values)

    async def fetchval(self, sql: str, *values: object) -> object:
        return (await self.fetch(sql, *values))[0][0]

    def _note(self, node: dict[str, Any]) -> None:
        if "Scan" in node["Node Type"]:
            self.scans.append(node)
        for below in node.get("Plans", ()):
            self._note(below)

    def indexes(self) -> set[str]:
        return {scan["Index Name"] for scan in self.scans if "Index Name" in scan}

    def read(self) -> int:
        """How many rows were looked at."""
        return sum(
            round((scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)) * scan["Actual Loops"])
            for scan in self.scans
            if scan.get("Relation Name", "").startswith("waystation_") or "Index Name" in scan
        )


@pytest.fixture
async def explained(postgres: str) -> AsyncIterator[Explained]:
    """With what PostgreSQL knows of the tables, once it has looked at them: it does so by itself, soon."""
    store = open_store(postgres)
    await store.open()
    connection = await asyncpg.connect(postgres)
    try:
        await connection.execute(_RUNS)
        await connection.execute("ANALYZE")
        yield Explained(connection)
    finally:
        await connection.close()
        await store.close()


async def asked(explained: Explained, ask: Callable[[Attempt], Awaitable[Any]]) -> Any:
    answer = await ask(Attempt(explained, uncertain=False))  # type: ignore[arg-type]  # all that reads ask of one
    assert explained.scans
    assert not [scan for scan in explained.scans if scan["Node Type"] == "Seq Scan" and _is_large(scan)]
    assert explained.read() <= READ_AT_MOST, explained.scans
    return answer


def _is_large(scan: dict[str, Any]) -> bool:
    return scan["Relation Name"] in ("waystation_runs", "waystation_journal", "waystation_suspensions")


LISTS = {
    "all": RunFilter(),
    "since": RunFilter(since=500, until=900),
    "of a workflow": RunFilter(workflow_id="flow"),
    "failed": RunFilter(statuses=["failed"]),
    "success": RunFilter(statuses=["success"]),
    "unfinished": RunFilter(statuses=UNFINISHED),
    "suspended of a workflow": RunFilter(workflow_id="flow", statuses=["suspended"]),
    "unfinished of a workflow": RunFilter(workflow_id="flow", statuses=UNFINISHED),
    "of a resource": RunFilter(resource_id="x7"),
}


@pytest.mark.parametrize("name", LISTS)
async def test_a_page_costs_what_it_holds(explained: Explained, name: str) -> None:
    page = await asked(explained, lambda attempt: reads.list_runs(attempt, LISTS[name], LIMIT, None))
    assert len(page.runs) == LIMIT
    assert page.cursor is not None
    explained.scans.clear()
    assert (await asked(explained, lambda attempt: reads.list_runs(attempt, LISTS[name], LIMIT, page.cursor))).runs
    assert any(index.startswith("waystation_runs_by_") for index in explained.indexes())


async def test_what_can_be_claimed_is_found_without_looking_at_what_cannot(explained: Explained) -> None:
    found = await asked(explained, lambda attempt: reads.claimable(attempt, FLOWS, NOW, LIMIT))
    assert found == [f"r{number}" for number in range(1, 11)]
    assert {"waystation_runs_orphaned", "waystation_runs_asleep"} <= explained.indexes()


async def test_the_next_wake_is_the_first_of_an_index(explained: Explained) -> None:
    assert await asked(explained, lambda attempt: reads.next_wake(attempt, FLOWS, NOW)) == 1_001_041
    assert explained.indexes() == {"waystation_runs_asleep"}


async def test_the_oldest_open_suspensions_are_found_by_their_number(explained: Explained) -> None:
    found = await asked(explained, lambda attempt: reads.open_suspensions(attempt, None, None, LIMIT))
    assert [each.run_id for each in found] == [f"r{number}" for number in range(5021, 5031)]


async def test_the_open_suspensions_of_a_run_are_found_by_the_run(explained: Explained) -> None:
    (found,) = await asked(explained, lambda attempt: reads.open_suspensions(attempt, "r6000", None, LIMIT))
    assert found.run_id == "r6000"
