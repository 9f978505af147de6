"""``watch``: a run drawn in a terminal as it goes on; the last picture stays."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.cli.called import waystation
from tests.cli.conftest import Folder
from tests.cli.spots import there
from waystation.client import Client

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Terminal:
    """A command at a terminal of its own."""

    def __init__(self, process: subprocess.Popen[bytes], screen: int) -> None:
        self.process = process
        self._screen = screen
        self.raw = ""

    @property
    def text(self) -> str:
        """All that was ever drawn, one picture below the other."""
        return _CONTROL.sub("", self.raw)

    def until(self, words: str) -> None:
        """Read on until this was drawn."""
        while words not in self.text:
            piece = self._piece()
            assert piece, f"it never drew {words!r}, but:\n{self.text}"
            self.raw += piece

    def to_the_end(self) -> int:
        """Read all there is; gives the exit code."""
        while piece := self._piece():
            self.raw += piece
        return self.process.wait(20)

    def _piece(self) -> str:
        assert select.select([self._screen], [], [], 60)[0], f"for a minute nothing was drawn after:\n{self.text}"
        try:
            return os.read(self._screen, 65536).decode(errors="replace")
        except OSError:  # the other end is closed
            return ""


@contextmanager
def at_a_terminal(folder: Folder, *arguments: str) -> Generator[Terminal]:
    screen, end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "waystation", *arguments],
        cwd=folder.path,
        env={**folder._environment({}), "COLUMNS": "120", "LINES": "50", "TERM": "xterm-256color"},
        stdin=end,
        stdout=end,
        stderr=end,
    )
    os.close(end)
    try:
        yield Terminal(process, screen)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(20)
        os.close(screen)


@contextmanager
def into_a_pipe(folder: Folder, *arguments: str) -> Generator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "waystation", *arguments],
        cwd=folder.path,
        env=folder._environment({}),
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def drawn_to(pipe: IO[str], words: str) -> list[str]:
    """The lines of the next picture, to the one that has these words."""
    lines: list[str] = []
    while not lines or words not in lines[-1]:
        line = pipe.readline()
        assert line, f"it never drew {words!r}, but {lines}"
        if line.strip():
            lines.append(line.rstrip())
    return lines


@pytest.fixture
def url() -> Iterator[str]:
    with there() as server:
        yield server.options[1]


def test_it_draws_each_step_as_it_goes_on_and_ends_with_the_run(folder: Folder, url: str) -> None:
    client = Client(url)
    run = client.get_workflow("approval").create_run_sync(run_id="r1")
    with at_a_terminal(folder, "watch", "r1", "--url", url) as terminal:
        terminal.until("review  · not begun")
        run.start_sync({"document_id": "DOC-1"})
        terminal.until("review  ⏸ suspended")
        assert "submit  ✓ success" in terminal.text
        run.resume_sync(data={"approved": True})
        assert terminal.to_the_end() == 0
        client.close_sync()
    last = terminal.text[terminal.text.rindex("approval  run r1") :]
    assert "✓ success" in last.splitlines()[0]
    assert "review  ✓ success" in last
    assert '"status":"approved"' in last
    assert "\x1b[1A" in terminal.raw, "each picture is drawn over the one before"


def test_it_draws_on_when_the_server_is_started_anew(folder: Folder, tmp_path: Path) -> None:
    store = tmp_path / "watched.db"
    with ExitStack() as at_the_end:
        with there(store) as before:
            url = before.options[1]
            client = Client(url)
            run = client.get_workflow("approval").create_run_sync(run_id="r1")
            run.start_sync({"document_id": "DOC-1"})
            terminal = at_the_end.enter_context(at_a_terminal(folder, "watch", "r1", "--url", url))
            terminal.until("review  ⏸ suspended")
        with there(store, port=int(url.rsplit(":", 1)[1])):
            run.resume_sync(data={"approved": True})
            assert terminal.to_the_end() == 0
            client.close_sync()
    assert '"status":"approved"' in terminal.text


def test_whoever_has_seen_enough_leaves_and_the_run_goes_on(folder: Folder, url: str) -> None:
    client = Client(url)
    run = client.get_workflow("approval").create_run_sync(run_id="r1")
    run.start_sync({"document_id": "DOC-1"})
    with at_a_terminal(folder, "watch", "r1", "--url", url) as terminal:
        terminal.until("review  ⏸ suspended")
        terminal.process.send_signal(2)
        assert terminal.to_the_end() == 130
    assert "the server goes on with it" in terminal.text
    assert run.resume_sync(data={"approved": True}).status == "success"
    client.close_sync()


def test_where_there_is_no_terminal_each_rest_of_the_run_is_drawn_when_it_comes_to_it(folder: Folder, url: str) -> None:
    client = Client(url)
    run = client.get_workflow("approval").create_run_sync(run_id="r1")
    with into_a_pipe(folder, "watch", "r1", "--url", url) as watching:
        assert watching.stdout is not None
        assert drawn_to(watching.stdout, "review") == [
            "approval  run r1  · pending",
            "├── submit  · not begun",
            "└── review  · not begun",
        ]
        run.start_sync({"document_id": "DOC-1"})
        head, *steps = drawn_to(watching.stdout, "asked")
        assert head == "approval  run r1  ⏸ suspended"
        assert "review  ⏸ suspended" in steps[1]
        run.resume_sync(data={"approved": True})
        last = watching.stdout.read()
        assert watching.wait(20) == 0
    client.close_sync()
    assert last.startswith("\napproval  run r1  ✓ success")
    assert last.endswith('result {"status":"approved"}\n')
    assert last.count("run r1") == 1


def test_where_there_is_no_terminal_a_run_that_has_ended_is_drawn_once(url: str) -> None:
    client = Client(url)
    client.get_workflow("refusing").create_run_sync(run_id="r1").start_sync(1)
    client.close_sync()
    said = waystation("watch", "r1", "--url", url)
    assert said.code == 1
    assert said.out.startswith("refusing  run r1  ✗ failed")
    assert said.out.count("refuse  ✗ failed") == 1
    assert said.out.endswith("\n")
    assert "\x1b" not in said.out


def test_what_takes_long_is_shown_how_far_it_has_come(folder: Folder, tmp_path: Path) -> None:
    for run in ("r1", "r2", "r3"):
        folder.waystation("run", "checked", "--run-id", run, "--input", '{"document_id": "DOC-1"}')
    command = ("db", "export", "r1", "r2", "r3", "--output", "out", "--app", "shop:app")
    with at_a_terminal(folder, *command) as terminal:
        assert terminal.to_the_end() == 0
    assert re.search(r"exporting\s.*3/3", terminal.text)
    assert sorted(file.name for file in (folder.path / "out").iterdir()) == ["r1.jsonl", "r2.jsonl", "r3.jsonl"]
    with at_a_terminal(folder, "db", "prune", "--older-than", "0s", "--yes", "--app", "shop:app") as terminal:
        assert terminal.to_the_end() == 0
    assert "deleted 3 runs" in terminal.text
