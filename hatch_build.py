"""Builds the studio into the wheel. An editable install goes without: there ``make studio`` builds it."""

from __future__ import annotations

import runpy
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class StudioHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling gives no type to be named here
    """Has what the wheel takes along be there."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, object]) -> None:  # noqa: ARG002  (as hooks are called)
        """Build the studio before the wheel is made."""
        if version == "editable":
            return
        script = Path(self.root) / "studio" / "build.py"
        runpy.run_path(str(script))["build"]()
