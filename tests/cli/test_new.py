"""``waystation new``: a project that runs as it is, and writes over nothing."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.cli.called import waystation
from tests.cli.conftest import ROOT, Folder


@pytest.fixture(autouse=True)
def _in_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_what_it_makes_runs_and_its_tests_pass(tmp_path: Path) -> None:
    made = waystation("new", "My Shop")
    assert (made.code, "cd 'My Shop' && waystation dev" in made.out) == (0, True)
    project = Folder(tmp_path / "My Shop")
    assert tomllib.loads((project.path / "pyproject.toml").read_text(encoding="utf-8"))["project"]["name"] == "my-shop"

    tested = subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=project.path,
        env={"PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (tested.returncode, "3 passed" in tested.stdout) == (0, True), tested.stdout + tested.stderr

    # as its README says, with the app that its pyproject.toml names
    request = '{"who": "Ada", "what": "a chair", "cost": 120}'
    assert project.waystation("run", "approval", "--run-id", "chair", "--input", request, app=None).code == 3
    done = project.waystation("resume", "chair", "--data", '{"approved": true}', app=None)
    assert (done.code, "a chair: approved" in done.out) == (0, True)


def test_every_command_of_its_readme_is_one_there_is(tmp_path: Path) -> None:
    waystation("new", "shop")
    readme = (tmp_path / "shop" / "README.md").read_text(encoding="utf-8")
    shown = [line.split()[1] for line in readme.splitlines() if line.startswith("waystation ")]
    assert set(shown) == {"dev", "run", "pending", "resume", "show"}
    assert all(waystation(each, "--help").code == 0 for each in shown)


def test_it_writes_over_nothing(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    assert waystation("new", "shop", "--json").json["created"][0] == str(Path("shop/pyproject.toml"))
    (tmp_path / "shop" / "approvals.py").write_text("mine", encoding="utf-8")
    again = waystation("new", "shop", "--json")
    assert (again.code, "nothing is written over" in again.json["error"]["message"]) == (2, True)
    assert (tmp_path / "shop" / "approvals.py").read_text(encoding="utf-8") == "mine"
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    assert waystation("new", "file").code == 2
    assert waystation("new", "file/below").code == 2
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"
