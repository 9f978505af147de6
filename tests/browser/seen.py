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


def press(page: Page, key: str) -> None:
    """Choose a node by the mouse, as a person does: one that is out of sight is brought into it first, by the wheel.

    Playwright would scroll to it, which the graph takes back: it is moved by its view alone.
    """
    found = node(page, key)
    expect(found).to_be_visible()
    x, y, over, below = found.evaluate(_FROM_SIGHT)
    if over or below:
        page.mouse.move(x, y)
        page.mouse.wheel(_WHEEL * over, _WHEEL * below)
    expect(found).to_be_in_viewport(ratio=0.99)
    found.click()


_WHEEL: Final = 2
"""The graph moves half as far as the wheel says (React Flow's ``panOnScrollSpeed``)."""

_FROM_SIGHT: Final = """node => {
    const [it, graph] = [node, node.closest('[role=region]')].map(each => each.getBoundingClientRect());
    const from = (begin, end, least, most) => (end > most ? end - most + 20 : begin < least ? begin - least - 20 : 0);
    return [(graph.left + graph.right) / 2, (graph.top + graph.bottom) / 2,
            from(it.left, it.right, graph.left, graph.right), from(it.top, it.bottom, graph.top, graph.bottom)];
}"""
"""The middle of the graph, and how far the node is out of it."""


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
