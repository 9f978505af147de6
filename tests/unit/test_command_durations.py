"""Lengths of time as they are written on a command line."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waystation.cli.durations import duration
from waystation.cli.exits import UsageError


@given(st.tuples(*[st.none() | st.integers(0, 1000)] * 5).filter(any))
def test_weeks_days_hours_minutes_and_seconds_are_added_up(numbers: tuple[int | None, ...]) -> None:
    written = "".join(f"{number}{unit}" for number, unit in zip(numbers, "wdhms", strict=True) if number is not None)
    w, d, h, m, s = (number or 0 for number in numbers)
    assert duration("--older-than", written) == timedelta(weeks=w, days=d, hours=h, minutes=m, seconds=s)


@pytest.mark.parametrize("written", ["", " ", "30", "d", "1h1d", "1d1d", "-1d", "+1d", "1.5h", "1 d", "1y", "1D", "²d"])
def test_what_is_no_length_of_time_is_refused_with_what_would_be_one(written: str) -> None:
    with pytest.raises(UsageError, match=r"--older-than: .* is not a length of time; write 30d"):
        duration("--older-than", written)


def test_what_is_too_long_is_refused() -> None:
    with pytest.raises(UsageError, match="longer than can be counted"):
        duration("--older-than", "9" * 30 + "w")
