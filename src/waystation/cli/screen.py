"""Where the command prints for people. What is printed came from others: ids, payloads, reasons, messages of errors."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

_COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a terminal obeys rather than shows, and what has it show text in another order. It takes no room in a line."""


class Screen(Console):
    """Shows text as it is: nothing in it is markup; what would be a command to the terminal is left out.

    Arguments:
        stderr: whether it is standard error.
        soft_wrap: whether the terminal may wrap lines, and nothing else does.
        width: how wide it is taken to be; None for as wide as the terminal.
    """

    def __init__(self, *, stderr: bool = False, soft_wrap: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, soft_wrap=soft_wrap, width=width, highlight=False, markup=False, emoji=False)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """What is to be written."""
        for segment in super().render(renderable, options):
            if segment.control is None and _COMMANDS.search(segment.text):
                yield Segment(_COMMANDS.sub("", segment.text), segment.style)
            else:
                yield segment
