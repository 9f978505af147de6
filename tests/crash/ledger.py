"""A file outside the store in which the steps of many processes write what they do: the judge of what really ran.

A line is durable before the step goes on (O_APPEND and fsync), so a process that is killed has written it too, and
lines of several processes never mix.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


def note(line: str) -> None:
    """Write one line, durably, into the ledger that the environment names."""
    file = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(file, f"{line}\n".encode())
        os.fsync(file)
    finally:
        os.close(file)


@dataclass(frozen=True)
class Ledger:
    """The ledger of one test."""

    path: Path

    def lines(self) -> list[str]:
        """Every whole line so far, in the order they were written. Of a line that is just being written a reader may
        see the first part: where it goes on in the file's next page."""
        text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        return text[: text.rfind("\n") + 1].splitlines()
