"""What the crash tests share."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.crash.fork_server import ForkServer
from tests.crash.homes import Home


@pytest.fixture(scope="session")
def forks() -> Generator[ForkServer]:
    """A process that forks others, which so need not import everything anew."""
    server = ForkServer()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(params=["sqlite", "postgres"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    """Where stores are that outlive their processes."""
    if request.param == "sqlite":
        return Home(tmp_path)
    return Home(tmp_path, request.getfixturevalue("postgres"), request.getfixturevalue("databases"))
