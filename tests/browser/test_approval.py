"""An approval, from the form that starts it to the run that has ended."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.desk import Desk
from tests.browser.servers import Server


def test_a_run_is_started_by_its_form_approved_in_the_inbox_and_ends(desk: Desk, server: Server) -> None:
    page = desk.page(server.url)
    page.get_by_role("link", name="Workflows").click()
    page.get_by_role("link", name="invoice").click()
    page.get_by_role("button", name="Start a run…").click()

    dialog = page.get_by_role("dialog", name="Start invoice")
    dialog.get_by_label("Supplier").fill("Kraftwerk Nord")
    dialog.get_by_label("Amount").fill("1200.50")
    dialog.get_by_text("Options").click()
    dialog.get_by_label("Id of the run").fill("INV-1")
    dialog.get_by_role("button", name="Start the run").click()

    expect(page.get_by_role("heading", name="INV-1")).to_be_visible()
    graph = page.get_by_role("region", name="Graph of invoice")
    expect(graph.get_by_role("button", name="approve", exact=False)).to_contain_text("suspended")
