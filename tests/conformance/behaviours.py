"""Marks on conformance tests: which feature a test is about, and how that compares with the model (Mastra workflows).

``docs/conformance.md`` is made of these marks by ``tests/conformance/page.py``; a test holds it to them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

import pytest

F = TypeVar("F", bound=Callable[..., object])

Area = Literal["flow", "step", "retry", "suspend", "state", "events", "run", "schedule", "version", "data"]


def behaviour(
    area: Area,
    feature: str,
    *,
    verdict: Literal["same", "better", "new"],
    model: tuple[int, ...] = (),
    why: str = "",
) -> Callable[[F], F]:
    """Say what a test shows.

    Arguments:
        area: under which heading it stands.
        feature: the behaviour, in a short sentence that stands for itself.
        verdict: ``same`` as the model, ``better`` (the model has a known defect there), or ``new`` (it has nothing).
        model: the numbers of the observed behaviours of the model (1 to 90) that it answers to.
        why: for ``better``: what the model does.
    """
    return pytest.mark.behaviour(area=area, feature=feature, verdict=verdict, model=model, why=why)
