"""Several open suspensions in one run: side by side, in the items of a foreach, in nested workflows."""

from __future__ import annotations

import asyncio

import pytest

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, ask, double, lost, recorded, until, waits, waits_at, won
from waystation import StepContext, step, workflow
from waystation.core.entries import StepSucceeded, SuspensionAnswered
from waystation.errors import (
    AlreadyAnswered,
    AmbiguousSuspension,
    NotSuspended,
    UnknownItem,
)

pytestmark = pytest.mark.anyio

two = (
    workflow("two", input=int, output=dict[str, int]).parallel([ask.clone(id="legal"), ask.clone(id="money")]).commit()
)
items = workflow("items", input=list[int], output=list[int]).foreach(ask, concurrency=3, id="each").commit()
reviewed = workflow("reviewed", input=int, output=int).then(add_one).then(ask).then(double).commit()
each_reviewed = (
    workflow("each-reviewed", input=list[int], output=list[int]).foreach(reviewed, concurrency=2, id="each").commit()
)


# --------------------------------------------------------------------------- side by side


@behaviour(
    "suspend",
    "Of several open suspensions one is named by step, label or id, and the others stay",
    verdict="same",
    model=(37, 49),
)
@pytest.mark.parametrize("by", ["step", "label", "suspension"])
async def test_of_several_open_suspensions_one_is_named(by: str, place: Place) -> None:
    async with place.app(two) as app:
        run = await app.get_workflow(two).create_run()
        legal = next(each for each in waits(await run.start(1)) if each.address == "legal")
        if by == "step":
            second = await run.resume(step="legal", data=1)
        elif by == "label":
            with pytest.raises(AmbiguousSuspension):
                await run.resume(label="label-1", data=1)
            second = await run.resume(label="label-1", step="legal", data=1)
        else:
            second = await run.resume(suspension=legal.id, data=1)
        assert waits_at(second) == ["money"]
        assert won(await run.resume(data=2)) == {"legal": 2, "money": 3}


@behaviour(
    "suspend", "With several open, naming none is refused, and the error lists them", verdict="same", model=(35,)
)
async def test_naming_none_of_several_lists_them(place: Place) -> None:
    async with place.app(two) as app:
        run = await app.get_workflow(two).create_run(run_id="r1")
        await run.start(1)
        before = await place.journal("r1")
        with pytest.raises(AmbiguousSuspension, match="'legal', 'money'") as caught:
            await run.resume(data=1)
        assert await place.journal("r1") == before
    assert caught.value.addresses == ("legal", "money")


@behaviour(
    "suspend",
    "Two people answer two open suspensions of one run at once: both are accepted",
    verdict="better",
    model=(38,),
    why="one is refused: the claim is for the whole run",
)
async def test_two_people_answer_two_open_gates_at_once(place: Place) -> None:
    async with place.app(two) as app:
        for _ in range(20):
            run = await app.get_workflow(two).create_run()
            await run.start(1)
            await asyncio.gather(run.resume_async(step="legal", data=1), run.resume_async(step="money", data=2))
            assert won(await run.wait()) == {"legal": 2, "money": 3}


@behaviour(
    "suspend", "What was answered stays answered over a restart; the rest is asked there", verdict="same", model=(37,)
)
async def test_one_is_answered_before_a_restart_and_one_after(place: Place) -> None:
    async with place.app(two) as app:
        run = await app.get_workflow(two).create_run(run_id="r1")
        await run.start(1)
        assert waits_at(await run.resume(step="money", data=10)) == ["legal"]
    async with place.app(two) as app:
        again = await app.get_run("r1")
        with pytest.raises(AlreadyAnswered):
            await again.resume(step="money", data=11)
        assert won(await again.resume(data=20)) == {"legal": 21, "money": 11}


