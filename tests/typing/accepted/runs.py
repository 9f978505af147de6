"""A typed workflow gives typed runs, and results that ``.status`` tells apart."""

from __future__ import annotations

from pydantic import BaseModel
from typing_extensions import assert_type

from waystation import (
    ErrorRecord,
    Run,
    RunActive,
    RunCancelled,
    RunFailed,
    RunnableWorkflow,
    RunPaused,
    RunSucceeded,
    RunSuspended,
    StepContext,
    Suspension,
    Waystation,
    step,
    workflow,
)


class Doc(BaseModel):
    document_id: str


class Ask(BaseModel):
    reason: str


class Decision(BaseModel):
    approved: bool


@step(suspend=Ask, resume=Decision)
async def approval(doc: Doc, ctx: StepContext[Ask, Decision]) -> Decision:
    if ctx.resume_data is None:
        await ctx.suspend(Ask(reason=doc.document_id))
    return ctx.resume_data


approvals = workflow("approvals", input=Doc, output=Decision).then(approval).commit()
app = Waystation(workflows=[approvals], store="memory://")


@step
async def count(text: str) -> int:
    return len(text)


counting = workflow("counting", input=str, output=int).then(count).commit()

# Workflows of different types go into one app.
both = Waystation(workflows=[approvals, counting], agents={}, store="memory://")


async def typed_by_itself() -> bool:
    runnable = app.get_workflow(approvals)
    assert_type(runnable, RunnableWorkflow[Doc, Decision])
    run = await runnable.create_run(resource_id="user-1")
    assert_type(run, Run[Doc, Decision])
    result = await run.start(Doc(document_id="1"))
    assert_type(result, RunSucceeded[Decision] | RunFailed | RunSuspended | RunCancelled | RunPaused)
    if result.status == "suspended":
        assert_type(result.suspensions, tuple[Suspension, ...])
        result = await run.resume(step=approval, data=Decision(approved=True))
    if result.status == "success":
        assert_type(result, RunSucceeded[Decision])
        return result.result.approved
    if result.status == "failed":
        assert_type(result.error, ErrorRecord)
    return False


async def by_id() -> object:
    runnable = app.get_workflow("approvals")
    assert_type(runnable, RunnableWorkflow[object, object])
    result = await runnable.start({"document_id": "1"})
    return result.result if result.status == "success" else None


async def by_match(run: Run[Doc, Decision]) -> str:
    result = await run.result()
    match result:
        case RunSucceeded():
            return str(result.result.approved)
        case RunFailed():
            return result.error.message
        case RunSuspended():
            return result.suspensions[0].address
        case RunCancelled():
            return result.reason
        case RunPaused():
            return result.next_steps[0]
        case RunActive():
            return result.status


async def every_status_is_covered(run: Run[Doc, Decision]) -> int:
    result = await run.wait()
    if result.status == "success":
        return 1
    if result.status == "failed":
        return 2
    if result.status == "cancelled":
        return len(result.undo_errors)
    if result.status == "paused":
        assert_type(result, RunPaused)
        return 4
    assert_type(result, RunSuspended)
    return len(result.suspensions)


def in_a_script() -> Decision | None:
    result = app.run(approvals, Doc(document_id="1"))
    assert_type(result, RunSucceeded[Decision] | RunFailed | RunSuspended | RunCancelled | RunPaused)
    return result.result if result.status == "success" else None
