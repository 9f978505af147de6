"""Speed of the foundation: chains of trivial steps, each step durable, beside the raw limit of the same run.

    python -m benchmarks.foundation [--quick]

Every round measures the raw limit and ours one after the other, so that a noisy disk disturbs both; the table
shows medians over rounds, and the ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.raw import full_commits_per_second
from waystation import Step, Waystation, Workflow, step, workflow
from waystation.core.encoding import value_of


@step
async def trivial(number: int) -> int:
    return number + 1


def chain(length: int) -> Workflow[int, int]:
    """A workflow of ``length`` trivial steps, one after another."""
    steps: Sequence[Step[int, int]] = [trivial.clone(id=f"step-{index:05}") for index in range(length)]
    building = workflow(f"chain-{length}", input=int, output=int)
    for each in steps:
        building = building.then(each)
    return building.commit()


@dataclass(frozen=True)
class Size:
    """How much to measure."""

    rounds: int
    commits: int
    runs_alone: int
    runs_at_once: int
    long: int


FULL = Size(rounds=7, commits=1500, runs_alone=100, runs_at_once=400, long=10_000)
QUICK = Size(rounds=3, commits=300, runs_alone=15, runs_at_once=100, long=2_000)


async def steps_per_second(app: Waystation, flow: Workflow[int, int], *, runs: int, at_once: int) -> float:
    """Whole runs, created, started and ended, ``at_once`` at a time; steps a second."""
    runnable = app.get_workflow(flow)
    length = sum(1 for _ in flow.graph.steps())

    async def one() -> None:
        result = await runnable.start(0)
        assert result.status == "success", result
        assert result.result == length, result

    async def several(count: int) -> None:
        for _ in range(count):
            await one()

    began = time.perf_counter()
    await asyncio.gather(*(several(runs // at_once) for _ in range(at_once)))
    return runs * length / (time.perf_counter() - began)


def sqlite(folder: Path, name: str) -> str:
    return f"sqlite:///{folder / name}"


async def measure_against_raw(folder: Path, size: Size) -> tuple[list[float], list[float], list[float]]:
    """Raw commits/s, our steps/s alone, our steps/s with 100 runs at once: one of each a round."""
    raw: list[float] = []
    alone: list[float] = []
    many: list[float] = []
    flow = chain(10)
    for index in range(size.rounds):
        raw.append(full_commits_per_second(folder, size.commits))
        async with Waystation(workflows=[flow], store=sqlite(folder, f"bench-{index}.db")) as app:
            await steps_per_second(app, flow, runs=2, at_once=1)
            alone.append(await steps_per_second(app, flow, runs=size.runs_alone, at_once=1))
            many.append(await steps_per_second(app, flow, runs=size.runs_at_once, at_once=100))
    return raw, alone, many


async def measure_memory(size: Size) -> list[float]:
    """Microseconds a step with the store in memory."""
    flow = chain(10)
    found: list[float] = []
    async with Waystation(workflows=[flow], store="memory://") as app:
        await steps_per_second(app, flow, runs=20, at_once=1)
        found.extend([1e6 / await steps_per_second(app, flow, runs=200, at_once=1) for _ in range(size.rounds)])
    return found


async def measure_growth(folder: Path, size: Size) -> list[float]:
    """Time per step of a very long run over that of runs of 100 steps, as many steps of each."""
    short, long = chain(100), chain(size.long)
    ratios: list[float] = []
    async with Waystation(workflows=[short, long], store=sqlite(folder, "growth.db")) as app:
        await steps_per_second(app, short, runs=1, at_once=1)
        for _ in range(min(size.rounds, 3)):
            of_short = await steps_per_second(app, short, runs=size.long // 100, at_once=1)
            of_long = await steps_per_second(app, long, runs=1, at_once=1)
            ratios.append(of_short / of_long)
    return ratios


async def measure_bytes(folder: Path, size: Size) -> float:
    """Bytes the store grows by for each step, beside the step's own data."""
    flow = chain(100)
    path = folder / "bytes.db"
    runs = max(10, size.runs_alone // 5)
    data = 0
    async with Waystation(workflows=[flow], store=f"sqlite:///{path}") as app:
        pass
    empty = path.stat().st_size
    async with Waystation(workflows=[flow], store=f"sqlite:///{path}") as app:
        for _ in range(runs):
            run = await app.get_workflow(flow).create_run()
            await run.start(0)
            data += sum(len(bytes(value)) for entry in await run.journal() if (value := value_of(entry)) is not None)
    return (path.stat().st_size - empty - data) / (runs * 100)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds: to see that it works, not to quote")
    size = QUICK if parser.parse_args().quick else FULL
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as name:
        folder = Path(name)
        raw, alone, many = await measure_against_raw(folder, size)
        memory = await measure_memory(size)
        growth = await measure_growth(folder, size)
        stored = await measure_bytes(folder, size)
    table = Table(title=f"Chains of trivial steps, {size.rounds} rounds, medians")
    table.add_column("what")
    table.add_column("measured", justify="right")
    table.add_column("as a ratio", justify="right")
    table.add_column("bound", justify="right")
    median = statistics.median
    table.add_row("raw SQLite, FULL, one row a commit", f"{median(raw):,.0f} commits/s", "1", "")
    table.add_row("10 steps, one run alone", f"{median(alone):,.0f} steps/s", _ratios(alone, raw), "≥ 0.5 of raw")
    table.add_row("10 steps, 100 runs at once", f"{median(many):,.0f} steps/s", _ratios(many, raw), "≥ 3.5 of raw")
    table.add_row("10 steps, in memory", f"{median(memory):.1f} µs/step", "", "≤ 50 µs")
    table.add_row(f"{size.long:,} steps beside 100", "", f"{median(growth):.2f} time per step", "≤ 1.3")
    table.add_row("stored a step, beside its data", f"{stored:.0f} bytes", "", "≤ 400")
    Console().print(table)


def _ratios(ours: list[float], raw: list[float]) -> str:
    each = [our / limit for our, limit in zip(ours, raw, strict=True)]
    return f"{statistics.median(each):.2f} of raw ({min(each):.2f} to {max(each):.2f})"


if __name__ == "__main__":
    asyncio.run(main())
