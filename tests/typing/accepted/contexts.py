"""What a step may ask of its context, and the steps and workflows that say more of themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

from pydantic import BaseModel
from typing_extensions import assert_type

from waystation import (
    Cron,
    HookEvent,
    Retry,
    Step,
    StepContext,
    Workflow,
    create_step,
    step,
    workflow,
)


class Doc(BaseModel):
    document_id: str


class Ask(BaseModel):
    reason: str


class Decision(BaseModel):
    approved: bool


class Cart(BaseModel):
    count: int = 0


class Tenant(BaseModel):
    name: str


# ------------------------------------------------------------------ run state


@step
async def plain(doc: Doc, ctx: StepContext) -> str:
    assert_type(ctx.state, Mapping[str, object])
    assert_type(ctx.request_context, Mapping[str, object])
    assert_type(ctx.input, object)
    assert_type(ctx.iteration, int)
    await ctx.set_state(count=1, note="x")
    return doc.document_id


@step
async def with_state(doc: Doc, ctx: StepContext[None, None, Cart]) -> int:
    assert_type(ctx.state, Cart)
    await ctx.set_state(count=ctx.state.count + 1)
    return ctx.state.count


@step(state=Cart, retry=Retry(attempts=2))
def with_state_declared(doc: Doc, ctx: StepContext[None, None, Cart]) -> int:
    ctx.set_state_sync(count=ctx.state.count + 1)
    return ctx.state.count


@step(suspend=Ask, resume=Decision)
async def asks_with_state(doc: Doc, ctx: StepContext[Ask, Decision, Cart]) -> int:
    if ctx.resume_data is None:
        await ctx.suspend(Ask(reason=str(ctx.state.count)))
    return int(ctx.resume_data.approved)


@step(suspend=Ask, resume=Decision, state=Cart)
async def asks_with_state_declared(doc: Doc, ctx: StepContext[Ask, Decision, Cart]) -> int:
    assert_type(ctx.suspend_data, Ask | None)
    return ctx.state.count


@step(state=Cart)
async def declared_and_not_looked_at(doc: Doc) -> int:
    return len(doc.document_id)


assert_type(with_state, Step[Doc, int])
assert_type(with_state_declared, Step[Doc, int])
assert_type(asks_with_state, Step[Doc, int])
assert_type(asks_with_state_declared, Step[Doc, int])
assert_type(declared_and_not_looked_at, Step[Doc, int])


async def execute(doc: Doc, ctx: StepContext[None, None, Cart]) -> int:
    return ctx.state.count


assert_type(create_step(id="made", input=Doc, output=int, execute=execute), Step[Doc, int])
assert_type(create_step(id="made", input=Doc, output=int, state=Cart, execute=execute), Step[Doc, int])

# ------------------------------------------------------------------ what ends a step


@step
async def ends_early(doc: Doc, ctx: StepContext) -> int:
    if doc.document_id == "bail":
        await ctx.bail(3)
    if doc.document_id == "abort":
        await ctx.abort("not wanted")
    return 1


@step
async def only_bails(doc: Doc, ctx: StepContext) -> int:
    await ctx.bail(len(doc.document_id))  # never returns, so nothing need be returned


@step
def only_aborts(doc: Doc, ctx: StepContext) -> int:
    ctx.abort_sync(doc.document_id)


# ------------------------------------------------------------------ effects and cancellation


@step
async def writes(doc: Doc, ctx: StepContext) -> int:
    await ctx.write({"percent": 10})
    async with ctx.transaction() as tx:
        rows = await tx.execute("SELECT 1 WHERE 1 = ?", (doc.document_id,))
        assert_type(rows, Sequence[tuple[object, ...]])
    return len(rows)


@step
def writes_sync(doc: Doc, ctx: StepContext) -> int:
    ctx.write_sync(doc.document_id)
    with ctx.transaction_sync() as tx:
        rows = tx.execute("SELECT 1")
    while not ctx.is_cancelled:
        break
    return len(rows)


@step
async def heeds_cancellation(doc: Doc, ctx: StepContext) -> int:
    await asyncio.wait_for(ctx.cancelled(), 1)
    assert_type(ctx.is_cancelled, bool)
    return len(doc.document_id)


# ------------------------------------------------------------------ compensation


@step
async def refund(paid: int) -> None:
    print(paid)


@step
async def refund_anything(paid: object, ctx: StepContext) -> str:
    return f"{ctx.run_id} {paid}"


@step(undo=refund, total_timeout=timedelta(minutes=5), timeout=timedelta(seconds=5))
async def pay(doc: Doc) -> int:
    return len(doc.document_id)


@step(suspend=Ask, resume=Decision, undo=refund_anything)
async def pay_when_asked(doc: Doc, ctx: StepContext[Ask, Decision]) -> int:
    return len(doc.document_id + ctx.run_id)


assert_type(pay, Step[Doc, int])
assert_type(pay.clone(id="pay-again"), Step[Doc, int])
assert_type(
    create_step(id="p", input=Doc, output=int, execute=lambda doc: 1, undo=refund, total_timeout=timedelta(1)),
    Step[Doc, int],
)

# ------------------------------------------------------------------ workflows


def told(event: HookEvent) -> None:
    assert_type(event.run_id, str)
    assert_type(event.result, object | None)


async def told_later(event: HookEvent) -> None:
    print(event.status, event.resource_id)


said_of_itself = (
    workflow(
        "w",
        input=Doc,
        output=int,
        version="2",
        state=Cart,
        request_context=Tenant,
        schedule=Cron("0 9 * * MON", tz="Europe/Paris", input={"document_id": "1"}),
        on_start=told,
        on_finish=told_later,
        on_error=lambda event: print(event.error),
        on_suspend=told,
    )
    .then(with_state)
    .commit()
)
assert_type(said_of_itself, Workflow[Doc, int])
assert_type(said_of_itself.version, str)
workflow("often", input=Doc, output=int, schedule=[Cron("0 9 * * *", id="a"), Cron("0 17 * * *", id="b")])


@step
async def looks_back(doc: Doc, ctx: StepContext) -> str:
    assert_type(await ctx.get_step_result(said_of_itself), int | None)
    assert_type(await ctx.get_step_result(pay), int | None)
    assert_type(await ctx.get_step_result("pay"), object)
    return doc.document_id


@step
def looks_back_sync(doc: Doc, ctx: StepContext) -> str:
    assert_type(ctx.get_step_result_sync(said_of_itself), int | None)
    assert_type(ctx.get_step_result_sync("pay"), object)
    return doc.document_id
