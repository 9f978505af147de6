"""What the classes of tests share."""

from __future__ import annotations

import pytest


class OnAsyncio:
    """Tests that run on asyncio, by anyio's plugin."""

    pytestmark = pytest.mark.anyio

    @pytest.fixture
    def anyio_backend(self) -> str:
        """Stores are made for asyncio."""
        return "asyncio"
