"""A worker that reads a run too early to find the step that it is to run there loses nothing."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests.fleet.life.places import Place
from waystation import Waystation, step, workflow
from waystation.dispatch.restate.apart import StepApart

pytestmark = pytest.mark.anyio

ran: Counter[int] = Counter()


@step
async def numbers(count: int) -> list[int]:
    return list(range(count))


@step(placement="spread")
async def spread(number: int) -> int:
    ran[number] += 1
    return number


many = workflow("many", input=int, output=list[int]).then(numbers).foreach(spread, concurrency=4).commit()


async def test_a_step_of_which_a_worker_says_too_early_that_it_is_over_is_run_by_the_driver(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran.clear()
    asked = StepApart.is_to_run

    async def too_early(apart: StepApart) -> bool:
        return await asked(apart) and not ran  # of those that are asked for at first only one is found

    monkeypatch.setattr(StepApart, "is_to_run", too_early)
    app = Waystation(workflows=[many], store=here.store, dispatch=here.dispatch)
    async with app, app.worker(port=0), asyncio.timeout(30):
        result = await app.get_workflow(many).start(12)
    assert result.status == "success"
    assert result.result == list(range(12))
    assert ran == Counter(range(12))
