"""A licence review of every distribution installed in the environment this runs in: ``make example``.

    python -m examples.licence_review.demo [--path FOLDER ...]

Starts one run for each distribution; a scripted reviewer in another process answers those that are suspended; the
report is written when all have ended.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import subprocess
import sys
from collections import Counter

from examples.licence_review.metadata import folders
from examples.licence_review.report import write_report
from examples.licence_review.workflow import FOLDER, Verdict, app, licence_review
from rich.console import Console

from waystation import RunResult

console = Console(highlight=False)


def review_in_another_process() -> int:
    """Run the scripted reviewer; gives how many questions it answered."""
    done = subprocess.run(
        [sys.executable, "-m", "examples.licence_review.reviewer"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return int(done.stdout)


async def run_all(paths: list[str]) -> list[Verdict]:
    found = folders(paths)
    if not found:
        console.print(f"[red]no distribution is installed in {', '.join(paths)}[/]")
        sys.exit(1)
    async with app:
        runs = [await app.get_workflow(licence_review).create_run() for _ in found]
        results = await asyncio.gather(*(run.start({"path": path}) for run, path in zip(runs, found, strict=True)))
        stood = Counter(result.status for result in results)
        console.print(f"{len(found)} distributions: {stood['success']} let through, {stood['suspended']} for a person")
        answered = await asyncio.to_thread(review_in_another_process)
        console.print(f"the reviewer, in a process of its own, answered {answered}")
        ended = [await run.wait() for run in runs]
    if answered != stood["suspended"]:
        console.print(f"[red]{stood['suspended']} runs asked, and {answered} were answered[/]")
        sys.exit(1)
    return [verdict_of(result) for result in ended]


def verdict_of(result: RunResult[Verdict]) -> Verdict:
    if result.status != "success":
        console.print(f"[red]run {result.run_id} did not end well:[/] {result.status}")
        if result.status == "failed":
            console.print(f"{result.error.address}: {result.error.type}: {result.error.message}")
        sys.exit(1)
    return result.result


def main() -> None:
    parser = argparse.ArgumentParser(description="Review the licences of installed distributions.")
    parser.add_argument("--path", action="append", help="where to look; by default where Python looks")
    paths = parser.parse_args().path or [path for path in sys.path if path]
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    verdicts = asyncio.run(run_all(paths))
    markdown, data = write_report(FOLDER, verdicts)
    kinds = Counter(verdict.kind for verdict in verdicts)
    decisions = Counter(verdict.decision for verdict in verdicts)
    console.print(f"kinds: {dict(kinds)}; decisions: {dict(decisions)}")
    for verdict in verdicts:
        for problem in verdict.problems:
            console.print(f"[yellow]{verdict.name}[/]: {problem.field} {problem.what}")
    console.print(f"report: {markdown} and {data}")


if __name__ == "__main__":
    main()
