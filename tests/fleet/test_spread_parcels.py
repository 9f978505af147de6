"""What goes by way of Restate when a step is spread: nothing of the data that can be read, and nothing that is long."""

from __future__ import annotations

import asyncio
import base64
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fleet.life.places import Place
from tests.restate_server import RestateServer
from waystation import Codec, Encryption, Retry, StepContext, Waystation, Workflow, step, workflow
from waystation.core.entries import StepSucceeded
from waystation.errors import NonRetryable

pytestmark = pytest.mark.anyio

MARKER = "blue-heron-over-the-quiet-harbour-at-dusk"

KEYS = Encryption(keys={"k1": bytes(range(32))}, primary="k1")
MEGABYTES = 40


@step(placement="spread", suspend=str, resume=str)
async def secretive(text: str, ctx: StepContext[str, str]) -> str:
    if ctx.resume_data is None:
        await ctx.write(f"{text} written")
        await ctx.once("effect", lambda: f"{text} done")
        await ctx.suspend(f"{text} asked", label="ask")
    return f"{text} {ctx.resume_data}"


@step(placement="spread")
async def fails(text: str) -> str:
    raise NonRetryable(f"{text} failed")


@step(placement="spread")
async def large(megabytes: int) -> str:
    return "x" * (megabytes * 1024 * 1024)


@step(placement="spread", retry=Retry(attempts=2, initial=timedelta(milliseconds=10)))
async def fails_at_length(megabytes: int, ctx: StepContext[None, None]) -> str:
    if ctx.attempt == 1:
        raise ValueError("y" * (megabytes * 1024 * 1024))
    return "done"


def noise(number: int) -> str:
    """A megabyte and a half that cannot be compressed, and is the same each time."""
    return base64.b64encode(random.Random(number).randbytes(1_150_000)).decode()


@step(placement="spread")
async def noisy(number: int) -> str:
    return noise(number)


@step
async def length(text: str) -> int:
    return len(text)


secret = workflow("secret", input=list[str], output=list[str]).foreach(secretive, concurrency=2).commit()
failing = workflow("failing", input=str, output=str).then(fails).commit()
heavy = workflow("heavy", input=int, output=int).then(large).then(length).commit()
heavy_failure = workflow("heavy-failure", input=int, output=str).then(fails_at_length).commit()
many_heavy = workflow("many-heavy", input=list[int], output=list[str]).foreach(large, concurrency=4).commit()

loud = workflow("loud", input=int, output=int).then(noisy).then(length).commit()

WORKFLOWS: list[Workflow[Any, Any]] = [secret, failing, heavy, heavy_failure, many_heavy, loud]


async def kept(restate: RestateServer) -> str:
    """What Restate tells of all that it keeps."""
    found = ""
    async with httpx.AsyncClient(base_url=restate.admin) as admin:
        for table in ("sys_invocation", "sys_journal", "sys_journal_events", "sys_inbox", "state"):
            answer = await admin.post(
                "/query", json={"query": f"SELECT * FROM {table}"}, headers={"accept": "application/json"}
            )
            found += answer.raise_for_status().text
    return found


def put_down(restate: RestateServer) -> None:
    """Stop it, with all that it keeps in files that can be searched: what its log holds is moved there as it starts."""
    restate.stop()
    restate.start()
    restate.stop()


def on_disk(folder: Path, *texts: str) -> list[Path]:
    """The files of Restate's, which are not compressed, in which any of these can be read."""
    files = ((file, file.read_bytes()) for file in folder.rglob("*") if file.is_file())
    return [file for file, data in files if any(text.encode() in data for text in texts)]


async def test_with_a_codec_nothing_of_the_data_can_be_read_in_restate(postgres: str) -> None:
    with RestateServer() as restate:
        dispatch = restate.dispatch()
        async with (
            Waystation(workflows=WORKFLOWS, store=postgres, dispatch=dispatch, codec=Codec(encrypt=KEYS)) as app,
            app.worker(port=0),
        ):
            run = await app.get_workflow(secret).create_run(run_id="names-are-no-secrets")
            result = await run.start([MARKER, f"{MARKER} too"])
            assert result.status == "suspended"
            lost = await app.get_workflow(failing).start(MARKER)
            assert lost.status == "failed"
            assert MARKER in lost.error.message
            said = await kept(restate)
            for each in result.suspensions:
                result = await run.resume(suspension=each.id, data=MARKER)
            assert result.status == "success"
            said += await kept(restate)
        put_down(restate)
        assert "names-are-no-secrets" in said, "what is looked at is what there is"
        assert on_disk(restate.folder, "names-are-no-secrets")
        assert MARKER not in said
        assert on_disk(restate.folder, MARKER) == []


async def test_without_a_codec_what_a_step_gives_is_readable_there(postgres: str) -> None:
    """So the test before this one finds what there is to be found."""
    with RestateServer() as restate:
        app = Waystation(workflows=WORKFLOWS, store=postgres, dispatch=restate.dispatch())
        async with app, app.worker(port=0):
            await app.get_workflow(failing).start(MARKER)
        put_down(restate)
        assert on_disk(restate.folder, MARKER)


async def test_what_is_longer_than_restate_takes_is_recorded_by_its_worker(here: Place) -> None:
    async with Waystation(workflows=WORKFLOWS, store=here.store, dispatch=here.dispatch) as app, app.worker(port=0):
        async with asyncio.timeout(60):
            failed_once = await app.get_workflow(heavy_failure).start(MEGABYTES)
            run = await app.get_workflow(many_heavy).create_run()
            several = await run.start([2, 3, 2, 3])
        assert failed_once.status == "success"
        assert several.status == "success"
        assert [len(text) // 1024**2 for text in several.result] == [2, 3, 2, 3]
        ends = [entry.address for entry in await run.journal() if isinstance(entry, StepSucceeded)]
        assert len(ends) == len(set(ends)) == 4


async def test_restate_keeps_nothing_of_what_is_long(postgres: str) -> None:
    with RestateServer() as restate:
        app = Waystation(workflows=WORKFLOWS, store=postgres, dispatch=restate.dispatch())
        async with app, app.worker(port=0), asyncio.timeout(60):
            result = await app.get_workflow(loud).start(7)
            assert result.status == "success"
            assert result.result > 1024**2
            await app.get_workflow(failing).start(MARKER)
        put_down(restate)
        assert on_disk(restate.folder, MARKER), "what is short is there to be found"
        long = noise(7)
        assert on_disk(restate.folder, *(long[at : at + 50] for at in range(0, len(long), 10_000))) == []


async def test_an_output_that_is_longer_than_any_may_be_is_its_steps_failure(here: Place) -> None:
    async with Waystation(workflows=WORKFLOWS, store=here.store, dispatch=here.dispatch) as app, app.worker(port=0):
        async with asyncio.timeout(60):
            result = await app.get_workflow(heavy).start(MEGABYTES)
    assert result.status == "failed"
    assert result.error.code == "invalid_output"
    assert "41,943,042 bytes" in result.error.message
