"""Small windows, light and dark: everything is reached, and nothing has to be scrolled sideways."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.desk import Desk, Scheme
from tests.browser.seen import node, panel, see
from tests.browser.servers import Server

PATHS = [
    "/inbox",
    "/runs",
    "/runs/PHONE-1",
    "/runs/PHONE-1?view=timeline",
    "/runs/PHONE-1?view=journal",
    "/runs/PHONE-1?at=approve",
    "/workflows",
    "/workflows/invoice",
    "/schedules",
]


@pytest.fixture(scope="module")
def phone_run(server: Server) -> str:
    server.ask("PHONE-1", supplier="A supplier whose name is rather long GmbH & Co. Kommanditgesellschaft")
    return "PHONE-1"


def fits(page: Page) -> None:
    """Nothing has to be scrolled sideways."""
    wide = page.evaluate(
        """() => [document.documentElement, ...document.querySelectorAll('main, main *')]
            .filter((each) => each.scrollWidth > document.documentElement.clientWidth
                && !each.closest('.react-flow, pre, [role=tablist], .for-screen-readers')
                && !['hidden', 'clip'].includes(getComputedStyle(each).overflowX))
            .map((each) => `${each.tagName}.${each.className} is ${each.scrollWidth} wide`)"""
    )
    assert wide == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), page.url


def in_sight(thing: Locator) -> None:
    """It can be brought into the window, whole from left to right, and nothing lies over it."""
    thing.scroll_into_view_if_needed()
    expect(thing).to_be_in_viewport(ratio=0.9)
    thing.click(trial=True)


def test_on_a_phone_no_page_has_to_be_scrolled_sideways(desk: Desk, server: Server, phone_run: str) -> None:
    page = desk.page(server.url, "/inbox", width=320, height=640, is_phone=True)
    for path in PATHS:
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_text("Loading")).to_have_count(0)
        fits(page)
        for sheet in page.get_by_role("button", name="Back to the run").all():
            sheet.tap()
        for name in ("Inbox", "Runs", "Workflows", "Schedules"):
            in_sight(page.get_by_role("navigation", name="Pages").get_by_role("link", name=re.compile(f"^{name}")))


def test_on_a_phone_an_approval_is_begun_answered_and_looked_at(desk: Desk, server: Server) -> None:
    page = desk.page(server.url, "/", width=390, height=720, is_phone=True)
    page.get_by_role("link", name="Workflows").tap()
    page.get_by_role("link", name="invoice").tap()
    page.get_by_role("button", name="Start a run…").tap()
    dialog = page.get_by_role("dialog", name="Start invoice")
    dialog.get_by_label("Supplier").fill("By Thumb")
    dialog.get_by_label("Amount").fill("5")
    dialog.get_by_text("Options").tap()
    dialog.get_by_label("Id of the run").fill("THUMB-1")
    fits(page)
    dialog.get_by_role("button", name="Start the run").tap()
    see(page, {"approve": "suspended"})
    for name in ("Graph", "Timeline", "Chunks", "Journal"):
        in_sight(page.get_by_role("tab", name=name))
    in_sight(page.get_by_role("button", name="Cancel…"))
    page.get_by_role("link", name=re.compile("^Inbox")).tap()
    page.get_by_role("button", name="By Thumb").tap()
    ask = page.get_by_role("article", name="Suspension at approve")
    expect(ask).to_contain_text("May we pay 5.00 EUR to By Thumb?")
    ask.get_by_label("Yes").tap()
    ask.get_by_role("button", name="Send answer").tap()
    expect(page.get_by_text("The run goes on.")).to_be_visible()
    page.get_by_role("link", name="Runs").tap()
    page.get_by_role("link", name="THUMB-1").tap()
    see(page, {"approve": "success", "book": "success"})
    node(page, "approve").tap()
    in_sight(panel(page, "step approve").get_by_role("heading", name="Output"))


def paper(page: Page) -> list[int]:
    """The colour of what is written on."""
    colour = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    return [int(each) for each in re.findall(r"\d+", colour)[:3]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_studio_is_light_or_dark_as_the_system_is_and_as_one_chooses(
    scheme: Scheme, desk: Desk, server: Server
) -> None:
    page = desk.page(server.url, "/runs", scheme=scheme)
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    as_system = paper(page)
    assert (min(as_system) > 200) if scheme == "light" else (max(as_system) < 60)
    other = "dark" if scheme == "light" else "light"
    switch = page.get_by_role("button", name="Theme:")
    while f"Theme: {other}." not in (switch.get_attribute("aria-label") or ""):
        switch.click()
    chosen = paper(page)
    assert (max(chosen) < 60) if other == "dark" else (min(chosen) > 200)
    page.reload()
    assert paper(page) == chosen, "what was chosen is kept, from the first painting on"
