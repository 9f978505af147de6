"""``.parallel``: steps and workflows side by side."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from typing_extensions import TypedDict

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, ask, double, fail, lost, recorded, until, waits_at, won
from waystation import StepContext, step, workflow
from waystation.core.entries import StepFailed, StepSucceeded
from waystation.errors import NotSuspended

pytestmark = pytest.mark.anyio


class Both(TypedDict):
    left: int
    right: int


@step
async def left(number: int) -> int:
    return number + 1


@step
def right(number: int) -> int:
    return number + 2


@step
async def add(both: Both) -> int:
    return both["left"] + both["right"]


@behaviour("flow", "A sync and an async step run side by side", verdict="same", model=(6,))
async def test_a_sync_and_an_async_step_side_by_side_both_end(place: Place) -> None:
    flow = workflow("flow", input=int, output=int).parallel([left, right]).then(add).commit()
    async with place.app(flow) as app:
        results = await asyncio.gather(*(app.get_workflow(flow).start(number) for number in range(40)))
    assert [won(result) for result in results] == [2 * n + 3 for n in range(40)]


@behaviour("flow", "Steps of a parallel really run at the same time", verdict="same", model=(6,))
async def test_steps_side_by_side_really_are(place: Place) -> None:
    met = asyncio.Barrier(3)

    @step
    async def wait(number: int) -> int:
        await met.wait()
        return number

    three = [wait.clone(id=name) for name in "abc"]
    flow = workflow("flow", input=int, output=dict[str, int]).parallel(three).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) == {"a": 1, "b": 1, "c": 1}


@behaviour(
    "flow",
    "A parallel's output is keyed by step id, in the order of the definition, whichever ends first",
    verdict="same",
    model=(6,),
)
async def test_the_keys_come_in_the_order_of_the_definition_whichever_ends_first(place: Place) -> None:
    second_ended = asyncio.Event()

    @step
    async def slow(number: int) -> int:
        await second_ended.wait()
        return number

    @step
    async def quick(number: int) -> int:
        second_ended.set()
        return number

    flow = workflow("flow", input=int, output=dict[str, int]).parallel([slow, quick]).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        result = won(await run.start(1))
        assert [entry.address for entry in await recorded(run, StepSucceeded)] == ["quick", "slow"]
    assert list(result) == ["slow", "quick"]


@behaviour("flow", "What follows a parallel begins when all of its steps have ended", verdict="same", model=(6,))
async def test_the_next_step_begins_only_when_all_have_ended(place: Place) -> None:
    ended: list[str] = []
    slow_may_end = asyncio.Event()

    @step
    async def quick(number: int) -> int:
        ended.append("quick")
        return number

    @step
    async def slow(number: int) -> int:
        await slow_may_end.wait()
        ended.append("slow")
        return number

    @step
    async def after(parts: dict[str, int]) -> int:
        ended.append("after")
        return sum(parts.values())

    flow = workflow("flow", input=int, output=int).parallel([quick, slow]).then(after).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(1)
        await until(run.events(), "step-succeeded", "quick")
        assert ended == ["quick"]
        slow_may_end.set()
        assert won(await run.wait()) == 2
    assert ended == ["quick", "slow", "after"]


@behaviour(
    "flow",
    "Steps side by side never share a mutable input",
    verdict="better",
    model=(80,),
    why="a change that one step makes to its input is seen by the others",
)
@pytest.mark.parametrize("given_by_a_step", [False, True])
async def test_steps_side_by_side_never_share_a_mutable_input(place: Place, *, given_by_a_step: bool) -> None:
    @step
    async def give(numbers: list[int]) -> list[int]:
        return numbers

    @step
    async def spoil(numbers: list[int]) -> list[int]:
        numbers.append(7)
        await asyncio.sleep(0)
        return numbers

    beginning = workflow("flow", input=list[int], output=dict[str, list[int]])
    before = beginning.then(give) if given_by_a_step else beginning
    flow = before.parallel([spoil.clone(id="a"), spoil.clone(id="b")]).commit()
    given = [1]
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(given)) == {"a": [1, 7], "b": [1, 7]}
    assert given == [1]


@behaviour(
    "flow",
    "When one of several steps fails, the others end and are recorded, then the run fails",
    verdict="same",
    model=(7,),
)
async def test_when_one_fails_its_siblings_end_and_are_recorded_and_the_run_fails(place: Place) -> None:
    failed = asyncio.Event()

    @step
    async def bad(_: int) -> int:
        failed.set()
        raise ValueError("no")

    @step
    async def slow(number: int) -> int:
        await failed.wait()
        return number

    @step
    async def after(_: dict[str, int]) -> int:
        raise AssertionError("what comes after a failed block never runs")

    flow = workflow("flow", input=int, output=int).parallel([bad, slow]).then(after).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        error = lost(await run.start(1))
        assert (error.address, error.type, error.message) == ("bad", "ValueError", "no")
        assert [entry.address for entry in await recorded(run, StepFailed)] == ["bad"]
        assert [entry.address for entry in await recorded(run, StepSucceeded)] == ["slow"]


@behaviour("flow", "When several steps fail, the run fails with the first error", verdict="same", model=(7,))
async def test_when_several_fail_the_first_error_is_the_runs(place: Place) -> None:
    first_failed = asyncio.Event()

    @step
    async def later(number: int) -> int:
        await first_failed.wait()
        raise LookupError("second")

    @step
    async def sooner(number: int) -> int:
        first_failed.set()
        raise ValueError("first")

    flow = workflow("flow", input=int, output=dict[str, int]).parallel([later, sooner]).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert lost(await run.start(1)).address == "sooner"
        assert [entry.address for entry in await recorded(run, StepFailed)] == ["sooner", "later"]


@behaviour(
    "flow",
    "When a step of a parallel fails, a workflow beside it still runs all of its steps",
    verdict="same",
    model=(7,),
)
async def test_a_workflow_beside_a_failure_runs_to_its_end(place: Place) -> None:
    failed = asyncio.Event()

    @step
    async def bad(number: int) -> int:
        failed.set()
        raise ValueError("no")

    @step
    async def slow(number: int) -> int:
        await failed.wait()
        return number

    inner = workflow("inner", input=int, output=int).then(slow).then(add_one).then(double).commit()
    flow = workflow("flow", input=int, output=dict[str, int]).parallel([bad, inner]).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert lost(await run.start(1)).address == "bad"
        assert [entry.address for entry in await recorded(run, StepSucceeded)] == [
            "inner/slow",
            "inner/add-one",
            "inner/double",
        ]


@behaviour("flow", "With allow_failure=True a failed step's output is None and the run goes on", verdict="same")
async def test_a_failure_that_is_allowed_gives_none(place: Place) -> None:
    @step
    async def look(parts: dict[str, int | None]) -> list[int | None]:
        return list(parts.values())

    flow = (
        workflow("flow", input=int, output=list[int | None])
        .parallel([add_one, fail, double, fail.clone(id="fail-too")], allow_failure=True)
        .then(look)
        .commit()
    )
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert won(await run.start(3)) == [4, None, 6, None]
        assert [entry.address for entry in await recorded(run, StepFailed)] == ["fail", "fail-too"]


@behaviour("flow", "With allow_failure=True a run goes on though every step of the parallel failed", verdict="same")
async def test_all_may_fail_where_failure_is_allowed(place: Place) -> None:
    flow = (
        workflow("flow", input=int, output=dict[str, int | None])
        .parallel([fail, fail.clone(id="again")], allow_failure=True)
        .commit()
    )
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) == {"fail": None, "again": None}


@behaviour("flow", "A workflow in a parallel may fail where failure is allowed: its output is None", verdict="same")
async def test_the_failure_of_a_nested_workflow_may_be_allowed(place: Place) -> None:
    inner = workflow("inner", input=int, output=dict[str, int]).parallel([fail, add_one]).commit()
    flow = workflow("flow", input=int, output=dict[str, object]).parallel([inner, double], allow_failure=True).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert won(await run.start(2)) == {"inner": None, "double": 4}
        assert "inner/add-one" in [entry.address for entry in await recorded(run, StepSucceeded)]


@behaviour(
    "flow",
    "A suspension beside an allowed failure stays open, and the run goes on when it is answered",
    verdict="same",
)
async def test_a_suspension_beside_an_allowed_failure_stays_open(place: Place) -> None:
    flow = workflow("flow", input=int, output=dict[str, int | None]).parallel([fail, ask], allow_failure=True).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        assert waits_at(await run.start(1)) == ["ask"]
    async with place.app(flow) as app:
        assert won(await (await app.get_run("r1")).resume(data=5)) == {"fail": None, "ask": 6}


@behaviour(
    "flow",
    "When one step fails and one suspends, the run fails and the suspension is closed",
    verdict="same",
    model=(8,),
)
@pytest.mark.parametrize("fails_first", [False, True])
async def test_a_failing_sibling_closes_an_open_suspension(fails_first: bool, place: Place) -> None:
    opened, failed = asyncio.Event(), asyncio.Event()

    @step(suspend=str, resume=int)
    async def wait_for_it(number: int, ctx: StepContext[str, int]) -> int:
        opened.set()
        if fails_first:
            await failed.wait()
        await ctx.suspend("?")

    @step
    async def bad(number: int) -> int:
        if not fails_first:
            await opened.wait()
        failed.set()
        raise ValueError("no")

    flow = workflow("flow", input=int, output=dict[str, int]).parallel([wait_for_it, bad]).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert lost(await run.start(1)).address == "bad"
        assert await app.pending() == []
        with pytest.raises(NotSuspended):
            await run.resume(data=1)


@behaviour("flow", "Workflows may stand in a parallel, and hold parallels of their own", verdict="same", model=(6, 20))
async def test_workflows_side_by_side_hold_parallels_of_their_own(place: Place) -> None:
    met = asyncio.Barrier(4)

    @step
    async def meet(number: int) -> int:
        await met.wait()
        return number

    one = workflow("one", input=int, output=dict[str, int]).parallel([meet.clone(id="a"), meet.clone(id="b")]).commit()
    flow = workflow("flow", input=int, output=dict[str, dict[str, int]]).parallel([one, one.clone(id="two")]).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert won(await run.start(1)) == {"one": {"a": 1, "b": 1}, "two": {"a": 1, "b": 1}}
        ran = {entry.address for entry in await recorded(run, StepSucceeded)}
    assert ran == {"one/a", "one/b", "two/a", "two/b"}


@behaviour("flow", "A parallel follows a parallel, and each of its steps takes the whole output", verdict="same")
async def test_a_parallel_after_a_parallel_is_given_its_output(place: Place) -> None:
    flow = (
        workflow("flow", input=int, output=dict[str, int])
        .parallel([left, right])
        .parallel([add, add.clone(id="add-too")])
        .commit()
    )
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) == {"add": 5, "add-too": 5}


@behaviour(
    "flow",
    "After a restart the finished steps of a parallel do not run again",
    verdict="better",
    model=(61,),
    why="all steps of the block run again, also those that had succeeded",
)
async def test_after_a_restart_the_finished_siblings_do_not_run_again(place: Place) -> None:
    ran: list[str] = []
    stuck = asyncio.Event()

    @step
    async def quick(number: int) -> int:
        ran.append("quick")
        return number

    @step
    async def slow(number: int) -> int:
        ran.append("slow")
        await stuck.wait()
        return number

    flow = workflow("flow", input=int, output=dict[str, int]).parallel([quick, slow]).commit()
    async with place.app(flow, grace=timedelta(0)) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        await run.start_async(1)
        await until(run.events(), "step-succeeded", "quick")
    stuck.set()
    async with place.app(flow) as app:
        assert won(await (await app.get_run("r1")).wait()) == {"quick": 1, "slow": 1}
    assert sorted(ran) == ["quick", "slow", "slow"]
