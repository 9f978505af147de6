"""A process that was frozen past its lease, and whose run another has gone on with, begins nothing more of it.

That its writes are refused is not enough: a step that its successor has completed must not begin again as it wakes.
The frozen process is an app whose store holds back an answer; time is the test's own.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from tests.conformance.waiting import in_time
from waystation import FlowContext, StepContext, Waystation, Workflow, open_store, step, workflow
from waystation.dispatch.local import LocalDispatcher
from waystation.store import Store
from waystation.store.passing import PassingStore
from waystation.store.protocol import StoreTransaction
from waystation.store.records import Commit, NewRun
from waystation.testing.virtual_clock import VirtualClock

pytestmark = pytest.mark.anyio

LEASE = timedelta(hours=1)


class FreezingStore(PassingStore):
    """Holds back the answer to the write that has ``at`` in it, once, until ``thawed``."""

    def __init__(self, store: Store, at: bytes) -> None:
        super().__init__(store)
        self._holds_at = at
        self.frozen = asyncio.Event()
        self.thawed = asyncio.Event()

    async def create_run(self, run: NewRun) -> None:
        await super().create_run(run)
        await self._hold(run.entries)

    async def commit(self, commit: Commit, *, within: StoreTransaction | None = None) -> None:
        await super().commit(commit, within=within)
        await self._hold(commit.entries)

    async def _hold(self, entries: Sequence[bytes]) -> None:
        if not self.frozen.is_set() and any(self._holds_at in entry for entry in entries):
            self.frozen.set()
            await self.thawed.wait()


calls: Counter[str] = Counter()


def call(name: str) -> None:
    calls[name] += 1


@step
async def first(text: str) -> str:
    return "the first is done"


@step
async def second(text: str) -> str:
    call("second")
    return text


@step
async def effects(text: str, ctx: StepContext) -> str:
    await ctx.once("one", lambda: call("one"))
    await ctx.once("two", lambda: call("two"))
    return text


@step
def effects_in_a_thread(text: str, ctx: StepContext) -> str:
    ctx.once_sync("one", lambda: call("one"))
    ctx.once_sync("two", lambda: call("two"))
    return text


def asked(text: str, ctx: FlowContext) -> bool:
    call("asked")
    return True


def flow_of(name: str) -> Workflow[str, str]:
    begun = workflow("flow", input=str, output=str).then(first)
    match name:
        case "second at once":
            return workflow("flow", input=str, output=str).then(second).commit()
        case "second":
            return begun.then(second).commit()
        case "effects":
            return begun.then(effects).commit()
        case "effects in a thread":
            return begun.then(effects_in_a_thread).commit()
        case _:
            return begun.do_until(first.clone(id="turn"), asked, id="loop").commit()


@pytest.mark.parametrize(
    ("name", "frozen_at", "never_again"),
    [
        ("second", b"the first is done", "second"),
        ("effects", b'"one"', "two"),
        ("effects in a thread", b'"one"', "two"),
        ("loop", b'"loop#1/turn"', "asked"),
        ("second at once", b'"run-started"', "second"),
    ],
)
async def test_who_wakes_past_its_lease_begins_nothing_that_was_done_meanwhile(
    name: str, frozen_at: bytes, never_again: str, tmp_path: Path
) -> None:
    calls.clear()
    url, clock, flow = f"sqlite:///{tmp_path / 'runs.db'}", VirtualClock(), flow_of(name)
    frozen = FreezingStore(open_store(url), frozen_at)

    def app_on(store: Store) -> Waystation:
        soon = timedelta(milliseconds=10)
        return Waystation(workflows=[flow], store=store, clock=clock, lease=LEASE, recover_every=soon, look_every=soon)

    async with in_time(), app_on(frozen) as sleeper:
        starting = asyncio.create_task(sleeper.get_workflow(flow).start_async("text", run_id="r"))
        await frozen.frozen.wait()
        clock.move(LEASE * 2)
        async with app_on(open_store(url)) as successor:
            result = await (await successor.get_run("r")).wait()
            assert result.status == "success"
            assert calls[never_again] == 1
            frozen.thawed.set()
            await (await starting).wait()
            dispatcher = sleeper._at_work()[1]
            assert isinstance(dispatcher, LocalDispatcher)
            while dispatcher.driven:  # until its driver has found out
                await asyncio.sleep(0.001)
    assert calls[never_again] == 1


async def test_who_wakes_past_its_lease_goes_on_with_what_nobody_has_taken(tmp_path: Path) -> None:
    calls.clear()
    clock, flow = VirtualClock(), flow_of("second")
    frozen = FreezingStore(open_store(f"sqlite:///{tmp_path / 'runs.db'}"), b"the first is done")
    async with in_time(), Waystation(workflows=[flow], store=frozen, clock=clock, lease=LEASE) as app:
        run = await app.get_workflow(flow).start_async("text")
        await frozen.frozen.wait()
        clock.move(LEASE * 2)
        frozen.thawed.set()
        assert (await run.wait()).status == "success"
    assert calls["second"] == 1
