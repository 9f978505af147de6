"""``run.restart()``: take a run over now, if the process that drove it is gone."""

from __future__ import annotations

import asyncio

import pytest

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.booking import Books
from tests.conformance.restarted import RUN_ID, app_for, calls, killed_in
from tests.conformance.stock import add_one, ask, recorded, won
from tests.conformance.waiting import in_time, until_status
from waystation import step, workflow
from waystation.core.entries import SleepBegun, StepSucceeded
from waystation.errors import RunIsRunning, RunNotActive, RunNotFound

pytestmark = pytest.mark.anyio

plain = workflow("plain", input=int, output=int).then(add_one).commit()
asking = workflow("asking", input=int, output=int).then(add_one).then(ask).commit()


@behaviour(
    "run",
    "`restart` of a run that a live process drives is refused, in that process and in others.",
    verdict="better",
    model=(65,),
    why="The model runs the step a second time beside the first.",
)
@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_run_that_is_alive_is_not_restarted(elsewhere: bool, place: Place) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()
    calls: list[int] = []

    @step
    async def working(number: int) -> int:
        calls.append(number)
        began.set()
        await go_on.wait()
        return number

    flow = workflow("flow", input=int, output=int).then(working).commit()
    async with in_time(), place.app(flow) as app, place.app(flow) as other:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        await run.start_async(1)
        await began.wait()
        before = await run.journal()
        with pytest.raises(RunIsRunning, match="live process"):
            await (await (other if elsewhere else app).get_run("r1")).restart()
        assert await run.journal() == before
        go_on.set()
        assert won(await run.wait()) == 1
    assert calls == [1]


@behaviour("run", "`restart` of a run that is pending, suspended, or paused is refused.", verdict="same", model=(59,))
async def test_a_run_of_which_nothing_is_under_way_is_not_restarted(place: Place) -> None:
    async with place.app(plain, asking) as app:
        pending = await app.get_workflow(plain).create_run()
        with pytest.raises(RunNotActive, match="is pending"):
            await pending.restart()
        suspended = await app.get_workflow(asking).create_run()
        await suspended.start(1)
        with pytest.raises(RunNotActive, match="is suspended"):
            await suspended.restart()
        paused = await app.get_workflow(asking).create_run()
        await paused.start(1, per_step=True)
        with pytest.raises(RunNotActive, match="is paused"):
            await paused.restart()
        assert won(await suspended.resume(data=1)) == 3, "it is as it was"
        await app.delete_run(pending.run_id)
        with pytest.raises(RunNotFound):
            await pending.restart()


@behaviour("run", "`restart` of a run that has ended gives its result, and runs nothing.", verdict="same", model=(59,))
async def test_restart_of_a_run_that_has_ended_gives_its_result(place: Place) -> None:
    async with place.app(plain) as app:
        run = await app.get_workflow(plain).create_run()
        ended = await run.start(1)
        before = await run.journal()
        assert await run.restart() == ended
        assert await run.journal() == before
        gone = await app.get_workflow(plain).create_run()
        cancelled = await gone.cancel(reason="no")
        assert await gone.restart() == cancelled


@pytest.mark.parametrize(
    ("which", "after", "result", "called"),
    [
        ("sequence", "step-succeeded quick", 12, ["quick", "last", "last"]),
        ("parallel", "step-succeeded quick", {"quick": 2, "last": 11}, ["quick", "last", "last"]),
        (
            "foreach",
            "step-succeeded items[1]/third-hangs",
            [1, 2, 3],
            [f"items[{number}]/third-hangs" for number in (0, 1, 2, 2)],
        ),
        (
            "nested",
            "step-succeeded outer/inner/quick",
            12,
            [f"outer/inner/{name}" for name in ("quick", "last", "last")],
        ),
        ("answered", "step-resumed answered", 12, ["quick", "answered=None", "answered=10", "answered=10"]),
    ],
)
@behaviour(
    "run",
    "`restart` takes over a run whose process was killed, at once: what was done is not done again, also beside a step "
    "that was in flight or among the items of a foreach, and an answer that was given is not lost.",
    verdict="better",
    model=(60, 61, 62, 64),
    why="The model runs all children of a parallel block, and all items of a foreach, again, and loses the answer.",
)
async def test_restart_takes_over_from_a_killed_process_and_repeats_nothing(
    which: str, after: str, result: object, called: list[str], kept: Books
) -> None:
    killed_in(which, kept, after=after, called=called[-1])
    async with in_time(), app_for(which, kept, hang=False) as app:
        run = await app.get_run(RUN_ID)
        assert await run.status() == "running"
        assert won(await run.restart()) == result
    assert sorted(calls(kept.folder)) == sorted(called)


@behaviour(
    "run",
    "`restart` finds that the process is gone by itself: no lease has to run out, no recovery to look.",
    verdict="better",
    model=(60,),
    why="The model has no lease: it cannot tell.",
)
async def test_restart_looks_itself_whether_the_process_is_gone(kept: Books) -> None:
    async with in_time(), app_for("sequence", kept, hang=False) as app:
        await app.list_runs()
        await asyncio.to_thread(killed_in, "sequence", kept, after="step-succeeded quick", called="last")
        assert won(await (await app.get_run(RUN_ID)).restart()) == 12


@behaviour(
    "run",
    "A sleep goes on for its remaining time when its run is restarted.",
    verdict="better",
    model=(63,),
    why="The model sleeps the full time again.",
)
async def test_a_sleep_goes_on_for_its_remaining_time(kept: Books) -> None:
    killed_in("asleep", kept, after="sleep-begun nap/sleep", called="last")
    async with in_time(), app_for("asleep", kept, hang=False) as app:
        run = await app.get_run(RUN_ID)
        (begun,) = await recorded(run, SleepBegun)
        waiting = asyncio.create_task(run.restart())
        await until_status(run, "waiting")
        assert (await run.record()).wake_at == begun.until
        assert [entry.address for entry in await recorded(run, StepSucceeded)] == ["last"]
        assert await recorded(run, SleepBegun) == [begun]
        waiting.cancel()


@behaviour("run", "Of several processes that restart a run at once, one takes it over.", verdict="new")
async def test_of_several_that_restart_a_run_one_takes_it_over(kept: Books) -> None:
    killed_in("sequence", kept, after="step-succeeded quick", called="last")
    async with (
        in_time(),
        app_for("sequence", kept, hang=False) as one,
        app_for("sequence", kept, hang=False) as other,
    ):
        runs = [await app.get_run(RUN_ID) for app in (one, other) for _ in range(3)]
        told = await asyncio.gather(*(run.restart() for run in runs), return_exceptions=True)
        refused = [each for each in told if isinstance(each, BaseException)]
        assert all(isinstance(each, RunIsRunning) for each in refused)
        assert {won(each) for each in told if not isinstance(each, BaseException)} == {12}
        assert len(await recorded(runs[0], StepSucceeded)) == 2
    assert calls(kept.folder).count("last") <= 2
