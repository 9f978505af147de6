"""A caller that gives up waiting for its call does not change what becomes of it, and leaves no error lying about."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import pytest

from tests.conformance.waiting import in_time
from waystation import StepContext, Waystation, open_store, step, workflow
from waystation.store.passing import PassingStore
from waystation.store.records import StoredRun

pytestmark = pytest.mark.anyio


@step(suspend=str, resume=str)
async def ask(text: str, ctx: StepContext[str, str]) -> str:
    if ctx.resume_data is None:
        await ctx.suspend(text)
    return ctx.resume_data


asking = workflow("asking", input=str, output=str).then(ask).commit()


class SlowStore(PassingStore):
    """Lets nobody load a run while ``may_load`` is not set."""

    def __init__(self, path: Path) -> None:
        super().__init__(open_store(f"sqlite:///{path}"))
        self.may_load = asyncio.Event()
        self.may_load.set()
        self.asked = asyncio.Event()

    async def load(self, run_id: str) -> StoredRun | None:
        self.asked.set()
        await self.may_load.wait()
        return await super().load(run_id)


async def test_an_answer_that_is_refused_after_its_caller_has_given_up_is_told_to_nobody(tmp_path: Path) -> None:
    unheard: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: unheard.append(str(told)))
    store = SlowStore(tmp_path / "runs.db")
    async with in_time(), Waystation(workflows=[asking], store=store) as app:
        run = await app.get_workflow(asking).create_run()
        first = await run.start("well?")
        assert first.status == "suspended"
        (suspension,) = first.suspensions
        assert (await run.resume(suspension=suspension.id, data="yes")).status == "success"
        store.may_load.clear()
        store.asked.clear()
        late = asyncio.create_task(run.resume_async(suspension=suspension.id, data="no"))
        await store.asked.wait()
        late.cancel()
        with pytest.raises(asyncio.CancelledError):
            await late
        store.may_load.set()
        del late
    gc.collect()
    assert unheard == []
