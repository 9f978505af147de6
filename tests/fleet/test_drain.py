"""A worker that is told to end lets what is in flight end, and hands its runs over."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from contextlib import suppress
from datetime import timedelta

import httpx
import pytest

from tests.fleet.life.places import Place
from tests.fleet.life.shop import WORKFLOWS
from waystation import Waystation, step, workflow
from waystation.dispatch.restate.placed import PlacedRuns
from waystation.engine.leases import Lease

pytestmark = pytest.mark.anyio


async def test_a_worker_that_is_told_to_end_hands_its_runs_over_and_nothing_is_done_twice(here: Place) -> None:
    one = await here.worker("one").ready()
    async with Waystation(workflows=WORKFLOWS, store=here.store, dispatch=here.dispatch) as app:
        runs = [await app.get_workflow("holding").start_async("soon") for _ in range(10)]
        stubborn = [await app.get_workflow("holding").start_async("late") for _ in range(3)]
        await here.until_lines(13, "held began")
        await here.worker("two").ready()

        one.tell(signal.SIGTERM)
        await one.until_logged("handing over")
        here.open_gate("soon")  # these end in the time of grace; the others are cancelled, and run again elsewhere
        assert await one.ended() == 0, one.logged()
        await here.until_lines(3, "two")
        here.open_gate("late")
        results = [await run.wait() for run in [*runs, *stubborn]]

    assert [result.status for result in results] == ["success"] * 13
    ended = Counter(line.split(" ", 1)[1] for line in here.lines("ended"))
    steps = ("first", "held", "last")
    assert ended == {f"{run.run_id} {step} ended": 1 for run in [*runs, *stubborn] for step in steps}
    for run in runs:
        assert here.lines(run.run_id) == [
            f"{worker} {run.run_id} {step} {what}"
            for worker, step in (("one", "first"), ("one", "held"), ("two", "last"))
            for what in ("began", "ended")
        ]
    assert "Traceback" not in one.logged()


async def test_a_worker_with_an_address_of_its_own_is_forgotten_and_its_runs_go_to_another_address(here: Place) -> None:
    await here.worker("one", port=0).ready()
    two = await here.worker("two", "--deregister", port=0).ready()  # it registered last: all calls go to it
    async with Waystation(workflows=WORKFLOWS, store=here.store, dispatch=here.dispatch) as app:
        run = await app.get_workflow("holding").start_async("late")
        await here.until_lines(1, "two")
        await here.until_lines(1, "held began")
        two.tell(signal.SIGINT)
        assert await two.ended() == 0, two.logged()
        await here.until_lines(1, "one")
        here.open_gate("late")
        assert (await run.wait()).status == "success"
    done = [("two", "first"), ("one", "held"), ("one", "last")]
    assert here.lines("ended") == [f"{worker} {run.run_id} {step} ended" for worker, step in done]
    async with httpx.AsyncClient() as http:
        listed = (await http.get(f"{here.restate.admin}/deployments")).json()["deployments"]
    assert two.said["deployment_id"] not in [each["id"] for each in listed]


async def test_the_calls_of_a_worker_that_ends_are_made_again_once_its_runs_are_anyones(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before that, the worker that is called next would find them taken, and would wait."""
    begun, called_again, handed_over, gate = (asyncio.Event() for _ in range(4))

    @step
    async def stays(number: int) -> int:
        begun.set()
        await gate.wait()
        return number

    flow = workflow("staying", input=int, output=int).then(stays).commit()
    ending, next_one = (
        Waystation(workflows=[flow], store=here.store, dispatch=here.dispatch, grace=timedelta(milliseconds=50))
        for _ in range(2)
    )
    owners: list[str | None] = []
    release, called = Lease.release, PlacedRuns.called

    async def slowly(lease: Lease) -> None:
        if not handed_over.is_set():  # only the ending worker's first; Restate calls again after some 0.1 s
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await called_again.wait()
            handed_over.set()
        await release(lease)

    async def noted(placed: PlacedRuns, run_id: str) -> str:
        record = await next_one.store.get_run(run_id)
        assert record is not None
        owners.append(record.owner)
        if held_by:
            called_again.set()
        return await called(placed, run_id)

    held_by: list[str | None] = []
    monkeypatch.setattr(Lease, "release", slowly)
    monkeypatch.setattr(PlacedRuns, "called", noted)
    # Else who has room may drive the run before a call of it comes, at the start as at the end.
    monkeypatch.setattr(PlacedRuns, "_drive_uncalled", lambda *_: False)
    async with asyncio.timeout(60), next_one, next_one.worker(port=0):
        async with ending, ending.worker(port=0, deregister=True):  # it registers last: it is called
            run = await next_one.get_workflow(flow).start_async(1, run_id="r1")
            await begun.wait()
            record = await next_one.store.get_run("r1")
            assert record is not None
            held_by.append(record.owner)
        await called_again.wait()
        gate.set()
        assert (await run.wait()).status == "success"
    assert held_by != [None]
    assert held_by[0] not in owners, "it was called while it was the ending worker's"
