"""A worker that has room drives runs that were called where there is none."""

from __future__ import annotations

import pytest

from tests.fleet.life.places import Place, until
from tests.fleet.life.shop import WORKFLOWS
from waystation import Waystation

pytestmark = pytest.mark.anyio


async def test_runs_that_wait_for_room_at_one_worker_are_driven_by_another_and_their_calls_end(here: Place) -> None:
    await here.worker("one", "--runs", "2").ready()
    async with Waystation(workflows=WORKFLOWS, store=here.store, dispatch=here.dispatch, recover=False) as app:
        first = [await app.get_workflow("holding").start_async("late") for _ in range(2)]
        await here.until_lines(2, "held began")
        # Calls go on connections that there are; so these come to the worker that is full.
        others = [await app.get_workflow("holding").start_async("soon") for _ in range(4)]
        here.open_gate("soon")

        await here.worker("two", "--runs", "3").ready()

        assert [(await run.wait()).status for run in others] == ["success"] * 4
        assert here.lines("one") == [line for line in here.lines("one") if any(run.run_id in line for run in first)]
        here.open_gate("late")
        assert [(await run.wait()).status for run in first] == ["success"] * 2

        async def nothing_is_called() -> bool:
            return not await here.invocations()

        await until(nothing_is_called, "no call is under way")
    assert sorted(here.lines("ended")) == sorted(
        f"{worker} {run.run_id} {step} ended"
        for worker, runs in (("one", first), ("two", others))
        for run in runs
        for step in ("first", "held", "last")
    )
