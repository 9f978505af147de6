"""Results taken for what they may not be."""

from __future__ import annotations

from pydantic import BaseModel

from waystation import Run, StepContext, Waystation, step, workflow


class Doc(BaseModel):
    document_id: str


class Decision(BaseModel):
    approved: bool


@step(suspend=str, resume=Decision)
async def approval(doc: Doc, ctx: StepContext[str, Decision]) -> Decision:
    if ctx.resume_data is None:
        await ctx.suspend(doc.document_id)
    return ctx.resume_data


builder = workflow("approvals", input=Doc, output=Decision).then(approval)
approvals = builder.commit()
app = Waystation(workflows=[approvals])

Waystation(workflows=[builder])  # refused
Waystation(workflows=[approval])  # refused
Waystation(workflows=approvals)  # refused
app.get_workflow(builder)  # refused
app.get_workflow(1)  # refused


async def unchecked() -> None:
    run = await app.get_workflow(approvals).create_run()
    result = await run.start(Doc(document_id="1"))
    print(result.result)  # refused
    print(result.suspensions)  # refused
    print(result.error)  # refused
    if result.status == "success":
        number: int = result.result  # refused
        print(number, result.result.reason)  # refused
        print(result.suspensions)  # refused
    elif result.status == "failed":
        print(result.result)  # refused
    else:
        print(result.result)  # refused
        print(result.error)  # refused


async def by_id_is_not_typed() -> None:
    run = await app.get_workflow("approvals").create_run()
    result = await run.start({"document_id": "1"})
    if result.status == "success":
        print(result.result.approved)  # refused


async def wrong_calls(run: Run[Doc, Decision]) -> None:
    await run.resume(step=approval)  # refused
    await run.resume({"approved": True})  # refused
    await run.resume(step=1, data=None)  # refused
    await run.start()  # refused
    other: Run[Doc, str] = run  # refused
    print(other)


async def not_awaited(run: Run[Doc, Decision]) -> None:
    result = run.start(Doc(document_id="1"))
    print(result.status)  # refused
    result.close()


approvals.id = "other"  # refused
