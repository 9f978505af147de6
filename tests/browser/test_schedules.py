"""Schedules: when they fire, and what is done with them."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.desk import Desk
from tests.browser.seen import see
from tests.browser.servers import Server


def test_a_schedule_is_paused_resumed_and_run_now(desk: Desk, server: Server) -> None:
    page = desk.page(server.url, "/schedules")
    row = page.get_by_role("row", name="books")
    expect(row).to_contain_text("0 3 1 1 *")
    expect(row).to_contain_text("Europe/Paris")
    row.get_by_role("button", name="Pause").click()
    expect(row.get_by_text("paused")).to_be_visible()
    assert [each["paused"] for each in server.get("/schedules")["schedules"]] == [True]
    row.get_by_role("button", name="Resume").click()
    expect(row.get_by_text("paused")).to_have_count(0)
    assert [each["paused"] for each in server.get("/schedules")["schedules"]] == [False]

    row.get_by_role("button", name="Run").click()
    started = page.get_by_role("status").filter(has_text="Started").get_by_role("link")
    expect(started).to_contain_text("books/yearly@")  # an id with a slash in it
    started.click()
    expect(page.get_by_role("heading", name="books/yearly@")).to_be_visible()
    see(page, {"close-books": "success"})
