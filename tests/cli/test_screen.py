"""What is printed came from others, and is text: to the terminal it is no command, and to the command no markup."""

from __future__ import annotations

import io

import pytest
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from tests.cli.conftest import Folder
from waystation.cli.screen import Screen

COMMANDS = "a\x1b]0;title\x07b\x1b[31mc\x9b31md\x08e\rf\u202eg"
SHOWN = "a]0;titleb[31mc31mdefg"
ABOUT = "[/bold] \x1b[31m"


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> tuple[Screen, io.StringIO]:
    """A screen, and what a terminal would get of it."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")
    made, written = Screen(width=200), io.StringIO()
    made.file = written
    return made, written


def test_nothing_that_others_wrote_is_a_command_to_the_terminal(screen: tuple[Screen, io.StringIO]) -> None:
    shown, written = screen
    table, tree = Table(box=None), Tree(Text(COMMANDS))
    table.add_row(COMMANDS, Text(COMMANDS))
    tree.add(Text(COMMANDS, style="red"))
    for each in (COMMANDS, Text(COMMANDS), table, tree):
        shown.print(each)
    assert written.getvalue().count(SHOWN) == 6
    assert not {"\x07", "\x08", "\r", "\x9b", "\u202e"} & set(written.getvalue())
    assert "\x1b[31m" + SHOWN in written.getvalue(), "the command's own colours are there"
    assert "\x1b]" not in written.getvalue()


def test_nothing_that_others_wrote_is_markup(screen: tuple[Screen, io.StringIO]) -> None:
    shown, written = screen
    table = Table(box=None)
    table.add_row("[/bold]", "[red]id", ":warning:", "[link=https://evil.example]x[/link]")
    shown.print(table)
    for text in ("[/bold]", "[red]id", ":warning:", "[link=https://evil.example]x[/link]"):
        assert text in written.getvalue()


def test_a_run_may_be_about_anything_and_be_listed(folder: Folder) -> None:
    doc = '{"document_id": "DOC-1"}'
    assert folder.waystation("run", "approval", "--run-id", "[red]r1", "--input", doc, "--resource", ABOUT).code == 3
    listed = folder.waystation("runs")
    assert (listed.code, listed.err) == (0, "")
    assert "[red]r1" in listed.out
    assert "[/bold] [31m" in listed.out
