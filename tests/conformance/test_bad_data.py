"""Bad data raises a typed error that names workflow, address and field, and changes nothing that was recorded."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import BaseModel

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from waystation import StepContext, step, workflow
from waystation.errors import InvalidInput, InvalidResumeData

pytestmark = pytest.mark.anyio


class Doc(BaseModel):
    title: str
    pages: int = 1
    extra: object = None


class Answer(BaseModel):
    note: str
    extra: object = None


@step(suspend=Doc, resume=Answer)
async def ask(doc: Doc, ctx: StepContext[Doc, Answer]) -> Answer:
    if ctx.resume_data is None:
        await ctx.suspend(doc)
    return ctx.resume_data


asking = workflow("asking", input=Doc, output=Answer).then(ask).commit()


def deep(levels: int) -> object:
    found: object = 1
    for _ in range(levels):
        found = [found]
    return found


def in_a_circle() -> object:
    found: list[object] = []
    found.append(found)
    return found


BAD: dict[str, tuple[object, object, tuple[str | None, str | None]]] = {
    "wrong type": ({"title": 7}, {"note": 7}, ("title", "note")),
    "missing field": ({}, {}, ("title", "note")),
    "unknown field": ({"title": "t", "tilte": 1}, {"note": "n", "tilte": 1}, ("tilte", "tilte")),
    "not an object": ("text", "text", ("", "")),
    "nothing": (None, None, ("", "")),
    "not json": ({"title": "t", "extra": object()}, {"note": "n", "extra": object()}, ("extra", "extra")),
    "not a number": ({"title": "t", "extra": float("nan")}, {"note": "n", "extra": float("nan")}, ("extra", "extra")),
    "ten megabytes": ({"title": "x" * 10_000_000}, {"note": "x" * 10_000_000}, (None, None)),
    "nul bytes": ({"title": "a\0b"}, {"note": "a\0b"}, ("title", "note")),
    "half a character": ({"title": "a\ud800"}, {"note": "a\ud800"}, ("title", "note")),
    "bytes that are no text": ({"title": "t", "extra": b"\xff"}, {"note": "n", "extra": b"\xff"}, ("extra", "extra")),
    "deep nesting": ({"title": "t", "extra": deep(1000)}, {"note": "n", "extra": deep(1000)}, (None, None)),
    "very deep nesting": ({"title": "t", "extra": deep(50_000)}, {"note": "n", "extra": deep(50_000)}, (None, None)),
    "in a circle": ({"title": "t", "extra": in_a_circle()}, {"note": "n", "extra": in_a_circle()}, (None, None)),
}


@behaviour(
    "data",
    "A bad input refuses the start and changes nothing, byte for byte; the error names the field",
    verdict="same",
    model=(21,),
)
@pytest.mark.parametrize("name", BAD)
async def test_bad_input_is_refused_and_the_journal_stays_byte_for_byte(name: str, place: Place) -> None:
    bad, _, (field, _) = BAD[name]
    async with place.app(asking) as app:
        run = await app.get_workflow(asking).create_run(run_id="r1")
        before = await place.journal("r1")
        with pytest.raises(InvalidInput) as caught:
            await run.start(bad)
        assert (caught.value.workflow_id, caught.value.address) == ("asking", "input")
        if field is not None:
            assert caught.value.field == field
        assert await place.journal("r1") == before
        assert await run.status() == "pending"
        assert (await run.start({"title": "t"})).status == "suspended", "the run can still be started"


@behaviour("data", "A bad answer is refused and changes nothing; the run stays suspended", verdict="same", model=(24,))
@pytest.mark.parametrize("name", BAD)
async def test_bad_resume_data_is_refused_and_the_journal_stays_byte_for_byte(name: str, place: Place) -> None:
    _, bad, (_, field) = BAD[name]
    async with place.app(asking) as app:
        run = await app.get_workflow(asking).create_run(run_id="r1")
        await run.start({"title": "t"})
        before = await place.journal("r1")
        with pytest.raises(InvalidResumeData) as caught:
            await run.resume(data=bad)
        assert (caught.value.workflow_id, caught.value.address) == ("asking", "ask")
        if field is not None:
            assert caught.value.field == field
        assert await place.journal("r1") == before
        assert await run.status() == "suspended"
        assert (await run.resume(data={"note": "n"})).status == "success", "the suspension is still open"


class Strict(BaseModel):
    text: str
    kind: Literal["a", "b"] = "a"
    extra: object = None


MADE = {
    "wrong type": ("no model at all", ""),
    "nothing": (None, ""),
    "wrong field": (Strict.model_construct(text=7), "text"),
    "missing field": (Strict.model_construct(), "text"),
    "wrong choice": (Strict.model_construct(text="t", kind="c"), "kind"),
    "not json": (Strict(text="t", extra=object()), "extra"),
    "ten megabytes": (Strict(text="x" * 10_000_000), None),
    "nul bytes": (Strict(text="a\0b"), "text"),
    "half a character": (Strict(text="a\ud800"), "text"),
    "deep nesting": (Strict(text="t", extra=deep(1000)), None),
    "in a circle": (Strict(text="t", extra=in_a_circle()), None),
}


@behaviour(
    "data",
    "A bad output of a step fails it and is not recorded",
    verdict="better",
    model=(23,),
    why="it is not noticed",
)
@pytest.mark.parametrize("name", MADE)
async def test_a_bad_output_fails_the_step_with_the_typed_error_and_is_not_recorded(name: str, place: Place) -> None:
    bad, field = MADE[name]

    @step
    async def fine(doc: Doc) -> Doc:
        return doc

    @step
    async def make(doc: Doc) -> Strict:
        return bad  # type: ignore[return-value]  # that it is wrong is the point

    making = workflow("making", input=Doc, output=Strict).then(fine).then(make).commit()
    async with place.app(making) as app:
        run = await app.get_workflow(making).create_run(run_id="r1")
        result = await run.start({"title": "t"})
        assert result.status == "failed"
        assert (result.error.code, result.error.address) == ("invalid_output", "make")
        assert "workflow 'making'" in result.error.message
        if field is not None:
            assert result.error.field == field
        journal = await place.journal("r1")
        assert len(journal) == 5, "created, started, the fine step, the failed one, the end"
        assert all(len(entry) < 10_000 for entry in journal), "nothing of the bad value is kept"


@behaviour("data", "A bad suspend payload fails the step, and nothing is asked", verdict="same", model=(25,))
@pytest.mark.parametrize("name", MADE)
async def test_a_bad_suspend_payload_fails_the_step_and_opens_no_suspension(name: str, place: Place) -> None:
    bad, field = MADE[name]

    @step(suspend=Strict, resume=Answer)
    async def stop(doc: Doc, ctx: StepContext[Strict, Answer]) -> Doc:
        await ctx.suspend(bad)  # type: ignore[arg-type]  # that it is wrong is the point

    stopping = workflow("stopping", input=Doc, output=Doc).then(stop).commit()
    async with place.app(stopping) as app:
        run = await app.get_workflow(stopping).create_run(run_id="r1")
        result = await run.start({"title": "t"})
        assert result.status == "failed"
        assert (result.error.code, result.error.address) == ("invalid_suspend_payload", "stop")
        assert "workflow 'stopping'" in result.error.message
        if field is not None:
            assert result.error.field == field
        assert await app.pending() == []
        assert all(len(entry) < 10_000 for entry in await place.journal("r1"))
