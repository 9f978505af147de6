"""The documentation as a site: every page has its place, all links hold, and nothing is fetched from elsewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT

CONFIGURATION = ROOT / "zensical.toml"


def in_nav(nav: object) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, list | dict):
        for each in nav.values() if isinstance(nav, dict) else nav:
            yield from in_nav(each)


def test_every_page_has_its_place_in_the_navigation() -> None:
    named = list(in_nav(tomllib.loads(CONFIGURATION.read_text(encoding="utf-8"))["project"]["nav"]))
    there = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    records = {page for page in there if re.match(r"decisions/\d", page)}  # the page of decisions lists them
    assert sorted(named) == sorted(there - records)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as ``make docs`` does; what is not right about a link ends that."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(DOCS, folder / "docs")
    shutil.copy(CONFIGURATION, folder)
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--clean", "--strict"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    return folder / "site"


def test_a_page_that_is_viewed_fetches_nothing_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) >= len(list(DOCS.rglob("*.md")))
    fetched = {
        found
        for page in pages
        for found in re.findall(
            r"<(?:link|script|img|iframe|source)\b[^>]*?(?:src|href)=\"?(?:https?:)?//[^\">\s]+",
            page.read_text(encoding="utf-8"),
        )
        if 'rel="canonical"' not in found
    }
    assert fetched == set()


def test_no_page_has_what_makes_the_theme_fetch_something(site: Path) -> None:
    """Its script fetches a library when it meets a diagram, a picture to be enlarged, a program to be run, or fonts."""
    marks = re.compile(
        r'class="(?:mermaid|glightbox|pyodide)|fonts\.g(?:oogleapis|static)\.com|data-md-component="source"'
    )
    met = {page.name: marks.findall(page.read_text(encoding="utf-8")) for page in site.rglob("*.html")}
    assert {page: found for page, found in met.items() if found} == {}
