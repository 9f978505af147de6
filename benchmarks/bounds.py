"""What we hold ourselves to, and what was measured."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator

from benchmarks.measuring import AGAIN, CROWD, Found, Measuring
from benchmarks.rows import RAW_FULL, RAW_POSTGRES, Row
from benchmarks.table import SHAPES, Grid, best_peer, lengths

_ON_SQLITE, _ON_POSTGRES, _IN_MEMORY = "Waystation, full", "Waystation", "Waystation in memory"


def bounds(measuring: Measuring) -> Grid:
    """A row for each bound that what was measured says something about."""
    grid = Grid("What we hold ourselves to", ["what", "measured", "bound", "holds"])
    for part in (_speed, _answers, _growth, _stored, _peers):
        for what, measured, form, bound, at_least in part(measuring):
            holds = measured >= bound if at_least else measured <= bound
            sign = "≥" if at_least else "≤"
            grid.rows.append(
                [what, form.format(measured), f"{sign} {form.format(bound)}", "yes" if holds else "NO"],
            )
    return grid


_Bound = tuple[str, float, str, float, bool]
"""What, measured, how to write it, the bound, and whether that is the least (or the most)."""


def _speed(measuring: Measuring) -> Iterator[_Bound]:
    for row, what, limit, of, least in (
        (_ON_SQLITE, "alone", RAW_FULL, "alone", 0.5),
        (_ON_SQLITE, "at once", RAW_FULL, "alone", 3.5),
        (_ON_POSTGRES, "alone", RAW_POSTGRES, "alone", 0.65),
        (_ON_POSTGRES, "at once", RAW_POSTGRES, "at once", 1.0),
    ):
        if row in measuring.found and limit in measuring.found:
            ratio = measuring.found[row].ratio(what, measuring.found[limit], of)
            if ratio is not None:
                kind = "SQLite FULL" if row == _ON_SQLITE else "PostgreSQL"
                beside = "16 connections" if limit == RAW_POSTGRES and of == "at once" else "one connection"
                yield f"{kind}, {what}: steps beside raw single-row commits, {beside}", ratio, "{:.2f}", least, True
    in_memory = measuring.found.get(_IN_MEMORY, Found()).median("alone")
    if in_memory is not None:
        yield "in memory: a step", 1e6 / in_memory, "{:.0f} µs", 50, False
    parked = measuring.found.get(_ON_SQLITE, Found()).median("parked a second")
    if parked is not None:
        yield "SQLite FULL: runs parked a second, alone", parked, "{:,.0f}", 600, True


def _answers(measuring: Measuring) -> Iterator[_Bound]:
    found = measuring.found.get(_ON_SQLITE, Found())
    for when, words in (("", "before a restart"), (AGAIN, "after it")):
        standing = found.median("standing")
        for what, most in (("p50", 2.0), ("p99", 10.0)):
            median = found.median(f"{what}{when}")
            if median is not None and standing is not None:
                yield (
                    f"SQLite FULL: an answer with {standing:,.0f} standing, {words}, {what}",
                    median,
                    "{:.1f} ms",
                    most,
                    False,
                )
    for name, kind in ((_ON_SQLITE, "SQLite FULL"), (_ON_POSTGRES, "PostgreSQL")):
        found = measuring.found.get(name, Found())
        times = found.ratio(f"p50{CROWD}{AGAIN}", found, f"p50{AGAIN}")
        crowd, standing = found.median(f"standing{CROWD}"), found.median("standing")
        if times is not None:
            yield (
                f"{kind}: an answer with {crowd:,.0f} standing beside {standing:,.0f}, p50",
                times,
                "{:.2f}",
                1.3,
                False,
            )


def _growth(measuring: Measuring) -> Iterator[_Bound]:
    for name, kind in ((_ON_SQLITE, "SQLite FULL"), (_ON_POSTGRES, "PostgreSQL"), (_IN_MEMORY, "in memory")):
        found = measuring.found.get(name, Found())
        for shape in SHAPES:
            if measured := lengths(found, shape):
                short, long = measured[0], measured[-1]
                times = found.ratio(f"{shape} {long}", found, f"{shape} {short}")
                if times is not None:
                    yield (
                        f"{kind}: a step of a {shape} of {long:,} beside one of {short:,}",
                        times,
                        "{:.2f}",
                        1.3,
                        False,
                    )


def _stored(measuring: Measuring) -> Iterator[_Bound]:
    """What a step gives is a ``{"n": 17}``: that is its data."""
    for name, kind in ((_ON_SQLITE, "SQLite"), (_ON_POSTGRES, "PostgreSQL")):
        found = measuring.found.get(name, Found())
        for shape in SHAPES:
            for long in lengths(found, shape)[-1:]:
                stored = found.median(f"{shape} {long} bytes")
                numbers = [1] if shape == "foreach" else range(1, long + 1)
                if stored is not None:
                    data = statistics.mean(len(f'{{"n":{number}}}') for number in numbers)
                    yield f"{kind}: stored a step of a {shape}, beside its data", stored - data, "{:.0f} B", 400, False


def _peers(measuring: Measuring) -> Iterator[_Bound]:
    """Ahead of every peer that is at least as durable."""
    measures: tuple[tuple[str, str, bool], ...] = (
        ("alone", "10 steps alone", False),
        ("at once", "10 steps, 100 runs at once", False),
        ("parked a second", "runs parked a second", False),
        ("p50", "an answer, p50", True),
        ("p99", "an answer, p99", True),
        (f"p50{AGAIN}", "an answer after a restart, p50", True),
    )
    for row in measuring.rows:
        for what, words, less in measures:
            if row.ours and (best := best_peer(row, measuring, what, least=less)) is not None:
                times = _ahead(measuring, row, best)(what, less)
                if times is not None:
                    yield f"{row.name} ({row.kind}): {words}, times as good as {best.name}", times, "{:.2f}", 1.0, True


def _ahead(measuring: Measuring, row: Row, peer: Row) -> Callable[[str, bool], float | None]:
    def times(what: str, less: bool) -> float | None:  # noqa: FBT001  (called in one place)
        ours, theirs = measuring.found[row.name], measuring.found[peer.name]
        ratio = ours.ratio(what, theirs, what)
        return (1 / ratio if less else ratio) if ratio else None

    return times
