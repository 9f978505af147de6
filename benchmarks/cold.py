"""What waiting costs beside the time waited: a step's own work after a sleep, or after a disk's sync.

    python -m benchmarks.cold

A processor that has slept finds its caches and its guesses about branches gone, the more so in a virtual machine, where
another was at work on it. So what a step does in memory takes longer when each step waits for a disk. Here the store
keeps runs in memory, and waits besides at each commit; what is told is the time of a step without that wait. The last
row says what follows for a lone run on SQLite: what it could reach beside the raw limit, if its store did nothing but
the raw commits.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.foundation import chain, steps_per_second
from benchmarks.raw import ROW, open_raw
from waystation import Waystation
from waystation.store.memory import MemoryStore
from waystation.store.protocol import StoreTransaction
from waystation.store.records import Commit

_ASLEEP = 0.0001
_STEPS = 10


class WaitingStore(MemoryStore):
    """In memory, and each commit waits.

    Attributes:
        waited: for how long in all, in seconds.
        waits: how many times.
    """

    def __init__(self, wait: Callable[[], object]) -> None:
        super().__init__()
        self._wait = wait
        self.waited = 0.0
        self.waits = 0

    async def commit(self, commit: Commit, *, within: StoreTransaction | None = None) -> None:
        """As in memory, and wait."""
        await super().commit(commit, within=within)
        began = time.perf_counter()
        self._wait()
        self.waited += time.perf_counter() - began
        self.waits += 1


async def own_and_waited(wait: Callable[[], object], runs: int) -> tuple[float, float]:
    """Microseconds of a step's own work, and of a wait."""
    flow = chain(_STEPS)
    store = WaitingStore(wait)
    async with Waystation(workflows=[flow], store=store) as app:
        await steps_per_second(app, flow, runs=10, at_once=1)
        store.waited, store.waits = 0.0, 0
        took = runs * _STEPS / await steps_per_second(app, flow, runs=runs, at_once=1)
    return 1e6 * (took - store.waited) / (runs * _STEPS), 1e6 * store.waited / store.waits


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how many of each")
    parser.add_argument("--runs", type=int, default=200, help="how many runs of ten steps a round")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        raw = open_raw(Path(folder) / "raw.db")
        rows = iter(range(10**9))
        waits: dict[str, Callable[[], object]] = {
            "nothing": lambda: None,
            f"a sleep of {_ASLEEP * 1e6:.0f} µs": lambda: time.sleep(_ASLEEP),
            "a raw commit, SQLite FULL": lambda: raw.execute("INSERT INTO rows VALUES (1, ?, ?)", (next(rows), ROW)),
        }
        found: dict[str, list[tuple[float, float]]] = {what: [] for what in waits}
        for _ in range(given.rounds):
            for what, wait in waits.items():
                found[what].append(await own_and_waited(wait, given.runs))
        raw.close()
    table = Table(title=f"A step of a chain of {_STEPS} in memory, whose commit waits; {given.rounds} rounds, medians")
    for column in ("what is waited for", "the wait", "a step without it", "beside no wait"):
        table.add_column(column, justify="left" if column.startswith("what") else "right")
    warm = statistics.median(own for own, _ in found["nothing"])
    for what, each in found.items():
        own, waited = (statistics.median(values) for values in zip(*each, strict=True))
        table.add_row(what, f"{waited:.0f} µs", f"{own:.0f} µs", f"{own / warm:.2f} ×")
    console = Console()
    console.print(table)
    commits = (_STEPS + 1) / _STEPS  # a run's creation is one, and each step
    best = statistics.median(wait / (own + commits * wait) for own, wait in found["a raw commit, SQLite FULL"])
    console.print(f"A lone run whose store did only these raw commits: {best:.2f} of them.")


if __name__ == "__main__":
    asyncio.run(main())
