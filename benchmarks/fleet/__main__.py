"""A fleet measured: how it scales, what placing a run costs, and what a parked run costs a Restate.

    python -m benchmarks.fleet [--quick] [--only PART ...] [--write FILE]

It starts a Restate and a PostgreSQL of its own. What is written is Markdown; ``--quick`` measures less of all.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from tests.postgres_server import ServerNotStarted
from tests.restate_server.binaries import RestateNotStarted

from benchmarks.fleet import report
from benchmarks.fleet.items import many_items
from benchmarks.fleet.latency import latency
from benchmarks.fleet.parked import parked
from benchmarks.fleet.place import Servers
from benchmarks.fleet.scaling import WORKERS, Rate, of_items, of_runs
from benchmarks.machine import machine
from benchmarks.table import Grid


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much to measure.

    Attributes:
        seconds: that each number of workers is to be busy for.
        runs: whose time is taken, of each kind.
        items: of one run; and ``lone`` of them one at a time.
        parked: how many runs are parked, of each kind.
    """

    seconds: float
    runs: int
    items: int
    lone: int
    parked: int


FULL = Size(seconds=8.0, runs=200, items=10_000, lone=200, parked=1_000)
QUICK = Size(seconds=3.0, runs=40, items=1_000, lone=50, parked=200)


async def _runs(servers: Servers, size: Size) -> Grid:
    rates = [await of_runs(servers, workers, size.seconds) for workers in WORKERS]
    return report.scaling_grid("Many runs", rates)


async def _items(servers: Servers, size: Size) -> Grid:
    rates: list[Rate] = [await of_items(servers, workers, size.seconds) for workers in WORKERS]
    return report.scaling_grid("Spread items of one run", rates)


async def _latency(servers: Servers, size: Size) -> Grid:
    return report.latency_grid(await latency(servers, size.runs))


async def _many(servers: Servers, size: Size) -> Grid:
    return report.items_grid(await many_items(servers, size.items, lone=size.lone), WORKERS[-1])


async def _parked(servers: Servers, size: Size) -> Grid:
    return report.parked_grid(await parked(servers, size.parked))


# What is parked comes first: then the Restate has nothing else in it.
PARTS: Mapping[str, Callable[[Servers, Size], Awaitable[Grid]]] = {
    "parked": _parked,
    "runs": _runs,
    "items": _items,
    "latency": _latency,
    "many": _many,
}


_PATIENCE = 150.0
"""After so many seconds a part is ended that has not ended, and its table says so."""


async def measured(parts: Mapping[str, Callable[[Servers, Size], Awaitable[Grid]]], size: Size) -> list[Grid]:
    """The tables of these parts, each on servers of its own."""
    grids: list[Grid] = []
    for name, part in parts.items():
        began = time.monotonic()
        with Servers() as servers:
            try:
                async with asyncio.timeout(_PATIENCE):
                    grids.append(await part(servers, size))
            except TimeoutError:
                grids.append(Grid(f"{name}: NOT MEASURED", ["why"], [[f"it had not ended after {_PATIENCE:.0f} s"]]))
        print(f"{time.strftime('%H:%M:%S')}  a fleet, {name}: {time.monotonic() - began:.0f} s", flush=True)
    return grids


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less of all: under a minute")
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write it as Markdown too")
    given = parser.parse_args()
    load = os.getloadavg()[0]
    chosen = {name: part for name, part in PARTS.items() if not given.only or name in given.only}
    try:
        grids = asyncio.run(measured(chosen, QUICK if given.quick else FULL))
    except (RestateNotStarted, ServerNotStarted) as error:
        sys.exit(f"A fleet cannot be measured here: {error}")
    console = Console(width=max(Console().width, 150))
    for grid in grids:
        console.print(grid.as_rich())
    told = "\n".join([*machine(), f"- The load of the machine before was {load:.1f}."])
    print(told)
    if given.write:
        given.write.write_text("\n\n".join([told, *(grid.as_markdown() for grid in grids)]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
