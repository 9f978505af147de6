"""What is done with a run from its page."""

from __future__ import annotations

from playwright.sync_api import Route, expect

from tests.browser.desk import Desk
from tests.browser.seen import IDLE, panel, see, stands
from tests.browser.servers import Server


def test_a_run_is_cancelled_with_a_reason_and_deleted(desk: Desk, server: Server) -> None:
    server.begin("gated", "CANCEL-1", {"name": "cancel"})
    page = desk.page(server.url, "/runs/CANCEL-1")
    see(page, {"work": "running"})
    page.get_by_role("button", name="Cancel…").click()
    dialog = page.get_by_role("dialog", name="Cancel the run")
    dialog.get_by_label("Reason").fill("nobody needs it")
    dialog.get_by_role("button", name="Cancel the run").click()
    stands(page, "cancelled")
    see(page, {"work": "cancelled"})
    expect(panel(page, "The run")).to_contain_text("by local: nobody needs it")

    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("dialog", name="Delete the run").get_by_role("button", name="Delete the run").click()
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="CANCEL-1")).to_have_count(0)
    of_the_run = "/api/v1/runs/CANCEL-1"
    deleted = desk.requests.index(("DELETE", of_the_run))
    assert not [path for _, path in desk.requests[deleted + 1 :] if path.startswith(of_the_run)]


def test_no_page_asks_for_a_run_that_is_deleted_while_it_is_shown(desk: Desk, server: Server) -> None:
    server.begin("delivery", "GONE-1", {"name": "gone"}, wait=20)
    page = desk.page(server.url, "/runs/GONE-1")
    someone_elses = desk.page(server.url, "/runs/GONE-1")
    for each in (page, someone_elses):
        see(each, {"deliver": "failed"})

    def answer_late(route: Route) -> None:
        answer = route.fetch()
        if route.request.method == "DELETE":  # all hear of it by the stream before the one that asked is answered
            expect(someone_elses.get_by_role("heading", name="There is no such run")).to_be_visible()
        route.fulfill(response=answer)

    page.route("**/api/v1/runs/GONE-1", answer_late)
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("dialog", name="Delete the run").get_by_role("button", name="Delete the run").click()
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()


def test_a_run_that_is_driven_is_not_taken_over(desk: Desk, server: Server) -> None:
    desk.expect_fault(r"status of 409 .*/restart")
    server.begin("gated", "DRIVEN-1", {"name": "driven"})
    page = desk.page(server.url, "/runs/DRIVEN-1")
    page.get_by_role("button", name="Restart").click()
    expect(page.get_by_role("alert")).to_contain_text("run_is_running")
    server.open_gate("driven.work")
    see(page, {"work": "success"})


def test_a_run_is_forked_from_a_step_with_another_input(desk: Desk, server: Server) -> None:
    server.begin("delivery", "FORK-1", {"name": "nobody"}, wait=20)
    page = desk.page(server.url, "/runs/FORK-1?at=deliver")
    page.get_by_role("button", name="Fork from here…").click()
    dialog = page.get_by_role("dialog", name="Fork the run")
    expect(dialog.get_by_label("From step")).to_have_value("deliver")
    dialog.get_by_label("Id of the new run").fill("FORK-2")
    dialog.get_by_label("Give the step another input").check()
    expect(dialog.get_by_label("Name")).to_have_value("nobody")
    dialog.get_by_label("Name").fill("well then")
    dialog.get_by_role("button", name="Fork", exact=True).click()
    expect(page.get_by_role("heading", name="FORK-2")).to_be_visible()
    see(page, {"charge": "success", "deliver": "success"})
    page.get_by_role("link", name="FORK-1").click()
    see(page, {"deliver": "failed"})


def test_a_run_is_gone_through_step_by_step(desk: Desk, server: Server) -> None:
    page = desk.page(server.url, "/workflows/delivery")
    page.get_by_role("button", name="Start a run…").click()
    dialog = page.get_by_role("dialog", name="Start delivery")
    dialog.get_by_label("Name").fill("well and slowly")
    dialog.get_by_text("Options").click()
    dialog.get_by_label("Step by step").check()
    dialog.get_by_role("button", name="Start the run").click()
    see(page, {"charge": "success", "call": IDLE, "deliver": IDLE})
    expect(panel(page, "The run")).to_contain_text("Paused before")
    page.get_by_role("button", name="Next step").click()
    see(page, {"call": "success", "deliver": IDLE})
    page.get_by_role("button", name="Proceed freely").click()
    see(page, {"deliver": "success"})
    expect(page.get_by_role("button", name="Next step")).to_have_count(0)


def test_a_run_that_was_only_created_is_started(desk: Desk, server: Server) -> None:
    server.post("/workflows/invoice/runs", {"run_id": "CREATED-1"})
    page = desk.page(server.url, "/runs/CREATED-1")
    page.get_by_role("button", name="Start…").click()
    dialog = page.get_by_role("dialog", name="Start CREATED-1")
    dialog.get_by_label("Supplier").fill("Late Starter")
    dialog.get_by_label("Amount").fill("7")
    page.keyboard.press("Control+Enter")
    see(page, {"approve": "suspended"})
