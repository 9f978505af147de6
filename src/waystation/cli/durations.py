"""Lengths of time as they are written on a command line: ``30d``, ``12h``, ``1d12h``."""

from __future__ import annotations

import re
from datetime import timedelta

from waystation.cli.exits import UsageError

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}

_WRITTEN = re.compile("".join(rf"(?:(?P<{name}>[0-9]+){unit})?" for unit, name in _UNITS.items()))


def is_duration(text: str) -> bool:
    """Whether ``text`` is meant as a length of time."""
    return bool(text.strip()) and _WRITTEN.fullmatch(text.strip()) is not None


def duration(option: str, text: str) -> timedelta:
    """The length of time that ``text`` says: weeks, days, hours, minutes and seconds, each once, in this order.

    Raises:
        UsageError.
    """
    found = _WRITTEN.fullmatch(text.strip())
    parts = {} if found is None else {name: int(number) for name, number in found.groupdict().items() if number}
    if not parts:
        raise UsageError(
            f"{option}: {text!r} is not a length of time; write 30d, 12h, 90m or 1d12h (w weeks, d days, h hours, "
            "m minutes, s seconds)"
        )
    try:
        return timedelta(**parts)
    except OverflowError:
        raise UsageError(f"{option}: {text!r} is longer than can be counted") from None
