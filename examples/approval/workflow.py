"""An approval: a document is submitted, a person reviews it, it is finalized.

Each step counts its calls in a file of its own, so that anyone can see which steps ran, and how often.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel

from waystation import StepContext, Waystation, step, workflow

FOLDER = Path(os.environ.get("APPROVAL_FOLDER", ".demo/approval"))


class Doc(BaseModel):
    document_id: str
    title: str


class Ask(BaseModel):
    reason: str


class Decision(BaseModel):
    approved: bool
    comment: str | None = None


class Reviewed(BaseModel):
    document_id: str
    approved: bool
    comment: str | None


class Status(BaseModel):
    status: str


def count_call(name: str) -> None:
    """Add one to the calls of ``name``, on disk."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / f"{name}.calls").open("a", encoding="utf-8") as file:
        file.write(f"called in process {os.getpid()}\n")


@step
async def submit(doc: Doc) -> Doc:
    count_call("submit")
    return doc


@step(suspend=Ask, resume=Decision)
async def review(doc: Doc, ctx: StepContext[Ask, Decision]) -> Reviewed:
    count_call("review")
    if ctx.resume_data is None:
        await ctx.suspend(Ask(reason=f"Please review {doc.document_id}: {doc.title}"))  # the run is parked here
    return Reviewed(document_id=doc.document_id, approved=ctx.resume_data.approved, comment=ctx.resume_data.comment)


@step
def finalize(reviewed: Reviewed) -> Status:
    count_call("finalize")
    verdict = "approved" if reviewed.approved else "rejected"
    return Status(status=f"{reviewed.document_id} is {verdict}")


approval = workflow("approval", input=Doc, output=Status).then(submit).then(review).then(finalize).commit()

app = Waystation(workflows=[approval], store=f"sqlite:///{FOLDER / 'waystation.db'}")
