"""The table: a row for everyone, and what was measured of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.table import Table

from benchmarks.measuring import AGAIN, CROWD, Found, Measuring, beside
from benchmarks.peers.protocol import CHAIN
from benchmarks.rows import STRENGTH, Row

SHAPES = ("chain", "loop", "foreach")


@dataclass
class Grid:
    """Cells, for the terminal and for a page. A cell may have several lines."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list[Sequence[str]])

    def as_rich(self) -> Table:
        grid = Table(title=self.title, show_lines=any("\n" in cell for row in self.rows for cell in row))
        for index, column in enumerate(self.columns):
            grid.add_column(column, justify="right" if index else "left", overflow="fold")
        for row in self.rows:
            grid.add_row(*row)
        return grid

    def as_markdown(self) -> str:
        lines = [f"### {self.title}", "", _line(self.columns), _line(["---", *["---:"] * (len(self.columns) - 1)])]
        return "\n".join(lines + [_line(row) for row in self.rows])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("\n", "<br>") for cell in cells) + " |"


def table(measuring: Measuring) -> Grid:
    """What was measured, medians over the rounds."""
    columns = [
        "who; a step outlives",
        f"{CHAIN} steps, alone",
        f"{CHAIN} steps, 100 runs at once",
        "a step of a long run",
        "stored a step",
        "parked, one at a time",
        "an answer, so many standing",
        "the same, after a restart",
        "stored a parked run",
        "start-up",
    ]
    grid = Grid("Everyone on the same work", columns)
    for row in measuring.rows:
        grid.rows.append(_cells(row, measuring))
    return grid


def _cells(row: Row, measuring: Measuring) -> Sequence[str]:
    found = measuring.found[row.name]
    version = f" {found.notes['version']}" if "version" in found.notes and not row.ours else ""
    who = [f"{row.name}{version}", f"{row.durable}; {row.how}", *(f"NOT MEASURED: {why}" for why in found.problems)]
    return [
        "\n".join(who),
        _rate(row, measuring, "alone"),
        _rate(row, measuring, "at once"),
        "\n".join(filter(None, (_growth(found, shape) for shape in SHAPES))),
        _stored(found),
        _parked(row, measuring),
        "\n".join(filter(None, (_answers(row, measuring, when, when) for when in ("", CROWD)))),
        "\n".join(filter(None, (_answers(row, measuring, f"{when}{AGAIN}", when) for when in ("", CROWD)))),
        _with(found.median("bytes a parked run"), "{:,.0f} B"),
        _with(found.median(f"start-up{AGAIN}"), "{:,.0f} ms"),
    ]


def _with(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


def _parked(row: Row, measuring: Measuring) -> str:
    """How many a second, and how many raw commits there are in the time of one."""
    rate = measuring.found[row.name].median("parked a second")
    commits = raw_commits_in(row, measuring, 1 / rate) if rate else None
    return "\n".join(filter(None, (_with(rate, "{:,.0f}/s"), _with(commits, "{:.1f} raw commits each"))))


def raw_commits_in(row: Row, measuring: Measuring, seconds: float) -> float | None:
    """How many commits of the raw limit there are in so many seconds, by what it was while this row was measured."""
    for what, limit, of in row.limits:
        commits = measuring.found.get(limit, Found()).median(f"{of}{beside(row.name)}")
        if what == "alone" and commits is not None:
            return seconds * commits
    return None


def _rate(row: Row, measuring: Measuring, what: str) -> str:
    """Steps a second and their spread; how much of the raw limit that is, and how many times the best peer."""
    found = measuring.found[row.name]
    rate = found.median(what)
    if rate is None:
        return ""
    lines = [f"{rate:,.0f}/s ±{found.spread(what):.0%}"]
    if row.kind == "memory":
        lines.append(f"{1e6 / rate:,.0f} µs a step")
    for measure, limit, of in row.limits:
        if measure == what and limit in measuring.found:
            lines.append(_with(found.ratio(what, measuring.found[limit], of), "{:.2f} of raw"))
    best = best_peer(row, measuring, what)
    if row.ours and best is not None:
        lines.append(_with(found.ratio(what, measuring.found[best.name], what), "{:.1f} × ") + best.name)
    return "\n".join(filter(None, lines))


def best_peer(row: Row, measuring: Measuring, what: str, *, least: bool = False) -> Row | None:
    """The peer beside a row that does best at a measure that is at least as durable; None if none was measured."""
    medians = {
        peer.name: (median, peer)
        for peer in measuring.rows
        if peer.kind == row.kind
        and not peer.ours
        and not peer.is_limit
        and STRENGTH[peer.outlives(what)] >= STRENGTH[row.outlives(what)]
        and (median := measuring.found[peer.name].median(what)) is not None
    }
    if not medians:
        return None
    best = (min if least else max)(medians.values(), key=lambda each: each[0])
    return best[1]


def lengths(found: Found, shape: str) -> list[int]:
    """The lengths of runs of a shape that were measured, in order."""
    words = (what.split() for what in found.values if what.startswith(f"{shape} "))
    return sorted({int(each[1]) for each in words if len(each) == 2})


def _growth(found: Found, shape: str) -> str:
    """What a step costs in the longest run, and how many times what it costs in the shortest."""
    measured = lengths(found, shape)
    if not measured:
        return ""
    short, long = measured[0], measured[-1]
    times = found.ratio(f"{shape} {long}", found, f"{shape} {short}")
    skipped = [what for what in found.notes if what.startswith(f"{shape} ") and what.endswith(" not run")]
    why = f"; {skipped[0].split()[1]} not run: {found.notes[skipped[0]]}" if skipped else ""
    return f"{shape} of {long:,}: {found.median(f'{shape} {long}'):,.0f} µs, {times:.2f} × that of {short:,}{why}"


def _stored(found: Found) -> str:
    """Bytes a step in the longest run of each shape."""
    cells: list[str] = []
    for shape in SHAPES:
        longest = lengths(found, shape)[-1:]
        cells += [_with(found.median(f"{shape} {long} bytes"), f"{shape}: {{:,.0f}} B") for long in longest]
    return "\n".join(filter(None, cells))


def _answers(row: Row, measuring: Measuring, when: str, standing_when: str) -> str:
    """How long an answer takes, and how many raw commits there are in that time."""
    found = measuring.found[row.name]
    standing = found.median(f"standing{standing_when}")
    half, most = found.median(f"p50{when}"), found.median(f"p99{when}")
    if standing is None or half is None or most is None:
        return ""
    commits = _with(raw_commits_in(row, measuring, half / 1e3), ", p50 is {:.1f} raw commits")
    return f"{standing:,.0f}: p50 {half:.1f}, p99 {most:.1f} ms{commits}"
