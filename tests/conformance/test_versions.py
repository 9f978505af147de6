"""Several versions of one workflow in one app, and the question to ask before a deploy: ``app.check()``."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.conformance.apps import OwnTime, Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, ask, double, waits_at, won
from tests.conformance.waiting import in_time, until_status
from waystation import StepContext, Workflow, step, workflow
from waystation.errors import DefinitionChanged, DuplicateWorkflow, InvalidId, UnknownWorkflow

pytestmark = pytest.mark.anyio

NEW = "The model has no versions: a parked run goes on by whatever code there is."


@step(suspend=str, resume=str)
async def ask_for_words(number: int, ctx: StepContext[str, str]) -> str:
    if ctx.resume_data is None:
        await ctx.suspend("words?")
    return f"{number} {ctx.resume_data}"


first = workflow("flow", input=int, output=int, version="1").then(ask).then(add_one).commit()
second = workflow("flow", input=int, output=str, version="2").then(ask_for_words).commit()


@behaviour(
    "version",
    "Two versions of one workflow live side by side: each parked run goes on with its own, also after a restart.",
    verdict="new",
    model=(68,),
    why=NEW,
)
async def test_each_run_goes_on_with_the_version_it_was_started_with(place: Place) -> None:
    async with in_time():
        async with place.app(first) as app:
            assert waits_at(await app.get_workflow("flow").start(1, run_id="old")) == ["ask"]
        async with place.app(first, second) as app:
            assert waits_at(await app.get_workflow("flow").start(1, run_id="new")) == ["ask-for-words"]
            assert {each.run_id: each.address for each in await app.pending()} == {
                "old": "ask",
                "new": "ask-for-words",
            }
        async with place.app(first, second) as app:
            assert won(await (await app.get_run("old")).resume(data=10)) == 12
            assert won(await (await app.get_run("new")).resume(data="ten")) == "1 ten"
            assert {run.run_id: run.version for run in (await app.list_runs(workflow="flow")).runs} == {
                "old": "1",
                "new": "2",
            }


@behaviour("version", "A run that sleeps, or whose process ended, goes on with its own version too.", verdict="new")
async def test_what_goes_on_by_itself_goes_on_with_its_own_version(place: Place) -> None:
    clock = OwnTime()

    def version(name: str, add: int) -> Workflow[int, int]:
        @step
        async def work(number: int) -> int:
            return number + add

        flow = workflow("flow", input=int, output=int, version=name)
        return flow.sleep(timedelta(hours=1)).then(work).commit()

    one, two = version("1", 1), version("2", 2)
    async with in_time():
        async with place.app(one, two, clock=clock) as app:
            for each in (one, two):
                run = await app.get_workflow(each).start_async(0, run_id=f"of {each.version}")
                await until_status(run, "waiting")
        clock.move(timedelta(hours=2))
        async with place.app(two, one, clock=clock) as app:
            assert won(await (await app.get_run("of 1")).wait()) == 1
            assert won(await (await app.get_run("of 2")).wait()) == 2


@behaviour("version", "A new run takes the version that was registered last, or the one that is named.", verdict="new")
async def test_a_new_run_takes_the_last_version_or_the_one_that_is_named(place: Place) -> None:
    async with place.app(first, second) as app:
        assert app.get_workflow("flow").workflow is second
        assert app.get_workflow("flow", version="1").workflow is first
        assert app.get_workflow(first).workflow is first
        assert app.workflows["flow"] is second
        with pytest.raises(UnknownWorkflow, match="'3'"):
            app.get_workflow("flow", version="3")
    async with place.app(second, first) as app:
        assert app.get_workflow("flow").workflow is first


@behaviour(
    "version", "Two workflows of one id and one version are refused; so is a version that is no name.", verdict="new"
)
async def test_one_version_is_registered_once(place: Place) -> None:
    again = workflow("flow", input=int, output=int, version="1").then(double).commit()
    with pytest.raises(DuplicateWorkflow, match=r"'flow'.*'1'"):
        async with place.app(first, again):
            pass
    with pytest.raises(InvalidId, match="version"):
        workflow("flow", input=int, output=int, version="one two")


@behaviour(
    "version",
    "A run of a version that is not registered is left alone: others are not held up, and it goes on when the version "
    "is back.",
    verdict="new",
)
async def test_a_run_of_an_unregistered_version_is_left_alone(place: Place) -> None:
    clock = OwnTime()
    sleeping = workflow("flow", input=int, output=int, version="1").sleep(timedelta(hours=1)).then(add_one).commit()
    async with in_time():
        async with place.app(sleeping, clock=clock) as app:
            await until_status(await app.get_workflow(sleeping).start_async(1, run_id="old"), "waiting")
        before = await place.journal("old")
        clock.move(timedelta(hours=2))
        async with place.app(second, clock=clock) as app:
            with pytest.raises(UnknownWorkflow, match=r"'flow' in version '1'"):
                await app.get_run("old")
            assert waits_at(await app.get_workflow(second).start(1, run_id="new")) == ["ask-for-words"]
            assert won(await (await app.get_run("new")).resume(data="x")) == "1 x"
            (misfit,) = await app.check()
            assert (misfit.run_id, misfit.workflow_id, misfit.version, misfit.status) == ("old", "flow", "1", "waiting")
            assert "'flow' in version '1' is not registered" in misfit.reasons[0]
        assert await place.journal("old") == before
        async with place.app(sleeping, second, clock=clock) as app:
            assert await app.check() == []
            assert won(await (await app.get_run("old")).wait()) == 2


@behaviour(
    "version",
    "`app.check()` lists the unfinished runs that the code at hand cannot continue, each with the reasons, and changes "
    "nothing.",
    verdict="better",
    model=(68,),
    why="The model goes on, skips steps, or reports success with no result.",
)
async def test_check_lists_the_runs_that_the_code_cannot_continue(place: Place) -> None:
    old = workflow("flow", input=int, output=int).then(add_one).then(ask).commit()
    other = workflow("other", input=int, output=int).then(ask).commit()
    async with in_time(), place.app(old, other) as app:
        await app.get_workflow(old).start(1, run_id="parked")
        await app.get_workflow(old).start(2, run_id="ended")
        await (await app.get_run("ended")).resume(data=1)
        await app.get_workflow(old).create_run(run_id="pending")
        await app.get_workflow(other).start(3, run_id="fits")
        assert await app.check() == []
    before = await place.journal("parked")
    new = workflow("flow", input=int, output=int).then(double).then(ask).commit()
    async with in_time(), place.app(new, other) as app:
        (misfit,) = await app.check()
        assert (misfit.run_id, misfit.status) == ("parked", "suspended")
        assert any("'add-one'" in reason for reason in misfit.reasons)
        with pytest.raises(DefinitionChanged) as caught:
            await (await app.get_run("parked")).resume(data=1)
        assert caught.value.differences == misfit.reasons
    assert await place.journal("parked") == before
    async with place.app(old) as app:
        assert [each.run_id for each in await app.check()] == ["fits"], "its workflow is not there at all"


@behaviour("version", "`app.check()` sees every unfinished run, however many there are.", verdict="new")
async def test_check_sees_every_unfinished_run(place: Place) -> None:
    flow = workflow("flow", input=int, output=int).then(add_one).then(ask).commit()
    async with in_time(), place.app(flow) as app:
        await asyncio.gather(*(app.get_workflow(flow).start(number) for number in range(520)))
    other = workflow("other", input=int, output=int).then(ask).commit()
    async with in_time(), place.app(other) as app:
        assert len(await app.check()) == 520


@behaviour("version", "A key of an idempotent start gives the run it made, of whichever version.", verdict="new")
async def test_a_key_gives_the_run_of_whichever_version(place: Place) -> None:
    plain_one = workflow("flow", input=int, output=int, version="1").then(add_one).commit()
    async with in_time(), place.app(plain_one) as app:
        assert won(await app.get_workflow(plain_one).start(1, idempotency_key="order-1")) == 2
    async with in_time(), place.app(plain_one, second) as app:
        assert won(await app.get_workflow("flow").start(1, idempotency_key="order-1")) == 2
        assert len((await app.list_runs()).runs) == 1
