"""How the code is laid out."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [file for folder in ("src", "tests", "examples", "benchmarks") for file in (ROOT / folder).rglob("*.py")]


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    long = {
        str(file.relative_to(ROOT)): lines
        for file in SOURCES
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert long == {}


def test_every_ignored_type_error_has_its_reason() -> None:
    bare = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in SOURCES
        if file != Path(__file__)
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"# type: ignore(?!\[[a-z-, ]+\]  # \w)", line) or "# pyright: ignore" in line
    ]
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
