"""Writes ``docs/transitions.md`` and its picture from the core's table of transitions: ``make transitions-page``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Final

from waystation.core.entries import StepBailed, StepCancelled, StepFailed, StepSucceeded
from waystation.core.state import Phase
from waystation.core.step_effects import TRANSITIONS

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "transitions.md"
PICTURE: Final = PAGE.parent / "pictures" / "transitions.svg"

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
    return "\n".join(
        [_HEAD, f"![The transitions of the table below](pictures/{PICTURE.name})", "", *_table(), "", _FOOT]
    )


# --------------------------------------------------------------------------- the picture


_PLACES: Final = {
    "entered": (360, 24),
    "ready": (360, 130),
    "waiting": (90, 130),
    "suspended": (630, 130),
    "succeeded": (90, 300),
    "bailed": (270, 300),
    "failed": (450, 300),
    "cancelled": (630, 300),
}
"""Where the middle of each box is."""

_STYLE: Final = """\
<style>
  text { font: 13px system-ui, sans-serif; text-anchor: middle; fill: #1f2328; }
  text.label { font-size: 11px; fill: #57606a; paint-order: stroke; stroke: #ffffff; stroke-width: 5px; }
  rect { fill: #f6f8fa; stroke: #8c959f; } rect.end { fill: #ddf4ff; } path { fill: none; stroke: #8c959f; }
  marker path { fill: #8c959f; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } text.label { fill: #9198a1; stroke: #0d1117; }
    rect { fill: #161b22; stroke: #6e7681; } rect.end { fill: #0c2d6b; } path { stroke: #6e7681; }
    marker path { fill: #6e7681; }
  }
</style>
<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M 0 0 L 8 4 L 0 8 z"/></marker></defs>"""


def _edges() -> Iterator[tuple[str, str, str]]:
    """From where, to where, and by what."""
    yield "entered", "ready", ""
    for (before, entry), after in TRANSITIONS.items():
        yield before, _ENDS[entry] if after is None else after, entry.__name__
    yield "waiting", "ready", "its time has come"


def picture() -> str:
    """The picture, as SVG."""
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 340" width="720" height="340" role="img">',
        _STYLE,
    ]
    stay = [label for before, after, label in _edges() if before == after]
    lines += [line for edge in _edges() if edge[0] != edge[1] for line in _arrow(*edge)]
    lines += ['<path d="M 308 120 C 250 100 262 50 326 111" marker-end="url(#end)"/>']
    lines += [_label(216, 62 + 14 * row, each) for row, each in enumerate(stay)]
    for name, (x, y) in _PLACES.items():
        kind = "end" if name in _ENDS.values() else "phase"
        lines.append(f'<rect class="{kind}" x="{x - 52}" y="{y - 17}" width="104" height="34" rx="8"/>')
        lines.append(f'<text x="{x}" y="{y + 5}">{name}</text>')
    return "\n".join([*lines, "</svg>", ""])


def _arrow(before: str, after: str, label: str) -> Iterator[str]:
    (x1, y1), (x2, y2) = _PLACES[before], _PLACES[after]
    if y1 == y2:  # beside each other: the way back to ready is above the way there
        side = 1 if x2 > x1 else -1
        y = y1 - 7 * (1 if after == "ready" else -1)
        yield f'<path d="M {x1 + 52 * side} {y} L {x2 - 54 * side} {y}" marker-end="url(#end)"/>'
        yield _label((x1 + x2) / 2, y - 5 if after == "ready" else y + 14, label)
    else:
        yield f'<path d="M {x1} {y1 + 17} L {x2} {y2 - 19}" marker-end="url(#end)"/>'
        if label:
            yield _label(x1 + (x2 - x1) * 0.72, y1 + (y2 - y1) * 0.62, label)


def _label(x: float, y: float, label: str) -> str:
    return f'<text class="label" x="{x:g}" y="{y:g}">{escape(label)}</text>'


# --------------------------------------------------------------------------- the table


def _table() -> list[str]:
    lines = ["| phase | entry | becomes | the entry says |", "|---|---|---|---|"]
    for (before, entry), after in TRANSITIONS.items():
        said = " ".join((inspect.getdoc(entry) or "").split("\n\n")[0].split()).replace("``", "`")
        lines.append(f"| `{before}` | `{entry.__name__}` | {_becomes(entry, after)} | {said} |")
    return lines


def _becomes(entry: type, after: Phase | None) -> str:
    return f"done: {_ENDS[entry]}" if after is None else f"`{after}`"


def main() -> None:
    """Write the page and its picture."""
    PAGE.write_text(page(), encoding="utf-8")
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(picture(), encoding="utf-8")


if __name__ == "__main__":
    main()
