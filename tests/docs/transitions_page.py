"""Writes ``docs/transitions.md`` from the core's table of transitions: ``python -m tests.docs.transitions_page``."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Final

from waystation.core.entries import StepBailed, StepCancelled, StepFailed, StepSucceeded
from waystation.core.state import Phase
from waystation.core.step_effects import TRANSITIONS

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "transitions.md"

_ENDS: Final[dict[type, str]] = {
    StepSucceeded: "succeeded",
    StepBailed: "bailed",
    StepFailed: "failed",
    StepCancelled: "cancelled",
}
"""What a step that is done by an entry is called; it has no phase any more, as it has no frame."""

_HEAD: Final = """\
# The transitions of a step

<!-- Made by `make transitions-page` from `TRANSITIONS` in src/waystation/core/step_effects.py; a test compares. -->

A step that was entered is in one of three phases. Each transition is an entry of the journal; the only one that is not
is `waiting` to `ready`, which time alone makes. An entry that is not in the table cannot follow: the journal then is of
another definition, or damaged.
"""

_FOOT: Final = """\
While a journal is folded the time between two attempts is not looked at: an entry that a ready step may have is legal
for a waiting one too. A cancelled run gives up steps that wait or are suspended without an entry of their own; so does
a block that fails, and a workflow that is ended by `bail`. How a failure reaches what is around the step is in
[how a run goes](how-a-run-goes.md#failure-and-cancel).
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_diagram(), "", *_table(), "", _FOOT])


def _diagram() -> list[str]:
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> ready: entered"]
    for (before, entry), after in TRANSITIONS.items():
        lines.append(f"    {before} --> {_ENDS[entry] if after is None else after}: {entry.__name__}")
    lines.append("    waiting --> ready: its time has come")
    lines += [f"    {end} --> [*]" for end in _ENDS.values()]
    return [*lines, "```"]


def _table() -> list[str]:
    lines = ["| phase | entry | becomes | the entry says |", "|---|---|---|---|"]
    for (before, entry), after in TRANSITIONS.items():
        said = " ".join((inspect.getdoc(entry) or "").split("\n\n")[0].split()).replace("``", "`")
        lines.append(f"| `{before}` | `{entry.__name__}` | {_becomes(entry, after)} | {said} |")
    return lines


def _becomes(entry: type, after: Phase | None) -> str:
    return f"done: {_ENDS[entry]}" if after is None else f"`{after}`"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
