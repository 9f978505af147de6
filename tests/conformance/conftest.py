"""Each behaviour holds on each store."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.apps import Place


@pytest.fixture(params=["memory", "sqlite"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    kind: str = request.param
    return Place(kind, tmp_path)
