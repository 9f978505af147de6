"""A client's runs are typed by the workflow's definition, as those of an app are."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel
from typing_extensions import assert_type

from waystation import (
    Event,
    RunCancelled,
    RunFailed,
    RunPaused,
    RunSucceeded,
    RunSuspended,
    StepContext,
    Suspension,
    step,
    workflow,
)
from waystation.client import Client, RemoteRun, RemoteWorkflow


class Doc(BaseModel):
    document_id: str


class Decision(BaseModel):
    approved: bool


@step(suspend=str, resume=Decision)
async def approval(doc: Doc, ctx: StepContext[str, Decision]) -> Decision:
    if ctx.resume_data is None:
        await ctx.suspend(doc.document_id)
    return ctx.resume_data


approvals = workflow("approvals", input=Doc, output=Decision).then(approval).commit()


async def typed_by_its_definition(client: Client) -> bool:
    runnable = client.get_workflow(approvals)
    assert_type(runnable, RemoteWorkflow[Doc, Decision])
    run = await runnable.create_run(run_id="r1")
    assert_type(run, RemoteRun[Doc, Decision])
    result = await run.start(Doc(document_id="1"))
    assert_type(result, RunSucceeded[Decision] | RunFailed | RunSuspended | RunCancelled | RunPaused)
    if result.status == "suspended":
        result = await run.resume(step=approval, data={"approved": True})
    assert_type(await client.get_run("r1", approvals), RemoteRun[Doc, Decision])
    return result.status == "success" and result.result.approved


async def by_id(client: Client) -> object:
    assert_type(await client.get_run("r1"), RemoteRun[object, object])
    result = await client.get_workflow("approvals").start({"document_id": "1"})
    return result.result if result.status == "success" else None


async def what_people_are_asked(client: Client) -> list[str]:
    found = await client.pending(workflow="approvals")
    assert_type(found, Sequence[Suspension])
    return [each.address for each in found]


async def as_it_goes_on(run: RemoteRun[Doc, Decision]) -> list[Event]:
    return [event async for event in run.events(after=3)]


def in_a_script(client: Client) -> Decision | None:
    result = client.run(approvals, Doc(document_id="1"))
    return result.result if result.status == "success" else None
