"""Peers beside us and the raw limit, on the same work, in one run; one table.

    python -m benchmarks.compare [--quick] [--only NAME ...] [--write FILE] [--again FILE]

In each round everyone is measured once, one after another, each in a process of its own, so that a disk that is slow
for a while is slow for all. ``--quick`` measures the raw limits and us, and what we hold ourselves to, alone. What is
written is Markdown, and beside it, as JSON, every single measure: ``--again`` prints the table of those.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from benchmarks import environment
from benchmarks.bounds import bounds
from benchmarks.machine import described
from benchmarks.measuring import AGAIN, CROWD, Measuring, Places, beside
from benchmarks.orders import Order, Work
from benchmarks.rows import ROWS, Row
from benchmarks.table import Grid, table


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much to measure.

    Attributes:
        rounds: of everyone, and of answers.
        seconds: that a rate is measured for.
        lengths: of runs, from short to long.
        standing: how many runs are to wait, and how many of ours when many do.
        answers: how many are answered in each round; of 1,000 the 99th percentile is the tenth worst.
        patience: seconds after which what would take longer is cut down.
    """

    rounds: int
    seconds: float
    lengths: tuple[int, ...]
    standing: int
    crowd: int
    answers: int
    patience: float


FULL = Size(
    rounds=3, seconds=1.2, lengths=(100, 1_000, 10_000), standing=10_000, crowd=100_000, answers=1_000, patience=30
)
QUICK = Size(rounds=2, seconds=0.6, lengths=(100, 1_000), standing=1_000, crowd=5_000, answers=100, patience=20)


_FOR_LONG_RUNS = 2 / 3
"""Of a peer's patience: there are three shapes of them."""

_FOR_OURS = 180.0
"""So many seconds we may take for long runs, and till a crowd stands: these bounds are to be seen in any case."""


class Comparison:
    """One run of the benchmarks."""

    def __init__(self, rows: list[Row], size: Size, places: Places) -> None:
        self._size = size
        self._places = places
        self.measuring = Measuring(rows, patience=3 * _FOR_OURS + 120)

    def all(self) -> None:
        self.chains()
        self.growth()
        self.waiting()

    def _order(self, row: Row, store: str, work: Work, **more: int) -> Order:
        size = self._size
        return Order(
            peer=row.peer,
            store=store,
            work=work,
            setting=row.setting,
            seconds=size.seconds,
            sizes=list(size.lengths),
            patience=size.patience,
            answers=size.answers,
            **more,
        )

    def _say(self, what: str) -> None:
        print(f"{time.strftime('%H:%M:%S')}  {what}", flush=True)

    def chains(self) -> None:
        """Ten steps alone and a hundred runs at once: everyone, in each round."""
        for index in range(self._size.rounds):
            self._say(f"ten steps, alone and 100 runs at once: round {index + 1} of {self._size.rounds}")
            for row in self.measuring.rows:
                with self._stored(row) as store:
                    if store is not None:
                        self.measuring.measure(row, self._order(row, store, "chains"))

    def growth(self) -> None:
        """A step of a short run and of a long one."""
        for row in self.measuring.rows:
            if not row.is_limit:
                self._say(f"short and long runs: {row.name}")
                with self._stored(row) as store:
                    if store is not None:
                        order = self._order(row, store, "growth")
                        patience = _FOR_OURS if row.ours else order.patience * _FOR_LONG_RUNS
                        self.measuring.measure(row, replace(order, patience=patience))

    def waiting(self) -> None:
        """Runs that wait for an answer."""
        for row in self.measuring.rows:
            if row.gates and not row.is_limit and row.store in {"file", "database"}:
                self._say(f"runs that wait: {row.name}")
                with ExitStack() as stack:
                    self._waiting(row, stack)

    def _waiting(self, row: Row, stack: ExitStack) -> None:
        """Before a restart in the process that parked them, after it in others; of ours beside a crowd, in turns."""
        rounds = self._size.rounds if row.ours else 1
        crowds = {"": self._size.standing}
        if row.ours and row.durable == "power loss":
            crowds[CROWD] = self._size.crowd
        stores: dict[str, tuple[str, int]] = {}
        for crowd, count in crowds.items():
            store = stack.enter_context(self._stored(row))
            if store is None:
                return
            order = self._order(row, store, "park", standing=count, parts=rounds + 1)
            if crowd:
                order = replace(order, patience=_FOR_OURS)
            self._limit_of(row)
            told = self.measuring.measure(row, order, crowd)
            self._limit_of(row)
            stores[crowd] = store, int(told.get("standing", 0))
        for part in range(1, rounds + 1):
            for crowd, (store, standing) in stores.items():
                if standing:
                    order = self._order(row, store, "answer", standing=standing, part=part, parts=rounds + 1)
                    self.measuring.measure(row, order, f"{crowd}{AGAIN}")

    def _limit_of(self, row: Row) -> None:
        """The raw limit once more: the disk may be another by now."""
        for limit in self.measuring.rows:
            if row.ours and limit.name in {name for _, name, _ in row.limits}:
                with self._stored(limit) as store:
                    if store is not None:
                        self.measuring.measure(limit, self._order(limit, store, "chains"), beside(row.name))

    @contextmanager
    def _stored(self, row: Row) -> Generator[str | None]:
        """A new store for a row; None, and a note of why, if it can have none."""
        with ExitStack() as stack:
            try:
                store = stack.enter_context(self._places.store(row))
            except environment.Missing as missing:
                self.measuring.problem(row, missing.reason)
                store = None
            yield store


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="us and the raw limits, and less of all")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these rows alone")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write it as Markdown too")
    parser.add_argument("--again", type=Path, metavar="FILE", help="measure nothing: print what an earlier run wrote")
    given = parser.parse_args()
    rows = [row for row in ROWS if (row.quick or not given.quick) and (not given.only or row.name in given.only)]
    if given.again:
        measuring = Measuring(rows, patience=0)
        measuring.take(given.again.with_suffix(".json").read_text())
    else:
        measuring = measured(rows, QUICK if given.quick else FULL, peers=not given.quick)
    if given.write:
        given.write.with_suffix(".json").write_text(measuring.as_text())
    grids = [table(measuring), bounds(measuring)]
    # Narrower than that the table is of no use; who has less of a terminal scrolls sideways.
    console = Console(width=max(Console().width, _WIDTH))
    for grid in grids:
        console.print(grid.as_rich())
    if given.write:
        given.write.write_text("\n\n".join([described(measuring), *map(Grid.as_markdown, grids)]) + "\n")


_WIDTH = 190


def measured(rows: list[Row], size: Size, *, peers: bool) -> Measuring:
    """Measure everything."""
    if peers:
        environment.install()
    with tempfile.TemporaryDirectory(dir=environment.ROOT, prefix=".bench-") as name, Places(Path(name)) as places:
        comparison = Comparison(rows, size, places)
        comparison.all()
        return comparison.measuring


if __name__ == "__main__":
    main()
