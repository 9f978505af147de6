"""How the code is laid out."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [
    *(file for folder in ("src", "tests", "examples", "benchmarks") for file in (ROOT / folder).rglob("*.py")),
    ROOT / "hatch_build.py",
    ROOT / "studio" / "build.py",
]


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    long = {
        str(file.relative_to(ROOT)): lines
        for file in SOURCES
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert long == {}


_REASONED = re.compile(r"# (?:type|pyright): ignore\[[A-Za-z-, ]+\]  # \w|# (?:ruff: )?noqa: [A-Z0-9, ]+  \(\S.*\)$")
_MARK = re.compile(r"# type: ignore|# pyright: ignore|noqa\b|pragma:|pytest\.mark\.(?:skip|xfail)")


def test_every_mark_that_silences_a_checker_or_leaves_out_a_test_has_its_reason() -> None:
    """That it is still needed the checkers tell. Nothing here measures coverage, so nothing is left out of it."""
    bare = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in SOURCES
        if file != Path(__file__)
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if _MARK.search(line) and not _REASONED.search(line)
    ]
    assert bare == []


_NUMBERED = re.compile(r"""["\s(]\?\d+\b""")


def test_no_statement_for_sqlite_numbers_its_parameters() -> None:
    """What is given by place is taken by place: Python 3.12 warns of anything else, and a later one refuses it."""
    found = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in SOURCES
        if file != Path(__file__) and "execute" in (text := file.read_text(encoding="utf-8"))
        for number, line in enumerate(text.splitlines(), 1)
        if _NUMBERED.search(line)
    ]
    assert found == []


def test_every_lint_rule_that_the_studio_leaves_out_has_its_reason() -> None:
    """After it, or as a comment on the line before."""
    bare: list[str] = []
    for file in (ROOT / "studio" / "src").rglob("*.ts*"):
        before = ""
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if "eslint-disable" in line and " -- " not in line and not re.search(r"^\s*(?:\{/\*|//) \w", before):
                bare.append(f"{file.relative_to(ROOT)}:{number}")
            before = line
    assert bare == []


def test_every_import_goes_the_allowed_way() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_the_library_imports_no_optional_part() -> None:
    script = (
        "import sys, waystation; "
        "heavy = {'pydantic_ai', 'attrs', 'attr', 'typer', 'rich', 'pytest', 'sqlalchemy', "
        "'cryptography', 'zstandard', 'fsspec', 'asyncpg', 'fastapi', 'starlette', 'uvicorn', 'httpx'} "
        "& set(sys.modules); "
        "print(sorted(heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_the_lock_holds_hashes_and_no_addresses() -> None:
    lock = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    pinned = re.findall(r"^[a-z][^=]+==[^ ]+.*\\$", lock, flags=re.MULTILINE)
    assert len(pinned) == lock.count("==") - lock.count("== '"), "every line is pinned"
    assert lock.count("--hash=sha256:") >= len(pinned)
