"""Where on the page things are that many tests look at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from playwright.sync_api import Locator, Page, expect

IDLE: Final = "idle"
_STATUSES: Final = re.compile(r"\b(success|failed|running|waiting|suspended|cancelled|skipped)\b")


def node(page: Page, key: str) -> Locator:
    """What is pressed to choose a node of the graph."""
    return page.get_by_role("region", name="Graph of").locator(f'button[data-key="{key}"]')


def see(page: Page, statuses: Mapping[str, str]) -> None:
    """The graph tells that these nodes stand so; ``IDLE`` if nothing has come to them."""
    for key, status in statuses.items():
        if status == IDLE:
            expect(node(page, key)).to_be_attached()
            expect(node(page, key)).not_to_have_accessible_name(_STATUSES)
        else:
            expect(node(page, key)).to_have_accessible_name(re.compile(rf"\b{status}\b"))


def stands(page: Page, status: str) -> None:
    """The head of a run's page tells that it stands so."""
    expect(page.locator("header").get_by_role("status").filter(has_text=status)).to_be_visible()


def panel(page: Page, name: str) -> Locator:
    """What is told beside the graph: of the run, of a workflow, of a node."""
    return page.get_by_role("complementary", name=name)
