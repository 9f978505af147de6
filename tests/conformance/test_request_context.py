"""The request context: what a run is given beside its input."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from pydantic import BaseModel

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import comes_to, recorded, won
from waystation import FlowContext, StepContext, step, workflow
from waystation.core.entries import SuspensionAnswered
from waystation.errors import InvalidRequestContext

pytestmark = pytest.mark.anyio


class Who(BaseModel):
    tenant: str
    level: int = 1


@step
async def see(_: int, ctx: StepContext) -> dict[str, object]:
    return dict(ctx.request_context)


@step(suspend=str, resume=bool)
async def hold(number: int, ctx: StepContext[str, bool]) -> int:
    if ctx.resume_data is None:
        await ctx.suspend("?")
    return number


plain = workflow("plain", input=int, output=dict[str, object]).then(see).commit()
held = workflow("held", input=int, output=dict[str, object]).then(hold).then(see).commit()
declared = workflow("declared", input=int, output=dict[str, object], request_context=Who).then(hold).then(see).commit()


@behaviour("state", "Steps, conditions, maps and nested workflows see the request context", verdict="same", model=(51,))
async def test_everything_in_a_run_sees_the_request_context(place: Place) -> None:
    seen: list[object] = []

    def condition(_: int, ctx: FlowContext) -> bool:
        seen.append(ctx.request_context["tenant"])
        return True

    @step
    def sync(number: int, ctx: StepContext) -> int:
        seen.append(ctx.request_context["tenant"])
        return number

    inner = workflow("inner", input=int, output=int).then(sync).map(lambda n: n, output=int).commit()
    flow = (
        workflow("flow", input=int, output=dict[str, object])
        .branch([(condition, inner)])
        .map(lambda _, ctx: dict(ctx.request_context), output=dict[str, object])
        .commit()
    )
    async with place.app(flow) as app:
        result = await app.get_workflow(flow).start(1, request_context={"tenant": "acme", "ids": [1, 2]})
        assert won(result) == {"tenant": "acme", "ids": [1, 2]}
    assert seen == ["acme", "acme"]


@behaviour("state", "A run that is given no request context has an empty one", verdict="same")
async def test_without_one_the_request_context_is_empty(place: Place) -> None:
    async with place.app(plain) as app:
        assert won(await app.get_workflow(plain).start(1)) == {}


@behaviour("state", "What a step does to the request context it sees changes nothing", verdict="new")
async def test_the_request_context_cannot_be_changed_by_a_step(place: Place) -> None:
    @step
    async def spoil(number: int, ctx: StepContext) -> int:
        ids = ctx.request_context["ids"]
        assert isinstance(ids, list)
        ids.append(7)
        return number

    flow = workflow("flow", input=int, output=dict[str, object]).then(spoil).then(see).commit()
    async with place.app(flow) as app:
        assert won(await app.get_workflow(flow).start(1, request_context={"ids": [1]})) == {"ids": [1]}


@behaviour("state", "The request context survives a crash", verdict="same", model=(85,))
async def test_the_request_context_survives_a_restart_in_the_middle(place: Place) -> None:
    began, stuck = asyncio.Event(), asyncio.Event()

    @step
    async def slow(number: int, ctx: StepContext) -> dict[str, object]:
        began.set()
        await stuck.wait()
        return dict(ctx.request_context)

    flow = workflow("flow", input=int, output=dict[str, object]).then(slow).commit()
    async with place.app(flow, grace=timedelta(0)) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        await run.start_async(1, request_context={"tenant": "acme"})
        await began.wait()
    stuck.set()
    async with place.app(flow) as app:
        assert won(await (await app.get_run("r1")).wait()) == {"tenant": "acme"}


@behaviour(
    "state", "What is given with an answer is merged into the request context, key by key", verdict="same", model=(51,)
)
async def test_an_answer_adds_to_the_request_context(place: Place) -> None:
    async with place.app(held) as app:
        run = await app.get_workflow(held).create_run(run_id="r1")
        await run.start(1, request_context={"tenant": "acme", "user": "ada"})
    async with place.app(held) as app:
        again = await app.get_run("r1")
        result = await again.resume(data=True, request_context={"user": "bob", "role": "judge"})
        assert won(result) == {"tenant": "acme", "user": "bob", "role": "judge"}
        (answered,) = await recorded(again, SuspensionAnswered)
    assert set(answered.context) == {"user", "role"}


@behaviour(
    "state",
    "A request context that does not fit refuses the start, and names the key; nothing is changed",
    verdict="same",
    model=(33,),
)
@pytest.mark.parametrize(
    ("given", "named"), [(None, "tenant"), ({"tenant": 7}, "tenant"), ({"tenant": "a", "level": "x"}, "level")]
)
async def test_a_request_context_that_does_not_fit_refuses_the_start(
    given: dict[str, object] | None, named: str, place: Place
) -> None:
    async with place.app(declared) as app:
        run = await app.get_workflow(declared).create_run(run_id="r1")
        before = await place.journal("r1")
        with pytest.raises(InvalidRequestContext) as caught:
            await run.start(1, request_context=given)
        error = caught.value
        assert (error.field, error.workflow_id, error.address) == (named, "declared", "request_context")
        assert await place.journal("r1") == before
        assert await run.status() == "pending"
        await run.start_async(1, request_context={"tenant": "acme"})
        await comes_to(run, "suspended")


@behaviour("state", "The defaults of a declared request context are filled in", verdict="same", model=(28,))
async def test_the_defaults_of_a_request_context_are_filled_in(place: Place) -> None:
    async with place.app(declared) as app:
        run = await app.get_workflow(declared).create_run()
        await run.start(1, request_context={"tenant": "acme"})
        assert won(await run.resume(data=True)) == {"tenant": "acme", "level": 1}


@behaviour(
    "state",
    "A request context given with an answer must fit with what is there; else the suspension stays open",
    verdict="same",
    model=(24, 33),
)
async def test_a_request_context_that_does_not_fit_refuses_an_answer(place: Place) -> None:
    async with place.app(declared) as app:
        run = await app.get_workflow(declared).create_run(run_id="r1")
        await run.start(1, request_context={"tenant": "acme"})
        before = await place.journal("r1")
        with pytest.raises(InvalidRequestContext) as caught:
            await run.resume(data=True, request_context={"level": "high"})
        assert caught.value.field == "level"
        assert await place.journal("r1") == before
        assert won(await run.resume(data=True, request_context={"level": 3})) == {"tenant": "acme", "level": 3}


@behaviour("state", "A request context that is no JSON is refused", verdict="new")
async def test_a_request_context_that_is_no_json_is_refused(place: Place) -> None:
    async with place.app(plain) as app:
        run = await app.get_workflow(plain).create_run()
        with pytest.raises(InvalidRequestContext):
            await run.start(1, request_context={"it": object()})
        assert await run.status() == "pending"
