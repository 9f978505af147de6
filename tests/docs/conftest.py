"""What the programs of pages are given."""

from __future__ import annotations

import uuid
from collections.abc import Generator

import pytest

from tests.restate_server import RestateServer


@pytest.fixture(scope="session")
def restate() -> Generator[RestateServer]:
    """A Restate that no test stops; each page has a pool of its own there."""
    with RestateServer() as server:
        yield server


@pytest.fixture
def dispatch(restate: RestateServer) -> str:
    """What an app is given as ``dispatch``."""
    return restate.dispatch(f"pool-{uuid.uuid4().hex[:8]}")
