"""``restart`` on a fleet: a run that nobody drives is placed, now."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.conformance.stock import add_one, won
from tests.fleet.life.places import Place
from waystation import Waystation, step, workflow

pytestmark = pytest.mark.anyio


async def test_a_run_that_nobody_drives_is_placed_by_restart_and_repeats_nothing(here: Place) -> None:
    calls: list[str] = []
    is_hanging = asyncio.Event()

    @step
    async def first(number: int) -> int:
        calls.append("first")
        return number + 10

    @step
    async def second(number: int) -> int:
        calls.append("second")
        if not is_hanging.is_set():
            is_hanging.set()
            await asyncio.Event().wait()
        return number * 2

    flow = workflow("flow", input=int, output=int).then(first).then(second).then(add_one).commit()
    # No Restate has heard of the run: the app that began it drove it itself.
    async with Waystation(workflows=[flow], store=here.store, grace=timedelta(0)) as alone:
        await alone.get_workflow(flow).start_async(1, run_id="r")
        await is_hanging.wait()
    app = Waystation(workflows=[flow], store=here.store, dispatch=here.dispatch, recover=False)
    async with asyncio.timeout(30), app, app.worker(port=0, deregister=True):
        assert won(await (await app.get_run("r")).restart()) == 23
    assert calls == ["first", "second", "second"]
