"""Links lead somewhere: within the project, and within the site."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, PAGES, name, prose


def links(page: Path) -> Iterator[tuple[str, str]]:
    """The links and pictures of a page within the project: path (may be empty) and anchor."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" not in target and not target.startswith("mailto:"):
            path, _, anchor = target.partition("#")
            yield path, anchor


@cache
def anchors(page: Path) -> frozenset[str]:
    """What a link may name on a page: its headings, and what it marks itself."""
    written = prose(page)
    headings = re.findall(r"^#+ (.*)$", written, flags=re.MULTILINE)
    made = {re.sub(r"[^\w\- ]", "", re.sub(r"\]\(.*?\)", "", each).lower()).replace(" ", "-") for each in headings}
    return frozenset({*made, *re.findall(r'<a id="([^"]+)"></a>', written)})


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    dead: list[str] = []
    for path, anchor in links(page):
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(f"{path}#{anchor}")
    assert dead == []


@pytest.mark.parametrize("page", [page for page in PAGES if DOCS in page.parents], ids=name)
def test_a_page_of_the_site_links_to_nothing_outside_of_it(page: Path) -> None:
    outside = [path for path, _ in links(page) if path and not (page.parent / path).resolve().is_relative_to(DOCS)]
    assert outside == [], "name the file in code; it is not on the site"
