"""Run state: what steps share beside their inputs and outputs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import date

import pytest
from pydantic import BaseModel, Field
from typing_extensions import NotRequired, TypedDict

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import lost, recorded, won
from waystation import FlowContext, Retry, StepContext, step, workflow
from waystation.core.entries import RunStarted, StepSucceeded
from waystation.errors import InvalidState

pytestmark = pytest.mark.anyio


class Cart(BaseModel):
    count: int = Field(default=0, ge=0)
    note: str = "none"
    lines: list[int] = []
    day: date | None = None


Ctx = StepContext[None, None, Cart]


@step
async def count(number: int, ctx: Ctx) -> int:
    await ctx.set_state(count=ctx.state.count + number)
    return ctx.state.count


@step
async def look(_: int, ctx: Ctx) -> Cart:
    return ctx.state


@behaviour("state", "Run state begins with its defaults, and a change is a merge by key", verdict="same", model=(26,))
async def test_a_change_is_merged_by_key(place: Place) -> None:
    @step
    async def note(number: int, ctx: Ctx) -> int:
        assert ctx.state == Cart(count=number)
        await ctx.set_state(note="seen", lines=[1])
        await ctx.set_state(lines=[1, 2])
        assert ctx.state == Cart(count=number, note="seen", lines=[1, 2])
        return number

    flow = workflow("flow", input=int, output=Cart, state=Cart).then(count).then(note).then(look).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(3)) == Cart(count=3, note="seen", lines=[1, 2])


@behaviour(
    "state",
    "A run may be started with state, as its type or as data; the rest has its defaults",
    verdict="same",
    model=(26,),
)
@pytest.mark.parametrize("given", [Cart(count=5, note="x"), {"count": 5, "note": "x"}], ids=["typed", "plain"])
async def test_a_run_starts_with_state(given: object, place: Place) -> None:
    flow = workflow("flow", input=int, output=Cart, state=Cart).then(count).then(look).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert won(await run.start(1, state=given)) == Cart(count=6, note="x")


@behaviour(
    "state",
    "State that does not fit refuses the start, and names the key; the run stays as it was",
    verdict="same",
    model=(26,),
)
@pytest.mark.parametrize(("given", "named"), [({"count": -1}, "count"), ({"lines": ["x"]}, "lines.0")])
async def test_bad_state_refuses_the_start(given: object, named: str, place: Place) -> None:
    flow = workflow("flow", input=int, output=int, state=Cart).then(count).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        before = await place.journal("r1")
        with pytest.raises(InvalidState) as caught:
            await run.start(1, state=given)
        assert (caught.value.field, caught.value.workflow_id, caught.value.address) == (named, "flow", "state")
        assert await place.journal("r1") == before
        assert await run.status() == "pending"
        with pytest.raises(InvalidState):
            await app.get_workflow(flow).start(1, state=given, run_id="r2")
        assert [record.run_id for record in (await app.list_runs()).runs] == ["r1"]


@behaviour(
    "state", "A run whose workflow declares no state is refused one, and its steps may not set any", verdict="new"
)
async def test_a_workflow_without_state_has_none(place: Place) -> None:
    @step
    async def set_some(number: int, ctx: StepContext) -> int:
        await ctx.set_state(count=1)
        return number

    flow = workflow("flow", input=int, output=int).then(set_some).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        with pytest.raises(InvalidState, match="declares none"):
            await run.start(1, state={"count": 1})
        error = lost(await run.start(1))
    assert (error.code, error.address) == ("invalid_state", "set-some")


@behaviour(
    "state",
    "A change that does not fit fails the step, names the key, and changes nothing",
    verdict="same",
    model=(26,),
)
async def test_a_change_that_does_not_fit_is_a_typed_error(place: Place) -> None:
    told: list[InvalidState] = []

    @step
    async def careless(number: int, ctx: Ctx) -> int:
        await ctx.set_state(note="kept")
        for changes in ({"note": "dropped", "count": -1}, {"cuont": 1}):
            try:
                await ctx.set_state(**changes)
            except InvalidState as error:
                told.append(error)
        assert ctx.state == Cart(note="kept")
        await ctx.set_state(lines="no list")
        return number

    flow = workflow("flow", input=int, output=int, state=Cart).then(careless).commit()
    async with place.app(flow) as app:
        error = lost(await app.get_workflow(flow).start(1))
    assert [(each.field, each.address) for each in told] == [("count", "careless"), ("cuont", "careless")]
    assert (error.code, error.type, error.address, error.field) == (
        "invalid_state",
        "InvalidState",
        "careless",
        "lines",
    )


@behaviour("state", "What a failed attempt changed is dropped", verdict="same")
async def test_the_changes_of_a_failed_attempt_are_dropped(place: Place) -> None:
    seen: list[int] = []

    @step(retry=Retry(attempts=3))
    async def third_time(number: int, ctx: Ctx) -> int:
        seen.append(ctx.state.count)
        await ctx.set_state(count=ctx.state.count + 1, note=f"attempt {ctx.attempt}")
        if ctx.attempt < 3:
            raise ValueError("not yet")
        return number

    @step
    async def give_up(number: int, ctx: Ctx) -> int:
        await ctx.set_state(note="given up")
        raise ValueError("no")

    @step
    async def see(_: dict[str, int | None], ctx: Ctx) -> Cart:
        return ctx.state

    flow = (
        workflow("flow", input=int, output=Cart, state=Cart)
        .then(third_time)
        .parallel([give_up], allow_failure=True)
        .then(see)
        .commit()
    )
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) == Cart(count=1, note="attempt 3")
    assert seen == [0, 0, 0]


@behaviour("state", "State flows into nested workflows and back", verdict="same")
async def test_state_flows_into_nested_workflows_and_back(place: Place) -> None:
    inner = workflow("inner", input=int, output=int, state=Cart).then(count.clone(id="inside")).commit()
    flow = (
        workflow("flow", input=int, output=Cart, state=Cart)
        .then(count)
        .then(inner)
        .then(count.clone(id="again"))
        .then(look)
        .commit()
    )
    async with place.app(flow) as app:
        # 1, then 1 + 1, then 2 + 2
        assert won(await app.get_workflow(flow).start(1)).count == 4


@dataclass
class Lines:
    lines: list[int] = field(default_factory=list[int])


class Counted(TypedDict):
    count: NotRequired[int]


@behaviour("state", "A nested workflow may know less of the state than the one around it", verdict="new")
async def test_a_nested_workflow_may_know_less_of_the_state(place: Place) -> None:
    @step
    async def narrow(number: int, ctx: StepContext[None, None, Counted]) -> int:
        assert ctx.state == {"count": number}
        await ctx.set_state(count=100)
        return number

    inner = workflow("inner", input=int, output=int, state=Counted).then(narrow).commit()
    flow = workflow("flow", input=int, output=Cart, state=Cart).then(count).then(inner).then(look).commit()
    async with place.app(flow) as app:
        result = await app.get_workflow(flow).start(1, state={"note": "hidden"})
        assert won(result) == Cart(count=100, note="hidden")


@behaviour(
    "state", "A change must fit every workflow around the step, whatever part of the state the step sees", verdict="new"
)
@pytest.mark.parametrize("nested", [None, "narrow", "none"])
async def test_a_change_must_fit_the_workflows_around_the_step(nested: str | None, place: Place) -> None:
    @step
    async def narrow(number: int, ctx: StepContext[None, None, Counted]) -> int:
        await ctx.set_state(count=-number)
        return number

    @step
    async def plain(number: int, ctx: StepContext) -> int:
        await ctx.set_state(count=-number)
        return number

    building = workflow("inner", input=int, output=int, state=Counted if nested == "narrow" else None)
    child = narrow if nested is None else building.then(narrow if nested == "narrow" else plain).commit()
    flow = workflow("flow", input=int, output=int, state=Cart).then(child).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(0)) == 0
        error = lost(await app.get_workflow(flow).start(1))
    assert (error.code, error.field) == ("invalid_state", "count")


@behaviour(
    "state",
    "Steps side by side do not see each other's changes; when they end these are merged by key",
    verdict="better",
    why="all steps share one live object",
)
async def test_changes_of_steps_side_by_side_are_merged_by_key(place: Place) -> None:
    both_set, one_ended = asyncio.Barrier(2), asyncio.Event()

    @step
    async def one(number: int, ctx: Ctx) -> int:
        await ctx.set_state(note="one", count=1)
        await both_set.wait()
        assert ctx.state.lines == []
        return number

    @step
    async def two(number: int, ctx: Ctx) -> int:
        await ctx.set_state(lines=[2], count=2)
        await both_set.wait()
        await one_ended.wait()
        assert ctx.state == Cart(lines=[2], count=2)
        return number

    @step
    async def see(_: dict[str, int], ctx: Ctx) -> Cart:
        return ctx.state

    flow = workflow("flow", input=int, output=Cart, state=Cart).parallel([one, two]).then(see).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start_async(1)
        async for event in run.events():
            if event.type == "step-succeeded":
                one_ended.set()
            if event.type == "run-finished":
                break
        # Of the key that both set, the one that ended last decides.
        assert won(await run.wait()) == Cart(note="one", lines=[2], count=2)


@behaviour("state", "A step reads state as the type it declares, and reading gives a value of its own", verdict="new")
async def test_reading_state_gives_a_value_of_its_own(place: Place) -> None:
    @step
    async def spoil(number: int, ctx: StepContext[None, None, Lines]) -> int:
        assert isinstance(ctx.state, Lines)
        ctx.state.lines.append(7)
        assert ctx.state.lines == [1]
        return number

    @step
    def plain(number: int, ctx: StepContext) -> int:
        assert ctx.state["lines"] == [1]
        ctx.set_state_sync(lines=[1, 2])
        return number

    flow = workflow("flow", input=int, output=Cart, state=Cart).then(spoil).then(plain).then(look).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1, state={"lines": [1]})).lines == [1, 2]


@behaviour(
    "state",
    "State survives suspension and restart, with its types; what a step set before it suspended stays",
    verdict="same",
)
async def test_state_survives_suspension_and_restart(place: Place) -> None:
    @step(suspend=str, resume=bool)
    async def ask(number: int, ctx: StepContext[str, bool, Cart]) -> int:
        if ctx.resume_data is None:
            await ctx.set_state(note="asked", day=date(2026, 1, 2))
            await ctx.suspend("?")
        assert ctx.state == Cart(count=1, note="asked", day=date(2026, 1, 2))
        return number

    flow = workflow("flow", input=int, output=Cart, state=Cart).then(count).then(ask).then(look).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        await run.start(1)
    async with place.app(flow) as app:
        result = won(await (await app.get_run("r1")).resume(data=True))
    assert result == Cart(count=1, note="asked", day=date(2026, 1, 2))


@behaviour("state", "Functions of the graph see the state as plain data", verdict="same")
async def test_functions_of_the_graph_see_the_state(place: Place) -> None:
    def more(_: int, ctx: FlowContext) -> bool:
        counted = ctx.state["count"]
        assert isinstance(counted, int)
        return counted < 3

    flow = workflow("flow", input=int, output=int, state=Cart).do_while(count, more).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        # 1, then 1 + 1, then 2 + 2
        assert won(await run.start(1)) == 4


@behaviour(
    "state",
    "What changed of the state is recorded with the step that changed it, and nothing else",
    verdict="better",
    why="the whole state is written with each step",
)
async def test_only_what_changed_is_recorded(place: Place) -> None:
    flow = workflow("flow", input=int, output=Cart, state=Cart).then(count).then(look).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start(1, state={"lines": list(range(100))})
        (started,) = await recorded(run, RunStarted)
        changes = [set(entry.state) for entry in await recorded(run, StepSucceeded)]
    assert set(started.state) == {"count", "note", "lines", "day"}
    assert changes == [{"count"}, set()]
