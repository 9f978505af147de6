"""``serve``, ``studio`` and ``dev``: servers in processes of their own, ended as a person or a machine would."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.cli.called import waystation
from tests.cli.conftest import ROOT, Folder
from waystation.client import Client

DOC = {"document_id": "DOC-1"}

SLOWLY = """
import time
from datetime import timedelta
from pathlib import Path

@step
def slow(doc: Doc) -> Doc:
    while not Path("go").exists():
        time.sleep(0.01)
    return doc

slowly = workflow("slowly", input=Doc, output=Doc).then(slow).commit()
app = Waystation(lease=timedelta(seconds=1), workflows=[slowly, """


@contextmanager
def begun(folder: Folder, *arguments: str, app: str = "shop:app") -> Generator[subprocess.Popen[str]]:
    """A command that is under way; it is ended if the test has not done it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "waystation", *arguments, "--app", app],
        cwd=folder.path,
        env={**folder._environment({}), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(20)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def line_with(pipe: IO[str] | None, words: str) -> str:
    """The first line that has these words."""
    assert pipe is not None
    seen = ""
    for line in pipe:
        seen += line
        if words in line:
            return line
    raise AssertionError(f"it never said {words!r}, but:\n{seen}")


def address(process: subprocess.Popen[str]) -> str:
    """Where it serves, once it does."""
    return line_with(process.stdout, "Studio at").split()[-1]


def free_port() -> str:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_server_drives_runs_and_ends_cleanly_when_it_is_told_to(folder: Folder, how: signal.Signals) -> None:
    with begun(folder, "serve", "--port", "0", "--json") as server:
        url = json.loads("".join(line_with(server.stdout, end) for end in ("{", "url", "}")))["url"]
        client = Client(url)
        asked = client.get_workflow("approval").create_run_sync(run_id="r1")
        assert asked.start_sync(DOC).status == "suspended"
        client.close_sync()
        server.send_signal(how)
        assert server.wait(20) in {0, -how}
        assert "Traceback" not in (server.stderr.read() if server.stderr else "")
    assert folder.waystation("db", "status", "--json").json["workers"] == [], "it has handed over what it had"
    assert folder.waystation("resume", "r1", "--data", '{"approved": true}').code == 0


def test_a_server_without_the_studio_does_not_tell_of_one(folder: Folder) -> None:
    with begun(folder, "serve", "--port", "0", "--no-studio") as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("Waystation is at http://127.0.0.1:")


def test_a_server_takes_over_runs_that_nobody_drives(folder: Folder) -> None:
    folder.change("app = Waystation(workflows=[", SLOWLY)
    with folder.begun("run", "slowly", "--run-id", "r1", "--input", json.dumps(DOC)) as command:
        assert command.stderr is not None
        assert b"r1 started" in command.stderr.readline()
        command.kill()
    (folder.path / "go").touch()
    with begun(folder, "serve", "--port", "0") as server:
        client = Client(address(server))
        assert client.call(client.get_run_sync("r1").wait()).status == "success"
        client.close_sync()


APP = ("--app", "tests.cli.shop:app")


def test_without_tokens_it_listens_on_this_machine_alone() -> None:
    refused = waystation("serve", "--host", "0.0.0.0", "--port", "0", "--json", *APP)
    assert (refused.code, refused.json["error"]["code"]) == (2, "listen_refused")
    assert waystation("serve", "--tokens", "none.json", *APP).code == 2
    assert waystation("serve", "--oidc-issuer", "https://id.example", *APP).code == 2
    assert waystation("serve", "--log-level", "loud", *APP).code == 2


def test_with_tokens_it_asks_for_one_and_one_that_is_revoked_holds_no_longer(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.path)
    token = waystation("token", "new", "ada", "--scope", "run").out.strip()
    with begun(folder, "serve", "--port", "0", "--tokens", "tokens.json") as server:
        monkeypatch.setenv("WAYSTATION_URL", address(server))
        assert waystation("runs").code == 8
        monkeypatch.setenv("WAYSTATION_TOKEN", token)
        assert waystation("runs").code == 0
        waystation("token", "revoke", token.split("_")[1])
        assert waystation("runs").code == 8


def test_a_port_that_is_taken_is_told_plainly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = waystation("studio", "--port", port, "--json", *APP)
    assert (refused.code, refused.json["error"]["code"]) == (2, "listen_failed")


def test_the_studio_is_opened_in_a_browser_that_may_stay_open(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = "import sys, time; open('opened', 'w').write(sys.argv[1]); time.sleep(60)"
    (folder.path / "browser.py").write_text(browser, encoding="utf-8")
    monkeypatch.setenv("BROWSER", f"{sys.executable} {folder.path / 'browser.py'} %s")
    opened = folder.path / "opened"
    with begun(folder, "studio", "--port", "0", "--open") as studio:
        client = Client(address(studio))
        ends = time.monotonic() + 20
        while not opened.exists() or not opened.read_text(encoding="utf-8"):
            assert time.monotonic() < ends
            assert client.call(client.list_runs()).runs == [], "it serves meanwhile"
        assert opened.read_text(encoding="utf-8") == client.url
        client.close_sync()
        os.killpg(studio.pid, signal.SIGTERM)


def test_dev_serves_new_code_and_runs_go_on_with_it(folder: Folder) -> None:
    port = free_port()
    with begun(folder, "dev", "--port", port) as dev:
        client = Client(address(dev))
        run = client.get_workflow("approval").create_run_sync(run_id="r1")
        assert run.start_sync(DOC).status == "suspended"
        folder.change('"approved" if', '"approved anew" if')
        assert "shop.py changed; starting anew" in line_with(dev.stderr, "changed")
        assert address(dev) == client.url
        done = run.resume_sync(data={"approved": True})
        assert done.status == "success"
        assert done.result == {"status": "approved anew"}

        file = folder.path / "shop.py"
        whole = file.read_text(encoding="utf-8")
        file.write_text("this is no Python", encoding="utf-8")
        line_with(dev.stderr, "cannot be imported")
        line_with(dev.stderr, "the server has ended")
        file.write_text(whole, encoding="utf-8")
        assert address(dev) == client.url
        assert client.get_run_sync("r1").result_sync() == done
        client.close_sync()
        dev.terminate()
        assert dev.wait(20) == 0
    with socket.socket() as free:  # its server has ended with it
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", int(port)))


def test_the_command_begins_without_what_only_servers_and_clients_need() -> None:
    script = (
        "import sys, waystation.cli.commands\n"
        "heavy = {'httpx', 'fastapi', 'starlette', 'uvicorn', 'watchfiles', 'waystation.client', 'waystation.server'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_the_shell_completes_commands_and_options(folder: Folder) -> None:
    def completed(words: str) -> list[str]:
        done = subprocess.run(
            [Path(sys.executable).with_name("waystation")],
            cwd=folder.path,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT / "src"),
                "_WAYSTATION_COMPLETE": "complete_bash",
                "COMP_WORDS": words,
                "COMP_CWORD": str(len(words.split(" ")) - 1),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.split()

    assert set(completed("waystation re")) == {"restart", "resubmit", "resume"}
    assert "--reason" in completed("waystation cancel --r")
