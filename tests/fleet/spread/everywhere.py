"""A plugin for pytest: every step is spread, as if each said ``placement="spread"``.

``pytest -p tests.fleet.spread.everywhere tests/conformance -m fleet`` has all behaviours shown by steps that run apart.
"""

from __future__ import annotations

from typing import cast

from waystation.define.step import AnyStep, Step

_check = Step.__post_init__


def _spread(step: object) -> None:
    object.__setattr__(step, "placement", "spread")
    _check(cast("AnyStep", step))


Step.__post_init__ = _spread  # type: ignore[assignment,method-assign]  # for the life of the process
