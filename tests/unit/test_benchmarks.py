"""The benchmarks measure what they say they do. No test asserts a time."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks import environment
from benchmarks.bounds import bounds
from benchmarks.cold import WaitingStore
from benchmarks.foundation import chain, steps_per_second
from benchmarks.measuring import Found, Measuring, Places
from benchmarks.orders import Order, Work
from benchmarks.page import put
from benchmarks.rows import MEMORY, RAW_FULL, ROWS, Row
from benchmarks.table import best_peer, table
from benchmarks.worker import growth

from waystation import Waystation

ROOT = Path(__file__).resolve().parents[2]


def order(store: str, work: Work, **more: int) -> Order:
    return Order(
        peer="waystation", store=store, work=work, setting="", patience=9, seconds=0, at_once=3, sizes=[2, 4], **more
    )


def told(work: Order, program: str = "benchmarks.worker") -> dict[str, float]:
    command = [sys.executable, "-m", program, work.as_text()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return {line["what"]: line["value"] for line in map(json.loads, done.stdout.splitlines())}


def row(name: str) -> Row:
    return next(each for each in ROWS if each.name == name)


def test_an_order_arrives_as_it_was_given() -> None:
    given = order("memory", "growth", standing=7)
    assert Order.of_text(given.as_text()) == given


@pytest.mark.parametrize("standing", [1_000, 4_321, 100_000])
def test_each_process_answers_runs_of_its_own_spread_over_all(standing: int) -> None:
    parts = [order("memory", "answer", answers=100, part=part, parts=4).numbers(standing) for part in range(4)]
    numbers = [number for part in parts for number in part]
    assert len(numbers) == len(set(numbers)) == 400
    assert max(numbers) < standing
    assert max(numbers) > standing * 0.75


def test_a_worker_tells_the_measures_of_each_work(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/measured.db"
    assert {"alone", "at once"} <= told(order("memory", "chains")).keys()
    grown = told(order(store, "growth"))
    assert {f"{shape} {size}" for shape in ("chain", "loop", "foreach") for size in (2, 4)} <= grown.keys()
    parked = told(order(store, "park", standing=40, answers=5))
    assert (parked["standing"], parked["answered"]) == (40, 5)
    answered = told(order(store, "answer", standing=40, answers=5, part=1))
    assert answered["answered"] == 5
    assert {"start-up", "p50", "p99"} <= answered.keys()
    assert {"idle CPU", "memory"} <= told(order(store, "idle")).keys()


class TooSlow:
    """A peer that never comes to the end of a long run: its chain blocks the loop, its loop waits."""

    version = "1"
    shapes = ("chain", "loop")

    def prepare(self, shape: str, steps: int) -> None:
        pass

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[None]:
        yield

    async def run(self, shape: str, steps: int) -> int:
        if steps > 2:
            if shape == "chain":
                threading.Event().wait()
            await asyncio.Event().wait()
        return steps

    async def run_among(self, shape: str, steps: int) -> int:
        return await self.run(shape, steps)


def test_a_run_that_takes_far_longer_than_foreseen_is_cut_off_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(growth(TooSlow(), replace(order("none", "growth"), patience=0.05)))
    lines = [json.loads(line)["what"] for line in capsys.readouterr().out.splitlines()]
    assert lines == ["chain 2", "chain 4 not run", "loop 2", "loop 4 not run"]


def test_the_raw_limit_is_told_in_the_same_words(tmp_path: Path) -> None:
    found = told(
        Order(peer="limit", store=f"sqlite:///{tmp_path}/raw.db", work="chains", seconds=0.01), "benchmarks.limits"
    )
    assert found["alone"] > 0
    assert found["at once"] > 0


def test_a_peer_that_is_not_installed_says_so_in_its_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(environment, "FOLDER", tmp_path)
    peer = next(each for each in MEMORY if each.peer == "pydantic_graph")
    measuring = Measuring([peer], patience=1)
    assert measuring.measure(peer, order("none", "chains")) == {}
    assert "NOT MEASURED: the Python peers are not installed" in table(measuring).rows[0][0]


def test_a_process_that_fails_says_so_in_its_row_and_what_it_told_before_is_kept() -> None:
    ours = row("Waystation in memory")
    measuring = Measuring([ours], patience=60)
    measuring.measure(ours, Order(peer="waystation", store="nowhere://", work="chains"))
    who = table(measuring).rows[0][0]
    assert "NOT MEASURED: chains: ended with 1: " in who
    assert "nowhere" in who
    assert measuring.found[ours.name].notes["version"]


def test_a_ratio_is_of_the_same_round() -> None:
    slow_in_the_second = Found({"alone": [50.0, 10.0, 50.0]})
    limit = Found({"alone": [100.0, 20.0, 100.0]})
    assert slow_in_the_second.ratio("alone", limit, "alone") == 0.5
    assert Found().ratio("alone", limit, "alone") is None


def test_a_bound_that_does_not_hold_is_shown() -> None:
    names = [RAW_FULL, "Waystation, full", "LangGraph on SQLite", "Mastra on libsql"]
    measuring = Measuring([row(name) for name in names], patience=1)
    for name, alone in zip(names, (1_000.0, 400.0, 800.0, 9_000.0), strict=True):
        measuring.found[name].values["alone"] = [alone]
    verdicts = {each[0]: each[1:] for each in bounds(measuring).rows}
    of_raw = "SQLite FULL, alone: steps beside raw single-row commits, one connection"
    assert verdicts[of_raw] == ["0.40", "≥ 0.50", "NO"]
    # Not held against one that promises less.
    beside = "Waystation, full (SQLite): 10 steps alone, times as good as LangGraph on SQLite"
    assert verdicts[beside] == ["0.50", "≥ 1.00", "NO"]


def test_whoever_promises_less_at_what_is_measured_is_no_peer_there() -> None:
    rows = [row(name) for name in ("Waystation, on-suspend", "LangGraph on SQLite", "Mastra on libsql")]
    measuring, measures = Measuring(rows, patience=1), ("alone", "parked a second", "p99")
    for number, each in enumerate(rows):  # the last does best at everything
        measuring.found[each.name].values = {what: [float(number)] for what in measures}
    best = {what: best_peer(rows[0], measuring, what) for what in measures}
    langgraph, mastra = rows[1:]
    assert best == {"alone": mastra, "parked a second": langgraph, "p99": langgraph}


def test_what_was_measured_is_printed_again_from_what_was_written() -> None:
    ours = row("Waystation, full")
    measuring, again = (Measuring([ours], patience=1) for _ in range(2))
    measuring.found[ours.name] = Found({"alone": [1.0, 3.0]}, {"version": "1"}, ["slow"])
    again.take(measuring.as_text())
    assert again.found == measuring.found


def test_a_store_is_there_while_it_is_measured_and_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYSTATION_BENCH_POSTGRES", "postgresql://nobody@127.0.0.1:1/none")
    with Places(tmp_path) as places, places.store(row("Waystation, full")) as store:
        Path(store.removeprefix("sqlite:///")).touch()
        assert list(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == []


def test_the_page_takes_what_was_measured_and_keeps_the_rest() -> None:
    page = "above\n<!-- table: measured, not written -->\n\nold\n\n<!-- end of table -->\nbelow\n"
    new = put(page, "table", "new\n")
    assert new == page.replace("old", "new")
    assert put(new, "table", "new") == new
    with pytest.raises(SystemExit, match="no place for million"):
        put(page, "million", "new")
    real = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    for name in ("table", "million", "fleet"):
        assert "sentinel" in put(real, name, "sentinel")


@pytest.mark.anyio
async def test_a_cold_step_waits_once_for_each_commit_and_what_it_waited_is_known() -> None:
    waits: list[int] = []
    store, flow = WaitingStore(lambda: waits.append(1)), chain(10)
    async with Waystation(workflows=[flow], store=store) as app:
        await steps_per_second(app, flow, runs=3, at_once=1)
    assert len(waits) == 30, "a step each; a run's creation is no commit of a step"
    assert store.waits == 30
    assert store.waited > 0


def test_the_program_for_cold_steps_tells_of_each_wait() -> None:
    command = [sys.executable, "-m", "benchmarks.cold", "--rounds", "1", "--runs", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    for each in ("nothing", "a sleep", "a raw commit", "A lone run"):
        assert each in done.stdout
