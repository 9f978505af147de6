"""What an app does for the runs it drives itself: it comes back to them, and they leave room for others."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from tests.conformance.apps import OwnTime, Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import comes_to, double
from waystation import Waystation, step, workflow

pytestmark = pytest.mark.anyio


@behaviour("run", "An app that takes over no runs comes back to its own when their time has come", verdict="new")
async def test_an_app_that_recovers_nothing_wakes_the_runs_it_put_to_sleep(place: Place) -> None:
    clock = OwnTime()
    flow = workflow("flow", input=int, output=int).sleep(timedelta(hours=1)).then(double).commit()
    store = await place.store()
    async with Waystation(
        workflows=[flow], store=store, clock=clock, recover=False, recover_every=timedelta(milliseconds=20)
    ) as app:
        run = await app.get_workflow(flow).start_async(2)  # and nobody waits for it
        await comes_to(run, "waiting")
        clock.move(timedelta(hours=1))
        await comes_to(run, "success")


@behaviour("run", "A run whose steps never wait gives way to what else goes on in the process", verdict="new")
async def test_a_run_that_never_waits_gives_way_to_others(place: Place) -> None:
    turns = 60
    done = 0

    @step
    async def busy(n: int) -> int:
        nonlocal done
        time.sleep(0.001)  # noqa: ASYNC251  (so that the whole is longer than any run may go on without a pause)
        done += 1
        return n + 1

    flow = workflow("flow", input=int, output=int).do_until(busy, lambda n: n >= turns).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).start_async(0)
        while not done:
            await asyncio.sleep(0)
        assert done < turns, "nobody else had a turn before the run was over"
        assert (await run.wait()).status == "success"
