"""A page that is opened anew, and a server that goes away under an open one."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.desk import Desk
from tests.browser.seen import panel, see, stands
from tests.browser.servers import Server


def test_a_page_that_is_reloaded_in_the_middle_of_a_run_goes_on_with_it(desk: Desk, server: Server) -> None:
    server.begin("gated", "RELOAD-1", {"name": "reload"})
    page = desk.page(server.url, "/runs/RELOAD-1?at=work")
    see(page, {"work": "running"})
    page.reload()
    see(page, {"work": "running"})
    expect(panel(page, "step work")).to_contain_text("running")
    server.open_gate("reload.work")
    see(page, {"work": "success"})
    expect(panel(page, "step work")).to_contain_text('name: "reload"')
    stands(page, "success")


def test_what_was_typed_outlives_a_reload(desk: Desk, server: Server) -> None:
    server.ask("RELOAD-2", supplier="Typed And Kept")
    page = desk.page(server.url, "/inbox")
    page.get_by_role("button", name="Typed And Kept").click()
    page.get_by_label("Comment").fill("half a sentence")
    page.reload()
    expect(page.get_by_role("article", name="RELOAD-2").get_by_label("Comment")).to_have_value("half a sentence")


def test_a_server_that_is_killed_and_comes_back_is_told_of_and_caught_up_with(desk: Desk, own_server: Server) -> None:
    desk.expect_fault(r"net::ERR_")
    own_server.ask("INV-1")
    own_server.begin("gated", "AWAY-1", {"name": "away"})
    run = desk.page(own_server.url, "/runs/AWAY-1")
    inbox = desk.page(own_server.url, "/inbox")
    see(run, {"work": "running"})
    inbox.get_by_label("Comment").fill("typed before")
    for page in (run, inbox):
        page.evaluate("window.isTheSamePage = true")

    own_server.kill()
    for page in (run, inbox):
        expect(page.get_by_role("status").filter(has_text="The server is away.")).to_be_visible()
        expect(page.get_by_role("button", name="Try now")).to_be_visible()
    see(run, {"work": "running"})  # what is known stays to be read
    inbox.get_by_label("Yes").check()
    inbox.get_by_role("button", name="Send answer").click()
    expect(inbox.get_by_role("alert")).to_contain_text("The server does not answer.")

    own_server.open_gate("away.work")
    own_server.start()
    for page in (run, inbox):
        expect(page.get_by_text("The server is away.")).to_have_count(0)
    see(run, {"work": "success"})
    stands(run, "success")
    expect(inbox.get_by_label("Comment")).to_have_value("typed before")
    inbox.get_by_role("button", name="Send answer").click()
    expect(inbox.get_by_text("Sent: approve of INV-1.")).to_be_visible()
    for page in (run, inbox):
        assert page.evaluate("window.isTheSamePage") is True
    own_server.wait_for("INV-1", "success")


def test_a_run_that_nobody_drives_any_more_is_taken_over_by_hand(desk: Desk, own_server: Server) -> None:
    own_server.begin("gated", "LEFT-1", {"name": "left"})
    own_server.wait_for("LEFT-1", "running")
    own_server.stop()
    own_server.open_gate("left.work")
    own_server.start("tests.browser.stock:by_hand")
    page = desk.page(own_server.url, "/runs/LEFT-1")
    see(page, {"work": "running"})
    page.get_by_role("button", name="Restart").click()
    see(page, {"work": "success"})
