"""A workflow whose data is secret wherever data can be, for tests of what a store shows of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel

from tests.conformance.apps import Place
from tests.conformance.stock import comes_to, won
from waystation import Blobs, Codec, Compression, Encryption, Run, StepContext, Waystation, step, workflow

PLACES = ("input", "output", "once", "ask", "answer", "event", "state", "error", "chunk")

SECRETS = {name: f"secret-{name}-" for name in PLACES}

LONG = 40
"""A secret that is to be long is repeated so often."""

KEYS = {name: Encryption.new_key() for name in ("one", "two", "three")}


def everything(folder: Path, *keys: str, primary: str | None = None, over: int | None = 100) -> Codec:
    """A codec with all of its parts, and the keys of these names; the last is primary if none is named."""
    named = keys or ("one",)
    return Codec(
        compress=Compression(over=200),
        encrypt=Encryption(keys={key: KEYS[key] for key in named}, primary=primary or named[-1]),
        blobs=Blobs(folder / "blobs", over=over),
        only_encrypted=True,
    )


class State(BaseModel):
    """The run state."""

    seen: str = ""


calls: list[str] = []
"""What was done, in this process."""


async def effect() -> str:
    calls.append("effect")
    return SECRETS["once"] * LONG


@step(suspend=str, resume=str)
async def review(given: str, ctx: StepContext[str, str, State]) -> str:
    """Asks, with work before it that is not to be done again."""
    calls.append("review")
    once = await ctx.once("effect", effect, returns=str)
    await ctx.write(SECRETS["chunk"])
    if ctx.resume_data is None:
        await ctx.set_state(seen=SECRETS["state"])
        await ctx.suspend(SECRETS["ask"] * LONG)
    return f"{given}|{once}|{ctx.resume_data}"


@step
async def finish(event: str, ctx: StepContext[None, None, State]) -> str:
    """Has everything that came before."""
    calls.append("finish")
    return f"{await ctx.get_step_result(review)}|{event}|{ctx.state.seen}|{SECRETS['output'] * LONG}"


@step
async def fails(given: str) -> str:
    raise ValueError(SECRETS["error"])


secretive = (
    workflow("secretive", input=str, output=str, state=State).then(review).wait_for("paper", str).then(finish).commit()
)

failing = workflow("failing", input=str, output=str).then(fails).commit()

napping = workflow("napping", input=str, output=str).sleep(timedelta(days=1)).commit()

RESULT = "|".join(
    (
        SECRETS["input"],
        SECRETS["once"] * LONG,
        SECRETS["answer"] * LONG,
        SECRETS["event"] * LONG,
        SECRETS["state"],
        SECRETS["output"] * LONG,
    )
)
"""What a run of it gives."""


async def asked(app: Waystation, run_id: str) -> Run[str, str]:
    """A run of it that waits for its answer."""
    run = await app.get_workflow(secretive).create_run(run_id=run_id)
    result = await run.start(SECRETS["input"])
    assert result.status == "suspended"
    assert result.suspensions[0].payload == SECRETS["ask"] * LONG
    return run


async def answered(app: Waystation, run_id: str) -> str:
    """Answer a run of it, send it its event, and give what it comes to."""
    run = await app.get_run(run_id)
    await run.resume_async(step="review", data=SECRETS["answer"] * LONG)
    await comes_to(run, "waiting")
    await run.send_event("paper", SECRETS["event"] * LONG)
    return str(won(await run.wait()))


async def shown(place: Place) -> bytes:
    """All bytes of a place but what this process has in memory."""
    files = [file for file in place.folder.rglob("*") if file.is_file()]
    return b"\n".join(file.read_bytes() for file in files)
