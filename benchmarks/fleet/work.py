"""What the fleet is given to do."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

from benchmarks.peers.protocol import CHAIN, Count
from benchmarks.peers.waystation_peer import chain, gated
from waystation import Workflow, step, workflow

NAP = 0.05
"""So many seconds takes a step whose fleet is to scale: it waits, so that workers and not cores are what is few."""

NAPS = 10
"""So many steps has a run of naps."""

SPREAD_NAPS_AT_ONCE = 60
"""So many naps of one run are under way at once: far more than four workers take, as calls are spread by chance."""

STAMPS_AT_ONCE = 200
"""So many items are under way at once where as many as can be are to be run."""


@step
async def nap(count: Count) -> Count:
    """Takes its time, and none of the processor's."""
    await asyncio.sleep(NAP)
    return {"n": count["n"] + 1}


@step(placement="spread")
async def spread_nap(number: int) -> int:
    """The same, by whichever worker has room."""
    await asyncio.sleep(NAP)
    return number


@step(placement="spread")
async def spread_stamp(number: int) -> float:  # noqa: ARG001  (an item has an input)
    """Takes no time, and tells when that was."""
    return time.time()


@step
async def stamp(number: int) -> float:  # noqa: ARG001  (a step takes what reaches it)
    """The same, where its run is driven."""
    return time.time()


def naps() -> Workflow[Count, Count]:
    """So many naps one after another."""
    building = workflow("naps", input=Count, output=Count)
    for index in range(NAPS):
        building = building.then(nap.clone(id=f"nap-{index}"))
    return building.commit()


NAPPING = naps()
SPREAD_NAPS = (
    workflow("spread-naps", input=list[int], output=list[int])
    .foreach(spread_nap, concurrency=SPREAD_NAPS_AT_ONCE)
    .commit()
)
STAMPS = (
    workflow("stamps", input=list[int], output=list[float]).foreach(spread_stamp, concurrency=STAMPS_AT_ONCE).commit()
)
STAMPS_ALONE = workflow("stamps-alone", input=list[int], output=list[float]).foreach(spread_stamp).commit()
STAMPS_AT_HOME = workflow("stamps-at-home", input=list[int], output=list[float]).foreach(stamp).commit()
LONE, TEN = chain(1), chain(CHAIN)
ASLEEP = workflow("asleep", input=Count, output=Count).sleep(timedelta(days=1)).commit()

WORKFLOWS = (NAPPING, SPREAD_NAPS, STAMPS, STAMPS_ALONE, STAMPS_AT_HOME, LONE, TEN, gated, ASLEEP)
