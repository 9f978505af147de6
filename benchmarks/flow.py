"""Speed of flow: what an item of a foreach and a turn of a loop cost, few and many; and runs that wait by the thousand.

    python -m benchmarks.flow [--quick]

Costs are compared within one sitting: many items beside few, resumes beside raw commits. Each round measures both, one
after the other, so that a noisy disk disturbs both; the table shows medians over rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.raw import full_commits_per_second
from waystation import Run, StepContext, Waystation, Workflow, step, workflow


@dataclass(frozen=True)
class Size:
    """How much to measure."""

    rounds: int
    few: int
    many: int
    parked: int
    resumes: int
    commits: int


FULL = Size(rounds=3, few=1_000, many=100_000, parked=10_000, resumes=1_000, commits=1_500)
QUICK = Size(rounds=2, few=1_000, many=10_000, parked=2_000, resumes=300, commits=300)


@step
async def trivial(number: int) -> int:
    return number + 1


@step
async def count(numbers: list[int]) -> int:
    return len(numbers)


@step(suspend=str, resume=str)
async def gate(number: int, ctx: StepContext[str, str]) -> str:
    if ctx.resume_data is None:
        await ctx.suspend(f"go on with {number}?")
    return ctx.resume_data


@step
async def after(text: str) -> str:
    return text


def each(concurrency: int) -> Workflow[list[int], int]:
    """A foreach, and a step on its output."""
    return (
        workflow(f"each-{concurrency}", input=list[int], output=int)
        .foreach(trivial, concurrency=concurrency)
        .then(count)
        .commit()
    )


def loop(turns: int) -> Workflow[int, int]:
    """A loop of so many turns."""
    return workflow(f"loop-{turns}", input=int, output=int).do_until(trivial, lambda number: number >= turns).commit()


asleep = workflow("asleep", input=int, output=int).then(trivial).sleep(timedelta(days=30)).commit()
gated = workflow("gated", input=int, output=str).then(trivial).then(gate).then(after).commit()


@dataclass(frozen=True)
class Cost:
    """What an item costs, in microseconds: of time, and of this process's own work, which a noisy disk leaves alone."""

    time: float
    work: float


async def cost(app: Waystation, flow: Workflow[list[int], int] | Workflow[int, int], given: object, items: int) -> Cost:
    """What an item of one run costs."""
    began, began_work = time.perf_counter(), time.process_time()
    result = await app.get_workflow(flow.id).start(given)
    assert result.status == "success", result
    took, worked = time.perf_counter() - began, time.process_time() - began_work
    return Cost(1e6 * took / items, 1e6 * worked / items)


def mean(costs: Sequence[Cost]) -> Cost:
    return Cost(statistics.mean(each.time for each in costs), statistics.mean(each.work for each in costs))


@dataclass
class Growth:
    """The cost of an item of few and of many; one of each a round."""

    few: list[Cost]
    many: list[Cost]

    def row(self, what: str) -> tuple[str, ...]:
        """A row of the table."""
        pairs = list(zip(self.few, self.many, strict=True))
        return (
            what,
            f"{statistics.median(each.time for each in self.few):.1f} µs",
            f"{statistics.median(each.time for each in self.many):.1f} µs",
            f"{statistics.median(many.time / few.time for few, many in pairs):.2f}",
            f"{statistics.median(many.work / few.work for few, many in pairs):.2f}",
            "≤ 1.3",
        )


_SHORT_RUNS = 10
"""So many runs of few items are measured before that of many, and as many after it."""


async def measure_each(store: str, size: Size, rounds: int, concurrency: int) -> Growth:
    """What an item of a foreach costs."""
    found = Growth([], [])
    flow = each(concurrency)
    short, long = list(range(size.few)), list(range(size.many))
    async with Waystation(workflows=[flow], store=store) as app:
        await cost(app, flow, short, size.few)
        for _ in range(rounds):
            few = [await cost(app, flow, short, size.few) for _ in range(_SHORT_RUNS)]
            found.many.append(await cost(app, flow, long, size.many))
            few += [await cost(app, flow, short, size.few) for _ in range(_SHORT_RUNS)]
            found.few.append(mean(few))
    return found


async def measure_loop(store: str, size: Size, rounds: int) -> Growth:
    """What a turn of a loop costs, as ``measure_each``."""
    found = Growth([], [])
    short, long = loop(size.few), loop(size.many)
    async with Waystation(workflows=[short, long], store=store) as app:
        await cost(app, short, 0, size.few)
        for _ in range(rounds):
            few = [await cost(app, short, 0, size.few) for _ in range(_SHORT_RUNS)]
            found.many.append(await cost(app, long, 0, size.many))
            few += [await cost(app, short, 0, size.few) for _ in range(_SHORT_RUNS)]
            found.few.append(mean(few))
    return found


