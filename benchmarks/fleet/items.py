"""Ten thousand spread items of one run, and what one item costs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.fleet.place import Fleet, Servers, fleet
from benchmarks.fleet.scaling import WORKERS
from benchmarks.fleet.work import STAMPS, STAMPS_ALONE, STAMPS_AT_HOME
from waystation import Workflow


@dataclass(frozen=True, kw_only=True)
class Items:
    """What was found.

    Attributes:
        seconds: that many items took.
        spent: seconds of the processor meanwhile, by who used them.
        alone, at_home: milliseconds from each item to the next, one at a time: spread, and where their run is driven.
    """

    count: int
    seconds: float
    spent: Mapping[str, float]
    alone: Sequence[float]
    at_home: Sequence[float]


async def many_items(servers: Servers, count: int, *, lone: int) -> Items:
    """So many items at once, and some one at a time."""
    async with fleet(servers, WORKERS[-1]) as measured:
        await _run(measured, STAMPS, 100)  # warm
        alone = between(await _run(measured, STAMPS_ALONE, lone))
        at_home = between(await _run(measured, STAMPS_AT_HOME, lone))
        before, began = measured.spent(), time.perf_counter()
        stamps = await _run(measured, STAMPS, count)
        seconds, after = time.perf_counter() - began, measured.spent()
        assert len(stamps) == count
    return Items(
        count=count,
        seconds=seconds,
        spent={who: after[who] - before[who] for who in after},
        alone=alone,
        at_home=at_home,
    )


async def _run(measured: Fleet, workflow: Workflow[list[int], list[float]], count: int) -> list[float]:
    result = await measured.app.get_workflow(workflow).start(list(range(count)))
    assert result.status == "success", result
    return result.result


def between(stamps: Sequence[float]) -> Sequence[float]:
    """Milliseconds from each to the next."""
    return [1e3 * (later - earlier) for earlier, later in pairwise(stamps)]
