"""Each misuse is told by an error of its own, in words that help, and nothing is written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeAlias

import pytest

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, ask, lost, recorded, waits_at, won
from tests.conformance.waiting import in_time
from waystation import Cron, Run, Waystation, WaystationError, Workflow, workflow
from waystation.core.entries import SleepBegun
from waystation.errors import (
    AlreadyAnswered,
    AmbiguousSuspension,
    CronNeverFires,
    InvalidConcurrency,
    InvalidCron,
    InvalidDuration,
    InvalidEventData,
    InvalidId,
    InvalidInput,
    InvalidResumeData,
    NotSuspended,
    RunAlreadyExists,
    RunAlreadyStarted,
    RunEnded,
    RunNotActive,
    RunNotFound,
    RunNotPaused,
    StepNotRun,
    UnknownEvent,
    UnknownItem,
    UnknownLabel,
    UnknownSchedule,
    UnknownStep,
    UnknownWorkflow,
)

pytestmark = pytest.mark.anyio


def total(both: dict[str, object]) -> int:
    return sum(int(str(part)) for part in both.values())


flow = (
    workflow("flow", input=int, output=int)
    .parallel([ask.clone(id="a"), ask.clone(id="b")])
    .map(total)
    .wait_for("paid", int)
    .then(add_one.clone(id="last"))
    .commit()
)
single = workflow("single", input=int, output=int).then(ask).commit()

Runs: TypeAlias = dict[str, Run[object, object]]
Call: TypeAlias = Callable[[Waystation, Runs], Awaitable[object]]


async def prepared(app: Waystation) -> Runs:
    """Runs that stand in each way: their ids say how."""
    await app.get_workflow(flow).create_run(run_id="pending")
    assert waits_at(await app.get_workflow(flow).start(1, run_id="two open")) == ["a", "b"]
    assert waits_at(await app.get_workflow(single).start(1, run_id="one open")) == ["ask"]
    await app.get_workflow(single).start(1, run_id="ended")
    won(await (await app.get_run("ended")).resume(data=1, actor="ada"))
    await app.get_workflow(flow).start(1, run_id="one answered")
    await (await app.get_run("one answered")).resume(step="a", data=1)
    return {run.run_id: await app.get_run(run.run_id) for run in (await app.list_runs()).runs}


MISUSES: dict[str, tuple[Call, type[WaystationError], str]] = {
    "an answer to a pending run": (
        lambda _, runs: runs["pending"].resume(data=1),
        NotSuspended,
        "'pending' has no open suspension: it is pending",
    ),
    "an answer to a run that has ended": (
        lambda _, runs: runs["ended"].resume(data=1),
        AlreadyAnswered,
        "answered already by 'ada'; the first answer counts. The run is success",
    ),
    "an answer at a step that is not suspended": (
        lambda _, runs: runs["two open"].resume(step="last", data=1),
        NotSuspended,
        "no open suspension for step='last': it is suspended; it waits at 'a', 'b'",
    ),
    "an answer at a step that was answered": (
        lambda _, runs: runs["one answered"].resume(step="a", data=1),
        AlreadyAnswered,
        "at 'a' was answered already",
    ),
    "an answer at an unknown step": (
        lambda _, runs: runs["one open"].resume(step="aks", data=1),
        UnknownStep,
        "workflow 'single' has no step 'aks'; it has 'ask'",
    ),
    "an answer by an unknown label": (
        lambda _, runs: runs["one open"].resume(label="legal", data=1),
        UnknownLabel,
        "no open suspension with the label 'legal'; it waits at 'ask'",
    ),
    "an answer at an unknown item": (
        lambda _, runs: runs["one open"].resume(item=3, data=1),
        UnknownItem,
        "no open suspension at item 3; it waits at 'ask'",
    ),
    "an answer to an unknown suspension": (
        lambda _, runs: runs["one open"].resume(suspension="one open@99", data=1),
        NotSuspended,
        "no open suspension for suspension='one open@99'",
    ),
    "an answer that names none of several": (
        lambda _, runs: runs["two open"].resume(data=1),
        AmbiguousSuspension,
        "waits for several answers: at 'a', 'b'; name one with step=",
    ),
    "an answer that does not fit": (
        lambda _, runs: runs["one open"].resume(data="many"),
        InvalidResumeData,
        "workflow 'single', at 'ask'",
    ),
    "a start of a started run": (
        lambda _, runs: runs["one open"].start(1),
        RunAlreadyStarted,
        "was started already and is suspended; a run starts once",
    ),
    "a start of a run that has ended": (
        lambda _, runs: runs["ended"].start(1),
        RunAlreadyStarted,
        "was started already and is success",
    ),
    "a start with bad input": (
        lambda _, runs: runs["pending"].start("one"),
        InvalidInput,
        "workflow 'flow', at 'input'",
    ),
    "a run of an id that is taken": (
        lambda app, _: app.get_workflow(flow).create_run(run_id="pending"),
        RunAlreadyExists,
        "'pending'",
    ),
    "a run of an id that cannot be": (
        lambda app, _: app.get_workflow(flow).create_run(run_id=""),
        InvalidId,
        "1 to 200 printable characters",
    ),
    "a run that is not there": (lambda app, _: app.get_run("nobody"), RunNotFound, "there is no run 'nobody'"),
    "an event for an unknown run": (
        lambda app, runs: Run(app, flow, "nobody").send_event("paid", 1),
        RunNotFound,
        "there is no run 'nobody'",
    ),
    "an event that the workflow does not wait for": (
        lambda _, runs: runs["two open"].send_event("payed", 1),
        UnknownEvent,
        "workflow 'flow' waits for no event 'payed'; it waits for 'paid'",
    ),
    "an event that nobody waits for": (
        lambda app, _: app.send_event("payed", 1),
        UnknownEvent,
        "no registered workflow waits for the event 'payed'",
    ),
    "an event whose data does not fit": (
        lambda _, runs: runs["two open"].send_event("paid", "much"),
        InvalidEventData,
        "workflow 'flow', at 'paid'",
    ),
    "a fork from a step that did not run": (
        lambda _, runs: runs["two open"].fork("last"),
        StepNotRun,
        "step 'last' has not run in run 'two open'; a fork begins at a step that has",
    ),
    "a fork from an unknown step": (
        lambda _, runs: runs["two open"].fork("lats"),
        UnknownStep,
        "workflow 'flow' has no step 'lats'; it has 'a', 'b', 'last'",
    ),
    "proceeding with a run that is not paused": (
        lambda _, runs: runs["one open"].proceed(),
        RunNotPaused,
        "is suspended, not paused; only a run started with per_step=True",
    ),
    "restarting a parked run": (lambda _, runs: runs["one open"].restart(), RunNotActive, "is suspended"),
    "deleting what is not there": (lambda app, _: app.delete_run("nobody"), RunNotFound, "there is no run 'nobody'"),
    "pausing an unknown schedule": (
        lambda app, _: app.pause_schedule("daily"),
        UnknownSchedule,
        "this app has no schedule 'daily'; it has: none",
    ),
}


@pytest.mark.parametrize("which", MISUSES)
@behaviour(
    "run",
    "Each misuse of a run gives a typed error of its own that names what is there instead, and nothing is written.",
    verdict="better",
    model=(34, 36, 47, 49, 54),
    why="The model ignores an unknown label or item, runs a started run again, and has one plain Error for the rest.",
)
async def test_each_misuse_is_told_by_an_error_of_its_own_and_writes_nothing(which: str, place: Place) -> None:
    misuse, error, words = MISUSES[which]
    async with in_time(), place.app(flow, single) as app:
        runs = await prepared(app)
        before = {run_id: (await run.journal(), await run.record()) for run_id, run in runs.items()}
        with pytest.raises(error) as caught:
            await misuse(app, runs)
        assert type(caught.value) is error
        assert words in caught.value.message
        assert {run_id: (await run.journal(), await run.record()) for run_id, run in runs.items()} == before
        assert {run.run_id for run in (await app.list_runs()).runs} == set(runs)


@behaviour("run", "An unknown workflow is told with those there are.", verdict="same")
async def test_an_unknown_workflow_is_told_with_those_there_are(place: Place) -> None:
    async with place.app(flow, single) as app:
        with pytest.raises(
            UnknownWorkflow, match="'fluw' is not registered with this app; registered: 'flow', 'single'"
        ):
            app.get_workflow("fluw")


@behaviour("events", "An event for a run that has ended is refused, and not recorded.", verdict="new")
async def test_an_event_for_a_run_that_has_ended_is_refused(place: Place) -> None:
    async with in_time(), place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start(1)
        await run.cancel()
        before = await run.journal()
        with pytest.raises(RunEnded, match="is cancelled; it takes no event any more"):
            await run.send_event("paid", 1)
        assert await run.journal() == before


@pytest.mark.parametrize(
    ("define", "error", "words"),
    [
        (lambda: Cron("0 0 30 2 *"), CronNeverFires, r"'0 0 30 2 \*'.*no time that ever comes"),
        (lambda: Cron("61 * * * *"), InvalidCron, r"'61 \* \* \* \*'"),
        (lambda: Cron("* * * *"), InvalidCron, "five fields"),
        (lambda: Cron("* * * * *", tz="Europe/Atlantis"), InvalidCron, "Europe/Atlantis"),
        (
            lambda: workflow("x", input=int, output=int).sleep(timedelta(seconds=-1)).commit(),
            InvalidDuration,
            "give zero or more",
        ),
        (
            lambda: workflow("x", input=list[int], output=list[int]).foreach(add_one, concurrency=0).commit(),
            InvalidConcurrency,
            "1 or more",
        ),
        (
            lambda: workflow("x", input=int, output=int).wait_for("paid", int, timeout=timedelta(0)).commit(),
            InvalidDuration,
            "timeout",
        ),
    ],
    ids=[
        "cron that never fires",
        "cron that is none",
        "cron of four fields",
        "unknown time zone",
        "negative sleep",
        "concurrency 0",
        "timeout 0",
    ],
)
@behaviour(
    "data",
    "What cannot be is refused where it is written: a cron that never fires, a negative sleep, a concurrency of 0.",
    verdict="better",
    model=(81,),
    why="In the model a negative sleep goes on at once.",
)
def test_what_cannot_be_is_refused_in_the_definition(
    define: Callable[[], object], error: type[WaystationError], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        define()
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("which", "code"),
    [
        ("negative sleep", "negative_sleep"),
        ("time without a zone", "step_failed"),
        ("concurrency 0", "bad_concurrency"),
    ],
)
@behaviour(
    "data",
    "What a function of the graph gives and cannot be fails its run by an error of its own; nothing goes on.",
    verdict="better",
    model=(81,),
    why="In the model a negative sleep goes on at once.",
)
async def test_what_a_function_gives_and_cannot_be_fails_the_run(which: str, code: str, place: Place) -> None:
    begin = workflow("flow", input=int, output=int)
    made: dict[str, Workflow[int, int]] = {
        "negative sleep": begin.sleep(lambda number: timedelta(seconds=-number), id="node").commit(),
        "time without a zone": begin.sleep_until(lambda number: datetime(2030, 1, number), id="node").commit(),  # noqa: DTZ001  (the point)
        "concurrency 0": begin.map(lambda number: [number], output=list[int])
        .foreach(add_one, concurrency=lambda numbers: 0, id="node")
        .map(lambda numbers: numbers[0], output=int)
        .commit(),
    }
    async with in_time(), place.app(made[which]) as app:
        run = await app.get_workflow("flow").create_run()
        error = lost(await run.start(1))
        assert (error.code, error.address) == (code, "node")
        assert "'node'" in error.message
        assert await recorded(run, SleepBegun) == []
