"""Each test counts what it made itself."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.scale.counting import new_objects_alone


@pytest.fixture(autouse=True)
def _own_objects() -> Generator[None]:
    with new_objects_alone():
        yield
