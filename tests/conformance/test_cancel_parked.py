"""A parked run that is cancelled: there is nobody to tell, and it ends at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.conformance.apps import OwnTime, Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, ask
from tests.conformance.test_cancel import never, reason_of
from tests.conformance.waiting import in_time, until_status
from waystation import Retry, Workflow, workflow
from waystation.errors import NotSuspended, RunEnded

pytestmark = pytest.mark.anyio


def two(number: int) -> list[int]:
    return [number, number + 1]


inner = workflow("inner", input=int, output=int).then(add_one).then(ask).commit()
AT_REST: dict[str, tuple[Workflow[int, Any], str]] = {
    "suspended": (workflow("flow", input=int, output=int).then(ask).then(never).commit(), "suspended"),
    "suspended in nested workflows": (
        workflow("flow", input=int, output=int)
        .then(workflow("outer", input=int, output=int).then(inner).commit())
        .then(never)
        .commit(),
        "suspended",
    ),
    "suspended at several": (
        workflow("flow", input=int, output=dict[str, int]).parallel([ask, inner]).commit(),
        "suspended",
    ),
    "suspended in a loop": (
        workflow("flow", input=int, output=int).do_until(ask, lambda number: number > 99).then(never).commit(),
        "suspended",
    ),
    "suspended at items": (
        workflow("flow", input=int, output=list[int]).map(two).foreach(ask, concurrency=2).commit(),
        "suspended",
    ),
    "asleep": (workflow("flow", input=int, output=int).sleep(timedelta(days=30)).then(never).commit(), "waiting"),
    "waiting for an event": (
        workflow("flow", input=int, output=int).wait_for("paid", int).then(never).commit(),
        "waiting",
    ),
    "waiting for an event until a time": (
        workflow("flow", input=int, output=int)
        .wait_for("paid", int, timeout=timedelta(days=1), default=0)
        .then(never)
        .commit(),
        "waiting",
    ),
    "waiting to be tried again": (
        workflow("flow", input=int, output=int, retry=Retry(initial=timedelta(days=1))).then(never).commit(),
        "waiting",
    ),
}


@pytest.mark.parametrize("elsewhere", [False, True], ids=["same app", "after a restart"])
@pytest.mark.parametrize("which", AT_REST)
@behaviour(
    "run",
    "A run that is parked ends at once when it is cancelled: suspended at whatever depth, asleep, waiting for an event "
    "or for its next attempt; also after a restart.",
    verdict="better",
    model=(13, 56),
    why="The model leaves the rows of nested workflows suspended.",
)
async def test_a_parked_run_that_is_cancelled_ends_at_once(which: str, elsewhere: bool, place: Place) -> None:
    flow, status = AT_REST[which]
    clock = OwnTime()
    async with in_time():
        async with place.app(flow, clock=clock) as app:
            run = await app.get_workflow("flow").create_run(run_id="r1")
            await run.start_async(1)
            await until_status(run, status)
            if not elsewhere:
                assert reason_of(await run.cancel(reason="enough")) == "enough"
        async with place.app(flow, clock=clock) as app:
            again = await app.get_run("r1")
            assert reason_of(await again.cancel(reason="enough")) == "enough"
            assert await app.pending() == []
            before = await again.journal()
            with pytest.raises(NotSuspended, match="cancelled"):
                await again.resume(data=1)
            clock.move(timedelta(days=40))
            assert await again.status() == "cancelled"
            assert await again.journal() == before


@behaviour(
    "run",
    "A run that is cancelled before it was started ends, and cannot be started any more.",
    verdict="better",
    model=(57,),
    why="In the model the start is accepted, and gives `canceled`.",
)
async def test_a_pending_run_that_is_cancelled_cannot_be_started(place: Place) -> None:
    flow = workflow("flow", input=int, output=int).then(never).commit()
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert reason_of(await run.cancel(reason="not needed")) == "not needed"
        assert await run.status() == "cancelled"
        with pytest.raises(RunEnded, match="cancelled before it was started"):
            await run.start(1)
