"""The approval, its process killed while it waits for a person: ``make demo``.

One process submits a document and is killed with SIGKILL while the run is suspended. Another finds the run and
answers it. At the end the files in which the steps count their calls show that nothing ran twice, and a server is
started for a moment, to offer no studio that would not work.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from typing import NoReturn, cast

from examples.approval.workflow import FOLDER, app, approval
from rich.console import Console

from waystation.cli.serving import LOOPBACK
from waystation.settings import DEFAULT_PORT

RUN_ID = "DOC-1"

APP = "examples.approval.workflow:app"

# Printed as it is, so that it can be copied.
NEXT = f"""\
export WAYSTATION_APP={APP}
.venv/bin/waystation run approval --run-id DOC-2 --input '{{"document_id": "DOC-2", "title": "Yours"}}'
.venv/bin/waystation pending
.venv/bin/waystation resume DOC-2 --actor you --data '{{"approved": false, "comment": "no"}}'
.venv/bin/waystation show DOC-2"""

STUDIO = f".venv/bin/waystation studio --app {APP}"

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
        [sys.executable, "-m", "waystation", *arguments, "--app", APP],
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


def studio_works() -> bool:
    """Start the studio's server on a free port, ask it for the run, and end it; whether the studio's pages are there.

    They are in an installed package; in a checkout ``make studio`` builds them.
    """
    server = subprocess.Popen(
        [sys.executable, "-m", "waystation", "studio", "--app", APP, "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None, "it was asked for"
    try:
        said = ""
        while not said.endswith("}\n"):
            line = server.stdout.readline()
            if not line:
                fail(f"the server of the studio ended: {said}")
            said += line
        url = cast("dict[str, str]", json.loads(said))["url"]
        runs = cast("dict[str, list[dict[str, str]]]", json.loads(fetched(f"{url}/api/v1/runs")))
        if [each["run_id"] for each in runs["runs"]] != [RUN_ID]:
            fail(f"the server of the studio should know the run {RUN_ID}, and knows {runs}")
        return fetched(url) != ""
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=30)
        server.stdout.close()


def offer() -> None:
    """Say what to do next. What is said about the studio was tried before."""
    built = studio_works()
    console.rule("Type next: be the person yourself")
    print(NEXT)
    console.rule("Or in a browser")
    print(STUDIO if built else f"make studio    # once: it builds the studio's pages\n{STUDIO}")
    print(f"then open http://{LOOPBACK}:{DEFAULT_PORT}/ and start a run there")


def fetched(url: str) -> str:
    """What is at a server's address; nothing if there is nothing."""
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            return cast("bytes", response.read()).decode("utf-8")
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != HTTPStatus.NOT_FOUND:
            fail(f"{url} answered {error.code}")
        return ""


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

    offer()


if __name__ == "__main__":
    parts = {"submit": submit, "answer": answer}
    parts[sys.argv[1]]() if len(sys.argv) > 1 else main()
