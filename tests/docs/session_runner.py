"""Runs a page that is a session at a terminal, such as the tutorial: its files are written, its commands are run.

A block ``python title="NAME"`` is a file, written where the reader would write it. A block ``console`` has commands,
each on a line that begins with ``$``, and what they print. In that, ``…`` stands for anything within a line, and a
line that is nothing else for any number of lines. All commands of a page are run by one shell.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(
    r'^```(?:python title="(?P<file>[^"]+)"|(?P<console>console))\n(?P<text>.*?)^```', re.DOTALL | re.MULTILINE
)
_END = "\x1e"
"""Printed after each command: no command prints it."""


@dataclass(frozen=True)
class File:
    """A file that the reader is told to write."""

    name: str
    text: str


@dataclass(frozen=True)
class Command:
    """A command, the line of the page it is on, and the lines that it is said to print."""

    line: int
    text: str
    prints: tuple[str, ...]

    def fits(self, printed: str) -> bool:
        """Whether that is what it is said to print."""
        return (
            re.fullmatch("".join(map(_pattern, self.prints)), "".join(f"{each}\n" for each in _lines(printed)))
            is not None
        )


def _lines(printed: str) -> list[str]:
    return [line.rstrip() for line in printed.rstrip().splitlines()]


def _pattern(line: str) -> str:
    if line == "…":
        return r"(?:[^\n]*\n)*"
    return "[^\n]*".join(re.escape(part) for part in line.split("…")) + "\n"


def parts_of(page: str) -> Iterator[File | Command]:
    """The files and the commands of a page, in their order."""
    for fence in _FENCE.finditer(page):
        if fence["file"]:
            yield File(fence["file"], fence["text"])
            continue
        line = page.count("\n", 0, fence.start("text")) + 1
        for said in re.split(r"^(?=\$ )", fence["text"], flags=re.MULTILINE):
            if said:
                assert said.startswith("$ "), f"line {line}: a block of a session begins with a command"
                command, *prints = said.splitlines()
                yield Command(line, command.removeprefix("$ "), tuple(each.rstrip() for each in prints))
            line += said.count("\n")


def run(page: Path, folder: Path, env: Mapping[str, str]) -> None:
    """Do in ``folder`` what the page says.

    Raises:
        AssertionError: a command printed something else than the page says.
    """
    script: list[str] = []
    commands: list[Command] = []
    for part in parts_of(page.read_text(encoding="utf-8")):
        if isinstance(part, Command):
            commands.append(part)
            script += [part.text, f"printf '{_END}'"]
        else:  # written when the session comes to it: a later one may have the same name
            script.append(f"cat > {part.name} <<'{_END}'\n{part.text}{_END}")
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    *printed, rest = done.stdout.split(_END)
    assert len(printed) == len(commands), f"{page}: the session broke off: {rest}"
    for command, each in zip(commands, printed, strict=True):
        said = "\n".join(command.prints)
        assert command.fits(each), f"{page}:{command.line}: `{command.text}` printed\n{each}\nand the page says\n{said}"
