"""Chains whose types do not meet."""

from __future__ import annotations

from pydantic import BaseModel

from waystation import step, workflow


class Doc(BaseModel):
    document_id: str


class SignedDoc(Doc):
    signature: str


class Verdict(BaseModel):
    approved: bool


@step
async def sign(doc: Doc) -> SignedDoc:
    return SignedDoc(document_id=doc.document_id, signature="x")


@step
async def read(doc: Doc) -> Verdict:
    return Verdict(approved=bool(doc.document_id))


@step
async def read_signed(doc: SignedDoc) -> Verdict:
    return Verdict(approved=bool(doc.signature))


@step
def count(text: str) -> int:
    return len(text)


@step
def maybe(doc: Doc) -> Doc | None:
    return doc


def of_text(text: str) -> bool:
    return bool(text)


async def of_verdict(verdict: Verdict) -> bool:
    return verdict.approved


def not_a_condition(doc: Doc) -> str:
    return doc.document_id


async def not_an_async_condition(doc: Doc) -> str:
    return doc.document_id


async def no_step(doc: Doc) -> Doc:
    return doc


start = workflow("w", input=Doc, output=Verdict)
signed = start.then(sign)
done = start.then(read)

start.then(count)  # refused
start.then(read_signed)  # refused
done.then(read)  # refused
done.then(count)  # refused
start.then(maybe).then(read)  # refused
start.then(no_step)  # refused
start.then(start)  # refused

start.commit()  # refused
signed.commit()  # refused
start.then(maybe).commit()  # refused
done.then(done)  # refused
workflow("number", input=Doc, output=int).then(read).commit()  # refused

start.parallel([read, count])  # refused
start.parallel([count])  # refused
signed.parallel([read, read_signed, count])  # refused
start.parallel([no_step])  # refused
start.parallel(read)  # refused

start.branch([(of_text, read)])  # refused
start.branch([(of_verdict, read)])  # refused
start.branch([(lambda doc: True, count)])  # refused
start.branch([(not_a_condition, read)])  # refused
start.branch([(not_an_async_condition, read)])  # refused
start.branch([(lambda doc: doc.signature == "", read)])  # refused
start.branch([read])  # refused
done.branch([(lambda verdict: verdict.approved, read)])  # refused

start.clone(id="no")  # refused
sign.clone()  # refused
start.then(sign.clone(id="sign-2")).commit()  # refused
done.commit().then(read)  # refused
