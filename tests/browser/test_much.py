"""Ten thousand runs, five hundred nodes: what is in the page and what is asked for stays bounded.

How long it takes is not held against anything here: ``benchmarks/studio.py`` prints that.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.desk import Desk, Thread, wait_until
from tests.browser.seen import node, panel, press
from tests.browser.servers import Server, running
from tests.browser.stock import ROUNDS, app, ticks

RUNS = 10_000
ENDED = 200
LIST = ("GET", "/api/v1/runs")


@pytest.fixture
def crowded(tmp_path: Path, thread: Thread, desk: Desk) -> Generator[Server]:
    """A server that has so many runs."""
    server = Server(tmp_path)
    asyncio.run(seed(server.store))
    with running(server):
        yield server
        thread.call(desk.close)


async def seed(store: str) -> None:
    async with app.copy(store=store, recover=False) as here:
        flow = here.get_workflow(ticks)
        await asyncio.gather(*(flow.start(each, run_id=f"TICK-{each:05}") for each in range(ENDED)))
        await asyncio.gather(*(flow.create_run(run_id=f"LATER-{each:05}") for each in range(RUNS - ENDED)))


def elements(page: Page) -> int:
    return int(page.evaluate("document.querySelectorAll('*').length"))


def test_ten_thousand_runs_are_a_list_of_those_in_sight(desk: Desk, crowded: Server) -> None:
    page = desk.page(crowded.url, "/runs")
    rows = page.get_by_role("row")
    expect(page.get_by_role("link", name=f"LATER-{RUNS - ENDED - 1:05}")).to_be_visible()
    most = elements(page)
    scroller = page.locator(".run-rows")

    def is_at_the_end() -> bool:
        nonlocal most
        scroller.evaluate("each => each.scrollTo(0, each.scrollHeight)")
        most = max(most, elements(page))
        return page.get_by_text(re.compile(f"^{RUNS:,} runs$")).count() == 1

    wait_until(is_at_the_end, "all runs to be loaded")
    scroller.evaluate("each => each.scrollTo(0, each.scrollHeight)")
    expect(page.get_by_role("link", name="TICK-00000")).to_be_visible()
    assert most < 1500
    assert rows.count() < 80
    # Once, or twice where the stream came up meanwhile: then the list begins anew.
    assert desk.requests.count(LIST) <= 2 * (1 + RUNS // 500)

    desk.requests.clear()  # what is new comes in, and the ten thousand are not asked for anew
    crowded.begin("ticks", "TICK-NEW", 1, wait=10)
    scroller.evaluate("each => each.scrollTo(0, 0)")
    expect(page.get_by_role("row", name="TICK-NEW")).to_contain_text("success")
    assert desk.requests.count(LIST) <= 2

    page.get_by_role("button", name="success", exact=True).click()
    expect(page.get_by_role("link", name=f"TICK-{ENDED - 1:05}")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("LATER-"))).to_have_count(0)


def test_a_graph_of_five_hundred_nodes_draws_those_in_sight(desk: Desk, server: Server) -> None:
    page = desk.page(server.url, "/workflows/many-nodes")
    expect(node(page, "left-0")).to_be_visible()
    drawn = page.locator(".react-flow__node")
    assert drawn.count() < 100
    assert elements(page) < 2000
    assert desk.requests.count(("GET", "/api/v1/workflows/many-nodes")) == 1
    press(page, "left-0")
    expect(panel(page, "step left-0")).to_be_visible()
    assert ROUNDS * 4 == 500

    page.get_by_role("button", name="Show the whole graph").click()
    expect(node(page, f"join-{ROUNDS - 1}")).to_be_attached()
    expect(node(page, "left-0")).to_be_attached()


def test_a_run_of_five_hundred_nodes_asks_for_its_journal_once(desk: Desk, server: Server) -> None:
    server.begin("many-nodes", "MANY-1", 1, wait=60)
    page = desk.page(server.url, "/runs/MANY-1")
    expect(node(page, "left-0")).to_have_accessible_name(re.compile("success"))
    entries = int(server.get("/runs/MANY-1/journal", limit=1000)["entries"][-1]["seq"])
    page.get_by_role("tab", name="Journal").click()
    expect(page.get_by_text(f"{entries:,} entries")).to_be_visible()
    assert page.get_by_role("button", name="Entry").count() < 120
    page.get_by_role("tab", name="Timeline").click()
    expect(page.get_by_role("region", name="Timeline of attempts").get_by_role("button", name="left-0")).to_be_visible()
    assert elements(page) < 2500
    assert desk.requests.count(("GET", "/api/v1/runs/MANY-1/journal")) <= 2
