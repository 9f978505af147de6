"""Several people at the same thing at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.desk import Desk, wait_until
from tests.browser.servers import Server


def ask_of(page: Page, run_id: str) -> Locator:
    return page.get_by_role("article", name=f"Suspension at approve of {run_id}")


def open_ask(page: Page, run_id: str, supplier: str) -> Locator:
    page.get_by_role("navigation", name="What waits").get_by_role("button", name=supplier).click()
    return ask_of(page, run_id)


@pytest.mark.parametrize("first", ["ada", "bob"])
def test_of_two_browsers_that_answer_at_once_one_wins_and_the_other_is_told_who_did(
    first: str, desk: Desk, guarded: Server
) -> None:
    run_id, supplier = f"RACE-{first}", f"Race of {first}"
    guarded.ask(run_id, supplier=supplier)
    desk.expect_fault(r"status of 409 .*/runs/RACE-")
    pages = {
        name: desk.page(guarded.url, "/inbox", token=guarded.token(name, "read", "answer")) for name in ("ada", "bob")
    }
    held: dict[str, Route] = {}

    def hold(name: str) -> Callable[[Route], None]:
        return lambda route: held.update({name: route})

    for name, page in pages.items():
        page.route("**/resume", hold(name))
        ask = open_ask(page, run_id, supplier)
        ask.get_by_label("Yes" if name == "ada" else "No").check()
        ask.get_by_label("Comment").fill(f"said {name}")
        ask.get_by_role("button", name="Send answer").click()
    wait_until(lambda: all(page.evaluate("true") for page in pages.values()) and len(held) == 2, "both to be sent")
    second = "bob" if first == "ada" else "ada"
    held[first].continue_()
    held[second].continue_()

    guarded.wait_for(run_id, "success")
    steps = guarded.get(f"/runs/{run_id}/history")["steps"]
    asked = next(step for step in steps if step["address"] == "approve")["suspensions"]
    assert [each["actor"] in pages for each in asked] == [True]
    winner = asked[0]["actor"]
    loser = "bob" if winner == "ada" else "ada"

    expect(pages[winner].get_by_text(f"Sent: approve of {run_id}. The run goes on.")).to_be_visible()
    refused = ask_of(pages[loser], run_id).get_by_role("alert")
    expect(refused).to_contain_text(f"{winner} answered this first")
    expect(refused).to_contain_text(f'comment: "said {winner}"')
    expect(refused).to_contain_text(f'comment: "said {loser}"')  # what was typed is not lost
    expect(refused.get_by_role("button", name="Copy what you typed")).to_be_visible()
    refused.get_by_role("link", name="See the run").click()
    expect(pages[loser].get_by_role("complementary", name="step approve")).to_contain_text(winner)


def test_the_answer_of_someone_else_is_seen_at_once_and_what_was_typed_is_kept(desk: Desk, server: Server) -> None:
    server.ask("ELSE-1", supplier="Someone Else")
    page = desk.page(server.url, "/inbox")
    ask = open_ask(page, "ELSE-1", "Someone Else")
    ask.get_by_label("Comment").fill("I am about to say")
    server.answer("ELSE-1", comment="done already")

    gone = ask.get_by_role("alert")
    expect(gone).to_contain_text("local answered this first")
    expect(gone).to_contain_text('comment: "done already"')
    expect(gone).to_contain_text('comment: "I am about to say"')
    expect(ask.get_by_role("button", name="Send answer")).to_have_count(0)
    listed = page.get_by_role("navigation", name="What waits").get_by_role("button", name="Someone Else")
    expect(listed).to_have_count(0)


def test_what_others_begin_comes_into_the_lists_by_itself(desk: Desk, server: Server) -> None:
    inbox, runs = desk.page(server.url, "/inbox"), desk.page(server.url, "/runs")
    expect(inbox.get_by_role("heading", name="Inbox")).to_be_visible()
    expect(runs.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
    server.ask("NEW-1", supplier="Brand New")
    expect(runs.get_by_role("row", name="NEW-1")).to_contain_text("suspended")
    expect(inbox.get_by_role("navigation", name="What waits").get_by_role("button", name="Brand New")).to_be_visible()
    server.answer("NEW-1")
    expect(runs.get_by_role("row", name="NEW-1")).to_contain_text("success")
