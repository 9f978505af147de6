"""Who asks: the sign-in page, and what it lets one do."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.desk import Desk
from tests.browser.seen import panel
from tests.browser.servers import Server


def sign_in(page: Page, token: str) -> None:
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()


def test_one_signs_in_with_a_token_that_the_page_does_not_keep_and_out_again(desk: Desk, guarded: Server) -> None:
    desk.expect_fault(r"status of 401")
    page = desk.page(guarded.url, "/runs")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    sign_in(page, "wst_nobody_has_this_one")
    expect(page.get_by_role("alert")).to_contain_text("unauthenticated")

    token = guarded.token("carol", "read", "run", "answer")
    sign_in(page, token)
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
    expect(page.get_by_text("carol")).to_be_visible()
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])")
    assert token.rpartition("_")[2] not in kept
    page.reload()
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto("/inbox")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_who_may_only_read_is_told_what_the_token_lacks(desk: Desk, guarded: Server) -> None:
    guarded.ask("READ-1", supplier="Read Only")
    page = desk.page(guarded.url, "/inbox", token=guarded.token("dave", "read"))
    page.get_by_role("button", name="Read Only").click()
    ask = page.get_by_role("article", name="READ-1")
    expect(ask).to_contain_text("Your token does not have the scope answer")
    expect(ask.get_by_role("button", name="Send answer")).to_have_count(0)
    page.goto("/runs/READ-1")
    expect(page.get_by_role("button", name="Cancel…")).to_be_disabled()
    expect(page.get_by_role("button", name="Cancel…")).to_have_attribute(
        "title", "Your token does not have the scope run."
    )
    page.goto("/workflows/invoice")
    expect(page.get_by_role("button", name="Start a run…")).to_be_disabled()
    page.goto("/schedules")
    expect(page.get_by_role("button", name="Pause")).to_be_disabled()


def test_who_is_signed_in_answers_by_name(desk: Desk, guarded: Server) -> None:
    guarded.ask("NAME-1", supplier="By Name")
    page = desk.page(guarded.url, "/inbox", token=guarded.token("erin", "read", "answer"))
    page.get_by_role("button", name="By Name").click()
    page.get_by_label("Yes").check()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Sent: approve of NAME-1.")).to_be_visible()
    page.goto("/runs/NAME-1?at=approve")
    expect(panel(page, "step approve")).to_contain_text("erin")


def test_a_token_that_is_revoked_under_an_open_page_ends_in_the_sign_in_page(desk: Desk, guarded: Server) -> None:
    desk.expect_fault(r"status of 401")
    token = guarded.token("frank", "read")
    page = desk.page(guarded.url, "/runs", token=token)
    expect(page.get_by_text("frank")).to_be_visible()
    guarded.revoke(token)
    page.keyboard.type("gs")  # to another page; unless its stream has brought the sign-in page up already
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
