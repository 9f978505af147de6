"""Forks: a new run that shares the past of another up to a step, and runs that step again."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from tests.conformance.stock import ask, lost, recorded, waits_at, won
from waystation import StepContext, step, workflow
from waystation.core.entries import CancelRequested
from waystation.errors import (
    InvalidInput,
    InvalidState,
    RunAlreadyExists,
    StepNotRun,
    UnknownStep,
)

pytestmark = pytest.mark.anyio

BETTER = "The model's time travel overwrites the run: its old past is gone."

called: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_called() -> None:
    called.clear()


@step
async def first(number: int) -> int:
    called.append(f"first {number}")
    return number + 1


@step
async def second(number: int) -> int:
    called.append(f"second {number}")
    if number == 13:
        raise ValueError("unlucky")
    return number * 10


@step
async def third(number: int) -> int:
    called.append(f"third {number}")
    return number + 5


chain = workflow("chain", input=int, output=int).then(first).then(second).then(third).commit()


@behaviour(
    "run",
    "A fork runs a step of another run again, and what follows it; what came before is shared, not run again.",
    verdict="better",
    model=(66,),
    why=BETTER,
)
async def test_a_fork_shares_the_past_and_runs_the_step_again(place: Place) -> None:
    async with place.app(chain) as app:
        run = await app.get_workflow(chain).create_run(run_id="r1")
        assert won(await run.start(1)) == 25
        called.clear()
        fork = await run.fork(second)
        assert won(await fork.wait()) == 25
        assert called == ["second 2", "third 20"]
        assert fork.run_id != run.run_id
        assert (await fork.history()).forked_from == "r1"
        assert await fork.status() == "success"


@behaviour(
    "run",
    "The run that is forked is not touched: its journal stays as it is, to the byte, whatever becomes of the fork.",
    verdict="better",
    model=(66,),
    why=BETTER,
)
async def test_the_old_run_is_untouched(place: Place) -> None:
    async with place.app(chain) as app:
        run = await app.get_workflow(chain).create_run(run_id="r1")
        ended = await run.start(1)
        before, record = await place.journal("r1"), await run.record()
        lost(await (await run.fork("second", input=13)).wait())
        assert await run.record() == record
        assert await run.result() == ended
    assert await place.journal("r1") == before


@behaviour("run", "A fork may give its step another input.", verdict="same", model=(66,))
async def test_a_fork_gives_its_step_another_input(place: Place) -> None:
    async with place.app(chain) as app:
        run = await app.get_workflow(chain).create_run()
        assert lost(await run.start(12)).message == "unlucky"
        called.clear()
        fork = await run.fork(second, input=7)
        assert won(await fork.wait()) == 75
        assert called == ["second 7", "third 70"]
        assert await run.status() == "failed"


@behaviour(
    "run", "A run that failed is forked at the step that failed, and goes on from there.", verdict="same", model=(66,)
)
async def test_a_failed_run_goes_on_in_a_fork(place: Place) -> None:
    broken = True

    @step
    async def flaky(number: int) -> int:
        if broken:
            raise ConnectionError
        return number + 100

    flow = workflow("flow", input=int, output=int).then(first).then(flaky).then(third).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        lost(await run.start(1))
        broken = False
        assert won(await (await run.fork(flaky)).wait()) == 107
    assert called == ["first 1", "third 102"]


@behaviour(
    "run",
    "A run that waits for an answer is forked at its step, which asks again, or at one before it.",
    verdict="same",
    model=(66,),
)
@pytest.mark.parametrize("at", ["first", "ask"])
async def test_a_suspended_run_is_forked(at: str, place: Place) -> None:
    flow = workflow("flow", input=int, output=int).then(first).then(ask).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        assert waits_at(await run.start(1)) == ["ask"]
        fork = await run.fork(at)
        assert waits_at(await fork.wait()) == ["ask"]
        assert won(await fork.resume(data=10)) == 12
        assert await run.status() == "suspended"
        assert won(await run.resume(data=20)) == 22
    assert called == ["first 1"] * (2 if at == "first" else 1)


@behaviour(
    "run",
    "A run whose step failed on its answer is forked at that step: it asks again, and takes another answer.",
    verdict="better",
    model=(77,),
    why="In the model the step suspends anew, and the answer that is given with the time travel never reaches it.",
)
async def test_a_run_that_failed_on_its_answer_is_answered_anew_in_a_fork(place: Place) -> None:
    @step(suspend=str, resume=int)
    async def divide(number: int, ctx: StepContext[str, int]) -> int:
        if ctx.resume_data is None:
            await ctx.suspend("by what?")
        return number // ctx.resume_data

    flow = workflow("flow", input=int, output=int).then(divide).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start(100)
        assert lost(await run.resume(data=0)).type == "ZeroDivisionError"
        fork = await run.fork(divide)
        assert waits_at(await fork.wait()) == ["divide"]
        assert won(await fork.resume(data=5)) == 20


@behaviour("run", "A run that was cancelled is forked; the fork is not cancelled.", verdict="new")
async def test_a_cancelled_run_goes_on_in_a_fork(place: Place) -> None:
    flow = workflow("flow", input=int, output=int).then(first).then(ask).then(third).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run()
        await run.start(1)
        await run.cancel()
        fork = await run.fork(ask)
        assert waits_at(await fork.wait()) == ["ask"]
        assert won(await fork.resume(data=10)) == 17
        assert await recorded(fork, CancelRequested) == []


class Cart(BaseModel):
    owner: str
    total: int


@step
async def count(number: int, ctx: StepContext[None, None, Cart]) -> int:
    await ctx.set_state(total=ctx.state.total + number)
    return number


@step
async def tell(_: int, ctx: StepContext[None, None, Cart]) -> str:
    return f"{ctx.state.owner} {ctx.state.total}"


counting = (
    workflow("counting", input=int, output=str, state=Cart)
    .then(count)
    .then(count.clone(id="again"))
    .then(tell)
    .commit()
)


@behaviour(
    "run",
    "A fork has the run state as it was before its step; parts of it may be changed.",
    verdict="same",
    model=(66,),
)
async def test_a_fork_has_the_state_as_it_was_and_may_change_it(place: Place) -> None:
    async with place.app(counting) as app:
        run = await app.get_workflow(counting).create_run()
        assert won(await run.start(5, state=Cart(owner="ada", total=100))) == "ada 110"
        assert won(await (await run.fork("again")).wait()) == "ada 110", "not counted twice"
        assert won(await (await run.fork("again", state={"total": 0})).wait()) == "ada 5"
        assert won(await (await run.fork("tell", state={"owner": "bob"})).wait()) == "bob 110"


@behaviour("run", "A fork of a fork shares the past of both, with what was changed there.", verdict="new")
async def test_a_fork_is_forked(place: Place) -> None:
    async with place.app(counting) as app:
        run = await app.get_workflow(counting).create_run()
        await run.start(5, state=Cart(owner="ada", total=100))
        fork = await run.fork("again", input=7, state={"owner": "bob"})
        assert won(await fork.wait()) == "bob 112"
        assert won(await (await fork.fork("tell")).wait()) == "bob 112"
        assert won(await (await fork.fork("again", state={"total": 0})).wait()) == "bob 5", "by the old input"


@pytest.mark.parametrize(
    ("from_step", "options", "error"),
    [
        ("secnd", {}, UnknownStep),
        ("third", {}, StepNotRun),
        ("second", {"input": "many"}, InvalidInput),
        ("second", {"state": {"total": 1}}, InvalidState),
        ("second", {"run_id": "r1"}, RunAlreadyExists),
    ],
    ids=["unknown step", "step that has not run", "bad input", "state where there is none", "id of another run"],
)
@behaviour(
    "run",
    "A fork that cannot be is refused with a typed error, and makes no run: an unknown step, one that has not run, "
    "input or state that does not fit, the id of another run.",
    verdict="same",
    model=(66,),
)
async def test_a_fork_that_cannot_be_is_refused(
    from_step: str, options: dict[str, object], error: type[Exception], place: Place
) -> None:
    async with place.app(chain) as app:
        run = await app.get_workflow(chain).create_run(run_id="r1")
        lost(await run.start(12))
        before = await run.journal()
        with pytest.raises(error, match=None if error is InvalidState else f"{from_step}|r1"):
            await run.fork(from_step, **options)  # type: ignore[arg-type]  # some of them are the point
        assert await run.journal() == before
        assert [each.run_id for each in (await app.list_runs()).runs] == ["r1"]


@behaviour("run", "A change of state that does not fit its type, or is of no key of it, is refused.", verdict="new")
@pytest.mark.parametrize("state", [{"total": "many"}, {"colour": "red"}])
async def test_a_bad_change_of_state_is_refused(state: dict[str, object], place: Place) -> None:
    async with place.app(counting) as app:
        run = await app.get_workflow(counting).create_run()
        await run.start(5, state=Cart(owner="ada", total=100))
        with pytest.raises(InvalidState, match=next(iter(state))):
            await run.fork("again", state=state)
        assert len((await app.list_runs()).runs) == 1


@behaviour("run", "A pending run has no step to fork from.", verdict="new")
async def test_a_pending_run_cannot_be_forked(place: Place) -> None:
    async with place.app(chain) as app:
        run = await app.get_workflow(chain).create_run()
        with pytest.raises(StepNotRun):
            await run.fork("first")
