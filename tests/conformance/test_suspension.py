"""Suspend and resume."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from pydantic import BaseModel

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import ask as ask_number
from tests.conformance.stock import lost, won
from waystation import StepContext, step, workflow
from waystation.errors import AlreadyAnswered, NotSuspended, RunNotFound, UnknownStep

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


@behaviour(
    "suspend", "A suspended step is run again with the answer and with what it asked", verdict="same", model=(35, 50)
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


@behaviour("suspend", "Of many answers to one suspension at once exactly one is accepted", verdict="same", model=(39,))
async def test_of_many_answers_at_once_one_is_accepted(place: Place) -> None:
    async with place.app(one) as app:
        run = await app.get_workflow(one).create_run()
        await run.start("x")
        answers = [run.resume(data={"text": str(number)}) for number in range(30)]
        told = await asyncio.gather(*answers, return_exceptions=True)
        refused = [each for each in told if isinstance(each, BaseException)]
        assert len(refused) == 29
        assert all(isinstance(each, AlreadyAnswered) for each in refused)


@behaviour(
    "suspend",
    "An answer to a run, step or label that waits for none is refused, and says what is open",
    verdict="same",
    model=(34, 36),
)
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


@behaviour("suspend", "A step may ask again; an answer to the first question never reaches the second", verdict="new")
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


@behaviour("suspend", "A step that is not async suspends too", verdict="new")
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


@behaviour(
    "suspend",
    "A step that catches the suspension is suspended all the same",
    verdict="better",
    why="code after suspend() goes on running",
)
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


@behaviour("suspend", "A step that declares no suspend and resume types cannot suspend", verdict="new")
async def test_a_step_without_suspend_types_cannot_suspend(place: Place) -> None:
    @step
    async def plain(name: str, ctx: StepContext) -> str:
        await ctx.suspend(None)

    flow = workflow("flow", input=str, output=str).then(plain).commit()
    async with place.app(flow) as app:
        result = await app.get_workflow(flow).start("x")
    assert result.status == "failed"
    assert result.error.code == "suspend_not_allowed"


@behaviour("suspend", "pending() lists the open suspensions of all runs, oldest first", verdict="new")
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


@behaviour("suspend", "A parked run holds no task", verdict="better", why="resumed runs stay in memory")
async def test_a_parked_run_holds_no_task(place: Place) -> None:
    async with place.app(one) as app:
        for _ in range(50):
            await app.get_workflow(one).start("x")
        assert [task for task in asyncio.all_tasks() if "run" in task.get_name().split()] == []
        assert len(asyncio.all_tasks()) < 10


@behaviour(
    "suspend",
    "A step whose answer was accepted runs with it after a crash",
    verdict="better",
    model=(64,),
    why="the step is run without the answer, which is lost",
)
async def test_an_accepted_answer_survives_a_crash_before_the_step_ended(place: Place) -> None:
    began, stuck = asyncio.Event(), asyncio.Event()

    @step(suspend=str, resume=int)
    async def ask_slowly(number: int, ctx: StepContext[str, int]) -> int:
        if ctx.resume_data is None:
            await ctx.suspend("?")
        began.set()
        await stuck.wait()
        return number + ctx.resume_data

    flow = workflow("flow", input=int, output=int).then(ask_slowly).commit()
    async with place.app(flow, grace=timedelta(0)) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        await run.start(1)
        await run.resume_async(data=41)
        await began.wait()
    stuck.set()
    async with place.app(flow) as app:
        assert won(await (await app.get_run("r1")).wait()) == 42


@behaviour("suspend", "A step is run again from its top when it is answered", verdict="same", model=(50,))
async def test_the_step_runs_again_from_its_top(place: Place) -> None:
    ran: list[str] = []

    @step(suspend=str, resume=int)
    async def ask_in_the_middle(number: int, ctx: StepContext[str, int]) -> int:
        ran.append("top")
        await ctx.once("mail", lambda: ran.append("mail"))
        if ctx.resume_data is None:
            await ctx.suspend("?")
        ran.append("end")
        return number + ctx.resume_data

    flow = workflow("flow", input=int, output=int).then(ask_in_the_middle).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        await run.start(1)
        assert ran == ["top", "mail"]
    async with place.app(flow) as app:
        assert won(await (await app.get_run("r1")).resume(data=2)) == 3
    assert ran == ["top", "mail", "top", "end"]


@behaviour("suspend", "What comes after a step that was answered sees no answer", verdict="same", model=(43,))
async def test_the_next_step_sees_no_answer(place: Place) -> None:
    seen: list[object] = []

    @step(suspend=str, resume=int)
    async def look(number: int, ctx: StepContext[str, int]) -> int:
        seen.extend([ctx.resume_data, ctx.suspend_data])
        return number

    flow = workflow("flow", input=int, output=int).then(ask_number).then(look).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start(1)
        assert won(await run.resume(data=2)) == 3
    assert seen == [None, None]


@behaviour(
    "suspend",
    "A step that fails with its answer fails the run, which takes no other answer",
    verdict="same",
    model=(77,),
)
async def test_a_step_that_fails_with_its_answer_fails_the_run(place: Place) -> None:
    @step(suspend=str, resume=int)
    async def ask_and_fail(_: int, ctx: StepContext[str, int]) -> int:
        if ctx.resume_data is None:
            await ctx.suspend("?")
        raise ValueError(f"not {ctx.resume_data}")

    flow = workflow("flow", input=int, output=int).then(ask_and_fail).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start(1)
        assert lost(await run.resume(data=2)).message == "not 2"
        with pytest.raises(AlreadyAnswered):
            await run.resume(data=3)
