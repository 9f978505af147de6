"""Runs measuring processes, one after another, and keeps what they told."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.postgres_server import Databases, PostgresServer, ServerNotStarted

from benchmarks.environment import NODE_FOLDER, ROOT, Missing
from benchmarks.orders import Order
from benchmarks.rows import Row

POSTGRES = "WAYSTATION_BENCH_POSTGRES"
"""The address of a PostgreSQL to measure on, instead of one of our own. The role must be able to create databases."""


CROWD, AGAIN = " in a crowd", " after a restart"
"""How the names of measures end that were taken with more runs standing, and by a process that did not park them."""


def beside(name: str) -> str:
    """How the names of measures of a raw limit end that were taken around parking and answering of that row."""
    return f" beside {name}"


@dataclass
class Found:
    """What was found of one row.

    Attributes:
        values: of each measure, one of each round.
        notes: what was told in words, such as the version.
        problems: why something is missing.
    """

    values: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    notes: dict[str, str] = field(default_factory=dict[str, str])
    problems: list[str] = field(default_factory=list[str])

    def median(self, what: str) -> float | None:
        """The median over the rounds; None if it was not measured."""
        return statistics.median(self.values[what]) if self.values.get(what) else None

    def spread(self, what: str) -> float:
        """Half of the way from the least to the greatest, as a part of the median."""
        values = self.values[what]
        return (max(values) - min(values)) / 2 / statistics.median(values)

    def ratio(self, what: str, other: Found, of: str) -> float | None:
        """How many times ``of`` of the other: the median of the ratios of the rounds."""
        pairs = list(zip(self.values.get(what, []), other.values.get(of, []), strict=False))
        return statistics.median(one / two for one, two in pairs) if pairs else None


class Places:
    """Where stores are while they are measured: files in one folder, and databases on one server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._databases: Databases | None = None
        self._why_not = ""
        self._files = 0

    def __enter__(self) -> Self:
        try:
            url = os.environ.get(POSTGRES) or self._stack.enter_context(PostgresServer()).url
            self._databases = self._stack.enter_context(Databases(url))
        except ServerNotStarted as error:
            self._why_not = str(error)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    @contextmanager
    def store(self, row: Row) -> Generator[str]:
        """The address of a new store for a row; it is removed afterwards.

        Raises:
            Missing: there is no server.
        """
        if row.store == "file":
            self._files += 1
            file = self._folder / f"{self._files}.db"
            yield f"sqlite:///{file}"
            for left in self._folder.glob(f"{file.name}*"):
                left.unlink()
        elif row.store == "database":
            if self._databases is None:
                raise Missing(self._why_not)
            url = self._databases.create()
            yield url
            self._databases.drop(url)
        else:
            yield row.store


class Measuring:
    """All that is found, a row each.

    Arguments:
        patience: seconds that one process may take at the most.
    """

    def __init__(self, rows: Sequence[Row], patience: float) -> None:
        self.rows = rows
        self._patience = patience
        self.found = {row.name: Found() for row in rows}

    def measure(self, row: Row, order: Order, when: str = "") -> dict[str, float]:
        """Have a process do an order; what it told is kept, by names that end with when that was."""
        found = self.found[row.name]
        told: dict[str, float] = {}
        for line in self._told(row, order):
            what, value = str(line["what"]), line["value"]
            if isinstance(value, str):
                found.notes[what] = value
            else:
                found.values.setdefault(f"{what}{when}", []).append(value)
                told[what] = value
        return told

    def _told(self, row: Row, order: Order) -> Sequence[dict[str, str | float]]:
        try:
            command = [*row.command(), order.as_text()]
        except Missing as missing:
            self.problem(row, missing.reason)
            return []
        where = NODE_FOLDER if row.peer == "mastra" else ROOT
        process = subprocess.Popen(
            command, cwd=where, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            output, errors = process.communicate(timeout=self._patience)
        except subprocess.TimeoutExpired:
            process.kill()
            output, errors = process.communicate()
            self.problem(row, f"{order.work}: ended after {self._patience:.0f} s without a result")
        else:
            if process.returncode:
                last = errors.strip().splitlines()[-1:] or ["it said nothing"]
                self.problem(row, f"{order.work}: ended with {process.returncode}: {last[0][:200]}")
        return [json.loads(line) for line in output.splitlines() if line.startswith("{")]

    def as_text(self) -> str:
        """All that was found, as JSON."""
        return json.dumps({name: asdict(found) for name, found in self.found.items()}, indent=1)

    def take(self, text: str) -> None:
        """Take what ``as_text`` gave for what was found."""
        self.found.update({name: Found(**found) for name, found in json.loads(text).items() if name in self.found})

    def problem(self, row: Row, why: str) -> None:
        """Note why something of a row is missing, once."""
        problems = self.found[row.name].problems
        if why not in problems:
            problems.append(why)
