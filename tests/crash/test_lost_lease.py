"""A process that was frozen past its lease comes back: it finds that it no longer owns its run, and cannot write."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.crash.homes import Home
from waystation import open_store
from waystation.core.encoding import decode_entry
from waystation.core.entries import StepSucceeded

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import asyncio, json, os, sys, threading
from datetime import timedelta
from waystation import StepContext, Waystation, step, workflow

name, url = sys.argv[1:]

@step
async def first(number: int) -> int:
    return number

@step
async def slow(number: int) -> str:
    print("began", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    return f"by {name}"

flow = workflow("flow", input=int, output=str).then(first).then(slow).commit()

async def main():
    async with Waystation(
        workflows=[flow], store=url, lease=timedelta(seconds=1), recover_every=timedelta(milliseconds=50)
    ) as app:
        if name == "first":
            run = await app.get_workflow(flow).create_run(run_id="r1")
            result = await run.start(1)
        else:
            result = await (await app.get_run("r1")).wait()
        print(json.dumps({"result": result.result, "attempt": 1}), flush=True)

asyncio.run(main())
"""


def start(name: str, url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, name, url],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_frozen_process_loses_its_run_and_its_late_result_is_not_written(home: Home) -> None:
    url = home.url()
    first = start("first", url)
    second: subprocess.Popen[str] | None = None
    try:
        assert read_line(first) == "began"
        first.send_signal(signal.SIGSTOP)
        # Once the lease of the frozen one has run out, the second takes the run over and begins its step again.
        second = start("second", url)
        assert read_line(second) == "began"
        first.send_signal(signal.SIGCONT)
        # The first one's step ends first; what it gives must not count.
        first_out, first_err = None, None
        assert first.stdin is not None
        first.stdin.write("go on\n")
        first.stdin.flush()
        said, errors = second.communicate("go on\n", timeout=60)
        assert json.loads(said)["result"] == "by second", errors
        first_out, first_err = first.communicate(timeout=60)
        assert json.loads(first_out)["result"] == "by second", "who waits is given the result of the one who owns"
        assert "taken over by another process" in first_err
    finally:
        for process in (first, second):
            if process is not None and process.poll() is None:
                process.kill()
                process.communicate()

    async def completed() -> list[tuple[str, bytes]]:
        store = open_store(url)
        await store.open()
        entries = [decode_entry(entry) for entry in await store.read("r1")]
        await store.close()
        return [(entry.address, bytes(entry.output)) for entry in entries if isinstance(entry, StepSucceeded)]

    assert asyncio.run(completed()) == [("first", b"1"), ("slow", b'"by second"')]
