"""What axe finds wrong with a page by the rules of WCAG, levels A and AA: nothing, in light and in dark."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.desk import Desk
from tests.browser.seen import IDLE, panel, press, see
from tests.browser.servers import ROOT, Server

AXE = ROOT / "studio" / "node_modules" / "axe-core" / "axe.min.js"
RULES = {
    "light": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "dark": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},  # those that look at colours
}

State = Callable[[Page], None]
"""What is done with a page before it is looked at."""


def inbox(page: Page) -> None:
    expect(page.get_by_label("Yes")).to_be_visible()


def answer_that_does_not_fit(page: Page) -> None:
    page.get_by_role("button", name="Send answer").click()
    expect(page.locator("[aria-invalid=true]").first).to_be_visible()


def keyboard(page: Page) -> None:
    page.get_by_role("button", name="Keyboard shortcuts").click()
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()


def runs(page: Page) -> None:
    expect(page.get_by_role("row", name="AXE-1")).to_be_visible()


def run(page: Page) -> None:
    see(page, {"charge": "success", "deliver": "failed"})


def failed_step(page: Page) -> None:
    press(page, "deliver")
    expect(panel(page, "step deliver").get_by_role("region", name="Trace")).to_be_visible()


def tab(name: str) -> State:
    def choose(page: Page) -> None:
        page.get_by_role("tab", name=name).click()
        expect(page.get_by_role("tabpanel", name=name)).to_be_visible()

    return choose


def fork(page: Page) -> None:
    page.get_by_role("button", name="Fork…").click()
    expect(page.get_by_role("dialog", name="Fork the run")).to_be_visible()


def suspended(page: Page) -> None:
    see(page, {"approve": "suspended"})
    expect(page.get_by_label("Yes")).to_be_visible()


def every_kind(page: Page) -> None:
    see(page, {"packing": IDLE})


def chosen(page: Page) -> None:
    press(page, "packing/pack")
    expect(panel(page, "step packing/pack")).to_be_visible()


def start(page: Page) -> None:
    page.get_by_role("button", name="Start a run…").click()
    expect(page.get_by_role("dialog").get_by_role("button", name="Add")).to_be_visible()


def seen(text: str) -> State:
    return lambda page: expect(page.get_by_text(text).first).to_be_visible()


PAGES: dict[str, list[State]] = {
    "/inbox": [inbox, answer_that_does_not_fit, keyboard],
    "/runs": [runs],
    "/runs/AXE-1": [run, failed_step, tab("Timeline"), tab("Chunks"), tab("Journal"), tab("Logs"), fork],
    "/runs/AXE-2": [suspended],
    "/workflows": [seen("many-nodes")],
    "/workflows/parcel": [every_kind, chosen, start],
    "/schedules": [seen("yearly")],
    "/nowhere": [seen("There is no such page")],
}


@pytest.fixture(scope="module")
def filled(server: Server) -> Server:
    server.ask("AXE-2")
    server.begin("delivery", "AXE-1", {"name": "nobody"}, wait=20)
    return server


def look(page: Page) -> list[str]:
    """What axe finds, in light and in dark."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[str] = []
    for scheme, rules in RULES.items():
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        result: dict[str, Any] = page.evaluate(
            "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", rules
        )
        assert result["passes"], "axe has looked at something"
        found += [
            f"{scheme}: {each['id']}: {each['help']}: {place['html'][:120]} {place['failureSummary']}"
            for each in result["violations"]
            for place in each["nodes"]
        ]
    return found


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_wrong_with(path: str, desk: Desk, filled: Server) -> None:
    page = desk.page(filled.url, path)
    found = []
    for state in PAGES[path]:
        state(page)
        found += [f"{getattr(state, '__name__', path)}, {each}" for each in look(page)]
    assert found == []


def test_axe_finds_nothing_wrong_with_the_sign_in_page(desk: Desk, guarded: Server) -> None:
    desk.expect_fault(r"status of 401")
    page = desk.page(guarded.url, "/")
    page.get_by_label("Token").fill("wst_nobody_has_this_one")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert look(page) == []


def test_axe_finds_nothing_wrong_with_a_phones_pages(desk: Desk, filled: Server) -> None:
    page = desk.page(filled.url, "/runs", width=390, height=720, is_phone=True)
    runs(page)
    assert look(page) == []
    page.goto("/runs/AXE-2")
    suspended(page)
    assert look(page) == []
