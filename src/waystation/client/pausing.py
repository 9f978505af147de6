"""How long a client waits before it asks again."""

from __future__ import annotations

import random

_SHORTEST = 0.1


def pause(tries: int, longest: float = 2.0) -> float:
    """How long to wait after so many tries in vain, in seconds: longer each time, and never twice the same."""
    doubled: float = min(longest, _SHORTEST * 2 ** min(tries - 1, 10))
    return doubled * random.uniform(0.5, 1.0)  # noqa: S311  (no secret)
