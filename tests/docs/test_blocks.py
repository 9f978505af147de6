"""What fenced blocks show is so: data parses, commands are there and take what they are given."""

from __future__ import annotations

import ast
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol, cast

import pytest
from typer.main import get_command

from tests.docs.pages import PAGES, ROOT, fences, name, prose, text
from waystation.cli.commands import cli

KINDS: Final = {"python", "py", "console", "sh", "sql", "json", "http", "text", "mermaid", "toml", "yaml", "ini"}
"""What blocks may hold. ``python`` and ``console`` are run, ``py`` is a signature, ``text`` is for people alone."""


def test_every_fence_says_what_it_holds() -> None:
    unknown = [
        f"{name(page)}:{each.line}: {each.info!r}" for page in PAGES for each in fences(page) if each.kind not in KINDS
    ]
    assert unknown == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_data_and_signatures_parse(page: Path) -> None:
    for each in fences(page):
        try:
            if each.kind == "json":
                json.loads(each.text)
            elif each.kind == "toml":
                tomllib.loads(each.text)
            elif each.kind == "py":
                ast.parse(each.text)
        except ValueError as error:
            pytest.fail(f"{name(page)}:{each.line}: {error}")


# --------------------------------------------------------------------------- the command


class Command(Protocol):
    """What is needed of a command; whose class is the command line library's own."""

    params: list[Parameter]


class Parameter(Protocol):
    """An argument or an option of a command."""

    param_type_name: str
    nargs: int
    opts: list[str]
    secondary_opts: list[str]
    is_flag: bool


def commands(of: Command | None = None, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Command]]:
    """Every command with its name, which may have several words."""
    command = of or cast("Command", get_command(cli))
    below = cast("dict[str, Command]", getattr(command, "commands", {}))
    if not below:
        yield before, command
    for word, each in below.items():
        yield from commands(each, (*before, word))


COMMANDS: Final = dict(commands())


def calls(page: Path) -> Iterator[tuple[str, list[str]]]:
    """The calls of ``waystation`` on a page, in blocks for a shell and in the text; with their words."""
    shown = [line for each in fences(page) if each.kind == "sh" for line in each.text.replace("\\\n", " ").splitlines()]
    inline = [
        found for found in re.findall(r"`(waystation [^`]*)`", prose(page)) if "..." not in found and "…" not in found
    ]
    for line in [*shown, *inline]:
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>()")
        lexer.whitespace_split = True
        words = list(lexer)
        for number, word in enumerate(words):
            begins = number == 0 or words[number - 1] in {"|", "&&", ";"} or "=" in words[number - 1]
            if word.rpartition("/")[2] == "waystation" and begins:
                rest = words[number + 1 :]
                stop = next((at for at, each in enumerate(rest) if each[0] in "|&;<>"), len(rest))
                yield line, rest[:stop]


ABOUT: Final = {"--version", "--help", "--install-completion", "--show-completion"}
"""What is asked of the command itself."""


def problem(words: list[str]) -> str | None:
    """What is wrong with a call; None if nothing is."""
    path = next((path for path in COMMANDS if tuple(words[: len(path)]) == path), None)
    if path is None:
        begun = any(known[: len(words)] == tuple(words) for known in COMMANDS)  # a group of commands, in a text
        return None if begun or words[0] in ABOUT else "there is no such command"
    parameters = COMMANDS[path].params
    options = {each: param for param in parameters for each in (*param.opts, *param.secondary_opts) if each[0] == "-"}
    places = sum(
        1000 if param.nargs < 0 else param.nargs for param in parameters if param.param_type_name == "argument"
    )
    given = iter(words[len(path) :])
    for word in given:
        option, equals, _ = word.partition("=")
        if option.startswith("-") and len(option) > 1:
            if option != "--help" and option not in options:
                return f"there is no option {option}"
            if option != "--help" and not equals and not options[option].is_flag and next(given, None) is None:
                return f"{option} needs a value"
        else:
            places -= 1
    return "it takes fewer arguments" if places < 0 else None


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_calls_of_the_command_that_a_page_shows_are_ones_it_takes(page: Path) -> None:
    wrong = [f"{line}: {said}" for line, words in calls(page) if (said := problem(words))]
    assert wrong == []


def test_the_page_of_the_command_names_every_command_and_no_other() -> None:
    usage = next(each.text for each in fences(ROOT / "docs/cli.md") if each.kind == "text")
    named = [line.split()[1:] for line in usage.splitlines() if line.startswith("waystation ")]
    paths = {path: [words for words in named if tuple(words[: len(path)]) == path] for path in COMMANDS}
    assert [path for path, words in paths.items() if not words] == []
    assert [words for words in named if not any(words in found for found in paths.values())] == []


def test_calls_of_make_that_pages_show_are_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text(ROOT / "Makefile"), flags=re.MULTILINE))
    shown = {
        (name(page), target)
        for page in PAGES
        for call in re.findall(r"(?:`|^)make ((?:[a-z][a-z-]*[ `]?)+)(?:`|\s|$)", text(page), flags=re.MULTILINE)
        for target in call.strip("` ").split()
    }
    assert {each for each in shown if each[1] not in targets} == set()


def test_extras_that_pages_name_are_there() -> None:
    project = tomllib.loads(text(ROOT / "pyproject.toml"))["project"]
    named = {
        (name(page), extra)
        for page in PAGES
        for extras in re.findall(r"(?:waystation|pip install '?\.)\[([a-z,]+)\]", text(page))
        for extra in extras.split(",")
    }
    assert {extra for _, extra in named} >= {"server", "postgres"}
    assert {each for each in named if each[1] not in project["optional-dependencies"]} == set()
