"""Waystation itself, through its public API as everyone else."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TypeAlias, cast

from benchmarks.peers.protocol import Count
from waystation import StepContext, Waystation, Workflow, step, workflow


@step
async def more(count: Count) -> Count:
    return {"n": count["n"] + 1}


@step(suspend=str, resume=bool)
async def gate(count: Count, ctx: StepContext[str, bool]) -> Count:
    if ctx.resume_data is None:
        await ctx.suspend("go on?")
    return count


gated = workflow("gate", input=Count, output=Count).then(more).then(gate).then(more.clone(id="after")).commit()


Flow: TypeAlias = Workflow[Count, Count] | Workflow[list[Count], list[Count]]


def chain(steps: int) -> Workflow[Count, Count]:
    building = workflow(f"chain-{steps}", input=Count, output=Count)
    for index in range(steps):
        building = building.then(more.clone(id=f"step-{index:05}"))
    return building.commit()


def loop(turns: int) -> Workflow[Count, Count]:
    return (
        workflow(f"loop-{turns}", input=Count, output=Count).do_until(more, lambda count: count["n"] >= turns).commit()
    )


def foreach(items: int) -> Workflow[list[Count], list[Count]]:
    return workflow(f"foreach-{items}", input=list[Count], output=list[Count]).foreach(more).commit()


SHAPES: dict[str, Callable[[int], Flow]] = {"chain": chain, "loop": loop, "foreach": foreach}


class Measured:
    """One app. Its settings are the store's: what a power cut may take from a SQLite file (the default: nothing)."""

    version = version("waystation")
    shapes = ("chain", "loop", "foreach")

    def __init__(self, store: str, setting: str) -> None:
        store = "memory://" if store == "memory" else store
        self._store = f"{store}?synchronous={setting}" if setting else store
        self._workflows: list[Flow] = []
        self._app: Waystation | None = None

    def prepare(self, shape: str, steps: int) -> None:
        self._workflows.append(gated if shape == "gate" else SHAPES[shape](steps))

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[None]:
        async with Waystation(workflows=self._workflows, store=self._store) as self._app:
            yield

    @property
    def app(self) -> Waystation:
        assert self._app is not None
        return self._app

    async def run(self, shape: str, steps: int) -> int:
        given: object = {"n": 0} if shape != "foreach" else [{"n": 0}] * steps
        result = await self.app.get_workflow(f"{shape}-{steps}").start(given)
        assert result.status == "success", result
        return len(cast(list[Count], result.result)) if shape == "foreach" else cast(Count, result.result)["n"]

    async def run_among(self, shape: str, steps: int) -> int:
        return await self.run(shape, steps)

    async def park(self, number: int) -> None:
        result = await self.app.get_workflow(gated).start({"n": 0}, run_id=f"run-{number}")
        assert result.status == "suspended", result

    async def park_among(self, number: int) -> None:
        await self.park(number)

    async def answer(self, number: int) -> int:
        run = await self.app.get_run(f"run-{number}")
        result = await run.resume(data=True)
        assert result.status == "success", result
        return cast(Count, result.result)["n"]
