"""Restate makes only so many calls at a time: runs that wait for room keep no step that runs apart from being made."""

from __future__ import annotations

import asyncio

import pytest

from tests.restate_server import RestateServer
from waystation import Waystation, step, workflow

pytestmark = pytest.mark.anyio


@step(placement="spread")
async def away(number: int) -> int:
    return number + 1


spread = workflow("spread", input=int, output=int).then(away).commit()

RUNS = 60


async def test_runs_that_wait_for_room_leave_restates_slots_to_the_steps_of_those_that_have_it(postgres: str) -> None:
    restate = RestateServer()
    settings = restate.folder / "restate.toml"
    settings.write_text(settings.read_text() + "[worker.invoker]\nconcurrent-invocations-limit = 5\n")
    with restate:
        app = Waystation(workflows=[spread], store=postgres, dispatch=restate.dispatch())
        async with app, app.worker(port=0, runs=2), asyncio.timeout(60):
            runs = [await app.get_workflow(spread).start_async(number) for number in range(RUNS)]
            assert [(await run.wait()).status for run in runs] == ["success"] * RUNS
