"""Who is measured: a row of the table each, in the order in which they are measured in every round."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Literal

from benchmarks import environment

Kind = Literal["SQLite", "PostgreSQL", "memory"]
Durable = Literal["power loss", "process kill", "nothing"]
"""What takes nothing of what was acknowledged, if not what is said next to it."""

_OF_WAITS = ("parked", "p50", "p99")
"""How the names of measures begin that are of runs which wait for an answer; all others are of steps."""

STRENGTH: dict[Durable, int] = {"power loss": 2, "process kill": 1, "nothing": 0}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One who is measured.

    Attributes:
        name: as the table has it.
        kind: which part of the table it is in.
        durable: the worst that a step it has acknowledged outlives.
        waits_durable: the same of a run's start, of what it asks, of the answer and of its end, where that is more.
        peer: the module under ``peers``, or ``limit``.
        setting: of the store.
        how: its setting, for the table.
        gates: whether its runs can wait.
        limits: for each measure, the row and measure that is the raw limit of it.
        quick: whether it is measured without peers too.
    """

    name: str
    kind: Kind
    durable: Durable
    peer: str
    how: str
    setting: str = ""
    store: Literal["file", "database", "memory", "none"] = "memory"
    gates: bool = True
    limits: tuple[tuple[str, str, str], ...] = ()
    quick: bool = False
    waits_durable: Durable | None = None

    def outlives(self, what: str) -> Durable:
        """The worst that whatever ``what`` measures outlives."""
        return self.waits_durable or self.durable if what.startswith(_OF_WAITS) else self.durable

    @property
    def ours(self) -> bool:
        return self.peer == "waystation"

    @property
    def is_limit(self) -> bool:
        return self.peer == "limit"

    def command(self) -> list[str]:
        """What is run, in the project's root; the order follows.

        Raises:
            Missing: it is not installed.
        """
        if self.is_limit:
            return [sys.executable, "-m", "benchmarks.limits"]
        if self.ours:
            return [sys.executable, "-m", "benchmarks.worker"]
        if self.peer == "mastra":
            return environment.node("mastra.mjs")
        return [*environment.python(), "benchmarks.worker"]


RAW_FULL = "raw SQLite, FULL"
RAW_NORMAL = "raw SQLite, NORMAL"
RAW_POSTGRES = "raw PostgreSQL"


def _of_sqlite(limit: str) -> tuple[tuple[str, str, str], ...]:
    """A hundred runs at once are held against single commits too: what they gain comes from sharing them."""
    return (("alone", limit, "alone"), ("at once", limit, "alone"))


_OF_POSTGRES = (("alone", RAW_POSTGRES, "alone"), ("at once", RAW_POSTGRES, "at once"))

SQLITE = [
    Row(
        name=RAW_FULL,
        kind="SQLite",
        durable="power loss",
        peer="limit",
        how="one row a commit; at once: 100 rows a commit",
        setting="full",
        store="file",
        quick=True,
    ),
    Row(
        name="Waystation, full",
        kind="SQLite",
        durable="power loss",
        peer="waystation",
        how="its default",
        setting="full",
        store="file",
        limits=_of_sqlite(RAW_FULL),
        quick=True,
    ),
    Row(
        name="DBOS on SQLite",
        kind="SQLite",
        durable="power loss",
        peer="dbos",
        how="rollback journal, FULL; polls every 10 ms",
        store="file",
        limits=_of_sqlite(RAW_FULL),
    ),
    Row(
        name="LangGraph on SQLite",
        kind="SQLite",
        durable="power loss",
        peer="langgraph",
        how="durability=sync; WAL, FULL",
        store="file",
        limits=_of_sqlite(RAW_FULL),
    ),
    Row(
        name=RAW_NORMAL,
        kind="SQLite",
        durable="process kill",
        peer="limit",
        how="one row a commit; at once: 100 rows a commit",
        setting="normal",
        store="file",
        quick=True,
    ),
    Row(
        name="Waystation, on-suspend",
        kind="SQLite",
        durable="process kill",
        peer="waystation",
        waits_durable="power loss",
        how="starts, questions, answers and ends outlive power loss",
        setting="on-suspend",
        store="file",
        limits=_of_sqlite(RAW_NORMAL),
        quick=True,
    ),
    Row(
        name="Waystation, normal",
        kind="SQLite",
        durable="process kill",
        peer="waystation",
        how="synchronous=normal",
        setting="normal",
        store="file",
        limits=_of_sqlite(RAW_NORMAL),
        quick=True,
    ),
    Row(
        name="Mastra on libsql",
        kind="SQLite",
        durable="process kill",
        peer="mastra",
        how="WAL, NORMAL: its only setting",
        store="file",
        limits=_of_sqlite(RAW_NORMAL),
    ),
]

POSTGRES = [
    Row(
        name=RAW_POSTGRES,
        kind="PostgreSQL",
        durable="power loss",
        peer="limit",
        how="one connection; at once: 16 connections, one row a commit each",
        store="database",
        quick=True,
    ),
    Row(
        name="Waystation",
        kind="PostgreSQL",
        durable="power loss",
        peer="waystation",
        how="its default",
        store="database",
        limits=_OF_POSTGRES,
        quick=True,
    ),
    Row(
        name="DBOS",
        kind="PostgreSQL",
        durable="power loss",
        peer="dbos",
        how="LISTEN/NOTIFY, its default",
        store="database",
        limits=_OF_POSTGRES,
    ),
    Row(
        name="LangGraph",
        kind="PostgreSQL",
        durable="power loss",
        peer="langgraph",
        how="durability=sync; at once: pool of 16",
        store="database",
        limits=_OF_POSTGRES,
    ),
    Row(
        name="absurd",
        kind="PostgreSQL",
        durable="power loss",
        peer="absurd",
        how="16 workers, called at once",
        store="database",
        limits=_OF_POSTGRES,
    ),
]

MEMORY = [
    Row(
        name="Waystation in memory",
        kind="memory",
        durable="nothing",
        peer="waystation",
        how="memory://, journal kept",
        store="memory",
        quick=True,
    ),
    Row(
        name="pydantic-graph",
        kind="memory",
        durable="nothing",
        peer="pydantic_graph",
        how="builder; it has no store",
        store="none",
        gates=False,
    ),
    Row(
        name="LangGraph, no checkpointer",
        kind="memory",
        durable="nothing",
        peer="langgraph",
        how="nothing is kept",
        store="none",
        gates=False,
    ),
    Row(
        name="LangGraph, InMemorySaver",
        kind="memory",
        durable="nothing",
        peer="langgraph",
        how="checkpoints kept",
        store="memory",
    ),
    Row(
        name="Mastra, no store",
        kind="memory",
        durable="nothing",
        peer="mastra",
        how="Node.js; nothing is kept",
        store="none",
        gates=False,
    ),
    Row(
        name="Mastra, InMemoryStore",
        kind="memory",
        durable="nothing",
        peer="mastra",
        how="Node.js; snapshots kept",
        store="memory",
    ),
]

ROWS = SQLITE + POSTGRES + MEMORY
