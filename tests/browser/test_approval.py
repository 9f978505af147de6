"""An approval, from the form that starts it to the run that has ended: by mouse, and by keyboard alone."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.desk import Desk
from tests.browser.seen import IDLE, panel, see
from tests.browser.servers import Server


def test_a_run_is_started_by_its_form_approved_in_the_inbox_and_ends(desk: Desk, server: Server) -> None:
    page = desk.page(server.url)
    page.get_by_role("link", name="Workflows").click()
    page.get_by_role("link", name="invoice").click()
    page.get_by_role("button", name="Start a run…").click()

    dialog = page.get_by_role("dialog", name="Start invoice")
    dialog.get_by_label("Supplier").fill("Halle Süd")
    dialog.get_by_label("Amount").fill("1200.50")
    dialog.get_by_text("Options").click()
    dialog.get_by_label("Id of the run").fill("INV-1")
    dialog.get_by_label("Resource").fill("Halle Süd")
    dialog.get_by_role("button", name="Start the run").click()

    expect(page.get_by_role("heading", name="INV-1")).to_be_visible()
    see(page, {"check": "success", "approve": "suspended", "book": IDLE})

    page.get_by_role("link", name=re.compile("^Inbox")).click()
    waiting = page.get_by_role("navigation", name="What waits")
    waiting.get_by_role("button", name="May we pay 1,200.50 EUR to Halle Süd?").click()
    ask = page.get_by_role("article", name="Suspension at approve of INV-1")
    ask.get_by_label("Yes").check()
    ask.get_by_label("Comment").fill("as agreed")
    ask.get_by_role("button", name="Send answer").click()
    expect(page.get_by_text("Sent: approve of INV-1. The run goes on.")).to_be_visible()
    expect(waiting.get_by_role("button", name="Halle Süd")).to_have_count(0)

    page.get_by_role("link", name="Runs").click()
    expect(page.get_by_role("row", name="INV-1")).to_contain_text("success")
    page.get_by_role("link", name="INV-1").click()
    see(page, {"check": "success", "approve": "success", "book": "success"})
    expect(panel(page, "The run")).to_contain_text('status: "paid"')
    expect(panel(page, "The run")).to_contain_text('comment: "as agreed"')
    answered = server.get("/runs/INV-1/history")["steps"][1]["suspensions"][0]
    assert (answered["actor"], answered["channel"]) == ("local", "studio")
    assert server.get("/runs/INV-1")["standing"]["result"]["status"] == "paid"


def test_what_does_not_fit_is_told_beside_its_field_and_nothing_is_sent(desk: Desk, server: Server) -> None:
    page = desk.page(server.url, "/workflows/invoice")
    page.get_by_role("button", name="Start a run…").click()
    dialog = page.get_by_role("dialog", name="Start invoice")
    dialog.get_by_label("Supplier").fill("Halle Süd")
    dialog.get_by_label("Amount").fill("-3")
    dialog.get_by_role("button", name="Start the run").click()
    amount = dialog.get_by_label("Amount")
    expect(amount).to_have_attribute("aria-invalid", "true")
    expect(amount).to_be_focused()
    told = dialog.locator(f"[id='{amount.get_attribute('aria-describedby')}']")
    expect(told).to_contain_text("0")
    assert ("POST", "/api/v1/workflows/invoice/start") not in desk.requests


def test_the_server_has_the_last_word_on_what_fits(desk: Desk, server: Server) -> None:
    desk.expect_fault(r"status of 422")
    page = desk.page(server.url, "/workflows/parcel")
    page.get_by_role("button", name="Start a run…").click()
    dialog = page.get_by_role("dialog", name="Start parcel")
    dialog.get_by_role("button", name="As JSON").click()
    dialog.get_by_label("JSON").fill('{"kind": "box", "items": [], "weight": 13}')
    dialog.get_by_role("button", name="Start the run").click()
    told = dialog.get_by_role("alert").get_by_role("listitem")
    expect(told).to_contain_text("weight")
    expect(told).to_contain_text("that is bad luck")


def test_the_inbox_is_worked_through_by_keyboard_alone(desk: Desk, own_server: Server) -> None:
    for number in (1, 2, 3):
        own_server.ask(f"INV-{number}", supplier=f"Supplier {number}")
    page = desk.page(own_server.url, "/runs")
    expect(page.get_by_role("row", name="INV-3")).to_be_visible()

    def press(*keys: str) -> None:
        for key in keys:
            page.keyboard.press(key)

    press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_contain_text("Go to Inbox")
    press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)

    press("g", "i")
    expect(article(page, 1)).to_be_visible()
    press("j")
    expect(article(page, 2)).to_be_visible()
    expect(page.get_by_label("Yes")).to_be_visible()
    press("Enter")  # into its form
    expect(page.get_by_label("Yes")).to_be_focused()
    press("ArrowRight", "Tab")
    expect(page.get_by_label("No")).to_be_checked()
    expect(page.get_by_label("Comment")).to_be_focused()
    page.keyboard.type("j and k are letters here")
    press("Control+Enter")
    expect(page.get_by_text("Sent: approve of INV-2.")).to_be_visible()

    expect(article(page, 3)).to_be_visible()  # the next one
    press("k")
    expect(article(page, 1)).to_be_visible()
    press("Enter", "Space", "Control+Enter")
    expect(page.get_by_text("Sent: approve of INV-1.")).to_be_visible()
    press("Enter")
    expect(page.get_by_label("Yes")).to_be_focused()
    press("Escape", "o")  # out of the form, and to its run
    expect(page.get_by_role("heading", name="INV-3")).to_be_visible()

    said = {number: own_server.get(f"/runs/INV-{number}")["standing"].get("result") for number in (1, 2, 3)}
    assert said[1]["status"] == "paid"
    assert (said[2]["status"], said[2]["comment"]) == ("refused", "j and k are letters here")
    assert said[3] is None


def article(page: Page, number: int) -> Locator:
    return page.get_by_role("article", name=f"Suspension at approve of INV-{number}")
