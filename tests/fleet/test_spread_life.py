"""What becomes of spread steps where a worker cannot run them, is closed, or is asked twice."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from tests.fleet.life.places import Place, until
from waystation import Codec, Encryption, StepContext, Waystation, Workflow, step, workflow
from waystation.dispatch.restate import apart
from waystation.dispatch.restate.followed import FollowedRun

pytestmark = pytest.mark.anyio

calls: list[str] = []
gate = asyncio.Event()


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    global gate
    calls.clear()
    gate = asyncio.Event()


@step(placement="spread")
async def held(number: int, ctx: StepContext[None, None]) -> int:
    calls.append(f"{ctx.address} began")
    await gate.wait()
    calls.append(f"{ctx.address} ended")
    return number * 2


@step(placement="spread")
async def double(number: int, ctx: StepContext[None, None]) -> int:
    calls.append(ctx.address)
    return number * 2


@step
async def add_one(number: int) -> int:
    return number + 1


holding = workflow("holding", input=int, output=int).then(held).commit()
doubling = workflow("doubling", input=int, output=int).then(double).commit()
each = workflow("each", input=list[int], output=list[int]).foreach(double, concurrency=5).commit()
first = workflow("skewed", input=int, output=int, version="1").then(double).commit()
second = workflow("skewed", input=int, output=int, version="2").then(double).then(add_one).commit()

ALL: Sequence[Workflow[Any, Any]] = (holding, doubling, each, first)


@asynccontextmanager
async def app_of(
    here: Place, *workflows: Workflow[Any, Any], codec: Codec | None = None, grace: float = 0.0
) -> AsyncGenerator[Waystation]:
    async with Waystation(
        workflows=workflows or ALL,
        store=here.store,
        dispatch=here.dispatch,
        codec=codec,
        grace=timedelta(seconds=grace),
        recover_every=timedelta(milliseconds=50),
    ) as app:
        yield app


async def begun(count: int) -> None:
    """Until so many steps have begun."""

    async def have() -> bool:
        return len([call for call in calls if call.endswith("began")]) >= count

    await until(have, f"{count} steps have begun")


async def test_a_step_that_a_closed_worker_has_cut_off_is_run_by_the_next(here: Place) -> None:
    async with app_of(here) as looking:
        async with app_of(here) as closing, closing.worker(port=here.port, share_port=True):
            run = await looking.get_workflow(holding).start_async(4)
            await begun(1)
        assert await run.status() == "running", "that it was cut off is no failure of the step"
        async with app_of(here) as next_one, next_one.worker(port=here.port, share_port=True):
            await begun(2)
            gate.set()
            result = await run.wait()
    assert result.status == "success"
    assert result.result == 8
    assert calls == ["held began", "held began", "held ended"]


async def test_a_step_whose_version_the_called_worker_does_not_have_is_run_by_its_driver(here: Place) -> None:
    async with app_of(here, first) as old, old.worker(port=0), app_of(here, second) as new, new.worker(port=0):
        # All calls come to the last that was registered.
        run = await old.get_workflow(first).start_async(4)
        async with asyncio.timeout(30):
            result = await run.wait()
    assert result.status == "success"
    assert result.result == 8
    assert calls == ["double"]


async def test_a_step_that_the_called_worker_has_no_key_for_is_run_by_its_driver(here: Place) -> None:
    mine, others = (Codec(encrypt=Encryption(keys={name: Encryption.new_key()}, primary=name)) for name in ("a", "b"))
    async with (
        app_of(here, doubling, codec=mine) as app,
        app.worker(port=0),
        app_of(here, doubling, codec=others) as stranger,
        stranger.worker(port=0),
    ):
        run = await app.get_workflow(doubling).start_async(4)
        async with asyncio.timeout(30):
            result = await run.wait()
    assert result.status == "success"
    assert result.result == 8
    assert calls == ["double"]


@pytest.mark.parametrize("run_id", ["Bestellung № 7/ü#1 🎉", "a b%2Fc?d&e", "x" * 200])
async def test_a_run_may_have_any_id(run_id: str, here: Place) -> None:
    async with app_of(here) as app, app.worker(port=0):
        result = await app.get_workflow(each).start([1, 2, 3], run_id=run_id)
    assert result.status == "success"
    assert result.result == [2, 4, 6]


async def test_a_run_that_has_the_id_of_one_that_was_deleted_gets_results_of_its_own(here: Place) -> None:
    async with app_of(here) as app, app.worker(port=0):
        for number in (1, 2):
            async with asyncio.timeout(20):
                result = await app.get_workflow(doubling).start(number, run_id="again")
            assert result.status == "success"
            assert result.result == number * 2
            await app.delete_run("again")
    assert calls == ["double", "double"]


async def test_a_worker_forgets_runs_of_which_nothing_is_under_way(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "_KEEP_FOR", 0.05)
    followed: list[weakref.ref[FollowedRun]] = []
    make = FollowedRun.__init__

    def made(run: FollowedRun, *given: Any) -> None:
        followed.append(weakref.ref(run))
        make(run, *given)

    monkeypatch.setattr(FollowedRun, "__init__", made)
    async with app_of(here) as app, app.worker(port=0):
        results = await asyncio.gather(*(app.get_workflow(each).start([1, 2, 3]) for _ in range(5)))
        assert {result.status for result in results} == {"success"}

        async def are_forgotten() -> bool:
            gc.collect()
            return not any(ref() for ref in followed)

        assert len(followed) >= 5
        await until(are_forgotten, "no run is remembered")