@behaviour(
    "suspend",
    "A suspension is answered at once, also while a step beside it still runs",
    verdict="better",
    model=(76,),
    why="the answer waits until all siblings have ended, and is refused from another process",
)
async def test_an_answer_works_while_a_sibling_still_runs(place: Place) -> None:
    gate = asyncio.Event()

    @step
    async def slow(number: int) -> int:
        await gate.wait()
        return number

    flow = workflow("flow", input=int, output=dict[str, int]).parallel([ask, slow, ask.clone(id="other")]).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(1)
        events = run.events()
        await until(events, "step-suspended", "ask")
        await run.resume_async(step="ask", data=10)
        await until(events, "step-succeeded", "ask")
        assert not gate.is_set()
        gate.set()
        assert waits_at(await run.wait()) == ["other"]
        assert won(await run.resume(data=20)) == {"ask": 11, "slow": 1, "other": 21}


# --------------------------------------------------------------------------- items of a foreach


@behaviour(
    "suspend",
    "In a foreach of concurrency 1 an item that suspends holds up those after it",
    verdict="same",
    model=(44, 45),
)
async def test_with_concurrency_one_an_item_holds_up_those_after_it(place: Place) -> None:
    began: list[int] = []

    @step(suspend=str, resume=int)
    async def ask_odd(number: int, ctx: StepContext[str, int]) -> int:
        began.append(number)
        if number % 2 == 0:
            return number
        if ctx.resume_data is None:
            await ctx.suspend(f"{number}?")
        return number + ctx.resume_data

    flow = workflow("flow", input=list[int], output=list[int]).foreach(ask_odd, id="each").commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert waits_at(await run.start([0, 1, 2, 3, 4])) == ["each[1]/ask-odd"]
        assert began == [0, 1]
        assert waits_at(await run.resume(data=10)) == ["each[3]/ask-odd"]
        assert began == [0, 1, 1, 2, 3]
        assert won(await run.resume(data=20)) == [0, 11, 2, 23, 4]
    assert began == [0, 1, 1, 2, 3, 3, 4]


@behaviour(
    "suspend",
    "Items that are suspended side by side are answered each by its number, in any order",
    verdict="same",
    model=(46,),
)
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
async def test_items_are_answered_by_number_in_any_order(order: list[int], place: Place) -> None:
    async with place.app(items) as app:
        run = await app.get_workflow(items).create_run(run_id="r1")
        opened = waits(await run.start([10, 20, 30]))
        assert {each.address: each.payload for each in opened} == {
            "each[0]/ask": "10?",
            "each[1]/ask": "20?",
            "each[2]/ask": "30?",
        }
        await run.resume(item=order[0], data=order[0])
    async with place.app(items) as app:
        again = await app.get_run("r1")
        await again.resume(step=f"each[{order[1]}]/ask", data=order[1])
        assert won(await again.resume(step=ask, item=order[2], data=order[2])) == [10, 21, 32]


@behaviour(
    "suspend",
    "With several items open, an answer that names none reaches none of them",
    verdict="better",
    model=(46,),
    why="all suspended items are given the same answer",
)
async def test_an_answer_without_an_item_is_ambiguous(place: Place) -> None:
    async with place.app(items) as app:
        run = await app.get_workflow(items).create_run()
        await run.start([1, 2, 3])
        for named in ("ask", "each", None):
            with pytest.raises(AmbiguousSuspension) as caught:
                await run.resume(step=named, data=1)
            assert caught.value.addresses == ("each[0]/ask", "each[1]/ask", "each[2]/ask")
        assert await recorded(run, SuspensionAnswered) == []


@behaviour(
    "suspend",
    "An answer to an item that is not open is refused, and nothing is changed",
    verdict="better",
    model=(47,),
    why="there is no error, and the step is given the answer",
)
@pytest.mark.parametrize("item", [3, 99, -1])
async def test_an_answer_to_an_unknown_item_is_a_typed_error(item: int, place: Place) -> None:
    async with place.app(items) as app:
        run = await app.get_workflow(items).create_run(run_id="r1")
        await run.start([1, 2, 3])
        before = await place.journal("r1")
        with pytest.raises(UnknownItem, match="'each\\[0\\]/ask'"):
            await run.resume(item=item, data=1)
        assert await place.journal("r1") == before


