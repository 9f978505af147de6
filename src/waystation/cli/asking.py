"""Asks whoever sits at the terminal."""

from __future__ import annotations

import sys

from waystation.cli import printing
from waystation.cli.exits import UsageError
from waystation.cli.stdin import interruptible


def agreed(question: str) -> bool:
    """Whether they say yes.

    Raises:
        UsageError: nobody answers.
    """
    # On standard error: what a command tells is on standard output alone.
    printing.err.print(f"{question} (y/N)", end=" ", markup=False)
    with interruptible():
        answer = sys.stdin.readline()
    if not answer:
        raise UsageError("nobody answered; nothing was deleted. --yes deletes without asking")
    return answer.strip().lower() in {"y", "yes"}
