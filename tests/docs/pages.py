"""The pages of the project, and what is on them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
DOCS: Final = ROOT / "docs"
PAGES: Final = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted(DOCS.rglob("*.md"))]

_FENCE: Final = re.compile(r"^( *)```([^\n]*)\n(.*?)^ *```$", flags=re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Fence:
    """A fenced block: the line of the page it begins on, what it is said to hold, and its text."""

    line: int
    info: str
    text: str

    @property
    def kind(self) -> str:
        """The first word of what it is said to hold."""
        return self.info.partition(" ")[0]


def name(page: Path) -> str:
    """The page, from the root of the project on."""
    return page.relative_to(ROOT).as_posix()


def text(page: Path) -> str:
    """What is on the page."""
    return page.read_text(encoding="utf-8")


def fences(page: Path) -> Iterator[Fence]:
    """The fenced blocks of a page."""
    whole = text(page)
    for found in _FENCE.finditer(whole):
        yield Fence(whole.count("\n", 0, found.start(3)) + 1, found[2], found[3])


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", text(page))
