"""mypy and pyright, asked about whole programs: what they must accept, and what they must refuse."""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ACCEPTED = sorted((HERE / "accepted").glob("*.py"))
REFUSED = sorted((HERE / "refused").glob("*.py"))


@functools.cache
def errors_of_mypy() -> dict[Path, dict[int, str]]:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--config-file", "", "--strict", "--no-error-summary"),
            *("--enable-error-code", "comparison-overlap", "--cache-dir", str(ROOT / ".mypy_cache" / "typing")),
            *map(str, [*ACCEPTED, *REFUSED]),
        ],
        cwd=HERE,
        env={"MYPYPATH": str(ROOT / "src"), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == "", done.stderr
    found: dict[Path, dict[int, str]] = {}
    for line in done.stdout.splitlines():
        if match := re.fullmatch(r"(.+?):(\d+): error: (.*)", line):
            found.setdefault((HERE / match[1]).resolve(), {})[int(match[2])] = match[3]
    return found


@functools.cache
def errors_of_pyright() -> dict[Path, dict[int, str]]:
    settings = HERE / "pyrightconfig.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pyright", "--outputjson", "--project", str(settings)),
            *("--pythonpath", sys.executable),
        ],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found: dict[Path, dict[int, str]] = {}
    for each in json.loads(done.stdout)["generalDiagnostics"]:
        if each["severity"] == "error":
            line = each["range"]["start"]["line"] + 1
            found.setdefault(Path(each["file"]).resolve(), {})[line] = each["message"]
    return found


CHECKERS = {"mypy": errors_of_mypy, "pyright": errors_of_pyright}


def test_there_are_programs() -> None:
    assert ACCEPTED
    assert REFUSED


@pytest.mark.parametrize("checker", CHECKERS)
def test_every_right_program_is_accepted(checker: str) -> None:
    errors = CHECKERS[checker]()
    assert {file.name: errors.get(file, {}) for file in ACCEPTED} == {file.name: {} for file in ACCEPTED}


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("file", REFUSED, ids=lambda file: file.stem)
def test_every_marked_line_is_refused_and_no_other(checker: str, file: Path) -> None:
    marked = {
        number
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        # pyright widens the output of a step made of parts to a union with the coroutine; it is refused when it runs.
        if line.endswith(("# refused", f"# refused ({checker})"))
    }
    assert marked
    errors = CHECKERS[checker]().get(file, {})
    assert {n: errors[n] for n in sorted(errors.keys() - marked)} == {}, "refused, and should not be"
    assert sorted(marked - errors.keys()) == [], "not refused"
