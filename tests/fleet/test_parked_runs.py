"""What a parked run holds on a fleet: nothing in its worker, and in Restate no call, but for one that is to come."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.conformance.behaviours import behaviour
from tests.conformance.stock import ask, comes_to, waits
from tests.fleet.life.places import Place, until
from waystation import Waystation, workflow

pytestmark = [pytest.mark.anyio, pytest.mark.fleet]

MANY = 20

asking = workflow("asking", input=int, output=int).then(ask).commit()
sleeping = workflow("sleeping", input=int, output=int).sleep(timedelta(days=30)).commit()


@behaviour("suspend", "A parked run holds no task", verdict="better", why="resumed runs stay in memory")
async def test_a_parked_run_holds_no_task_and_no_call(here: Place) -> None:
    app = Waystation(workflows=[asking, sleeping], store=here.store, dispatch=here.dispatch)
    async with app, app.worker(port=0, deregister=True):
        for _ in range(MANY):
            waits(await app.get_workflow(asking).start(1))
            await comes_to(await app.get_workflow(sleeping).start_async(1), "waiting")
        calls: list[dict[str, Any]] = []

        async def are_at_rest() -> bool:
            calls[:] = await here.invocations()
            return all(call["status"] == "scheduled" for call in calls)

        await until(are_at_rest, "no call is under way")
        assert len(calls) == MANY, "those that sleep are called when their time comes, and those that ask are not"
        assert [task for task in asyncio.all_tasks() if "run" in task.get_name().split()] == []
