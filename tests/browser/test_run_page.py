"""The page of a run: what each of its parts tells, live."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.desk import Desk
from tests.browser.seen import IDLE, node, panel, press, see, stands
from tests.browser.servers import Server


def test_the_graph_is_coloured_as_the_run_goes_through_every_kind_of_node(desk: Desk, server: Server) -> None:
    parcel = {"kind": "box", "items": ["a", "b", "c"], "weight": 7}
    page = desk.page(server.url, "/runs", height=1600)
    server.begin("parcel", "PARCEL-1", parcel)
    page.get_by_role("link", name="PARCEL-1").click()
    see(page, {"look": "success", "price": "success", "route": "success", "handle": "success"})
    see(page, {"packing": "success", "packing/pack": "success", "stamps": "success"})
    see(page, {"weighing": "success", "weighing/weigh": "success", "again": "success"})
    see(page, {"close": "success", "tape-box": "success", "fold-letter": "skipped"})
    see(page, {"label": "success", "cool-off": "success", "pick-up": "waiting", "sign": IDLE})

    expect(node(page, "packing")).to_contain_text("3/3")
    expect(node(page, "packing/pack")).to_contain_text("×3")
    press(page, "packing/pack")
    pack = panel(page, "step packing/pack")
    pack.get_by_role("button", name="packing[1]/pack").click()
    expect(page.get_by_role("complementary")).to_contain_text('"B"')

    press(page, "pick-up")
    event = panel(page, "wait pick-up")
    event.get_by_role("textbox").fill("the courier")
    event.get_by_role("button", name="Send").click()
    see(page, {"pick-up": "success", "sign": "suspended"})
    press(page, "sign")
    sign = panel(page, "step sign")
    expect(sign).to_contain_text("the courier: who signs?")
    sign.get_by_label("Yes").check()
    sign.get_by_role("button", name="Send answer").click()
    see(page, {"sign": "success"})
    stands(page, "success")


def test_a_step_shows_its_attempts_its_input_and_its_output(desk: Desk, server: Server) -> None:
    server.begin("delivery", "RETRY-1", {"name": "all is well"}, wait=20)
    page = desk.page(server.url, "/runs/RETRY-1?view=timeline")
    timeline = page.get_by_role("region", name="Timeline of attempts")
    bars = timeline.get_by_role("listitem")
    expect(bars.filter(has_text="attempt 1: retrying")).to_have_count(1)
    expect(bars.filter(has_text="attempt 2: retrying")).to_have_count(1)
    expect(bars.filter(has_text="attempt 3: success")).to_have_count(1)
    timeline.get_by_role("button", name="call").click()
    call = panel(page, "step call")
    for text in ("1retrying", "2retrying", "3success", "line busy at attempt 2"):
        expect(call).to_contain_text(text)
    expect(call.get_by_role("heading", name="Input")).to_be_visible()
    expect(call.get_by_role("heading", name="Output")).to_be_visible()
    expect(call).to_contain_text('name: "all is well"')
    assert page.url.endswith("/runs/RETRY-1?view=timeline&at=call")  # the place can be sent to others


def test_a_failure_shows_its_trace_and_what_was_undone(desk: Desk, server: Server) -> None:
    server.begin("delivery", "FAIL-1", {"name": "nobody"}, wait=20)
    page = desk.page(server.url, "/runs/FAIL-1")
    see(page, {"charge": "success", "call": "success", "deliver": "failed"})
    told = panel(page, "The run")
    expect(told).to_contain_text("NonRetryable: nobody is at home for nobody")
    told.get_by_role("button", name="Show the step").click()
    trace = panel(page, "step deliver").get_by_role("region", name="Trace")
    expect(trace).to_contain_text('raise NonRetryable(f"nobody is at home for {done.name}")')
    press(page, "charge")
    panel(page, "step charge").get_by_role("button", name="charge~undo").click()
    expect(panel(page, "step charge~undo")).to_contain_text("success")


def test_chunks_are_seen_while_they_are_written(desk: Desk, server: Server) -> None:
    server.begin("writing", "WORDS-1", {"name": "Story"})
    page = desk.page(server.url, "/runs/WORDS-1?view=chunks")
    chunks = page.get_by_role("log", name="Chunks")
    expect(chunks).to_contain_text("begins")
    expect(chunks).not_to_contain_text("noon")
    server.open_gate("Story.words")
    expect(chunks).to_contain_text("noon")
    expect(page.get_by_role("tab", name="Chunks")).to_contain_text("10")


def test_what_steps_log_is_seen_while_they_run(desk: Desk, server: Server) -> None:
    server.begin("gated", "LOGS-1", {"name": "logs"})
    page = desk.page(server.url, "/runs/LOGS-1?view=logs")
    log = page.get_by_role("log", name="Log")
    expect(log).to_contain_text("logs waits at its gate")
    server.open_gate("logs.work")
    expect(log).to_contain_text("logs may pass")
    log.get_by_role("button", name="work").first.click()
    expect(panel(page, "step work")).to_be_visible()


def test_the_journal_has_every_entry_and_can_be_taken_along(desk: Desk, server: Server, tmp_path: Path) -> None:
    server.begin("delivery", "JOURNAL-1", {"name": "well"}, wait=20)
    page = desk.page(server.url, "/runs/JOURNAL-1")
    see(page, {"deliver": "success"})
    page.keyboard.press("4")  # the fourth of its views
    expect(page.get_by_role("tab", name="Journal")).to_have_attribute("aria-selected", "true")
    journal = page.get_by_role("region", name="Journal")
    expect(journal.get_by_role("button", name="Entry 1", exact=True)).to_be_visible()
    entries = server.get("/runs/JOURNAL-1/journal")["entries"]
    expect(journal.get_by_role("button", name="Entry")).to_have_count(len(entries))
    journal.get_by_role("button", name="Entry 1", exact=True).click()
    expect(journal).to_contain_text(f'kind: "{entries[0]["kind"]}"')
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as JSON lines").click()
    download.value.save_as(tmp_path / "run.jsonl")
    assert download.value.suggested_filename == "JOURNAL-1.jsonl"
    lines = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    assert len(lines) > len(entries)


def test_a_run_of_any_id_has_its_page(desk: Desk, server: Server) -> None:
    name = "50% of #1 & é?@now"
    server.ask(name, supplier="Odd Name")
    page = desk.page(server.url, "/runs")
    page.get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    see(page, {"approve": "suspended"})
    press(page, "approve")
    page.reload()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    panel(page, "step approve").get_by_label("No").check()
    page.keyboard.press("Control+Enter")
    see(page, {"approve": "success"})


def test_a_run_that_is_not_there_is_said_not_to_be(desk: Desk, server: Server) -> None:
    desk.expect_fault(r"status of 404")
    page = desk.page(server.url, "/runs/NEVER")
    expect(page.get_by_role("heading", name="There is no such run")).to_be_visible()
