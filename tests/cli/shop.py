"""An app for commands that are called in the test's own process: ``--app tests.cli.shop:app``."""

from __future__ import annotations

from tests.client.conftest import an_app

app = an_app()
