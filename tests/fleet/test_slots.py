"""How many runs and steps are under way at once: Restate makes only so many calls at a time, and a worker has only so
much room."""

from __future__ import annotations

import asyncio

import pytest

from tests.fleet.life.places import Place
from tests.restate_server import RestateServer
from waystation import StepContext, Waystation, step, workflow

pytestmark = pytest.mark.anyio


@step(placement="spread")
async def away(number: int) -> int:
    return number + 1


class Together:
    """How many are under way at once."""

    def __init__(self) -> None:
        self.now = self.most = 0


together = Together()


@step(placement="spread")
async def counted(number: int, ctx: StepContext[None, None]) -> int:
    together.now += 1
    together.most = max(together.most, together.now)
    for turn in range(20):
        await ctx.once(f"turn {turn}", lambda: None)  # it takes as long as others take to come
    together.now -= 1
    return number


many = workflow("many", input=list[int], output=list[int]).foreach(counted, concurrency=8).commit()
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


async def test_a_worker_runs_no_more_steps_of_runs_at_once_than_it_has_room_for(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "most", 0)
    app = Waystation(workflows=[many], store=here.store, dispatch=here.dispatch)
    async with app, app.worker(port=0, steps=2), asyncio.timeout(60):
        result = await app.get_workflow(many).start(list(range(8)))
    assert result.status == "success"
    assert result.result == list(range(8))
    assert together.most == 2
