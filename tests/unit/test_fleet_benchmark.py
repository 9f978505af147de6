"""What the benchmark of a fleet reckons and shows. No test asserts a time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from benchmarks.fleet import report
from benchmarks.fleet.items import Items, between
from benchmarks.fleet.latency import LENGTHS, WHO
from benchmarks.fleet.parked import Held, Parked
from benchmarks.fleet.place import on_disk, processor_time, resident
from benchmarks.fleet.scaling import Rate, of_linear
from benchmarks.fleet.worker import Post


def rate(workers: int, steps: int, seconds: float = 2.0) -> Rate:
    spent = {"workers": 0.25 * seconds, "Restate": 0.5 * seconds}
    return Rate(workers=workers, steps=steps, seconds=seconds, most=workers * 200, spent=spent)


def test_more_workers_are_held_against_as_many_times_what_one_does() -> None:
    assert of_linear({1: 100.0, 2: 190.0, 4: 300.0}) == {1: 1.0, 2: 0.95, 4: 0.75}


def test_less_than_the_bound_is_shown_as_such_and_one_worker_has_none() -> None:
    one, two, four = report.scaling_grid("Many runs", [rate(1, 200), rate(2, 400), rate(4, 600)]).rows
    assert one[3:6] == ["", "", ""]
    assert two[3:6] == ["1.00", "≥ 0.85", "yes"]
    assert four[3:6] == ["0.75", "≥ 0.85", "NO"]
    assert four[1] == "300 (600 in 2.0 s)"


def test_the_cores_that_were_used_are_told_of_all_and_by_whom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert rate(1, 200).busy == 0.375
    assert report.scaling_grid("Many runs", [rate(1, 200)]).rows[0][-1] == "38%: workers 25%, Restate 50%"


def test_what_placing_adds_is_told_beside_each_of_the_others() -> None:
    times = {who: {length: [index * length * 2.0] * 100 for length in LENGTHS} for index, who in enumerate(WHO, 1)}
    rows = {row[0]: row[1:] for row in report.latency_grid(times).rows}
    assert rows["Waystation on Restate"] == ["4.0 ms", "4.0 ms", "40.0 ms", "40.0 ms"]
    assert rows["Waystation on Restate, beside Waystation by itself"][0] == "+2.0 ms, 2.00 ×"
    assert rows["Waystation on Restate, beside Restate used directly"][2] == "-20.0 ms, 0.67 ×"


def test_an_item_takes_the_time_from_it_to_the_next() -> None:
    assert between([10.0, 10.5, 12.5]) == [500.0, 2000.0]
    items = Items(count=10, seconds=2.0, spent={"workers": 1.0}, alone=[4.0, 6.0, 5.0], at_home=[2.0])
    cells = [row[1] for row in report.items_grid(items, 4).rows]
    assert cells == ["5 (2.0 s)", "workers 50%", "5.0 ms", "2.0 ms", "+3.0 ms, 2.50 ×"]


def test_what_a_parked_run_costs_is_what_was_held_more_by_how_many_there_are() -> None:
    before = Held(memory=2**20, disk=2**20, store=0, calls={}, rows={"sys_invocation": 3})
    after = Held(memory=2**21, disk=2**20, store=2**20, calls={"scheduled": 1024}, rows={"sys_invocation": 1027})
    grid = report.parked_grid([Parked(kind="sleeping", count=1024, before=before, after=after)])
    assert {row[0]: row[1] for row in grid.rows} == {
        "calls that are to be made": "0, 1,024, 1.0",
        "memory of its process": "1.0, 2.0 MiB, 1,024 B",
        "its files": "1.0, 1.0 MiB, 0 B",
        "rows of sys_invocation": "3, 1,027",
        "beside it, in PostgreSQL": "0.0, 1.0 MiB, 1,024 B",
    }


def test_all_tables_can_be_put_into_a_page() -> None:
    lines = report.scaling_grid("Many runs", [rate(1, 200), rate(2, 400)]).as_markdown().splitlines()
    assert lines[0] == "### Many runs, each step 50 ms"
    assert {line.count("|") for line in lines[2:]} == {8}


def test_a_post_arrives_as_it_was_given() -> None:
    given = Post(kind="ours", store="memory://", dispatch="restate://h", port=7, steps=3)
    assert Post.of_text(given.as_text()) == given


@pytest.fixture
def busy_child() -> Generator[subprocess.Popen[str]]:
    """A process whose own child has used the processor and ended, and whose other child still lives. Each has used more
    than 0.2 s, as the system tells it in whole hundredths, those of the program and its own apart, and rounds down."""
    work = "import sys, time\nwhile time.process_time() < 0.3: pass\nprint(1, flush=True)\n"
    program = "\n".join(
        [
            "import subprocess, sys",
            f"subprocess.run([sys.executable, '-c', {work!r}], stdout=subprocess.DEVNULL)",
            f"living = subprocess.Popen([sys.executable, '-c', {work + 'time.sleep(60)'!r}])",
            "sys.stdin.read(); living.kill(); living.wait()",
        ]
    )
    command = [sys.executable, "-c", program]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield process
    assert process.stdin is not None
    process.stdin.close()
    process.wait(30)
    assert process.stdout is not None
    process.stdout.close()


def test_the_processor_time_of_children_counts_of_those_that_ended_too(busy_child: subprocess.Popen[str]) -> None:
    assert busy_child.stdout is not None
    assert busy_child.stdout.readline() == "1\n"
    assert processor_time(busy_child.pid) >= 0.4
    assert resident(busy_child.pid) > 2**20


def test_a_process_that_is_gone_has_used_nothing() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait(30)
    assert (processor_time(process.pid), resident(process.pid)) == (0, 0)


def test_files_are_counted_in_all_folders(tmp_path: Path) -> None:
    (tmp_path / "within").mkdir()
    (tmp_path / "within" / "file").write_bytes(b"x" * 100_000)
    assert on_disk(tmp_path) >= 100_000
