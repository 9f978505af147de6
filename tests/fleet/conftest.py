"""What the tests of fleets share."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.fleet.life.places import Place, place
from tests.restate_server import RestateServer

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them are of a fleet."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.fleet)


@pytest.fixture
def here(tmp_path: Path, postgres: str, restate: RestateServer) -> Generator[Place]:
    """A place on that Restate."""
    with place(tmp_path, postgres, restate, f"pool-{uuid.uuid4().hex[:8]}") as found:
        yield found