@dataclass(frozen=True)
class Parked:
    """What runs cost that wait.

    Attributes:
        bytes_each: of the store, for each.
        per_second: how many were begun and parked a second, 100 at once.
    """

    bytes_each: float
    per_second: float


async def park(app: Waystation, flow: Workflow[int, int] | Workflow[int, str], count: int) -> list[Run]:
    """Begin so many runs, 100 at once, and see all parked."""
    runs: list[Run] = []
    for start in range(0, count, 100):
        begun = [app.get_workflow(flow.id).start_async(number) for number in range(start, start + 100)]
        runs += await asyncio.gather(*begun)
    while (await app.list_runs(status="running", limit=1)).runs:  # noqa: ASYNC110  (nobody tells when one goes to sleep)
        await asyncio.sleep(0.001)
    return runs


async def measure_asleep(folder: Path, size: Size) -> Parked:
    """Runs that sleep for thirty days."""
    path = folder / "asleep.db"
    async with Waystation(workflows=[asleep], store=f"sqlite:///{path}") as app:
        began = time.perf_counter()
        await park(app, asleep, size.parked)
        took = time.perf_counter() - began
    return Parked(path.stat().st_size / size.parked, size.parked / took)


async def measure_resumes(folder: Path, size: Size) -> tuple[list[float], list[float]]:
    """Milliseconds from an answer to the run's end, one at a time, with as many runs suspended; sorted. And raw
    commits a second, measured between."""
    taken: list[float] = []
    raw: list[float] = []
    async with Waystation(workflows=[gated], store=f"sqlite:///{folder / 'gated.db'}") as app:
        runs = await park(app, gated, size.parked)
        for index, run in enumerate(runs[:: size.parked // size.resumes]):
            if index % (size.resumes // 5) == 0:
                raw.append(full_commits_per_second(folder, size.commits))
            began = time.perf_counter()
            result = await run.resume(data="yes")
            taken.append(1e3 * (time.perf_counter() - began))
            assert result.status == "success", result
    return sorted(taken), raw


def at(sorted_: Sequence[float], part: float) -> float:
    """The value that so great a part stays under."""
    return sorted_[min(int(len(sorted_) * part), len(sorted_) - 1)]


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer of all: to see that it works, not to quote")
    size = QUICK if parser.parse_args().quick else FULL
    table = Table(title=f"Flow: {size.many:,} items beside {size.few:,}, medians")
    for column in ("what", f"an item of {size.few:,}", f"of {size.many:,}", "ratio", "ratio of CPU", "bound"):
        table.add_column(column, justify="left" if column == "what" else "right")
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as name:
        folder = Path(name)
        for kind, rounds in (("memory", size.rounds), ("SQLite FULL", 1)):
            on_disk = [f"sqlite:///{folder / part}.db" for part in ("one", "many", "loop")]
            stores = ["memory://"] * 3 if kind == "memory" else on_disk
            for concurrency, store in zip((1, 20), stores, strict=False):
                growth = await measure_each(store, size, rounds, concurrency)
                table.add_row(*growth.row(f"foreach, {concurrency} at once, {kind}"))
            table.add_row(*(await measure_loop(stores[2], size, rounds)).row(f"loop, {kind}"))
        parked = await measure_asleep(folder, size)
        resumes, raw = await measure_resumes(folder, size)
    console = Console()
    console.print(table)
    table = Table(title=f"{size.parked:,} runs that wait, SQLite FULL")
    table.add_column("what")
    table.add_column("measured", justify="right")
    table.add_column("bound", justify="right")
    table.add_row("a run that sleeps for 30 days, stored", f"{parked.bytes_each:,.0f} bytes", "")
    table.add_row("begun and parked, 100 at once", f"{parked.per_second:,.0f} a second", "")
    commits = 1e3 / statistics.median(raw)
    half = at(resumes, 0.5)
    table.add_row("an answer to the run's end, p50", f"{half:.2f} ms, {half / commits:.1f} raw commits", "≤ 2 ms")
    table.add_row("the same, p99", f"{at(resumes, 0.99):.2f} ms", "≤ 10 ms")
    console.print(table)


if __name__ == "__main__":
    asyncio.run(main())
