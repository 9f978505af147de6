"""What the programs of pages are given."""

from __future__ import annotations

import uuid

import pytest

from tests.restate_server import RestateServer


@pytest.fixture
def dispatch(restate: RestateServer) -> str:
    """What an app is given as ``dispatch``."""
    return restate.dispatch(f"pool-{uuid.uuid4().hex[:8]}")
