"""What the tests of the server share."""

from __future__ import annotations

from pathlib import Path

import pytest

from waystation.server import TokenFile


@pytest.fixture
def file(tmp_path: Path) -> TokenFile:
    """A file of tokens, with one in it that nobody uses."""
    made = TokenFile(tmp_path / "tokens.json")
    made.new("nobody", ["read"])
    return made
