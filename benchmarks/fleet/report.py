"""What was found of a fleet, in tables."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.fleet.items import Items
from benchmarks.fleet.latency import BY_ITSELF, DIRECTLY, LENGTHS, ON_RESTATE, WHO, Taken
from benchmarks.fleet.parked import Parked
from benchmarks.fleet.scaling import Rate, of_linear
from benchmarks.fleet.work import NAP
from benchmarks.table import Grid
from benchmarks.worker import at

LEAST_OF_LINEAR = 0.85
"""What more workers do, beside as many times what one does: it is to be at least that."""


def scaling_grid(title: str, rates: Sequence[Rate]) -> Grid:
    """How much so many workers do."""
    grid = Grid(
        f"{title}, each step {1e3 * NAP:.0f} ms",
        ["workers", "steps a second", "if steps alone took time", "of linear", "bound", "holds", "of all cores used"],
    )
    parts = of_linear({each.workers: each.rate for each in rates})
    for each in rates:
        part = parts[each.workers]
        beside = (
            ["", "", ""]
            if each.workers == 1
            else [f"{part:.2f}", f"≥ {LEAST_OF_LINEAR}", "yes" if part >= LEAST_OF_LINEAR else "NO"]
        )
        grid.rows.append(
            [
                f"{each.workers}",
                f"{each.rate:,.0f} ({each.steps:,} in {each.seconds:.1f} s)",
                f"{each.most:,.0f}",
                *beside,
                f"{each.busy:.0%}: {_shares(each.spent, each.seconds)}",
            ]
        )
    return grid


def _shares(spent: Mapping[str, float], seconds: float) -> str:
    """Of one core."""
    return ", ".join(f"{who} {part / seconds:.0%}" for who, part in spent.items())


def latency_grid(taken: Taken) -> Grid:
    """What a run takes, and what each adds to it."""
    grid = Grid(
        "A run from its start to its result, one at a time",
        ["who", *(f"{length} {'step' if length == 1 else 'steps'}, {what}" for length in LENGTHS for what in _PARTS)],
    )
    for who in WHO:
        grid.rows.append(
            [
                who,
                *(f"{at(sorted(taken[who][length]), part):.1f} ms" for length in LENGTHS for part in _PARTS.values()),
            ]
        )
    for one, other in ((ON_RESTATE, BY_ITSELF), (ON_RESTATE, DIRECTLY)):
        cells = [
            beside(at(sorted(taken[one][length]), part), at(sorted(taken[other][length]), part))
            for length in LENGTHS
            for part in _PARTS.values()
        ]
        grid.rows.append([f"{one}, beside {other}", *cells])
    runs = len(taken[WHO[0]][LENGTHS[0]])
    grid.title += f", {runs:,} of each"
    return grid


_PARTS = {"p50": 0.5, "p99": 0.99}


def beside(one: float, other: float) -> str:
    """How much more one is than the other, and how many times as much."""
    return f"{one - other:+.1f} ms, {one / other:.2f} ×"


def items_grid(items: Items, workers: int) -> Grid:
    """What many spread items take."""
    grid = Grid(f"{items.count:,} spread items of one run, {workers} workers", ["what", "measured"])
    each = statistics.median(items.alone), statistics.median(items.at_home)
    grid.rows += [
        ["items a second", f"{items.count / items.seconds:,.0f} ({items.seconds:.1f} s)"],
        ["used meanwhile, of one core", _shares(items.spent, items.seconds)],
        ["an item whose step takes no time, one at a time, p50", f"{each[0]:.1f} ms"],
        ["the same, its step run where its run is driven, p50", f"{each[1]:.1f} ms"],
        ["what spreading adds to an item, p50", beside(*each)],
    ]
    return grid


def parked_grid(found: Sequence[Parked]) -> Grid:
    """What parked runs cost a Restate."""
    grid = Grid(
        f"{found[0].count:,} parked runs in a Restate",
        ["what", *(f"{each.kind}: before, after, each" for each in found)],
    )
    grid.rows += [
        ["calls that are to be made", *(_of(each, "calls") for each in found)],
        ["memory of its process", *(_bytes(each.count, each.before.memory, each.after.memory) for each in found)],
        ["its files", *(_bytes(each.count, each.before.disk, each.after.disk) for each in found)],
    ]
    for table in found[0].after.rows:
        cells = [f"{each.before.rows[table]:,}, {each.after.rows[table]:,}" for each in found]
        grid.rows.append([f"rows of {table}", *cells])
    grid.rows.append(
        [
            "beside it, in PostgreSQL",
            *(_bytes(each.count, each.before.store, each.after.store) for each in found),
        ]
    )
    return grid


def _of(each: Parked, what: str) -> str:
    before, after = (sum(getattr(held, what).values()) for held in (each.before, each.after))
    return f"{before:,}, {after:,}, {(after - before) / each.count:.1f}"


def _bytes(count: int, before: int, after: int) -> str:
    return f"{before / 2**20:,.1f}, {after / 2**20:,.1f} MiB, {(after - before) / count:,.0f} B"
