"""Wrong uses of a context's state and endings, and steps and workflows that say what cannot be."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel

from waystation import HookEvent, StepContext, create_step, step, workflow


class Doc(BaseModel):
    document_id: str


class Cart(BaseModel):
    count: int = 0


class Other(BaseModel):
    count: int = 0


@step
async def wrong_state(doc: Doc, ctx: StepContext[None, None, Cart]) -> int:
    print(ctx.state.nothing)  # refused
    text: str = ctx.state.count  # refused
    ctx.state = Cart()  # refused
    await ctx.set_state(Cart())  # refused
    return len(text)


@step
async def undeclared_state(doc: Doc, ctx: StepContext) -> int:
    ctx.state["count"] = 1  # refused
    return ctx.state.count  # refused


@step(state=Other)  # refused
async def another_state(doc: Doc, ctx: StepContext[None, None, Cart]) -> int:
    return len(doc.document_id + ctx.run_id)


@step
async def endings(doc: Doc, ctx: StepContext) -> int:
    if doc.document_id == "1":
        ctx.bail()  # refused
    if doc.document_id == "2":
        await ctx.abort(2)  # refused
    return 1


@step
async def results(doc: Doc, ctx: StepContext) -> int:
    number: int = await ctx.get_step_result("endings")  # refused
    text: str | None = await ctx.get_step_result(endings)  # refused
    async with ctx.transaction_sync() as tx:  # refused
        print(tx)
    with ctx.transaction() as other:  # refused
        print(other, text)
    async with ctx.transaction() as third:
        rows: list[int] = await third.execute("SELECT 1")  # refused
        await third.execute(1)  # refused
        print(rows)
    return number


@step
async def take_text(text: str) -> None:
    print(text)


step(undo=take_text.fn)  # refused
step(undo="take-text")  # refused
step(total_timeout=5)  # refused


def execute(doc: Doc) -> int:
    return len(doc.document_id)


create_step(id="a", input=Doc, output=int, execute=execute, undo=execute)  # refused
create_step(id="c", input=Doc, output=int, execute=execute, undo=take_text)  # refused
create_step(id="b", input=Doc, output=int, execute=execute, total_timeout=5)  # refused


def of_text(text: str) -> None:
    print(text)


def no_arguments() -> None:
    pass


workflow("w", input=Doc, output=int, version=2)  # refused
workflow("w", input=Doc, output=int, on_start=of_text)  # refused
workflow("w", input=Doc, output=int, on_finish=no_arguments)  # refused
workflow("w", input=Doc, output=int, on_error=lambda event: event.nothing)  # refused
workflow("w", input=Doc, output=int, schedule="0 9 * * *")  # refused
workflow("w", input=Doc, output=int, retry=timedelta(1))  # refused


def changes(event: HookEvent) -> None:
    event.status = "failed"  # refused
