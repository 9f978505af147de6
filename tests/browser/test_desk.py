"""That the watchers see what they are to see: a fault on a page is not passed over."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.desk import Desk
from tests.browser.servers import Server
from tests.browser.test_accessible import look


def test_what_goes_wrong_in_a_page_is_a_fault_of_its_test(desk: Desk, server: Server) -> None:
    page = desk.page(server.url, "/schedules")
    expect(page.get_by_role("heading", name="Schedules")).to_be_visible()
    assert desk.faults() == []
    page.evaluate("fetch('/api/v1/nothing')")
    page.evaluate("fetch('http://127.0.0.1:9/elsewhere').catch(() => undefined)")
    page.evaluate("console.error('said by a script')")
    page.evaluate(
        "document.head.append(Object.assign(document.createElement('script'), { text: 'window.ran = true' }))"
    )
    with page.expect_event("pageerror"):
        page.evaluate("setTimeout(() => { throw new Error('thrown by a script'); })")
    assert page.evaluate("window.ran") is None, "no script in a page is run"
    faults = "\n".join(desk.faults())
    for pattern in (
        r"status of 404",
        r"policy: connect-src of http://127.0.0.1:9/elsewhere",
        r"policy: script-src",
        r"said by a script",
        r"thrown by a script",
    ):
        assert re.search(pattern, faults), f"{pattern} in {faults}"
        desk.expect_fault(pattern)
    desk.expect_fault(r"inline script|Content Security Policy")


def test_axe_sees_what_is_wrong(desk: Desk, server: Server) -> None:
    page = desk.page(server.url, "/schedules")
    expect(page.get_by_role("heading", name="Schedules")).to_be_visible()
    page.evaluate("document.querySelector('main').append(document.createElement('input'))")
    page.add_style_tag(content="@media (prefers-color-scheme: dark) { table * { color: #444 !important; } }")
    found = look(page)
    assert any(each.startswith("light: label: Form elements must have labels") for each in found)
    assert any(each.startswith("dark: color-contrast: ") for each in found)
    assert not any(each.startswith("light: color-contrast: ") for each in found)