@behaviour(
    "suspend",
    "An item that was answered is not answered again, while others are open",
    verdict="better",
    model=(47,),
    why="there is no error",
)
async def test_an_item_is_answered_once(place: Place) -> None:
    async with place.app(items) as app:
        run = await app.get_workflow(items).create_run()
        await run.start([1, 2, 3])
        await run.resume(item=1, data=1)
        with pytest.raises(AlreadyAnswered):
            await run.resume(item=1, data=1)


@behaviour(
    "suspend",
    "All items of a foreach are answered at the same instant, each by one of many",
    verdict="better",
    model=(38, 39),
    why="the claim is for the whole run",
)
async def test_all_items_are_answered_at_once(place: Place) -> None:
    flow = workflow("flow", input=list[int], output=list[int]).foreach(ask, concurrency=10).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start(list(range(10)))
        answers = [run.resume_async(item=item, data=100 * (again + 1)) for item in range(10) for again in range(3)]
        told = await asyncio.gather(*answers, return_exceptions=True)
        refused = [each for each in told if each is not None]
        assert len(refused) == 20
        assert all(isinstance(each, AlreadyAnswered) for each in refused)
        given = won(await run.wait())
    assert [value % 100 for value in given] == list(range(10))


@behaviour(
    "suspend",
    "When an item fails, the open suspensions of the others are closed and the run fails",
    verdict="same",
    model=(8, 12),
)
async def test_a_failing_item_closes_the_suspensions_of_the_others(place: Place) -> None:
    opened = asyncio.Event()

    @step(suspend=str, resume=int)
    async def ask_or_fail(number: int, ctx: StepContext[str, int]) -> int:
        if number == 1:
            await opened.wait()
            raise ValueError("one")
        opened.set()
        await ctx.suspend("?")

    flow = workflow("flow", input=list[int], output=list[int]).foreach(ask_or_fail, concurrency=2, id="each").commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert lost(await run.start([0, 1])).address == "each[1]/ask-or-fail"
        assert await app.pending() == []
        with pytest.raises(NotSuspended):
            await run.resume(item=0, data=1)


@behaviour(
    "suspend",
    "Nested workflows in a foreach, suspended side by side, are answered in any order",
    verdict="better",
    model=(48,),
    why="an item is computed with the input of another, and the other can no longer be answered",
)
@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
@pytest.mark.parametrize("restart", [False, True])
async def test_nested_workflows_in_a_foreach_are_answered_in_any_order(
    order: list[int], restart: bool, place: Place
) -> None:
    async with place.app(each_reviewed) as app:
        run = await app.get_workflow(each_reviewed).create_run(run_id="r1")
        assert waits_at(await run.start([10, 20])) == ["each[0]/reviewed/ask", "each[1]/reviewed/ask"]
        if not restart:
            await run.resume(item=order[0], data=order[0] + 1)
            assert won(await run.resume(item=order[1], data=order[1] + 1)) == [24, 46]
    if restart:
        for item in order:
            async with place.app(each_reviewed) as app:
                await (await app.get_run("r1")).resume(step="reviewed.ask", item=item, data=item + 1)
        async with place.app(each_reviewed) as app:
            assert won(await (await app.get_run("r1")).wait()) == [24, 46]


@behaviour("suspend", "After an answer the finished items do not run again", verdict="same", model=(44,))
async def test_finished_items_do_not_run_again_after_an_answer(place: Place) -> None:
    async with place.app(each_reviewed) as app:
        run = await app.get_workflow(each_reviewed).create_run(run_id="r1")
        await run.start([1, 2, 3])
        await run.resume(item=0, data=0)
    async with place.app(each_reviewed) as app:
        again = await app.get_run("r1")
        await again.resume(item=1, data=0)
        assert won(await again.resume(item=2, data=0)) == [4, 6, 8]
        done = [entry.address for entry in await recorded(again, StepSucceeded)]
    assert sorted(done) == sorted(
        f"each[{item}]/reviewed/{name}" for item in range(3) for name in ("add-one", "ask", "double")
    )
