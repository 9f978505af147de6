"""Chains whose types meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from pydantic import BaseModel
from typing_extensions import assert_type

from waystation import Step, StepContext, Workflow, step, workflow


class Doc(BaseModel):
    document_id: str


class SignedDoc(Doc):
    signature: str


class Verdict(BaseModel):
    approved: bool


class Both(TypedDict):
    read: Verdict
    count: int


class Some(TypedDict, total=False):
    read: Verdict
    count: int


@step
async def sign(doc: Doc) -> SignedDoc:
    return SignedDoc(document_id=doc.document_id, signature="x")


@step
async def read(doc: Doc) -> Verdict:
    return Verdict(approved=bool(doc.document_id))


@step
def count(doc: Doc) -> int:
    return len(doc.document_id)


@step
def both(parts: Both) -> Verdict:
    return parts["read"]


@step
def some(parts: Some) -> Verdict | None:
    return parts.get("read")


@step
def any_parts(parts: dict[str, object]) -> int:
    return len(parts)


@step
def one_of(doc: Doc | None) -> list[Doc]:
    return [] if doc is None else [doc]


@step
def every(docs: Sequence[Doc]) -> Mapping[str, int]:
    return {doc.document_id: 1 for doc in docs}


@step
async def with_context(doc: Doc, ctx: StepContext) -> str:
    return f"{ctx.run_id} {doc.document_id}"


def is_long(doc: Doc) -> bool:
    return len(doc.document_id) > 10


async def is_short(doc: Doc) -> bool:
    return not is_long(doc)


assert_type(sign, Step[Doc, SignedDoc])
assert_type(count, Step[Doc, int])
assert_type(with_context, Step[Doc, str])

exact = workflow("exact", input=Doc, output=Verdict).then(read).commit()
assert_type(exact, Workflow[Doc, Verdict])

# What a step gives may be narrower than what the next one takes.
narrower = workflow("narrower", input=Doc, output=Verdict).then(sign).then(read).commit()
assert_type(narrower, Workflow[Doc, Verdict])
optional = workflow("optional", input=Doc, output=Mapping[str, int]).then(sign).then(one_of).then(every).commit()
assert_type(optional, Workflow[Doc, Mapping[str, int]])

# So may what the workflow gives be narrower than what it declares.
wider = workflow("wider", input=SignedDoc, output=Doc).then(sign).commit()
assert_type(wider, Workflow[SignedDoc, Doc])
unioned = workflow("unioned", input=Doc, output=Verdict | None).then(read).commit()
assert_type(unioned, Workflow[Doc, Verdict | None])

side_by_side = workflow("parallel", input=Doc, output=Verdict).parallel([read, count]).then(both).commit()
assert_type(side_by_side, Workflow[Doc, Verdict])

choosing = (
    workflow("branch", input=Doc, output=Verdict | None)
    .then(sign)
    .branch([(is_long, read), (is_short, count), (lambda doc: doc.signature == "x", sign)])
    .then(some)
    .commit()
)
assert_type(choosing, Workflow[Doc, Verdict | None])

# A block may end a workflow, and may follow a block.
ends_with_block = workflow("last", input=Doc, output=Both).parallel([read, count]).commit()
assert_type(ends_with_block, Workflow[Doc, Both])
after_block = (
    workflow("block-after-block", input=Doc, output=Some)
    .parallel([read, count])
    .branch([(lambda parts: "read" in parts, any_parts)])
    .commit()
)
assert_type(after_block, Workflow[Doc, Some])

copy = sign.clone(id="sign-again")
assert_type(copy, Step[Doc, SignedDoc])
twice = workflow("twice", input=Doc, output=SignedDoc).then(sign).then(copy).commit()
assert_type(twice, Workflow[Doc, SignedDoc])
