"""The studio is in the wheel, built of what the lock pins."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STUDIO = ROOT / "studio"


def test_the_lock_holds_hashes_and_no_addresses() -> None:
    text = (STUDIO / "package-lock.json").read_text(encoding="utf-8")
    packages = {name: each for name, each in json.loads(text)["packages"].items() if name}
    assert packages
    assert [name for name, each in packages.items() if "integrity" not in each or "resolved" in each] == []
    assert ".tgz" not in text


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of the sources as they are in a fresh clone, where nothing is built."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("README.md", "LICENSE", "pyproject.toml", "hatch_build.py"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("dist", "__pycache__"))
    shutil.copytree(STUDIO, folder / "studio", ignore=shutil.ignore_patterns("node_modules"))
    # What npm installs is what the lock says: it is not fetched once more.
    (folder / "studio" / "node_modules").symlink_to(STUDIO / "node_modules")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder / "wheels")],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    (made,) = (folder / "wheels").glob("*.whl")
    return made


def test_a_wheel_of_a_fresh_clone_has_the_built_studio(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as inside:
        names = inside.namelist()
        page = inside.read("waystation/studio/dist/index.html").decode()
    for named in re.findall(r'(?:src|href)="/([^"]+)"', page):
        assert f"waystation/studio/dist/{named}" in names
    assert any(re.fullmatch(r"waystation/studio/dist/assets/index-[\w-]+\.js", name) for name in names)
    assert [name for name in names if name.endswith((".ts", ".tsx", ".map")) or "node_modules" in name] == []


def test_without_a_browser_it_is_said_what_to_install(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.browser.chromium"],
        cwd=ROOT,
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "install Debian's chromium (apt-get install chromium)" in done.stderr
