"""How SQLite finds what is asked: by an index, in the order of the answer, so that what is not asked costs nothing."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from waystation.store import open_store, sqlite_survey
from waystation.store import sqlite_reads as reads
from waystation.store import sqlite_writes as writes
from waystation.store.records import ENDED, UNFINISHED, RunFilter, Worker, WorkflowKey

pytestmark = pytest.mark.anyio


class Explained:
    """A connection that asks for the plan of each statement it runs."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.plan: list[str] = []

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def execute(self, sql: str, values: Any = ()) -> sqlite3.Cursor:
        self.plan += [detail for *_, detail in self._connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
        return self._connection.execute(sql, values)


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncIterator[sqlite3.Connection]:
    store = open_store(f"sqlite:///{tmp_path}/runs.db")
    await store.open()
    yield vars(store)["_connection"]
    await store.close()


def plan(connection: sqlite3.Connection, ask: Callable[[Any], object]) -> list[str]:
    explained = Explained(connection)
    ask(explained)
    assert explained.plan
    return explained.plan


LISTS = {
    "all": (RunFilter(), "waystation_runs_by_time"),
    "since": (RunFilter(since=5, until=9), "waystation_runs_by_time"),
    "workflow": (RunFilter(workflow_id="flow"), "waystation_runs_by_workflow"),
    "failed": (RunFilter(statuses=["failed"]), "waystation_runs_by_status"),
    "success": (RunFilter(statuses=["success"]), "waystation_runs_by_time"),
    "running": (RunFilter(statuses=["running"], since=5), "waystation_runs_owned"),
    "running of a workflow": (RunFilter(workflow_id="flow", statuses=["running"]), "waystation_runs_owned"),
    "unfinished": (RunFilter(statuses=UNFINISHED), "waystation_runs_(by_status|owned)"),
    "ended": (RunFilter(statuses=sorted(ENDED), since=5), "waystation_runs_by_"),
    "suspended of a workflow": (
        RunFilter(workflow_id="flow", statuses=["suspended"]),
        "waystation_runs_by_workflow_status",
    ),
    "unfinished of a workflow": (
        RunFilter(workflow_id="flow", statuses=UNFINISHED),
        "waystation_runs_(by_workflow_status|owned)",
    ),
    "of a resource": (RunFilter(resource_id="x"), "waystation_runs_by_resource"),
    "failed of a resource": (RunFilter(resource_id="x", statuses=["failed", "success"]), "waystation_runs_by_resource"),
}


@pytest.mark.parametrize("name", LISTS)
async def test_a_page_is_read_in_its_order_from_an_index(connection: sqlite3.Connection, name: str) -> None:
    where, index = LISTS[name]
    steps = plan(connection, lambda asked: reads.list_runs(asked, where, 10, None))
    lookups = [step for step in steps if " waystation_runs " in step]
    assert lookups
    assert all(re.search(f"USING (COVERING )?INDEX {index}", step) for step in lookups), steps
    assert not any("TEMP B-TREE" in step for step in steps), steps


async def test_claims_and_wakes_read_only_what_could_be_claimed(connection: sqlite3.Connection) -> None:
    flows = [WorkflowKey("flow"), WorkflowKey("flow", "2")]
    for steps in (
        plan(connection, lambda asked: reads.claimable(asked, flows, 9, 10)),
        plan(connection, lambda asked: reads.next_wake(asked, flows, 5)),
    ):
        lookups = [step for step in steps if " waystation_runs " in step]
        assert lookups
        assert all(
            any(
                each in step for each in ("waystation_runs_orphaned", "waystation_runs_owned", "waystation_runs_asleep")
            )
            for step in lookups
        )


async def test_pruning_and_many_seqs_scan_no_table(connection: sqlite3.Connection) -> None:
    pruned = plan(connection, lambda asked: writes.prune(asked, writes.RunNumbers(), 9, 10))
    assert pruned == ["SEARCH waystation_runs USING INDEX waystation_runs_ended (updated_at<?)"]
    seqs = plan(connection, lambda asked: reads.last_seqs(asked, ["a", "b"]))
    assert not any("SCAN runs" in step or "SCAN journal" in step for step in seqs), seqs


async def test_the_runs_of_a_worker_that_is_gone_are_found_by_it(connection: sqlite3.Connection) -> None:
    gone = Worker(worker_id="w", host="h", pid=1, expires_at=5)
    writes.beat(connection, gone)
    assert any(
        "waystation_runs_owned (owner=?)" in step for step in plan(connection, lambda it: writes.retire(it, gone))
    )


async def test_a_survey_counts_in_indexes(connection: sqlite3.Connection, tmp_path: Path) -> None:
    told = plan(connection, lambda it: sqlite_survey.survey(it, tmp_path / "runs.db", shared=False))
    of_runs = [each for each in told if "waystation_runs" in each]
    assert len(of_runs) == 3 + len(UNFINISHED)
    assert [each for each in of_runs if "INDEX" not in each] == []


def test_no_more_numbers_of_runs_are_kept_than_may_be_and_the_last_is() -> None:
    numbers = writes.RunNumbers()
    for number in range(25_000):
        numbers.learn(f"r{number}", number)
        assert numbers.known[f"r{number}"] == number
    assert 0 < len(numbers.known) <= 10_000
