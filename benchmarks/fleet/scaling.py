"""How many steps a second one, two and four workers do: of many runs, and of one run whose items are spread."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from benchmarks.fleet.place import Fleet, Servers, fleet
from benchmarks.fleet.work import NAP, NAPPING, NAPS, SPREAD_NAPS

WORKERS = (1, 2, 4)

RUNS_AT_ONCE = 10
"""So many runs a worker drives at once. Few: then two cores have time left with four workers."""

STEPS_AT_ONCE = 1
"""So many spread steps a worker runs at once. A call each costs more of the processor than a step within its run."""

_STARTS_AT_ONCE = 16


@dataclass(frozen=True, kw_only=True)
class Rate:
    """What so many workers did.

    Attributes:
        steps: how many they did.
        seconds: from the first start to the last end.
        most: how many steps a second they could do if nothing but the steps took any time.
        spent: seconds of the processor, by who used them.
    """

    workers: int
    steps: int
    seconds: float
    most: float
    spent: Mapping[str, float]

    @property
    def rate(self) -> float:
        """Steps a second."""
        return self.steps / self.seconds

    @property
    def busy(self) -> float:
        """Which part of all cores was used."""
        return sum(self.spent.values()) / self.seconds / (os.cpu_count() or 1)


def of_linear(rates: Mapping[int, float]) -> Mapping[int, float]:
    """How much of what they would do if each did what one does by itself."""
    return {workers: rate / (workers * rates[1]) for workers, rate in rates.items()}


async def of_runs(servers: Servers, workers: int, seconds: float) -> Rate:
    """Many runs, more than all workers take at once till the end comes near."""
    each = max(2 * RUNS_AT_ONCE, round(seconds / NAP * RUNS_AT_ONCE / NAPS))
    async with fleet(servers, workers, runs=RUNS_AT_ONCE) as measured:
        await _finished(measured, workers * RUNS_AT_ONCE)  # warm
        took, spent = await _timed(measured, lambda: _finished(measured, workers * each))
    return Rate(
        workers=workers, steps=workers * each * NAPS, seconds=took, most=workers * RUNS_AT_ONCE / NAP, spent=spent
    )


async def of_items(servers: Servers, workers: int, seconds: float) -> Rate:
    """One run with as many items as keep all workers busy."""
    most = workers * STEPS_AT_ONCE / NAP
    items = round(most * seconds)
    async with fleet(servers, workers, steps=STEPS_AT_ONCE) as measured:

        async def run(count: int) -> None:
            result = await measured.app.get_workflow(SPREAD_NAPS).start(list(range(count)))
            assert result.status == "success", result

        await run(workers * STEPS_AT_ONCE * 10)  # warm
        took, spent = await _timed(measured, lambda: run(items))
    return Rate(workers=workers, steps=items, seconds=took, most=most, spent=spent)


async def _timed(measured: Fleet, work: Callable[[], Awaitable[None]]) -> tuple[float, Mapping[str, float]]:
    before, began = measured.spent(), time.perf_counter()
    await work()
    took, after = time.perf_counter() - began, measured.spent()
    return took, {who: after[who] - before[who] for who in after}


async def _finished(measured: Fleet, count: int) -> None:
    """Start so many runs, and wait until all have ended."""
    numbers = iter(range(count))

    async def start_some() -> None:
        for _ in numbers:
            await measured.app.get_workflow(NAPPING).start_async({"n": 0})

    await asyncio.gather(*(start_some() for _ in range(_STARTS_AT_ONCE)))
    await measured.came_to_rest()
    failed = (await measured.app.list_runs(status=("failed", "cancelled", "suspended"), limit=1)).runs
    assert not failed, failed
