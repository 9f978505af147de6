"""The examples, run as the README says, each in a folder of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def python(folder: Path, *arguments: str) -> str:
    """Run Python in ``folder``, which must end well; what it printed."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def test_onboarding_greets_the_user(tmp_path: Path) -> None:
    assert python(tmp_path, "-m", "examples.onboarding.workflow") == "Welcome, Ada! How is London?\n"


def test_the_approval_demo_outlives_its_process_and_runs_no_step_again(tmp_path: Path) -> None:
    said = python(tmp_path, "-m", "examples.approval.demo")
    assert "killed with SIGKILL" in said
    assert re.search(r"approval  run DOC-1  ✓ success", said)
    called = {file.stem: file.read_text().splitlines() for file in (tmp_path / ".demo/approval").glob("*.calls")}
    assert {name: len(lines) for name, lines in called.items()} == {"submit": 1, "review": 2, "finalize": 1}
    assert called["submit"][0] == called["review"][0] != called["review"][1], "two processes took part"
    assert "waystation resume DOC-2" in said
    assert re.search(
        r"waystation studio --app examples.approval.workflow:app\nthen open http://127\.0\.0\.1:\d+/", said
    )


def install(site: Path, name: str, metadata: bytes | None) -> None:
    folder = site / f"{name}-1.0.dist-info"
    folder.mkdir(parents=True)
    if metadata is not None:
        (folder / "METADATA").write_bytes(metadata)


def test_the_licence_review_reports_broken_metadata_by_name_and_field_and_loses_nothing(tmp_path: Path) -> None:
    site = tmp_path / "site"
    head = b"Metadata-Version: 2.1\nName: %b\nVersion: 1.0\n"
    install(site, "permissive", head % b"permissive" + b"License: MIT\n")
    install(site, "copyleft", head % b"copyleft" + b"Classifier: License :: OSI Approved :: GNU GPLv3\n")
    install(site, "both", head % b"both" + b"License-Expression: MIT OR LGPL-2.1-only\n")
    install(site, "strange", head % b"strange" + b"License: Beerware\n")
    install(site, "silent", head % b"silent")
    install(site, "nameless", b"Metadata-Version: 2.1\nVersion: 1.0\nLicense: BSD\n")
    install(site, "latin", head % b"latin" + b"Author: Andr\xe9\nLicense: ISC\n")
    install(site, "empty", b"")
    install(site, "bare", None)

    said = python(tmp_path, "-m", "examples.licence_review.demo", "--path", str(site))

    rows = json.loads((tmp_path / ".demo/licences/report.json").read_text(encoding="utf-8"))
    found = {row["name"]: (row["kind"], row["decision"], row["decided_by"]) for row in rows}
    assert found == {
        "permissive": ("permissive", "accept", "rule"),
        "copyleft": ("copyleft", "accept", "reviewer"),
        "both": ("copyleft", "accept", "reviewer"),
        "strange": ("unknown", "reject", "reviewer"),
        "silent": ("unknown", "reject", "reviewer"),
        "nameless": ("permissive", "accept", "rule"),
        "latin": ("permissive", "accept", "rule"),
        "empty": ("unknown", "reject", "reviewer"),
        "bare": ("unknown", "reject", "reviewer"),
    }
    problems = {(row["name"], problem["field"]) for row in rows for problem in row["problems"]}
    assert problems == {
        ("silent", "License"),
        ("nameless", "Name"),
        ("latin", "METADATA"),
        ("empty", "Name"),
        ("empty", "Version"),
        ("empty", "License"),
        ("bare", "METADATA"),
    }
    report = (tmp_path / ".demo/licences/report.md").read_text(encoding="utf-8")
    for name, field in problems:
        assert f"- {name}: `{field}`" in report
        assert f"{name}: {field}" in said
    assert "9 distributions: 3 permissive, 2 copyleft, 4 unknown" in report
