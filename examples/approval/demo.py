"""The approval, its process killed while it waits for a person: ``make demo``.

One process submits a document and is killed with SIGKILL while the run is suspended. Another finds the run and
answers it. At the end the files in which the steps count their calls show that nothing ran twice.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import NoReturn, cast

from examples.approval.workflow import FOLDER, app, approval
from rich.console import Console

RUN_ID = "DOC-1"

# Printed as it is, so that it can be copied.
NEXT = """\
export WAYSTATION_APP=examples.approval.workflow:app
.venv/bin/waystation run approval --run-id DOC-2 --input '{"document_id": "DOC-2", "title": "Yours"}'
.venv/bin/waystation pending
.venv/bin/waystation resume DOC-2 --actor you --data '{"approved": false, "comment": "no"}'
.venv/bin/waystation show DOC-2
.venv/bin/waystation runs"""

console = Console(highlight=False)


def submit() -> None:
    """The first process: start the run, say where it stands, and stay until killed."""
    run = app.get_workflow(approval).create_run_sync(run_id=RUN_ID, resource_id="invoices")
    result = run.start_sync({"document_id": "DOC-1", "title": "Invoice of the printing house"})
    print(result.status, flush=True)
    sys.stdin.read()  # as a server would, it goes on living; its parent will kill it


def answer() -> None:
    """The second process: it knows nothing of the first. It finds what people are waited for, and answers."""
    for suspension in app.pending_sync(workflow="approval"):
        run = app.get_run_sync(suspension.run_id)
        result = run.resume_sync(data={"approved": True, "comment": "LGTM"}, actor="ada")
        print(json.dumps({"found": suspension.run_id, "at": suspension.address, "status": result.status}))
    app.close_sync()


def calls() -> dict[str, list[str]]:
    """Who called each step, read from the files in which they count."""
    return {file.stem: file.read_text(encoding="utf-8").splitlines() for file in sorted(FOLDER.glob("*.calls"))}


def shown(called: Mapping[str, list[str]]) -> str:
    return ", ".join(f"{name} {len(called.get(name, []))}" for name in ("submit", "review", "finalize"))


def start(part: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "examples.approval.demo", part],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def cli(*arguments: str) -> str:
    """What the ``waystation`` command prints for this app."""
    done = subprocess.run(
        [sys.executable, "-m", "waystation", *arguments, "--app", "examples.approval.workflow:app"],
        env={
            **os.environ,
            "PYTHONIOENCODING": "utf-8",
            **({"FORCE_COLOR": "1"} if console.is_terminal else {}),
        },
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
    )
    return done.stdout


def fail(message: str) -> NoReturn:
    console.print(f"[bold red]The demo failed:[/] {message}")
    sys.exit(1)


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)

    console.rule("1. A process submits a document; the run waits for a person")
    first = start("submit")
    assert first.stdout is not None, "it was asked for"
    assert first.stdin is not None, "it was asked for"
    try:
        if (status := first.stdout.readline().strip()) != "suspended":
            fail(f"the run should be suspended, and is {status!r}")
        console.print(f"process {first.pid}: run {RUN_ID} is [yellow]suspended[/]")
        console.print(f"calls: {shown(calls())}")

        console.rule("2. The process is killed")
        first.send_signal(signal.SIGKILL)
        code = first.wait(timeout=30)
    finally:
        if first.poll() is None:
            first.kill()
        first.wait()
        first.stdin.close()
        first.stdout.close()
    if code != -signal.SIGKILL:
        fail(f"the process should have died by SIGKILL, and ended with {code}")
    console.print(f"process {first.pid}: [red]killed with SIGKILL[/]. All that is left is {FOLDER / 'waystation.db'}")
    before = calls()

    console.rule("3. A new process finds the run and answers it")
    second = start("answer")
    said, _ = second.communicate(timeout=60)
    if second.returncode != 0:
        fail(f"the second process ended with {second.returncode}")
    answered = cast("dict[str, str]", json.loads(said))
    console.print(f"process {second.pid}: found run {answered['found']} waiting at {answered['at']}, and answered it")
    if answered["status"] != "success":
        fail(f"the run should have succeeded, and is {answered['status']!r}")

    console.rule("4. The run, step by step")
    console.out(cli("show", RUN_ID).rstrip(), highlight=False)

    console.rule("5. No earlier step ran again")
    after = calls()
    for name, expected in (("submit", 1), ("review", 2), ("finalize", 1)):
        who = "; ".join(after.get(name, []))
        meaning = "asked, then went on with the answer" if name == "review" else "once"
        console.print(f"{name:<9}{len(after.get(name, []))} × ({meaning}): {who}")
        if len(after.get(name, [])) != expected:
            fail(f"step {name!r} ran {len(after.get(name, []))} times, not {expected}")
    if after["submit"] != before["submit"]:
        fail("step 'submit' ran again after the crash")
    console.print("[green]The step before the crash was read from the journal, not run again.[/]")

    console.rule("Type next: be the person yourself")
    print(NEXT)


if __name__ == "__main__":
    parts = {"submit": submit, "answer": answer}
    parts[sys.argv[1]]() if len(sys.argv) > 1 else main()
