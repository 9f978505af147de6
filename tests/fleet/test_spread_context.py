"""Everything that a step's context can do, a step that is spread can do, and what is recorded is the same."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.fleet.life.places import Place
from tests.fleet.spread.everything import flows
from waystation import Run, RunResult, Waystation
from waystation.core.entries import AnyEntry, StepWrote
from waystation.define.step import Placement

pytestmark = pytest.mark.anyio

AnyRun = Run[Any, Any]
Play = Callable[[AnyRun], Awaitable[RunResult[Any]]]

FLOWS = {placement: flows(placement) for placement in ("with-run", "spread")}


@asynccontextmanager
async def worker(here: Place) -> AsyncGenerator[Waystation]:
    """An app that is a worker too."""
    workflows = [flow for of in FLOWS.values() for flow in of.values()]
    async with (
        Waystation(
            workflows=workflows, store=here.store, dispatch=here.dispatch, cancel_grace=timedelta(seconds=30)
        ) as app,
        app.worker(port=here.port, share_port=True),
    ):
        yield app


def start(*given: Any, **named: Any) -> Play:
    """Start it, and wait."""

    async def play(run: AnyRun) -> RunResult[Any]:
        return await run.start(*given, **named)

    return play


async def answer_all(run: AnyRun) -> RunResult[Any]:
    """Answer all items that ask, at once, until none asks."""
    result = await run.start([1, 2, 3, 4, 5])
    while result.status == "suspended":
        await asyncio.gather(
            *(run.resume_async(suspension=each.id, data=len(str(each.payload)) * 10) for each in result.suspensions)
        )
        result = await run.wait()
    return result


def cancel(grace: timedelta | None) -> Play:
    """Cancel it once its step has begun."""

    async def play(run: AnyRun) -> RunResult[Any]:
        await run.start_async(1)
        async for event in run.events():
            if event.type == "step-output":
                break
        return await run.cancel(reason="enough", grace=grace)

    return play


PLAYS: dict[str, Play] = {
    "once": start(1),
    "thread": start(3),
    "state": start(2, request_context={"who": "me"}),
    "write": start(1),
    "ask": answer_all,
    "bailed": start([0, 7]),
    "abort": start(1),
    "fail": start(1),
    "misfit": start(1),
    "cancels-itself": start(1),
    "stubborn": start(1),
    "slow": start(1),
    "late": start(1),
    "heeds": cancel(None),
    "heedless": cancel(timedelta(milliseconds=50)),
    "goes-on": cancel(timedelta(0)),
    "heeds-in-thread": cancel(None),
    "undo": start(1),
    "nested": start([1, 2, 3, 4]),
    "loop": start(3),
}


def shape(entry: AnyEntry) -> str:
    """An entry without what differs from run to run."""
    plain = msgspec.json.decode(msgspec.json.encode(entry))
    for name in (
        "result",
        "at",
        "began",
        "retry_at",
        "input",
        "suspension",
        "key",
        "fingerprint",
        "workflow_id",
        "version",
    ):
        plain.pop(name, None)
    if isinstance(plain.get("error"), dict):
        plain["error"].pop("traceback", None)
    return f"{type(entry).__name__} {plain}"


async def told(app: Waystation, placement: Placement, name: str) -> tuple[str, Counter[str]]:
    """What a run of that workflow came to, and what was recorded of it, in any order."""
    run = await app.get_workflow(FLOWS[placement][name]).create_run()
    async with asyncio.timeout(30):
        result = await PLAYS[name](run)
    plain = repr(result).replace(run.run_id, "").replace(f"-{placement}", "")
    return plain, Counter(shape(entry).replace(f"-{placement}", "") for entry in await run.journal())


@pytest.mark.parametrize("name", sorted(PLAYS))
async def test_what_a_spread_step_does_is_recorded_as_if_it_ran_with_its_run(name: str, here: Place) -> None:
    async with worker(here) as app:
        spread, with_run = await asyncio.gather(told(app, "spread", name), told(app, "with-run", name))
    assert spread == with_run


async def test_what_a_spread_step_writes_comes_before_its_end_and_bit_by_bit(here: Place) -> None:
    async with worker(here) as app:
        run = await app.get_workflow(FLOWS["spread"]["write"]).create_run()
        await run.start_async(1)
        kinds = [event.type async for event in run.events()]
        written = [entry for entry in await run.journal() if isinstance(entry, StepWrote)]
    assert kinds.index("step-output") < kinds.index("step-succeeded"), kinds
    assert len(written) >= 3
    assert [chunk for entry in written for chunk in map(msgspec.json.decode, entry.chunks)] == [
        *({"chunk": each} for each in range(3)),
        "last",
    ]


async def test_a_spread_step_is_refused_a_transaction_and_told_why(here: Place) -> None:
    async with worker(here) as app:
        result = await app.get_workflow(FLOWS["spread"]["transaction"]).start(1)
        assert (await app.get_workflow(FLOWS["with-run"]["transaction"]).start(1)).status == "success"
    assert result.status == "failed"
    assert result.error.code == "transactions_not_supported"
    assert "spread over the fleet" in result.error.message
    assert "ctx.once()" in result.error.message


async def test_the_log_of_a_spread_step_says_whose_it_is(here: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "waystation.step")
    async with worker(here) as app:
        run = await app.get_workflow(FLOWS["spread"]["write"]).create_run()
        await run.start(1)
    (record,) = (record for record in caplog.records if record.getMessage() == "said all")
    assert (vars(record)["run_id"], vars(record)["address"], vars(record)["attempt"]) == (run.run_id, "chatty", 1)
