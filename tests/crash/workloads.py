"""Programs that the crash and race tests run as processes of their own. Each step counts its calls in a file.

``python workloads.py ACTION --store URL --calls FOLDER [--crash-at N --when before|after]``
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TypedDict

from pydantic import BaseModel

from waystation import RunResult, StepContext, Waystation, Workflow, open_store, step, workflow
from waystation.errors import AlreadyAnswered, RunAlreadyExists, RunAlreadyStarted
from waystation.run import Run
from waystation.testing.crashing import CrashingStore

RUN_ID = "run-1"


class Doc(BaseModel):
    document_id: str


class Ask(BaseModel):
    reason: str


class Decision(BaseModel):
    approved: bool


class Status(BaseModel):
    status: str


class Both(TypedDict):
    left: str
    right: str


def count(name: str) -> None:
    """One more call of ``name``, on disk before the step goes on: a killed process has counted too."""
    file = os.open(Path(os.environ["CALLS"]) / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, b"x")
    os.close(file)


@step
async def submit(doc: Doc) -> Doc:
    count("submit")
    return doc


@step(suspend=Ask, resume=Decision)
async def review(doc: Doc, ctx: StepContext[Ask, Decision]) -> Status:
    count("review-answered" if ctx.resume_data is not None else "review-asked")
    await ctx.once("mail", lambda: count("mail"))
    if ctx.resume_data is None:
        await ctx.suspend(Ask(reason=f"Approve {doc.document_id}"))
    return Status(status="approved" if ctx.resume_data.approved else "rejected")


@step
def finalize(status: Status) -> Status:
    count("finalize")
    return Status(status=f"finally {status.status}")


approval = workflow("approval", input=Doc, output=Status).then(submit).then(review).then(finalize).commit()


@step
async def prepare(doc: Doc) -> str:
    count("prepare")
    return doc.document_id


@step
async def left(text: str) -> str:
    count("left")
    return f"left {text}"


@step
def right(text: str) -> str:
    count("right")
    return f"right {text}"


@step
async def join(both: Both) -> Status:
    count("join")
    return Status(status=f"{both['left']}, {both['right']}")


side_by_side = (
    workflow("side-by-side", input=Doc, output=Status).then(prepare).parallel([left, right]).then(join).commit()
)

WORKFLOWS: dict[str, Workflow[Doc, Status]] = {"approval": approval, "side-by-side": side_by_side}


async def finish(run: Run[Doc, Status]) -> RunResult[Status]:
    """Bring the run to its end from wherever it stands, as a client that knows nothing of crashes would."""
    with suppress(RunAlreadyStarted):
        await run.start_async(Doc(document_id="DOC-1"))
    result = await run.wait()
    if result.status == "suspended":
        with suppress(AlreadyAnswered):
            await run.resume_async(data=Decision(approved=True))
        result = await run.wait()
    return result


async def drive(app: Waystation, which: str) -> dict[str, object]:
    """Create, start, answer: whatever is still to be done."""
    runnable = app.get_workflow(WORKFLOWS[which])
    with suppress(RunAlreadyExists):
        await runnable.create_run(run_id=RUN_ID)
    result = await finish(Run(app, runnable.workflow, RUN_ID))
    assert result.status == "success", result
    return {"result": result.result.status}


async def race(app: Waystation, answers: int) -> dict[str, object]:
    """Answer one suspension many times at once; tells how many were accepted, and what the others were told."""
    run = Run(app, approval, RUN_ID)
    await app.open()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)

    async def answer() -> str:
        try:
            await run.resume(data=Decision(approved=True))
        except AlreadyAnswered as error:
            return error.code
        return "accepted"

    told = await asyncio.gather(*(answer() for _ in range(answers)))
    return {"told": told}


async def answer(app: Waystation) -> dict[str, object]:
    """Answer the approval that ``suspend`` left; the answer is this process's first journal write."""
    result = await Run(app, approval, RUN_ID).resume(data=Decision(approved=True))
    return {"status": result.status}


async def suspend(app: Waystation) -> dict[str, object]:
    """Leave the approval suspended."""
    run = await app.get_workflow(approval).create_run(run_id=RUN_ID)
    result = await run.start(Doc(document_id="DOC-1"))
    return {"status": result.status}


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=["approval", "side-by-side", "suspend", "answer", "race"])
    parser.add_argument("--store", required=True)
    parser.add_argument("--crash-at", type=int, default=0)
    parser.add_argument("--when", choices=["before", "after"], default="after")
    parser.add_argument("--answers", type=int, default=25)
    options = parser.parse_args()
    store = CrashingStore(open_store(options.store), at=options.crash_at, when=options.when)
    async with Waystation(
        workflows=list(WORKFLOWS.values()), store=store, recover_every=timedelta(milliseconds=50)
    ) as app:
        match options.action:
            case "suspend":
                found = await suspend(app)
            case "answer":
                found = await answer(app)
            case "race":
                found = await race(app, options.answers)
            case which:
                found = await drive(app, which)
    print(json.dumps({**found, "writes": store.writes}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
