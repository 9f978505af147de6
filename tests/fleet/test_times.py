"""Times on a fleet: whose clock counts, and what becomes of what was due while nothing could be placed."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.conformance.scheduling import Starts, Time, at, scheduler
from tests.conformance.stock import double, won
from tests.fleet.life.places import Place
from waystation import Waystation, open_store, workflow
from waystation.define.schedule import Cron
from waystation.engine.clock import SystemClock
from waystation.errors import NoWorker

pytestmark = pytest.mark.anyio


class Slow(SystemClock):
    """A clock on which half as much time passes."""

    def __init__(self) -> None:
        self._began = super().now()

    def now(self) -> int:
        return self._began + (super().now() - self._began) // 2


async def test_a_call_that_comes_before_its_time_is_made_again_for_what_is_left(here: Place) -> None:
    flow = workflow("flow", input=int, output=int).sleep(timedelta(milliseconds=400)).then(double).commit()
    # It recovers nothing: so it is by the call alone that the run goes on.
    app = Waystation(workflows=[flow], store=here.store, dispatch=here.dispatch, clock=Slow(), recover=False)
    async with asyncio.timeout(30), app, app.worker(port=0, deregister=True):
        run = await app.get_workflow(flow).start_async(2)
        assert won(await run.wait()) == 4


async def test_a_slot_whose_run_cannot_be_placed_stays_due_and_keeps_no_other_from_firing() -> None:
    store = open_store("memory://")
    await store.open()
    starts, time = Starts(store), Time("2026-06-01T09:00:00Z")
    hourly = Cron("0 * * * *")
    made = await scheduler(starts, time, first=hourly, second=hourly)
    starts.fails["first"] = NoWorker("not yet")
    time.at = at("2026-06-01T10:00:00Z")
    with pytest.raises(NoWorker):
        await made.fire_due()
    assert starts.created == ["second@2026-06-01T10:00:00Z"]
    starts.fails.clear()
    assert await made.fire_due() == at("2026-06-01T11:00:00Z")
    assert starts.created[1:] == ["first@2026-06-01T10:00:00Z"]
    await store.close()
