"""Writes ``docs/conformance.md`` from the marks of the tests: ``python -m tests.conformance.page``.

What the page says is shown by a test, or stands in ``left_out.py`` with its reason; nothing on it is written by hand.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, cast

import pytest

from tests.conformance.behaviours import Area
from tests.conformance.left_out import LEFT_OUT, NOT_ON_A_FLEET
from tests.conformance.model import OBSERVED

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "conformance.md"

AREAS: Final[Mapping[Area, str]] = {
    "flow": "Control flow",
    "step": "Inside a step",
    "state": "State and request context",
    "retry": "Retries and timeouts",
    "suspend": "Suspend and resume",
    "events": "Events and streams",
    "run": "The life of a run",
    "schedule": "Schedules",
    "version": "New code under old runs",
    "data": "Data and its types",
}
"""The headings, in order."""

_HEAD: Final = """\
# Conformance: what is the same as in the model, what is better, what is left out

<!-- Made by `make conformance-page` from the marks of the tests; a test compares. Do not edit. -->

Waystation is modelled on Mastra workflows. {observed} behaviours of the model were observed by running it (version
1.71.0, its default engine unless said); the numbers below are theirs. Each line of the tables is shown by a test;
those of `tests/conformance` run on each store, and once more on PostgreSQL with a Restate that places the runs
([what says nothing of a fleet](#not-run-on-a-fleet-and-why) apart). The column of tests has their files, below
`tests/`.

- **same**: as in the model.
- **better**: the model has a defect there, which the line names.
- **new**: the model has nothing of the kind.
"""


@dataclass(frozen=True)
class Shown:
    """A behaviour, and the tests that show it.

    Attributes:
        tests: ``path::name`` of each.
    """

    area: Area
    feature: str
    verdict: Literal["same", "better", "new"]
    model: tuple[int, ...]
    why: str
    tests: tuple[str, ...]


def marked_files() -> list[Path]:
    """The files of tests that have marks."""
    return [
        file
        for file in sorted((ROOT / "tests").rglob("test_*.py"))
        if "@behaviour(" in file.read_text(encoding="utf-8")
    ]


def shown_behaviours() -> list[Shown]:
    """What the tests show, in their order; a behaviour that several show is one."""
    found: dict[tuple[str, str], Shown] = {}
    for file in marked_files():
        path = file.relative_to(ROOT).as_posix()
        module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
        for test, mark in _marks(vars(module)):
            shown = _shown(mark, f"{path}::{test}")
            key = (shown.area, shown.feature)
            found[key] = shown if key not in found else _together(found[key], shown)
    return list(found.values())


def _marks(names: Mapping[str, object]) -> Iterator[tuple[str, pytest.Mark]]:
    for name, value in list(names.items()):
        if name.startswith("test") and callable(value):
            for mark in cast("Sequence[pytest.Mark]", getattr(value, "pytestmark", [])):
                if mark.name == "behaviour":
                    yield name, mark
        elif name.startswith("Test") and isinstance(value, type):
            yield from _marks(vars(value))


def _shown(mark: pytest.Mark, test: str) -> Shown:
    said = mark.kwargs
    feature = str(said["feature"]).strip().removesuffix(".")
    return Shown(said["area"], feature, said["verdict"], tuple(said["model"]), str(said["why"]).strip(), (test,))


def _together(one: Shown, other: Shown) -> Shown:
    if (one.verdict, one.why) != (other.verdict, other.why):
        raise ValueError(f"{one.tests[0]} and {other.tests[0]} say {one.feature!r} and judge it differently")
    return Shown(
        one.area,
        one.feature,
        one.verdict,
        tuple(sorted({*one.model, *other.model})),
        one.why,
        (*one.tests, *other.tests),
    )


def unanswered(shown: Sequence[Shown]) -> list[int]:
    """The numbers of the model's behaviours that neither a test answers to nor a reason is given for."""
    answered = {number for each in shown for number in each.model} | {n for each in LEFT_OUT for n in each.model}
    return sorted(set(OBSERVED) - answered)


# --------------------------------------------------------------------------- the page


def page(shown: Sequence[Shown]) -> str:
    """The whole page."""
    parts = [_HEAD.format(observed=len(OBSERVED)), _counts(shown)]
    parts += [_area(heading, [each for each in shown if each.area == area]) for area, heading in AREAS.items()]
    return "\n".join([*parts, _left_out(), _not_on_a_fleet(), _by_number(shown)])


def _counts(shown: Sequence[Shown]) -> str:
    lines = ["| | same | better | new |", "|---|---|---|---|"]
    for area, heading in AREAS.items():
        verdicts = [each.verdict for each in shown if each.area == area]
        counts = " | ".join(str(verdicts.count(verdict)) for verdict in ("same", "better", "new"))
        lines.append(f"| [{heading}](#{_anchor(heading)}) | {counts} |")
    total = [each.verdict for each in shown]
    counts = " | ".join(f"**{total.count(verdict)}**" for verdict in ("same", "better", "new"))
    lines.append(f"| **All** | {counts} |")
    lines.append(f"| [Left out](#left-out-and-why) | {len(LEFT_OUT)} | | |")
    return "\n".join([*lines, ""])


def _area(heading: str, shown: Sequence[Shown]) -> str:
    lines = [f"## {heading}", ""]
    if not shown:
        return "\n".join([*lines, "Nothing is marked yet.", ""])
    lines += ["| behaviour | | model | test |", "|---|---|---|---|"]
    for each in sorted(shown, key=lambda each: min(each.model, default=1000)):
        why = f" (the model: {each.why})" if each.why else ""
        numbers = ", ".join(map(str, each.model))
        lines.append(f"| {_cell(each.feature + why)} | {each.verdict} | {numbers} | {_tests(each.tests)} |")
    return "\n".join([*lines, ""])


def _tests(tests: Sequence[str]) -> str:
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    return ", ".join(f"`{file.removeprefix('tests/')}`" for file in files)


def _left_out() -> str:
    lines = ["## Left out, and why", "", "| the model has | why it is not here | model |", "|---|---|---|"]
    for each in LEFT_OUT:
        lines.append(f"| {_cell(each.feature)} | {_cell(each.why)} | {', '.join(map(str, each.model))} |")
    return "\n".join([*lines, ""])


def _not_on_a_fleet() -> str:
    lines = ["## Not run on a fleet, and why", "", "| test | why it says nothing of a fleet |", "|---|---|"]
    for each in NOT_ON_A_FLEET:
        lines.append(f"| {', '.join(f'`{test}`' for test in each.tests)} | {_cell(each.why)} |")
    return "\n".join([*lines, ""])


def _by_number(shown: Sequence[Shown]) -> str:
    lines = [
        "## The model's behaviours by number",
        "",
        "What was observed, and where it is answered above. (!) marks what is a defect there.",
        "",
        "| | observed in the model | here |",
        "|---|---|---|",
    ]
    for number, text in OBSERVED.items():
        verdicts = dict.fromkeys(
            f"{each.verdict} ([{AREAS[each.area].lower()}](#{_anchor(AREAS[each.area])}))"
            for each in shown
            if number in each.model
        )
        left_out = ["[left out](#left-out-and-why)"] if any(number in each.model for each in LEFT_OUT) else []
        lines.append(f"| {number} | {_cell(text)} | {', '.join([*verdicts, *left_out]) or '**unanswered**'} |")
    return "\n".join([*lines, ""])


def _anchor(heading: str) -> str:
    return heading.lower().replace(",", "").replace(" ", "-")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def main() -> None:
    """Write the page."""
    shown = shown_behaviours()
    PAGE.write_text(page(shown), encoding="utf-8")
    missing = unanswered(shown)
    print(
        f"{PAGE.relative_to(ROOT)}: {len(shown)} behaviours, {len(LEFT_OUT)} left out; unanswered: {missing or 'none'}"
    )


if __name__ == "__main__":
    main()
