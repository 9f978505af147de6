"""How quick the studio is in a browser: how long pages take to open, and how long frames are while one scrolls.

    python -m benchmarks.studio

It prints what it measured, on this machine and in its chromium. ``tests/browser/test_much.py`` holds what is in the
pages against counts; no test asserts a time.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Locator, Page, sync_playwright
from rich.console import Console
from rich.table import Table
from tests.browser import chromium
from tests.browser.desk import FLAGS, Desk
from tests.browser.seen import node
from tests.browser.servers import Server, running
from tests.browser.test_much import RUNS, seed

_TIMES = 5
_FRAMES = 240

_SCROLL = """
([selector, step, frames]) => new Promise((done) => {
    const place = document.querySelector(selector);
    const lengths = [];
    let before = performance.now();
    const frame = (now) => {
        lengths.push(now - before);
        before = now;
        if (lengths.length === frames) return done(lengths.slice(1));
        if (place.scrollTop + place.clientHeight >= place.scrollHeight - 1) step = -Math.abs(step);
        if (place.scrollTop <= 0) step = Math.abs(step);
        place.scrollTop += step;
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
})
"""

_PAN = """
(frames) => new Promise((done) => {
    const place = document.querySelector('.react-flow__pane');
    const lengths = [];
    let before = performance.now();
    const frame = (now) => {
        lengths.push(now - before);
        before = now;
        if (lengths.length === frames) return done(lengths.slice(1));
        const deltaY = lengths.length % 120 < 60 ? 160 : -160;
        const where = { bubbles: true, cancelable: true, clientX: 500, clientY: 400 };
        place.dispatchEvent(new WheelEvent('wheel', { deltaY, ...where }));
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
})
"""


class Times:
    """What was measured, in milliseconds, as a table."""

    def __init__(self) -> None:
        self.table = Table(title="The studio in a browser", title_justify="left")
        self.table.add_column("what")
        self.table.add_column("median", justify="right")
        self.table.add_column("worst", justify="right")

    def told(self, what: str, lengths: list[float]) -> None:
        """How long something took, several times."""
        self.table.add_row(what, f"{statistics.median(lengths):,.0f} ms", f"{max(lengths):,.0f} ms")

    def frames(self, what: str, lengths: list[float]) -> None:
        """How long the frames were that were painted meanwhile."""
        self.told(f"{what}: a frame", lengths)
        self.table.add_row("  frames longer than 50 ms", f"{sum(each > 50 for each in lengths)} of {len(lengths)}")


def main() -> None:
    """Measure, and print."""
    path = chromium.find()
    if path is None:
        raise SystemExit(chromium.MISSING)
    times = Times()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        asyncio.run(seed(server.store))
        with running(server), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            desk = Desk(playwright, browser)
            server.ask("INV-1")
            server.begin("many-nodes", "MANY-1", 1, wait=60)
            page = desk.page(server.url)
            for measure in (the_inbox, the_list, the_graph, an_answer):
                measure(page, server, times)
            desk.close()
            browser.close()
    Console().print(times.table)


def opened(page: Page, url: str, thing: Locator) -> list[float]:
    """How long it takes until something is to be seen on a page that is opened, the browser having its files."""
    lengths: list[float] = []
    for _ in range(_TIMES):
        page.goto("about:blank")
        began = time.perf_counter()
        page.goto(url, wait_until="commit")
        thing.wait_for()
        lengths.append(since(began))
    return lengths


def since(began: float) -> float:
    """Milliseconds."""
    return (time.perf_counter() - began) * 1000


def the_inbox(page: Page, server: Server, times: Times) -> None:
    """Until one can answer."""
    form = page.get_by_label("Yes")
    found = opened(page, f"{server.url}/inbox", form)
    times.told("the inbox is opened, until its form is there", found)


def the_list(page: Page, server: Server, times: Times) -> None:
    """Of ten thousand runs."""
    newest = page.get_by_role("link", name="MANY-1")
    found = opened(page, f"{server.url}/runs", newest)
    times.told(f"the list of {RUNS:,} runs is opened", found)
    began = time.perf_counter()
    while page.get_by_text(f"{RUNS + 2:,} runs").count() == 0:
        page.locator(".run-rows").evaluate("each => each.scrollTo(0, each.scrollHeight)")
    times.told("all of them are loaded, by scrolling to the end", [since(began)])
    times.frames("scrolling, 1,000 pixels a frame", page.evaluate(_SCROLL, [".run-rows", 1000, _FRAMES]))


def the_graph(page: Page, server: Server, times: Times) -> None:
    """Of five hundred nodes."""
    first = node(page, "left-0")
    found = opened(page, f"{server.url}/workflows/many-nodes", first)
    times.told("a graph of 500 nodes is opened", found)
    times.frames("moving over it, 160 pixels a frame", page.evaluate(_PAN, _FRAMES))
    found = opened(page, f"{server.url}/runs/MANY-1", first.filter(has_text="success"))
    times.told("a run of it is opened, until it is coloured", found)


def an_answer(page: Page, server: Server, times: Times) -> None:
    """From the call of another program to the page that is open."""
    found: list[float] = []
    for each in range(_TIMES):
        server.ask(f"LIVE-{each}")
        page.goto(f"{server.url}/runs/LIVE-{each}")
        node(page, "approve").filter(has_text="suspended").wait_for()
        began = time.perf_counter()
        server.answer(f"LIVE-{each}")
        node(page, "approve").filter(has_text="success").wait_for()
        found.append(since(began))
    times.told("an answer is sent over HTTP, until the graph of its run shows it", found)


if __name__ == "__main__":
    main()
