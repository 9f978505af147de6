"""Every way to make a step, and what its context is typed as."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel
from typing_extensions import assert_type

from waystation import Retry, Step, StepContext, create_step, step


class Doc(BaseModel):
    document_id: str


class Ask(BaseModel):
    reason: str


class Decision(BaseModel):
    approved: bool


@step
async def plain(doc: Doc) -> str:
    return doc.document_id


@step
def in_a_thread(doc: Doc) -> str:
    return doc.document_id


@step
def in_a_thread_with_context(doc: Doc, ctx: StepContext) -> str:
    before = ctx.get_step_result_sync(plain)
    assert_type(before, str | None)
    assert_type(ctx.get_init_data_sync(Doc), Doc)
    assert_type(ctx.once_sync("size", lambda: len(doc.document_id)), int)
    return f"{doc.document_id} {before} {ctx.attempt}"


@step(id="named", retry=Retry(attempts=3), timeout=timedelta(seconds=5))
async def with_options(doc: Doc) -> str:
    return doc.document_id


@step()
async def with_parentheses(doc: Doc, ctx: StepContext) -> str:
    return ctx.idempotency_key + doc.document_id


async def fetch() -> int:
    return 1


@step(suspend=Ask, resume=Decision)
async def approval(doc: Doc, ctx: StepContext[Ask, Decision]) -> bool:
    assert_type(ctx.resume_data, Decision | None)
    assert_type(await ctx.once("fetch", fetch), int)
    assert_type(await ctx.once("read", lambda: doc.document_id), str)
    assert_type(await ctx.once("typed", fetch, returns=int), int)
    assert_type(await ctx.get_step_result(plain), str | None)
    assert_type(await ctx.get_init_data(Doc), Doc)
    if ctx.resume_data is None:
        await ctx.suspend(Ask(reason=doc.document_id), label="legal")
    # suspend() never returns, so there is an answer here.
    assert_type(ctx.resume_data, Decision)
    return ctx.resume_data.approved


@step(suspend=Ask, resume=Decision)
def approval_sync(doc: Doc, ctx: StepContext[Ask, Decision]) -> bool:
    if ctx.resume_data is None:
        ctx.suspend_sync(Ask(reason=doc.document_id))
    return ctx.resume_data.approved


@step(suspend=Ask, resume=Decision)
async def every_path_returns(doc: Doc, ctx: StepContext[Ask, Decision]) -> bool:
    if ctx.resume_data is not None:
        return ctx.resume_data.approved
    await ctx.suspend(Ask(reason=doc.document_id))


@step(suspend=Ask, resume=bool | str)
async def answered_by_a_union(doc: Doc, ctx: StepContext[Ask, bool | str]) -> str:
    if ctx.resume_data is None:
        await ctx.suspend(Ask(reason=doc.document_id))
    assert_type(ctx.resume_data, bool | str)
    return str(ctx.resume_data)


@step(suspend=Ask, resume=Decision)
async def without_context(doc: Doc) -> bool:
    return bool(doc.document_id)


assert_type(plain, Step[Doc, str])
assert_type(in_a_thread, Step[Doc, str])
assert_type(in_a_thread_with_context, Step[Doc, str])
assert_type(with_options, Step[Doc, str])
assert_type(with_parentheses, Step[Doc, str])
assert_type(approval, Step[Doc, bool])
assert_type(approval_sync, Step[Doc, bool])
assert_type(every_path_returns, Step[Doc, bool])
assert_type(answered_by_a_union, Step[Doc, str])
assert_type(without_context, Step[Doc, bool])


# --------------------------------------------------------------------------- create_step


async def execute_async(doc: Doc) -> str:
    return doc.document_id


async def execute_async_with_context(doc: Doc, ctx: StepContext) -> str:
    return doc.document_id + ctx.step_id


def execute_sync_with_context(doc: Doc, ctx: StepContext) -> str:
    return doc.document_id + ctx.step_id


async def execute_approval(doc: Doc, ctx: StepContext[Ask, Decision]) -> str:
    if ctx.resume_data is None:
        await ctx.suspend(Ask(reason=doc.document_id))
    return str(ctx.resume_data.approved)


def length(value: str | list[int]) -> int:
    return len(value)


class Shout:
    """A callable that is no function."""

    async def __call__(self, doc: Doc) -> str:
        return doc.document_id.upper()


assert_type(create_step(id="a", input=Doc, output=str, execute=execute_async), Step[Doc, str])
assert_type(create_step(id="b", input=Doc, output=str, execute=execute_async_with_context), Step[Doc, str])
assert_type(create_step(id="c", input=Doc, output=str, execute=execute_sync_with_context), Step[Doc, str])
assert_type(create_step(id="d", input=Doc, output=str, execute=lambda doc: doc.document_id), Step[Doc, str])
assert_type(create_step(id="e", input=Doc, output=str, execute=Shout()), Step[Doc, str])
assert_type(
    create_step(id="f", input=Doc, output=str, suspend=Ask, resume=Decision, execute=execute_approval),
    Step[Doc, str],
)
assert_type(create_step(id="g", input=str | list[int], output=int, execute=length), Step[str | list[int], int])
