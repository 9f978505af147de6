"""Steps whose function does not fit what is declared, and wrong uses of a context."""

from __future__ import annotations

from pydantic import BaseModel

from waystation import Step, StepContext, create_step, step


class Doc(BaseModel):
    document_id: str


class Ask(BaseModel):
    reason: str


class Decision(BaseModel):
    approved: bool


@step
async def measure(doc: Doc) -> int:
    return len(doc.document_id)


async def fetch() -> int:
    return 1


@step(suspend=Ask, resume=Decision)
async def wrong_payloads(doc: Doc, ctx: StepContext[Ask, Decision]) -> bool:
    if doc.document_id == "1":
        await ctx.suspend("why")  # refused
    if doc.document_id == "2":
        await ctx.suspend(Decision(approved=True))  # refused
    if doc.document_id == "3":
        await ctx.suspend()  # refused
    return True


@step(suspend=Ask, resume=Decision)
async def unchecked_answer(doc: Doc, ctx: StepContext[Ask, Decision]) -> bool:
    return ctx.resume_data.approved  # refused


@step(suspend=Ask, resume=Decision)
async def wrong_attribute(doc: Doc, ctx: StepContext[Ask, Decision]) -> bool:
    if ctx.resume_data is None:
        await ctx.suspend(Ask(reason=doc.document_id))
    print(ctx.resume_data.reason)  # refused
    return ctx.resume_data.approved


@step(suspend=Ask, resume=Decision)
async def suspend_not_awaited(doc: Doc, ctx: StepContext[Ask, Decision]) -> bool:
    if ctx.resume_data is None:
        ctx.suspend(Ask(reason=doc.document_id))  # refused
    return ctx.resume_data.approved  # refused


@step
async def suspends_undeclared(doc: Doc, ctx: StepContext) -> int:
    await ctx.suspend(Ask(reason=doc.document_id))  # refused


@step
async def results(doc: Doc, ctx: StepContext) -> int:
    text: str | None = await ctx.get_step_result(measure)  # refused
    number: int = await ctx.get_step_result(measure)  # refused
    once: str = await ctx.once("fetch", fetch)  # refused
    said: str = await ctx.once("fetch", fetch, returns=int)  # refused
    init: Doc = await ctx.get_init_data(Ask)  # refused
    print(text, once, said, init, doc)
    return number


# What the context is declared to carry is what the decorator says.
@step(suspend=Decision, resume=Decision)  # refused
async def another_payload(doc: Doc, ctx: StepContext[Ask, Decision]) -> bool:
    return bool(doc.document_id + ctx.run_id)


@step(suspend=Ask, resume=Ask)  # refused
async def another_answer(doc: Doc, ctx: StepContext[Ask, Decision]) -> bool:
    return bool(doc.document_id + ctx.run_id)


@step  # refused
async def payload_not_declared(doc: Doc, ctx: StepContext[Ask, Decision]) -> bool:
    return bool(doc.document_id + ctx.run_id)


@step  # refused
async def no_input() -> bool:
    return True


@step  # refused
async def three_arguments(doc: Doc, ctx: StepContext, more: int) -> bool:
    return bool(doc.document_id + ctx.run_id) or more > 1


@step  # refused
async def second_is_no_context(doc: Doc, more: int) -> bool:
    return bool(doc.document_id) or more > 1


step(suspend=Ask)  # refused
step(resume=Decision)  # refused
step(id=1)  # refused
step(timeout=5)  # refused

not_it: Step[Doc, str] = measure  # refused
nor_it: Step[str, int] = measure  # refused
measure(Doc(document_id="1"))  # refused
measure.id = "other"  # refused


def to_text(doc: Doc) -> str:
    return doc.document_id


async def asks(doc: Doc, ctx: StepContext[Ask, Decision]) -> str:
    return doc.document_id + ctx.run_id


create_step(id="a", input=str, output=str, execute=to_text)  # refused
create_step(id="b", input=Doc, output=int, execute=to_text)  # refused (mypy)
create_step(id="c", input=Doc, output=str, execute=asks)  # refused
create_step(id="d", input=Doc, output=str, suspend=Ask, execute=asks)  # refused
create_step(id="e", input=Doc, output=str, suspend=Decision, resume=Decision, execute=asks)  # refused
create_step(input=Doc, output=str, execute=to_text)  # refused
create_step(id="g", input=Doc, output=str)  # refused
