"""Items of a foreach that are spread: what one costs does not depend on how many there are.

``WAYSTATION_SPREAD_ITEMS=10000`` has so many, which takes a minute on two busy cores.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from typing import Any

import pytest

from tests.restate_server import RestateServer
from tests.scale.counting import CountingStore
from waystation import StepContext, Waystation, Workflow, step, workflow
from waystation.core.refs import Seq
from waystation.store.postgres import PostgresStore

pytestmark = pytest.mark.anyio

ITEMS = int(os.environ.get("WAYSTATION_SPREAD_ITEMS", "600"))


@step(placement="spread")
async def double(number: int) -> int:
    return number * 2


@step(placement="spread")
async def effect(number: int, ctx: StepContext[None, None]) -> int:
    return await ctx.once("effect", lambda: number * 2)


doubling = workflow("doubling", input=list[int], output=list[int]).foreach(double, concurrency=100).commit()
effects = workflow("effects", input=list[int], output=list[int]).foreach(effect, concurrency=100).commit()


class ReadsCounted(PostgresStore):
    """Counts the entries that are read."""

    entries_read = 0

    async def read(self, run_id: str, *, after: Seq = 0, limit: int | None = None) -> Sequence[bytes]:
        found = await super().read(run_id, after=after, limit=limit)
        self.entries_read += len(found)
        return found


@pytest.mark.parametrize("flow", [doubling, effects], ids=["plain", "once"])
async def test_a_worker_reads_the_journal_once_and_not_once_an_item(
    flow: Workflow[Any, Any], postgres: str, restate: RestateServer
) -> None:
    inner = ReadsCounted(postgres)
    store = CountingStore(inner)
    dispatch = restate.dispatch(f"items-{uuid.uuid4().hex[:8]}")
    app = Waystation(workflows=[doubling, effects], store=store.as_store(), dispatch=dispatch)
    async with app, app.worker(port=0):
        run = await app.get_workflow(flow).create_run()
        result = await run.start(list(range(ITEMS)))
        entries = len(await inner.read(run.run_id))
        read = inner.entries_read - entries
    assert result.status == "success"
    assert result.result == [number * 2 for number in range(ITEMS)]
    # Its driver reads what others write, and the worker, which is the same process here, what the driver writes.
    assert read <= 2 * entries, "each entry is read once by each of them"
    assert store.calls["read"] < ITEMS, "items that are under way together share a reading"
    assert store.calls["commit"] + store.calls["commit_on_top"] < ITEMS, "and a commit"
