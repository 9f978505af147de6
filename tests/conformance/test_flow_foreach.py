"""``.foreach``: one step for each item of a list."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, ask, double, lost, recorded, until, waits_at, won
from waystation import FlowContext, StepContext, step, workflow
from waystation.core.entries import ForeachBegun, StepFailed, StepSucceeded

pytestmark = pytest.mark.anyio


@behaviour("flow", "A foreach's output is in the order of its items, whichever ends first", verdict="same", model=(10,))
async def test_outputs_are_in_the_order_of_the_items_whichever_ends_first(place: Place) -> None:
    ended = [asyncio.Event() for _ in range(4)]
    ended[3].set()

    @step
    async def backwards(item: int) -> int:
        if item < 3:
            await ended[item].wait()
        ended[max(item - 1, 0)].set()
        return item * 10

    @step
    async def start(_: int) -> list[int]:
        return [0, 1, 2, 3]

    flow = workflow("flow", input=int, output=list[int]).then(start).foreach(backwards, concurrency=4).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert won(await run.start(1)) == [0, 10, 20, 30]
        ends = [entry.address for entry in await recorded(run, StepSucceeded)]
    assert ends == ["start", *(f"foreach-backwards[{item}]/backwards" for item in (3, 2, 1, 0))]


@behaviour("flow", "By default one item is under way at a time", verdict="same", model=(10,))
@pytest.mark.parametrize("concurrency", [1, 2, 5])
async def test_no_more_items_are_under_way_than_allowed_and_as_many_as_allowed_are(
    concurrency: int, place: Place
) -> None:
    now, most = 0, 0
    full = asyncio.Event()

    @step
    async def count(item: int) -> int:
        nonlocal now, most
        now += 1
        most = max(most, now)
        if now == concurrency:
            full.set()
        await full.wait()
        for _ in range(5):
            await asyncio.sleep(0)
        now -= 1
        return item

    flow = workflow("flow", input=list[int], output=list[int]).foreach(count, concurrency=concurrency).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(list(range(12)))) == list(range(12))
    assert most == concurrency


@behaviour("flow", "A foreach's concurrency may be a function of the list, asked once", verdict="same", model=(79,))
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_concurrency_may_be_a_function(asynchronous: bool, place: Place) -> None:
    asked: list[object] = []
    met = asyncio.Barrier(3)

    @step
    async def meet(item: str) -> str:
        await met.wait()
        return item

    def half(items: list[str]) -> int:
        asked.append(items)
        return len(items) // 2

    async def half_with_context(items: list[str], ctx: FlowContext) -> int:
        asked.append(await ctx.get_init_data(list[str]))
        return len(items) // 2

    building = workflow("flow", input=list[str], output=list[str])
    flow = (
        building.foreach(meet, concurrency=half_with_context)
        if asynchronous
        else building.foreach(meet, concurrency=half)
    ).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert won(await run.start(list("abcdef"))) == list("abcdef")
        (begun,) = await recorded(run, ForeachBegun)
    assert (begun.count, begun.concurrency) == (6, 3)
    assert asked == [list("abcdef")]


@behaviour("flow", "A concurrency function that gives 0, less, or no whole number fails the run", verdict="new")
@pytest.mark.parametrize("told", [0, -1, True, 1.5, None])
async def test_a_function_that_gives_no_concurrency_is_a_typed_error(told: object, place: Place) -> None:
    flow = (
        workflow("flow", input=list[int], output=list[int])
        .foreach(add_one, concurrency=lambda _: told, id="each")  # type: ignore[arg-type, return-value]  # what is refused
        .commit()
    )
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        error = lost(await run.start([1]))
        assert (error.code, error.type, error.address) == ("bad_concurrency", "BadConcurrency", "each")
        assert await recorded(run, StepSucceeded) == []


@behaviour("flow", "A concurrency function that raises fails the run at the foreach", verdict="new", model=(79,))
async def test_a_concurrency_function_that_raises_fails_the_run(place: Place) -> None:
    def broken(_: list[int]) -> int:
        raise LookupError("who knows")

    flow = workflow("flow", input=list[int], output=list[int]).foreach(add_one, concurrency=broken, id="each").commit()
    async with place.app(flow) as app:
        error = lost(await app.get_workflow(flow).start([1]))
    assert (error.address, error.type) == ("each", "LookupError")


@behaviour("flow", "An empty list gives an empty list, and the run goes on", verdict="same", model=(11,))
async def test_an_empty_list_gives_an_empty_list(place: Place) -> None:
    @step
    async def count(items: list[int]) -> int:
        return len(items)

    flow = workflow("flow", input=list[int], output=int).foreach(add_one).then(count).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start([])) == 0


@behaviour(
    "flow",
    "A foreach over something that is no list is an error",
    verdict="better",
    model=(11,),
    why="it silently gives an empty list",
)
@pytest.mark.parametrize("value", [{"a": 1}, "text", 7, None], ids=repr)
async def test_a_foreach_over_what_is_no_list_is_a_typed_error(value: object, place: Place) -> None:
    @step
    async def anything(_: int) -> Any:  # so only the run can tell what comes
        return value

    flow = workflow("flow", input=int, output=list[int]).then(anything).foreach(add_one, id="each").commit()
    async with place.app(flow) as app:
        error = lost(await app.get_workflow(flow).start(1))
    assert (error.code, error.type, error.address) == ("not_a_list", "NotAList", "each")


@behaviour(
    "flow",
    "When an item fails, those under way end, those not begun never begin, and the run fails",
    verdict="same",
    model=(12, 79),
)
async def test_when_an_item_fails_those_in_flight_end_and_no_more_begin(place: Place) -> None:
    failed = asyncio.Event()
    began: list[int] = []

    @step
    async def maybe(item: int) -> int:
        began.append(item)
        if item == 1:
            failed.set()
            raise ValueError("no 1")
        await failed.wait()
        return item

    flow = workflow("flow", input=list[int], output=list[int]).foreach(maybe, concurrency=3, id="each").commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        error = lost(await run.start(list(range(10))))
        assert (error.address, error.message) == ("each[1]/maybe", "no 1")
        assert [entry.address for entry in await recorded(run, StepFailed)] == ["each[1]/maybe"]
        done = {entry.address for entry in await recorded(run, StepSucceeded)}
    assert done == {"each[0]/maybe", "each[2]/maybe"}
    assert began == [0, 1, 2]


@behaviour("flow", "Items may be workflows, and foreachs may hold foreachs", verdict="same", model=(10,))
async def test_a_foreach_in_a_foreach_gives_lists_of_lists(place: Place) -> None:
    row = workflow("row", input=list[int], output=list[int]).foreach(add_one, concurrency=2).foreach(double).commit()
    flow = workflow("flow", input=list[list[int]], output=list[list[int]]).foreach(row, concurrency=3).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start([[1, 2], [], [3]])) == [[4, 6], [], [8]]


@behaviour("flow", "A step of a foreach knows the number of its item", verdict="new")
async def test_a_step_knows_the_number_of_its_item(place: Place) -> None:
    @step
    async def numbered(item: str, ctx: StepContext) -> str:
        return f"{ctx.iteration} {item} {ctx.address}"

    flow = workflow("flow", input=list[str], output=list[str]).foreach(numbered, id="each").commit()
    async with place.app(flow) as app:
        result = won(await app.get_workflow(flow).start(["a", "b"]))
    assert result == ["0 a each[0]/numbered", "1 b each[1]/numbered"]


@behaviour(
    "flow", "A step later in the run can read one item's output; inside an item, those of that item", verdict="new"
)
async def test_a_step_of_an_item_reads_the_results_of_its_own_item(place: Place) -> None:
    @step
    async def both(number: int, ctx: StepContext) -> list[int | None]:
        return [number, await ctx.get_step_result(add_one), await ctx.get_init_data(int)]

    inner = workflow("inner", input=int, output=list[int | None]).then(add_one).then(double).then(both).commit()
    flow = workflow("flow", input=list[int], output=list[list[int | None]]).foreach(inner, concurrency=3).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start([1, 2, 3])) == [[4, 2, 1], [6, 3, 2], [8, 4, 3]]


@behaviour(
    "flow",
    "After a restart the finished items of a foreach do not run again",
    verdict="better",
    model=(62,),
    why="all items run again from the first",
)
async def test_after_a_restart_finished_items_do_not_run_again(place: Place) -> None:
    ran: list[int] = []
    stuck = asyncio.Event()

    @step
    async def maybe(item: int) -> int:
        ran.append(item)
        if item == 3:
            await stuck.wait()
        return item * 10

    flow = workflow("flow", input=list[int], output=list[int]).foreach(maybe, concurrency=2, id="each").commit()
    async with place.app(flow, grace=timedelta(0)) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        await run.start_async(list(range(5)))
        await until(run.events(), "step-succeeded", "each[4]/maybe")
    assert sorted(ran) == [0, 1, 2, 3, 4]
    stuck.set()
    async with place.app(flow) as app:
        assert won(await (await app.get_run("r1")).wait()) == [0, 10, 20, 30, 40]
    assert sorted(ran) == [0, 1, 2, 3, 3, 4]


@behaviour(
    "flow",
    "The concurrency that was told is kept over a suspension and a restart",
    verdict="better",
    model=(79,),
    why="it is lost on resume, and siblings are dropped",
)
async def test_concurrency_is_kept_over_a_resume(place: Place) -> None:
    asked: list[int] = []

    def two(items: list[int]) -> int:
        asked.append(len(items))
        return 2

    flow = workflow("flow", input=list[int], output=list[int]).foreach(ask, concurrency=two, id="each").commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        await run.start([1, 2, 3, 4])
    async with place.app(flow) as app:
        run_again = await app.get_run("r1")
        for item, left in ((1, [0, 2]), (0, [2, 3]), (2, [3])):
            result = await run_again.resume(item=item, data=10)
            assert waits_at(result) == [f"each[{number}]/ask" for number in left]
        assert won(await run_again.resume(data=10)) == [11, 12, 13, 14]
    assert asked == [4]
