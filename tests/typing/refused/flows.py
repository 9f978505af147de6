"""What a type checker must refuse: each line that ends with the mark, and no other."""

from __future__ import annotations

from pydantic import BaseModel

from waystation import StepContext, Waystation, Workflow, create_step, step, workflow


class Doc(BaseModel):
    title: str


class Ask(BaseModel):
    question: str


class Decision(BaseModel):
    approved: bool


@step
async def to_int(doc: Doc) -> int:
    return len(doc.title)


@step
def to_text(number: int) -> str:
    return str(number)


@step(suspend=Ask, resume=Decision)
async def ask(doc: Doc, ctx: StepContext[Ask, Decision]) -> bool:
    ctx.resume_data.approved  # refused
    if ctx.resume_data is None:
        await ctx.suspend(Decision(approved=True))  # refused
    print(ctx.resume_data.aproved)  # refused
    return ctx.resume_data.approved


@step(suspend=Ask, resume=Decision)  # fits no other context
async def fine(doc: Doc) -> bool:
    return bool(doc)


start = workflow("flow", input=Doc, output=str)

start.then(to_text)  # refused
start.then(to_int).then(to_int)  # refused
start.then(to_int).then(ask)  # refused
start.then(to_int).commit()  # refused
start.commit()  # refused
start.parallel([to_int, to_text])  # refused
start.then("to-int")  # refused
wrong: Workflow[Doc, int] = start.then(to_int).then(to_text).commit()  # refused


def takes_a_number(number: int) -> bool:
    return number > 1


def gives_text(doc: Doc) -> str:
    return doc.title


start.branch([(takes_a_number, to_int)])  # refused
start.branch([(gives_text, to_int)])  # refused
start.branch([to_int])  # refused


async def execute(number: int) -> str:
    return str(number)


create_step(id="made", input=str, output=str, execute=execute)  # refused
create_step(id="made", input=int, output=int, execute=execute)  # refused (mypy)
step(suspend=Ask)  # refused

flow = start.then(to_int).then(to_text).commit()


async def use(app: Waystation) -> None:
    run = await app.get_workflow(flow).create_run()
    result = await run.start({"title": "t"})
    print(result.result)  # refused
    if result.status == "success":
        print(result.suspensions)  # refused
        print(result.result + 1)  # refused
    if result.status == "finished":  # refused
        pass
    await run.resume(step=7, data=None)  # refused
