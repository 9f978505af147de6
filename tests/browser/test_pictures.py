"""The pictures of the studio in the documentation. ``make pictures`` has this take them anew."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.desk import Desk, Thread
from tests.browser.pictured import NOW, seed
from tests.browser.seen import node, panel, press, see
from tests.browser.servers import ROOT, Server, running

FOLDER = ROOT / "docs" / "pictures"
NAMES = ["studio-inbox", "studio-run", "studio-runs", "studio-workflow"]
SIZE = (1280, 800)
LARGEST = 200_000


@pytest.fixture
def pictured(tmp_path: Path, thread: Thread, desk: Desk) -> Generator[Server]:
    """A server with what is on the pictures."""
    server = Server(tmp_path)
    asyncio.run(seed(server.store))
    with running(server, "tests.browser.pictured:app"):
        yield server
        thread.call(desk.close)


def test_the_pictures_are_taken(desk: Desk, pictured: Server, tmp_path: Path) -> None:
    into = FOLDER if os.environ.get("WAYSTATION_PICTURES") else tmp_path
    page = desk.page(pictured.url, "/", width=SIZE[0], height=SIZE[1])
    page.clock.set_fixed_time(NOW)

    def take(name: str) -> None:
        page.evaluate("document.fonts.ready")
        page.screenshot(path=into / f"{name}.png", animations="disabled", caret="hide")
        assert size_of(into / f"{name}.png") == SIZE

    page.goto("/inbox")
    page.get_by_role("button", name="May sales buy a label printer").first.click()
    expect(page.get_by_label("Yes")).to_be_visible()
    page.get_by_label("Yes").check()
    page.get_by_label("Comment").fill("The old one has had its day.")
    take("studio-inbox")

    page.goto("/runs/BUY-1047")
    see(page, {"manager": "success", "finance": "suspended"})
    take("studio-run")

    page.goto("/runs")
    expect(page.get_by_role("row", name="MONTH-2027-02")).to_be_visible()
    take("studio-runs")

    page.goto("/workflows/purchase")
    expect(node(page, "pay")).to_be_visible()
    press(page, "place-order")
    expect(panel(page, "step place-order")).to_contain_text("Undone by")
    take("studio-workflow")


def test_the_pictures_are_there_and_not_large() -> None:
    for name in NAMES:
        picture = FOLDER / f"{name}.png"
        assert picture.is_file(), "make pictures"
        assert size_of(picture) == SIZE
        assert picture.stat().st_size < LARGEST


def size_of(picture: Path) -> tuple[int, int]:
    """Width and height, as the head of a PNG file tells them."""
    head = picture.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", head[16:24])
