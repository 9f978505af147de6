"""``.map``: another value made of what reaches the node."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest
from pydantic import BaseModel
from typing_extensions import NotRequired, TypedDict

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, double, fail, lost, recorded, waits_at, won
from waystation import (
    FlowContext,
    FromContext,
    FromInit,
    FromState,
    FromStep,
    StepContext,
    Template,
    Value,
    step,
    workflow,
)
from waystation.core.entries import Mapped

pytestmark = pytest.mark.anyio


class Order(BaseModel):
    name: str
    lines: list[int] = []


class Notes(TypedDict):
    note: NotRequired[str]
    deep: NotRequired[dict[str, list[int]]]


@step
async def total(order: Order) -> int:
    return sum(order.lines)


@step
async def shout(order: Order) -> str:
    return order.name.upper()


ORDER = Order(name="ada", lines=[1, 2, 3])


@behaviour("flow", "A map makes another value by a function", verdict="same", model=(14,))
async def test_a_map_by_a_function(place: Place) -> None:
    def halve(number: int) -> float:
        return number / 2

    flow = workflow("flow", input=int, output=float).then(double).map(halve).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert won(await run.start(3)) == 3.0
        assert [(entry.address, bytes(entry.output)) for entry in await recorded(run, Mapped)] == [
            ("map-halve", b"3.0")
        ]


@behaviour("flow", "A map's function may be async", verdict="same", model=(14,))
async def test_a_map_by_an_async_function(place: Place) -> None:
    async def name_of(order: Order) -> str:
        await asyncio.sleep(0)
        return order.name

    flow = workflow("flow", input=Order, output=str).map(name_of).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(ORDER)) == "ada"


@behaviour(
    "flow", "A map's function may look at the run: earlier outputs, input, state, request context", verdict="same"
)
async def test_a_map_function_sees_the_run_through_its_context(place: Place) -> None:
    async def gather(number: int, ctx: FlowContext) -> list[object]:
        return [
            number,
            (await ctx.get_init_data(Order)).name,
            await ctx.get_step_result(total),
            await ctx.get_step_result("total"),
            await ctx.get_step_result(shout),
            ctx.state,
            ctx.request_context,
            ctx.address,
        ]

    flow = (
        workflow("flow", input=Order, output=list[object], state=Notes)
        .then(total)
        .then(double)
        .map(gather, id="gather")
        .commit()
    )
    async with place.app(flow) as app:
        result = await app.get_workflow(flow).start(ORDER, state={"note": "x"}, request_context={"tenant": "acme"})
        assert won(result) == [12, "ada", 6, 6, None, {"note": "x"}, {"tenant": "acme"}, "gather"]


@behaviour("flow", "A map's value has its declared type in the next node, before and after a restart", verdict="new")
async def test_a_mapped_value_keeps_its_type(place: Place) -> None:
    def day(_: int) -> date:
        return date(2026, 1, 2)

    @step(suspend=str, resume=bool)
    async def look(given: date, ctx: StepContext[str, bool]) -> date:
        assert given == date(2026, 1, 2)
        if ctx.resume_data is None:
            await ctx.suspend("?")
        return given

    flow = workflow("flow", input=int, output=date).map(day).then(look).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        assert waits_at(await run.start(1)) == ["look"]
    async with place.app(flow) as app:
        assert won(await (await app.get_run("r1")).resume(data=True)) == date(2026, 1, 2)


@behaviour("flow", "A map's function is called once, also over a suspension and a restart", verdict="new")
async def test_a_map_is_made_once(place: Place) -> None:
    called: list[int] = []

    def note(number: int) -> int:
        called.append(number)
        return number + len(called)

    @step(suspend=str, resume=bool)
    async def hold(number: int, ctx: StepContext[str, bool]) -> int:
        if ctx.resume_data is None:
            await ctx.suspend("?")
        return number

    flow = workflow("flow", input=int, output=int).map(note).then(hold).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        await run.start(1)
    async with place.app(flow) as app:
        assert won(await (await app.get_run("r1")).resume(data=True)) == 2
    assert called == [1]


@behaviour(
    "flow",
    "A map that gives another type than it declares fails the run, and names where",
    verdict="better",
    model=(23,),
    why="outputs are not checked",
)
async def test_a_map_that_gives_the_wrong_type_is_a_typed_error(place: Place) -> None:
    flow = (
        workflow("flow", input=int, output=Order)
        .map(lambda _: {"name": "x", "lines": ["no number"]}, output=Order, id="remade")
        .commit()
    )
    async with place.app(flow) as app:
        error = lost(await app.get_workflow(flow).start(1))
    assert (error.code, error.type, error.address, error.field) == (
        "invalid_output",
        "InvalidOutput",
        "remade",
        "lines.0",
    )


@behaviour("flow", "A map whose function raises fails the run", verdict="same")
async def test_a_map_that_raises_fails_the_run(place: Place) -> None:
    def broken(number: int) -> int:
        raise LookupError("who knows")

    flow = workflow("flow", input=int, output=int).map(broken, id="remade").then(add_one).commit()
    async with place.app(flow) as app:
        error = lost(await app.get_workflow(flow).start(1))
    assert (error.address, error.type, error.message) == ("remade", "LookupError", "who knows")


# --------------------------------------------------------------------------- put together from sources


@behaviour(
    "flow",
    "A map may be put together from sources: whole outputs and parts of them by path",
    verdict="same",
    model=(14,),
)
async def test_a_map_put_together_from_every_kind_of_source(place: Place) -> None:
    flow = (
        workflow("flow", input=Order, output=dict[str, object], state=Notes)
        .parallel([total, shout])
        .map(
            {
                "whole": FromStep(total),
                "first of": FromStep([shout, total]),
                "input": FromInit(),
                "part": FromInit("lines.1"),
                "note": FromState("note"),
                "deep": FromState("deep.a.0"),
                "tenant": FromContext("tenant.name"),
                "fixed": Value([1, None]),
                "text": Template(
                    "${init.name}: ${input.total}, ${steps.shout}, ${steps.total}, ${state.note}, "
                    "${context.tenant}, ${init.lines}"
                ),
            },
        )
        .commit()
    )
    async with place.app(flow) as app:
        result = await app.get_workflow(flow).start(
            ORDER, state={"note": "n", "deep": {"a": [7]}}, request_context={"tenant": {"name": "acme"}}
        )
        assert won(result) == {
            "whole": 6,
            "first of": "ADA",
            "input": {"name": "ada", "lines": [1, 2, 3]},
            "part": 2,
            "note": "n",
            "deep": 7,
            "tenant": "acme",
            "fixed": [1, None],
            "text": 'ada: 6, ADA, 6, n, {"name":"acme"}, [1,2,3]',
        }


@behaviour("flow", "Of several steps a map takes the first that has run: the branch that was taken", verdict="same")
@pytest.mark.parametrize(("number", "expected"), [(1, 2), (10, 20)])
async def test_a_map_takes_the_branch_that_has_run(number: int, expected: int, place: Place) -> None:
    flow = (
        workflow("flow", input=int, output=dict[str, object])
        .branch([(lambda n: n < 5, add_one), (lambda n: n >= 5, double)])
        .map({"it": FromStep([add_one, double])})
        .commit()
    )
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(number)) == {"it": expected}


@behaviour("flow", "A map may take the output of a nested workflow, or a part of it", verdict="same")
async def test_a_map_takes_the_output_of_a_nested_workflow(place: Place) -> None:
    inner = workflow("inner", input=int, output=dict[str, int]).parallel([add_one, double]).commit()
    flow = (
        workflow("flow", input=int, output=dict[str, object])
        .then(inner)
        .map({"whole": FromStep(inner), "part": FromStep(inner, "double"), "text": Template("${steps.inner.double}")})
        .commit()
    )
    async with place.app(flow) as app:
        result = won(await app.get_workflow(flow).start(2))
    assert result == {"whole": {"add-one": 3, "double": 4}, "part": 4, "text": "4"}


@behaviour("flow", "What a map puts together has the declared type", verdict="same")
async def test_what_is_put_together_is_of_the_declared_type(place: Place) -> None:
    flow = (
        workflow("flow", input=int, output=Order)
        .then(add_one)
        .map({"name": Template("order ${input}"), "lines": Value([1])}, output=Order)
        .commit()
    )
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) == Order(name="order 2", lines=[1])


@behaviour(
    "flow",
    "What a map puts together and does not fit the declared type fails the run, and names the field",
    verdict="better",
    model=(23,),
    why="outputs are not checked",
)
async def test_what_is_put_together_and_does_not_fit_is_a_typed_error(place: Place) -> None:
    flow = (
        workflow("flow", input=dict[str, object], output=Order)
        .map({"name": FromInit("name"), "lines": Value([])}, output=Order, id="remade")
        .commit()
    )
    async with place.app(flow) as app:
        error = lost(await app.get_workflow(flow).start({"name": 7}))
    assert (error.code, error.address, error.field) == ("invalid_output", "remade", "name")


@behaviour("flow", "A source that is not there fails the run, and the error names it", verdict="new")
@pytest.mark.parametrize(
    ("state", "context", "missing"), [({}, {"tenant": 1}, "'note'"), ({"note": "x"}, {}, "'tenant'")]
)
async def test_a_source_that_is_not_there_is_an_error_that_names_it(
    state: dict[str, object], context: dict[str, object], missing: str, place: Place
) -> None:
    flow = (
        workflow("flow", input=int, output=dict[str, object], state=Notes)
        .map({"a": FromState("note"), "b": FromContext("tenant")}, id="remade")
        .commit()
    )
    async with place.app(flow) as app:
        error = lost(await app.get_workflow(flow).start(1, state=state, request_context=context))
    assert (error.code, error.address) == ("step_failed", "remade")
    assert missing in error.message


@behaviour("flow", "A map that names only steps that have not run fails the run, and names them", verdict="new")
async def test_a_map_of_steps_that_have_not_run_names_them(place: Place) -> None:
    flow = (
        workflow("flow", input=int, output=dict[str, object])
        .branch([(lambda _: False, add_one), (lambda _: False, double)])
        .map({"it": FromStep([add_one, double])}, id="remade")
        .commit()
    )
    async with place.app(flow) as app:
        error = lost(await app.get_workflow(flow).start(1))
    assert (error.code, error.address) == ("step_failed", "remade")
    assert "'add-one', 'double'" in error.message


@behaviour("flow", "What an allowed failure gave is null for a map", verdict="new")
async def test_a_map_after_an_allowed_failure_sees_none(place: Place) -> None:
    flow = (
        workflow("flow", input=int, output=dict[str, object])
        .parallel([fail, add_one], allow_failure=True)
        .map({"first": FromStep([fail, add_one]), "text": Template("${input.fail} ${input.add-one}")})
        .commit()
    )
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) == {"first": 2, "text": "null 2"}


@behaviour("flow", "What a map gave is read by its id", verdict="same")
async def test_a_maps_output_can_be_read_by_its_id(place: Place) -> None:
    @step
    async def look(number: int, ctx: StepContext) -> object:
        return await ctx.get_step_result("plus")

    flow = (
        workflow("flow", input=int, output=object)
        .map(lambda number: number + 5, output=int, id="plus")
        .then(double)
        .then(look)
        .commit()
    )
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1)) == 6
