"""What the crash tests share."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.crash.fork_server import ForkServer


@pytest.fixture(scope="session")
def forks() -> Generator[ForkServer]:
    """A process that forks others, which so need not import everything anew."""
    server = ForkServer()
    try:
        yield server
    finally:
        server.close()
