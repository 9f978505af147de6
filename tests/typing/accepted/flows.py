"""What a type checker must accept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import NotRequired, assert_type

import attrs
import msgspec
from pydantic import BaseModel
from typing_extensions import TypedDict

from waystation import (
    Retry,
    Run,
    RunCancelled,
    RunFailed,
    RunPaused,
    RunSucceeded,
    RunSuspended,
    Step,
    StepContext,
    Waystation,
    Workflow,
    create_step,
    step,
    workflow,
)


class Doc(BaseModel):
    title: str


class Ask(BaseModel):
    question: str


class Decision(BaseModel):
    approved: bool


@dataclass
class Data:
    number: int


class Struct(msgspec.Struct):
    number: int


@attrs.define
class Attrs:
    number: int


class Dict(TypedDict):
    number: int


class Some(TypedDict):
    left: NotRequired[int]
    right: NotRequired[int]


@step
async def plain(doc: Doc) -> int:
    return len(doc.title)


@step
def sync(number: int) -> str:
    return str(number)


@step
async def with_context(text: str, ctx: StepContext) -> Data:
    assert_type(ctx.attempt, int)
    assert_type(ctx.run_id, str)
    return Data(await ctx.once("number", lambda: len(text)))


@step(suspend=Ask, resume=Decision)
async def ask(doc: Doc, ctx: StepContext[Ask, Decision]) -> bool:
    assert_type(ctx.resume_data, Decision | None)
    assert_type(ctx.suspend_data, Ask | None)
    if ctx.resume_data is None:
        await ctx.suspend(Ask(question=doc.title))
    assert_type(ctx.resume_data, Decision)  # suspend() never returns
    return ctx.resume_data.approved


@step(suspend=Ask, resume=Decision, retry=Retry(attempts=2), timeout=timedelta(seconds=1))
def ask_sync(doc: Doc, ctx: StepContext[Ask, Decision]) -> bool:
    if ctx.resume_data is None:
        ctx.suspend_sync(Ask(question=doc.title))
    return ctx.resume_data.approved


@step(id="named", timeout=timedelta(seconds=1))
async def named(number: int) -> Struct:
    return Struct(number)


@step
async def to_attrs(struct: Struct) -> Attrs:
    return Attrs(struct.number)


@step
async def to_dict(value: Attrs) -> Dict:
    return {"number": value.number}


@step
async def either(number: int) -> int | str:
    return number


@step
async def take_either(value: int | str | None) -> list[int]:
    return [1] if value else []


@step
async def look_back(text: str, ctx: StepContext) -> str:
    assert_type(await ctx.get_step_result(plain), int | None)
    assert_type(await ctx.get_init_data(Doc), Doc)
    return text


assert_type(plain, Step[Doc, int])
assert_type(sync, Step[int, str])
assert_type(with_context, Step[str, Data])
assert_type(ask, Step[Doc, bool])
assert_type(ask_sync, Step[Doc, bool])
assert_type(named, Step[int, Struct])
assert_type(plain.clone(id="again"), Step[Doc, int])


async def execute(number: int) -> str:
    return str(number)


made = create_step(id="made", input=int, output=str, execute=execute)
assert_type(made, Step[int, str])

chain = workflow("chain", input=Doc, output=Data).then(plain).then(sync).then(look_back).then(with_context).commit()
assert_type(chain, Workflow[Doc, Data])
kinds = workflow("kinds", input=int, output=Dict).then(named).then(to_attrs).then(to_dict).commit()
unions = workflow("unions", input=int, output=list[int]).then(either).then(take_either).commit()
asking = workflow("asking", input=Doc, output=bool).then(ask).commit()


def is_long(doc: Doc) -> bool:
    return len(doc.title) > 9


async def is_short(doc: Doc) -> bool:
    return not is_long(doc)


@step
async def gather(parts: Some) -> int:
    return parts.get("left", 0) + parts.get("right", 0)


forked = (
    workflow("forked", input=Doc, output=int)
    .branch([(is_long, plain.clone(id="left")), (is_short, plain.clone(id="right"))])
    .then(gather)
    .commit()
)
assert_type(forked, Workflow[Doc, int])
abreast = workflow("abreast", input=Doc, output=dict[str, int]).parallel([plain, plain.clone(id="b")]).commit()


async def use(app: Waystation) -> None:
    runnable = app.get_workflow(chain)
    run = await runnable.create_run()
    assert_type(run, Run[Doc, Data])
    result = await run.start({"title": "t"})
    if result.status == "success":
        assert_type(result, RunSucceeded[Data])
        assert_type(result.result, Data)
    elif result.status == "suspended":
        assert_type(result, RunSuspended)
        print(result.suspensions)
    elif result.status == "failed":
        assert_type(result, RunFailed)
        print(result.error.message)
    else:
        assert_type(result, RunCancelled | RunPaused)
    await run.resume(step=ask, data=Decision(approved=True))
    match await runnable.start(Doc(title="t")):
        case RunSucceeded(result=data):
            assert_type(data, Data)
        case RunFailed(error=error):
            print(error.message)
        case RunSuspended() | RunCancelled() | RunPaused():
            pass
