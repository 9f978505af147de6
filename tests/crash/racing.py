"""A process that takes part in races: it opens an app, then does what it is told on its standard input.

Each order is a line of JSON. The process says ``ready``, waits at a gate that its starter opens for all racers at
once, and then answers with a line of JSON: what came of it, or the code of the error it was told.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from tests.crash.ledger import note
from waystation import StepContext, Waystation, WaystationError, Workflow, open_store, step, workflow
from waystation.run import Run
from waystation.testing.crashing import CrashingStore

Order = dict[str, Any]


@step(suspend=str, resume=str)
async def legal(text: str, ctx: StepContext[str, str]) -> str:
    if ctx.resume_data is None:
        await ctx.suspend(text)
    note("legal")
    return ctx.resume_data


@step(suspend=str, resume=str)
async def money(text: str, ctx: StepContext[str, str]) -> str:
    if ctx.resume_data is None:
        await ctx.suspend(text)
    note("money")
    return ctx.resume_data


@step
async def join(parts: dict[str, str]) -> str:
    note("join")
    return ", ".join(f"{key}: {parts[key]}" for key in sorted(parts))


two_gates = workflow("two-gates", input=str, output=str).parallel([legal, money]).then(join).commit()


@step
async def sign(text: str) -> str:
    note("sign")
    return f"signed by {text}"


one_gate = workflow("one-gate", input=str, output=str).then(legal).then(sign).commit()


@step
async def charge(number: int, ctx: StepContext) -> int:
    note(f"charge {ctx.run_id}")
    return number + 1


charged = workflow("charged", input=int, output=int).then(charge).commit()


def waits(name: str) -> Workflow[str, str]:
    return workflow(f"waits-for-{name}", input=str, output=str).wait_for(name, str).commit()


two_events = workflow("two-events", input=str, output=str).parallel([waits("left"), waits("right")]).then(join).commit()
kept_events = (
    workflow("kept-events", input=str, output=str)
    .then(legal)
    .wait_for("left", str)
    .wait_for("right", str)
    .then(sign)
    .commit()
)


def tell_began() -> None:
    """Tell the test, which reads at the other end, that a step has begun."""
    with Path(os.environ["BEGAN"]).open("w", encoding="utf-8") as pipe:
        pipe.write("began\n")


@step
async def long(text: str, ctx: StepContext) -> str:
    tell_began()
    await ctx.cancelled()
    note("long was told")
    return text


@step
async def deaf(text: str) -> str:
    tell_began()
    await asyncio.Event().wait()
    return text


long_one = workflow("long-one", input=str, output=str).then(long).then(sign).commit()
deaf_one = workflow("deaf-one", input=str, output=str).then(deaf).then(sign).commit()


@step
async def add_one(number: int) -> int:
    return number + 1


@step
async def total(numbers: list[int]) -> int:
    return sum(numbers)


# Many writes in few lines: what runs many at once is driven by whoever lives.
busy = (
    workflow("busy", input=list[int], output=int)
    .foreach(add_one, concurrency=2)
    .then(total)
    .do_until(add_one.clone(id="more"), lambda number: number >= 20, id="until")
    .sleep(timedelta(milliseconds=5))
    .commit()
)

WORKFLOWS: list[Workflow[Any, Any]] = [
    two_gates, one_gate, charged, two_events, kept_events, long_one, deaf_one, busy,
]  # fmt: skip


def of(app: Waystation, order: Order) -> Run[Any, Any]:
    return Run(app, app.get_workflow(cast("str", order["workflow"])).workflow, cast("str", order["run"]))


async def start(app: Waystation, order: Order) -> object:
    """Start a run, created with it, and wait until it rests."""
    runnable = app.get_workflow(cast("str", order["workflow"]))
    return (await runnable.start(order["input"], run_id=order["run"])).status


async def begin(app: Waystation, order: Order) -> object:
    """Start runs, and do not wait."""
    runnable = app.get_workflow(cast("str", order["workflow"]))
    await asyncio.gather(*(runnable.start_async(order["input"], run_id=run_id) for run_id in order["runs"]))
    return len(order["runs"])


async def start_by_key(app: Waystation, order: Order) -> object:
    runnable = app.get_workflow(cast("str", order["workflow"]))
    run = await runnable.start_async(order["input"], idempotency_key=order["key"])
    result = await run.wait()
    assert result.status == "success"
    return [run.run_id, result.result]


async def create_by_key(app: Waystation, order: Order) -> object:
    runnable = app.get_workflow(cast("str", order["workflow"]))
    run = await runnable.create_run(idempotency_key=order["key"])
    return run.run_id


async def answer(app: Waystation, order: Order) -> object:
    await of(app, order).resume_async(step=order["step"], data=order["data"])
    return "accepted"


async def send(app: Waystation, order: Order) -> object:
    await of(app, order).send_event(order["event"], order["data"], idempotency_key=order.get("key", ""))
    return "sent"


async def cancel(app: Waystation, order: Order) -> object:
    return (await of(app, order).cancel(reason="enough", grace=timedelta(seconds=order.get("grace", 60)))).status


async def wait(app: Waystation, order: Order) -> object:
    result = await of(app, order).wait()
    return [result.status, result.result if result.status == "success" else None]


async def wait_all(app: Waystation, order: Order) -> object:
    runs = [of(app, {**order, "run": run_id}) for run_id in order["runs"]]
    results = await asyncio.gather(*(run.wait() for run in runs))
    return [result.result if result.status == "success" else result.status for result in results]


ORDERS: dict[str, Callable[[Waystation, Order], Awaitable[object]]] = {
    each.__name__: each for each in (start, begin, start_by_key, create_by_key, answer, send, cancel, wait, wait_all)
}


def wait_at(gate: str) -> None:
    """Block, the event loop too, until the gate is opened: so all racers begin within microseconds."""
    file = os.open(gate, os.O_RDONLY)
    try:
        fcntl.flock(file, fcntl.LOCK_SH)
    finally:
        os.close(file)


async def obey(app: Waystation, order: Order) -> object:
    try:
        return await ORDERS[order["do"]](app, order)
    except WaystationError as error:
        return {"refused": error.code}


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--store", required=True)
    parser.add_argument("--crash-at", type=int, default=0)
    options = parser.parse_args()
    store = CrashingStore(open_store(options.store), at=options.crash_at)
    async with Waystation(workflows=WORKFLOWS, store=store, recover_every=timedelta(milliseconds=50)) as app:
        while line := await asyncio.to_thread(sys.stdin.readline):
            order: Order = json.loads(line)
            if "gate" in order:
                print("ready", flush=True)
                wait_at(order["gate"])
            print(json.dumps(await obey(app, order)), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
