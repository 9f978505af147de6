"""A run that was parked under one version of the code, met by another."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import BaseModel

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from waystation import Step, StepContext, Workflow, step, workflow
from waystation.errors import DefinitionChanged

pytestmark = pytest.mark.anyio


class Doc(BaseModel):
    title: str


class Answer(BaseModel):
    ok: bool


class Done(BaseModel):
    text: str


class LongAnswer(BaseModel):
    ok: bool
    why: str = "no reason"


class Other(BaseModel):
    title: str
    author: str = "nobody"


class Ask(BaseModel):
    question: str


@step
async def prepare(doc: Doc) -> Doc:
    return doc


@step(suspend=Doc, resume=Answer)
async def review(doc: Doc, ctx: StepContext[Doc, Answer]) -> Done:
    if ctx.resume_data is None:
        await ctx.suspend(doc)
    return Done(text=f"{doc.title}: {ctx.resume_data.ok}")


@step
async def polish(done: Done) -> Done:
    return Done(text=f"{done.text}, polished")


OLD = workflow("flow", input=Doc, output=Done).then(prepare).then(review).commit()


async def parked(place: Place) -> list[bytes]:
    """Park a run under the old code; its journal."""
    async with place.app(OLD) as app:
        run = await app.get_workflow(OLD).create_run(run_id="r1")
        assert (await run.start({"title": "t"})).status == "suspended"
    return await place.journal("r1")


async def answered(place: Place, code: Workflow[Doc, Done], data: object = None) -> str:
    async with place.app(code) as app:
        run = await app.get_run("r1")
        result = await run.resume(data={"ok": True} if data is None else data)
        assert result.status == "success", result
        assert isinstance(result.result, Done)
        return result.result.text


@behaviour(
    "version",
    "A step that was added after where the run stands runs when the run gets there",
    verdict="same",
    model=(68,),
)
async def test_a_step_added_later_runs_when_the_run_gets_there(place: Place) -> None:
    await parked(place)
    new = workflow("flow", input=Doc, output=Done).then(prepare).then(review).then(polish).commit()
    assert await answered(place, new) == "t: True, polished"


@behaviour("version", "Other code in steps and other texts fit any run", verdict="same")
async def test_new_words_in_docstrings_and_other_bodies_change_nothing(place: Place) -> None:
    await parked(place)

    @step(id="review", suspend=Doc, resume=Answer)
    async def review_again(doc: Doc, ctx: StepContext[Doc, Answer]) -> Done:
        """New words."""
        return Done(text=f"anew: {ctx.resume_data is not None}")

    new = workflow("flow", input=Doc, output=Done, description="new").then(prepare).then(review_again).commit()
    assert await answered(place, new) == "anew: True"


@behaviour("version", "A type that still takes what was recorded fits", verdict="new")
async def test_an_answer_type_with_a_new_optional_field_fits(place: Place) -> None:
    await parked(place)

    @step(id="review", suspend=Doc, resume=LongAnswer)
    async def with_reason(doc: Doc, ctx: StepContext[Doc, LongAnswer]) -> Done:
        if ctx.resume_data is None:
            await ctx.suspend(doc)
        return Done(text=ctx.resume_data.why)

    new = workflow("flow", input=Doc, output=Done).then(prepare).then(with_reason).commit()
    assert await answered(place, new) == "no reason"


def without_the_completed_step() -> Workflow[Doc, Done]:
    return workflow("flow", input=Doc, output=Done).then(review).commit()


def with_another_output_type() -> Workflow[Doc, Done]:
    @step(id="prepare")
    async def prepare_other(doc: Doc) -> Other:
        return Other(title=doc.title)

    @step(id="review", suspend=Doc, resume=Answer)
    async def review_other(doc: Other, ctx: StepContext[Doc, Answer]) -> Done:
        return Done(text=doc.author)

    return workflow("flow", input=Doc, output=Done).then(prepare_other).then(review_other).commit()


def with_a_step_put_before() -> Workflow[Doc, Done]:
    return workflow("flow", input=Doc, output=Done).then(prepare.clone(id="early")).then(prepare).then(review).commit()


def with_the_suspended_step_renamed() -> Workflow[Doc, Done]:
    renamed: Step[Doc, Done] = review.clone(id="look-over")
    return workflow("flow", input=Doc, output=Done).then(prepare).then(renamed).commit()


def with_a_payload_that_cannot_be_read() -> Workflow[Doc, Done]:
    @step(id="review", suspend=Ask, resume=Answer)
    async def review_other(doc: Doc, ctx: StepContext[Ask, Answer]) -> Done:
        return Done(text=doc.title)

    return workflow("flow", input=Doc, output=Done).then(prepare).then(review_other).commit()


REFUSED = {
    "completed step removed": (without_the_completed_step, ["'prepare'"]),
    "output type changed": (with_another_output_type, ["'prepare'", "Doc", "Other"]),
    "step put before": (with_a_step_put_before, ["'early'"]),
    "suspended step renamed": (with_the_suspended_step_renamed, ["'review'"]),
    "payload of another type": (with_a_payload_that_cannot_be_read, ["'review'", "question"]),
}


@behaviour(
    "version",
    "Code that does not fit is refused with the differences, nothing changes, and the old code still goes on",
    verdict="better",
    model=(68,),
    why="a step that was removed, renamed or put before corrupts the run silently",
)
@pytest.mark.parametrize("which", REFUSED)
@pytest.mark.parametrize("how", ["resume", "result"])
async def test_code_that_does_not_fit_is_refused_readably_changes_nothing_and_the_old_code_goes_on(
    which: str, how: Literal["resume", "result"], place: Place
) -> None:
    before = await parked(place)
    make, words = REFUSED[which]
    async with place.app(make()) as app:
        run = await app.get_run("r1")
        with pytest.raises(DefinitionChanged) as caught:
            await (run.resume(data={"ok": True}) if how == "resume" else run.result())
        assert caught.value.run_id == "r1"
        for word in words:
            assert word in "\n".join(caught.value.differences)
            assert word in str(caught.value)
        assert await run.status() == "suspended"
    assert await place.journal("r1") == before
    assert await answered(place, OLD) == "t: True"


@behaviour("version", "A run that fits adopts the new definition, in its journal", verdict="new")
async def test_a_run_that_adopted_new_code_goes_on_under_it_after_another_restart(place: Place) -> None:
    await parked(place)

    @step(id="late", suspend=Done, resume=Answer)
    async def late(done: Done, ctx: StepContext[Done, Answer]) -> Done:
        if ctx.resume_data is None:
            await ctx.suspend(done)
        return Done(text=f"{done.text}, late")

    new = workflow("flow", input=Doc, output=Done).then(prepare).then(review).then(late).commit()
    async with place.app(new) as app:
        run = await app.get_run("r1")
        assert (await run.resume(data={"ok": True})).status == "suspended"
    assert await answered(place, new) == "t: True, late"
