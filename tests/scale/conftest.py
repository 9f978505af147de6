"""Each test counts what it made itself."""

from __future__ import annotations

import pytest

from tests.scale.counting import note_what_is_there


@pytest.fixture(autouse=True)
def _own_objects() -> None:
    note_what_is_there()
