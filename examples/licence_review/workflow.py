"""A licence review: of each installed distribution, read the metadata, classify the licence, let the permissive
through, ask a person about the others. One run for each distribution, so each waits for its own answer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, NotRequired, cast

from examples.licence_review.classify import Kind, classify
from examples.licence_review.metadata import Distribution, Problem, read
from pydantic import BaseModel
from typing_extensions import TypedDict

from waystation import StepContext, Waystation, step, workflow

FOLDER = Path(os.environ.get("LICENCES_FOLDER", ".demo/licences"))


class Folder(BaseModel):
    path: str


class Classified(BaseModel):
    name: str
    version: str
    kind: Kind
    told_by: str
    problems: list[Problem]


class Question(BaseModel):
    """What the reviewer is asked."""

    name: str
    version: str
    kind: Kind
    told_by: str


class Answer(BaseModel):
    """What the reviewer says."""

    decision: Literal["accept", "reject"]
    why: str


class Verdict(BaseModel):
    """One line of the report."""

    name: str
    version: str
    kind: Kind
    told_by: str
    decision: Literal["accept", "reject"]
    decided_by: Literal["rule", "reviewer"]
    why: str
    problems: list[Problem]


Verdicts = TypedDict("Verdicts", {"let-through": NotRequired[Verdict], "ask": NotRequired[Verdict]})


@step
def read_metadata(folder: Folder) -> Distribution:
    return read(folder.path)


@step
def classify_licence(distribution: Distribution) -> Classified:
    kind, told_by = classify(distribution)
    return Classified(
        name=distribution.name,
        version=distribution.version,
        kind=kind,
        told_by=told_by,
        problems=distribution.problems,
    )


@step
def let_through(classified: Classified) -> Verdict:
    return Verdict(
        **classified.model_dump(), decision="accept", decided_by="rule", why="a permissive licence is let through"
    )


@step(suspend=Question, resume=Answer)
async def ask(classified: Classified, ctx: StepContext[Question, Answer]) -> Verdict:
    if ctx.resume_data is None:
        await ctx.suspend(
            Question(name=classified.name, version=classified.version, kind=classified.kind, told_by=classified.told_by)
        )
    return Verdict(
        **classified.model_dump(),
        decision=ctx.resume_data.decision,
        decided_by="reviewer",
        why=ctx.resume_data.why,
    )


@step
def decide(verdicts: Verdicts) -> Verdict:
    """One of the two branches was taken, never both."""
    (verdict,) = verdicts.values()
    return cast("Verdict", verdict)


def is_permissive(classified: Classified) -> bool:
    return classified.kind == "permissive"


def needs_a_person(classified: Classified) -> bool:
    return classified.kind != "permissive"


licence_review = (
    workflow("licence-review", input=Folder, output=Verdict)
    .then(read_metadata)
    .then(classify_licence)
    .branch([(is_permissive, let_through), (needs_a_person, ask)], id="by-kind")
    .then(decide)
    .commit()
)

app = Waystation(workflows=[licence_review], store=f"sqlite:///{FOLDER / 'waystation.db'}")
