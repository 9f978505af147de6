"""A worker for the tests of handing over: each of its runs has a step that waits until the test lets all of them end.

``python -m tests.crash.takers NAME URL``. It says ``ready``, and then obeys lines on its standard input: ``start N``
starts N runs, and says ``started``; ``nap N`` starts N that sleep, and says ``woke`` when all have ended; ``close``
closes the app, says ``closed``, and lives on. The ledger is told of each beginning of a step, as ``run name step``; the
steps end once the file that ``GATE`` names is there.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from datetime import timedelta
from pathlib import Path

from tests.crash.ledger import note
from waystation import StepContext, Waystation, step, workflow

# What the machine's clock says in this process, in seconds off the truth.
OFF = float(os.environ.get("CLOCK") or 0)
true_time, true_time_ns = time.time, time.time_ns
time.time = lambda: true_time() + OFF
time.time_ns = lambda: true_time_ns() + round(OFF * 1e9)

NAME, URL = sys.argv[1:3] if len(sys.argv) > 2 else ("", "")
LEASE = timedelta(seconds=float(os.environ.get("LEASE", "600")))
GRACE = timedelta(seconds=float(os.environ.get("GRACE", "0.05")))


def began(ctx: StepContext) -> None:
    note(f"{ctx.run_id} {NAME} {ctx.step_id}")


@step
async def held(number: int, ctx: StepContext) -> int:
    began(ctx)
    while not Path(os.environ["GATE"]).exists():
        await asyncio.sleep(0.02)
    return number


@step
async def after(number: int, ctx: StepContext) -> str:
    began(ctx)
    return f"{number} by {NAME}"


holding = workflow("holding", input=int, output=str).then(held).then(after).commit()
napping = workflow("napping", input=int, output=str).sleep(timedelta(seconds=1)).then(after).commit()


async def obey(app: Waystation, order: str) -> None:
    match order.split():
        case ["start", count]:
            runnable = app.get_workflow(holding)
            await asyncio.gather(*(runnable.start_async(n, run_id=f"{NAME}-{n}") for n in range(int(count))))
            print("started", flush=True)
        case ["nap", count]:
            runnable = app.get_workflow(napping)
            await asyncio.gather(*(runnable.start(n, run_id=f"nap-{NAME}-{n}") for n in range(int(count))))
            print("woke", flush=True)
        case ["close"]:
            _, dispatcher = await app.opened()
            closing = asyncio.ensure_future(app.close())
            # Told when it has begun: from then on it begins no step.
            while not all(driver._draining for driver in vars(dispatcher)["_driving"].driven.values()):
                await asyncio.sleep(0)
            print("closing", flush=True)
            await closing
            print("closed", flush=True)
        case _:
            raise AssertionError(order)


async def main() -> None:
    app = Waystation(
        workflows=[holding, napping], store=URL, lease=LEASE, grace=GRACE, recover_every=timedelta(milliseconds=300)
    )
    await app.open()
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        await obey(app, line)
    await app.close()


if __name__ == "__main__":
    asyncio.run(main())
