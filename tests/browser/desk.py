"""A browser, as a test has it on its desk: pages that are watched, so that nothing goes wrong without a word."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, ParamSpec, TypeVar
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request

P = ParamSpec("P")
R = TypeVar("R")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

_TELL_OF_VIOLATIONS = """
document.addEventListener('securitypolicyviolation', (event) =>
    console.error(`policy: ${event.violatedDirective} of ${event.blockedURI}`));
"""

Scheme = Literal["light", "dark"]


class Thread:
    """One thread, in which everything of the browser's library is called: its loop would stop others in this one."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="browser")

    def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call it there, and wait."""
        return self._pool.submit(function, *args, **kwargs).result()

    def end(self) -> None:
        """No more calls."""
        self._pool.shutdown()


class Desk:
    """Contexts of one browser, each like a browser of another person, for one test.

    Attributes:
        requests: each request that a page made: its method and its path.
    """

    def __init__(self, playwright: Playwright, browser: Browser) -> None:
        self._playwright = playwright
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._faults: list[str] = []
        self._expected: list[re.Pattern[str]] = []
        self.requests: list[tuple[str, str]] = []

    def page(
        self,
        url: str,
        path: str = "/",
        *,
        width: int = 1280,
        height: int = 800,
        scheme: Scheme = "light",
        is_phone: bool = False,
        token: str = "",
    ) -> Page:
        """A page, as someone sees it who opens it in a browser of their own.

        Arguments:
            url: of the server.
            path: within it.
            width, height: of the window; ``is_phone`` has a touch screen too.
            scheme: what the system is set to.
            token: of who is signed in already.
        """
        context = self._browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="UTC",
            has_touch=is_phone,
            is_mobile=is_phone,
            base_url=url,
        )
        self._contexts.append(context)
        host = urlsplit(url).netloc
        context.add_init_script(_TELL_OF_VIOLATIONS)
        context.on("request", lambda request: self._look_at(request, host))
        context.on("console", self._hear)
        context.on("weberror", lambda error: self._faults.append(f"an error in a page: {error.error}"))
        if token:
            reply = context.request.post("/api/v1/session", data={"token": token}, headers={"X-Waystation": "1"})
            assert reply.ok, reply.text()
        page = context.new_page()
        page.goto(path)
        return page

    def expect_fault(self, pattern: str) -> None:
        """What the browser will say of what this test is about: a request that is refused, a server that is away."""
        self._expected.append(re.compile(pattern))

    def close(self) -> None:
        """Close all pages."""
        while self._contexts:
            self._contexts.pop().close()

    def faults(self) -> list[str]:
        """What went wrong in the pages, and was not expected."""
        return [fault for fault in self._faults if not any(each.search(fault) for each in self._expected)]

    def _look_at(self, request: Request, host: str) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc != host:
            self._faults.append(f"a request to another host: {request.url}")
        self.requests.append((request.method, parts.path))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._faults.append(f"{message.type} in the console: {message.text} ({message.location.get('url', '')})")


def wait_until(holds: Callable[[], bool], what: str, *, seconds: float = 30) -> None:
    """Ask again and again until it holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.02)
