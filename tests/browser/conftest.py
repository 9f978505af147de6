"""A browser for the session, servers, and a desk for each test."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from tests.browser import chromium
from tests.browser.desk import FLAGS, Desk, Thread
from tests.browser.servers import Server, running
from waystation.studio import FOLDER

THREAD = pytest.StashKey[Thread]()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """A test that has a browser runs in the browser's thread."""
    if "desk" not in pyfuncitem.funcargs:
        return None
    thread = pyfuncitem.session.stash[THREAD]
    names = pyfuncitem._fixtureinfo.argnames
    thread.call(pyfuncitem.obj, **{name: pyfuncitem.funcargs[name] for name in names})
    return True


@pytest.fixture(scope="session")
def thread(request: pytest.FixtureRequest) -> Generator[Thread]:
    """Where the browser is driven from."""
    thread = Thread()
    request.session.stash[THREAD] = thread
    yield thread
    thread.end()


@pytest.fixture(scope="session")
def browser(thread: Thread) -> Generator[tuple[Playwright, Browser]]:
    """One process of the browser; and what drives it."""
    if not (FOLDER / "index.html").is_file():
        pytest.fail("the studio is not built: make studio", pytrace=False)
    path = chromium.find()
    if path is None:
        pytest.fail(chromium.MISSING, pytrace=False)
    expect.set_options(timeout=15_000)
    with ExitStack() as stack:

        def launch() -> tuple[Playwright, Browser]:
            playwright = stack.enter_context(sync_playwright())
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            stack.callback(browser.close)
            return playwright, browser

        yield thread.call(launch)
        thread.call(stack.close)


@pytest.fixture
def desk(thread: Thread, browser: tuple[Playwright, Browser]) -> Generator[Desk]:
    """Pages for one test. Nothing may have gone wrong in them that it did not expect."""
    desk = Desk(*browser)
    yield desk
    thread.call(desk.close)
    assert desk.faults() == []


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """A server that lets everyone in; its runs are those of all tests."""
    with running(Server(tmp_path_factory.mktemp("server"))) as server:
        yield server


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """A server that wants to know who asks."""
    with running(Server(tmp_path_factory.mktemp("guarded"), is_guarded=True)) as server:
        yield server


@pytest.fixture
def own_server(tmp_path: Path, thread: Thread, desk: Desk) -> Generator[Server]:
    """A server of this test alone, to be killed, or to have no other runs."""
    with running(Server(tmp_path)) as server:
        yield server
        thread.call(desk.close)  # or its pages would see the server go
