"""Suspend and resume."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import BaseModel

from tests.conformance.apps import Place
from waystation import StepContext, step, workflow
from waystation.errors import AlreadyAnswered, AmbiguousSuspension, NotSuspended, RunNotFound, UnknownStep

pytestmark = pytest.mark.anyio


class Ask(BaseModel):
    question: str


class Answer(BaseModel):
    text: str


@step(suspend=Ask, resume=Answer)
async def ask(name: str, ctx: StepContext[Ask, Answer]) -> str:
    if ctx.resume_data is None:
        await ctx.suspend(Ask(question=f"{name}?"), label=f"for {name}")
    assert ctx.suspend_data is not None
    return f"{ctx.suspend_data.question} {ctx.resume_data.text}"


one = workflow("one", input=str, output=str).then(ask).commit()
two = (
    workflow("two", input=str, output=dict[str, str]).parallel([ask.clone(id="legal"), ask.clone(id="money")]).commit()
)


async def test_the_answer_and_what_was_asked_reach_the_step(place: Place) -> None:
    async with place.app(one) as app:
        run = await app.get_workflow(one).create_run()
        first = await run.start("why")
        assert first.status == "suspended"
        (suspension,) = first.suspensions
        assert suspension.payload == Ask(question="why?")
        assert (suspension.address, suspension.label, suspension.run_id) == ("ask", "for why", run.run_id)
        assert "text" in str(suspension.answer_schema)
        result = await run.resume(step=ask, data=Answer(text="because"))
    assert result.status == "success"
    assert result.result == "why? because"


@pytest.mark.parametrize("by", ["step", "label", "suspension"])
async def test_of_several_open_suspensions_one_is_named(by: str, place: Place) -> None:
    async with place.app(two) as app:
        run = await app.get_workflow(two).create_run()
        first = await run.start("x")
        assert first.status == "suspended"
        legal = next(each for each in first.suspensions if each.address == "legal")
        if by == "step":
            second = await run.resume(step="legal", data={"text": "yes"})
        elif by == "label":
            with pytest.raises(AmbiguousSuspension):
                await run.resume(label="for x", data={"text": "yes"})
            second = await run.resume(label="for x", step="legal", data={"text": "yes"})
        else:
            second = await run.resume(suspension=legal.id, data={"text": "yes"})
        assert second.status == "suspended"
        assert [each.address for each in second.suspensions] == ["money"]
        third = await run.resume(data={"text": "paid"})
    assert third.status == "success"
    assert third.result == {"legal": "x? yes", "money": "x? paid"}


async def test_naming_none_of_several_lists_them(place: Place) -> None:
    async with place.app(two) as app:
        run = await app.get_workflow(two).create_run()
        await run.start("x")
        with pytest.raises(AmbiguousSuspension) as caught:
            await run.resume(data={"text": "yes"})
    assert caught.value.addresses == ("legal", "money")


async def test_two_people_answer_two_open_gates_at_once(place: Place) -> None:
    async with place.app(two) as app:
        for _ in range(20):
            run = await app.get_workflow(two).create_run()
            await run.start("x")
            await asyncio.gather(
                run.resume_async(step="legal", data={"text": "a"}), run.resume_async(step="money", data={"text": "b"})
            )
            result = await run.wait()
            assert result.status == "success"
            assert result.result == {"legal": "x? a", "money": "x? b"}


async def test_of_many_answers_at_once_one_is_accepted(place: Place) -> None:
    async with place.app(one) as app:
        run = await app.get_workflow(one).create_run()
        await run.start("x")
        answers = [run.resume(data={"text": str(number)}) for number in range(30)]
        told = await asyncio.gather(*answers, return_exceptions=True)
        refused = [each for each in told if isinstance(each, BaseException)]
        assert len(refused) == 29
        assert all(isinstance(each, AlreadyAnswered) for each in refused)


async def test_an_answer_to_nothing_says_so(place: Place) -> None:
    async with place.app(one) as app:
        run = await app.get_workflow(one).create_run()
        with pytest.raises(NotSuspended, match="pending"):
            await run.resume(data={"text": "x"})
        await run.start("x")
        with pytest.raises(UnknownStep, match="'ask'"):
            await run.resume(step="aks", data={"text": "x"})
        with pytest.raises(NotSuspended, match="it waits at 'ask'"):
            await run.resume(label="other", data={"text": "x"})
        await run.resume(data={"text": "x"}, actor="ada")
        with pytest.raises(AlreadyAnswered, match="by 'ada'"):
            await run.resume(data={"text": "x"})
        with pytest.raises(RunNotFound):
            await app.get_run("nobody")


async def test_a_step_may_ask_again_and_an_answer_to_the_first_question_never_reaches_the_second(place: Place) -> None:
    @step(suspend=Ask, resume=Answer)
    async def twice(name: str, ctx: StepContext[Ask, Answer]) -> str:
        if ctx.resume_data is None or ctx.resume_data.text == "again":
            await ctx.suspend(Ask(question=name))
        return ctx.resume_data.text

    flow = workflow("flow", input=str, output=str).then(twice).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        first = await run.start("x")
        assert first.status == "suspended"
        second = await run.resume(data={"text": "again"})
        assert second.status == "suspended"
        assert second.suspensions[0].id != first.suspensions[0].id
        with pytest.raises(AlreadyAnswered):
            await run.resume(suspension=first.suspensions[0].id, data={"text": "late"})
        third = await run.resume(suspension=second.suspensions[0].id, data={"text": "done"})
    assert third.status == "success"
    assert third.result == "done"


async def test_a_sync_step_suspends_too(place: Place) -> None:
    @step(suspend=Ask, resume=Answer)
    def ask_sync(name: str, ctx: StepContext[Ask, Answer]) -> str:
        if ctx.resume_data is None:
            ctx.suspend_sync(Ask(question=name))
        return ctx.resume_data.text

    flow = workflow("flow", input=str, output=str).then(ask_sync).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert (await run.start("x")).status == "suspended"
        result = await run.resume(data={"text": "yes"})
    assert result.status == "success"
    assert result.result == "yes"


async def test_a_step_that_swallows_the_suspension_is_suspended_all_the_same(place: Place) -> None:
    @step(suspend=Ask, resume=Answer)
    async def swallow(name: str, ctx: StepContext[Ask, Answer]) -> str:
        if ctx.resume_data is None:
            try:
                await ctx.suspend(Ask(question=name))
            except BaseException:  # what a careless step may do
                return "never seen"
        return ctx.resume_data.text

    flow = workflow("flow", input=str, output=str).then(swallow).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert (await run.start("x")).status == "suspended"


async def test_a_step_without_suspend_types_cannot_suspend(place: Place) -> None:
    @step
    async def plain(name: str, ctx: StepContext) -> str:
        await ctx.suspend(None)

    flow = workflow("flow", input=str, output=str).then(plain).commit()
    async with place.app(flow) as app:
        result = await app.get_workflow(flow).start("x")
    assert result.status == "failed"
    assert result.error.code == "suspend_not_allowed"


async def test_a_failing_sibling_closes_an_open_suspension(place: Place) -> None:
    opened = asyncio.Event()

    @step(suspend=Ask, resume=Answer)
    async def wait_for_it(name: str, ctx: StepContext[Ask, Answer]) -> str:
        opened.set()
        await ctx.suspend(Ask(question=name))

    @step
    async def fail(name: str) -> str:
        await opened.wait()
        raise ValueError(name)

    flow = workflow("flow", input=str, output=dict[str, str]).parallel([wait_for_it, fail]).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert (await run.start("x")).status == "failed"
        assert await app.pending() == []
        with pytest.raises(NotSuspended):
            await run.resume(data={"text": "late"})


async def test_pending_lists_what_people_are_waited_for_oldest_first(place: Place) -> None:
    async with place.app(one, two) as app:
        first = await app.get_workflow(one).create_run()
        await first.start("a")
        second = await app.get_workflow(two).create_run()
        await second.start("b")
        assert [each.run_id for each in await app.pending()] == [first.run_id, second.run_id, second.run_id]
        assert [each.address for each in await app.pending(workflow="two")] == ["legal", "money"]
        await first.resume(data={"text": "x"})
        assert [each.run_id for each in await app.pending()] == [second.run_id] * 2


async def test_a_parked_run_holds_no_task(place: Place) -> None:
    async with place.app(one) as app:
        for _ in range(50):
            await app.get_workflow(one).start("x")
        assert [task for task in asyncio.all_tasks() if "run" in task.get_name().split()] == []
        assert len(asyncio.all_tasks()) < 10
