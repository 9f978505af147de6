"""``idempotency_key`` of an answer: who does not know whether theirs came gives it again, and it is the same."""

from __future__ import annotations

import asyncio

import pytest

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import waits, won
from waystation import StepContext, step, workflow
from waystation.core.entries import SuspensionAnswered
from waystation.errors import AlreadyAnswered, IdempotencyConflict, InvalidResumeData

pytestmark = pytest.mark.anyio

NEW = "The model has no key for an answer: one that is given again is refused, or answers what was asked next."


@step(suspend=str, resume=str)
async def asks(word: str, ctx: StepContext[str, str]) -> str:
    if ctx.resume_data is None:
        await ctx.suspend(f"{word}?")
    return f"{word} {ctx.resume_data}"


@step(suspend=str, resume=str)
async def asks_again(word: str, ctx: StepContext[str, str]) -> str:
    if ctx.resume_data is None:
        await ctx.suspend(f"{word}?")
    return f"{word} {ctx.resume_data}"


twice = workflow("twice", input=str, output=str).then(asks).then(asks_again).commit()


@behaviour(
    "suspend",
    "An answer that is given again with its `idempotency_key` is accepted, and nothing is written",
    verdict="new",
    why=NEW,
)
async def test_an_answer_that_is_given_again_is_the_same_answer(place: Place) -> None:
    async with place.app(twice) as app:
        run = await app.get_workflow(twice).create_run()
        (first,) = waits(await run.start("a"))
        (then,) = waits(await run.resume(data="yes", idempotency_key="k"))
        (again,) = waits(await run.resume(data="yes", idempotency_key="k"))
        assert again == then, "it is no answer to what was asked next, though that was not named either"
        (named,) = waits(await run.resume(data="yes", suspension=first.id, idempotency_key="k"))
        assert named == then
        with pytest.raises(AlreadyAnswered):
            await run.resume(data="yes", suspension=first.id)
        with pytest.raises(AlreadyAnswered):
            await run.resume(data="yes", suspension=first.id, idempotency_key="another")
        result = won(await run.resume(data="sure", idempotency_key="k2"))
        assert won(await run.resume(data="sure", idempotency_key="k2")) == result
        answers = [entry for entry in await run.journal() if isinstance(entry, SuspensionAnswered)]
        assert [(entry.key, bytes(entry.data)) for entry in answers] == [("k", b'"yes"'), ("k2", b'"sure"')]


@behaviour("suspend", "The key of an answer is in the journal: it is known after a restart", verdict="new", why=NEW)
async def test_the_key_of_an_answer_is_known_after_a_restart(place: Place) -> None:
    async with place.app(twice) as app:
        run = await app.get_workflow(twice).create_run()
        await run.start("a")
        await run.resume(data="yes", idempotency_key="k", actor="ada")
    async with place.app(twice) as app:
        again = await app.get_run(run.run_id)
        assert len(waits(await again.resume(data="yes", idempotency_key="k", actor="ada"))) == 1


@behaviour(
    "suspend", "With one key two different answers are a conflict, and nothing is changed", verdict="new", why=NEW
)
async def test_another_answer_with_the_same_key_is_a_conflict(place: Place) -> None:
    async with place.app(twice) as app:
        run = await app.get_workflow(twice).create_run()
        await run.start("a")
        await run.resume(data="yes", idempotency_key="k")
        before = await run.journal()
        with pytest.raises(IdempotencyConflict, match="another answer"):
            await run.resume(data="no", idempotency_key="k")
        assert await run.journal() == before


@behaviour("suspend", "A key is that of one actor: another's is another", verdict="new", why=NEW)
async def test_the_key_of_one_actor_is_not_that_of_another(place: Place) -> None:
    async with place.app(twice) as app:
        run = await app.get_workflow(twice).create_run()
        (first,) = waits(await run.start("a"))
        await run.resume(data="yes", idempotency_key="k", actor="ada")
        with pytest.raises(AlreadyAnswered):
            await run.resume(data="yes", suspension=first.id, idempotency_key="k", actor="bob")


@behaviour("suspend", "A bad answer uses up no key", verdict="new", why=NEW)
async def test_a_bad_answer_uses_up_no_key(place: Place) -> None:
    async with place.app(twice) as app:
        run = await app.get_workflow(twice).create_run()
        await run.start("a")
        with pytest.raises(InvalidResumeData):
            await run.resume(data=7, idempotency_key="k")
        assert len(waits(await run.resume(data="yes", idempotency_key="k"))) == 1


@behaviour("suspend", "Many answers with one key at once are one answer", verdict="new", why=NEW)
async def test_many_answers_with_one_key_at_once_are_one(place: Place) -> None:
    async with place.app(twice) as app:
        run = await app.get_workflow(twice).create_run()
        await run.start("a")
        results = await asyncio.gather(*(run.resume(data="yes", idempotency_key="k") for _ in range(5)))
        assert {waits(result)[0].address for result in results} == {"asks-again"}
        answers = [entry for entry in await run.journal() if isinstance(entry, SuspensionAnswered)]
        assert len(answers) == 1
