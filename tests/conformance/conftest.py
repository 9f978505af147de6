"""Each behaviour holds on each store."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.apps import Place
from tests.conformance.booking import make_table


@pytest.fixture(params=["memory", "sqlite"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    kind: str = request.param
    return Place(kind, tmp_path)


@pytest.fixture
async def sqlite(tmp_path: Path) -> Place:
    """A place whose file has a user's own table in it, beside the store's."""
    place = Place("sqlite", tmp_path)
    await make_table(place)
    return place
