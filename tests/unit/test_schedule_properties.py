"""Cron against its definition, minute by minute, in random expressions around the days when clocks are turned."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from waystation.define.schedule import Cron

MINUTE = 60_000
DAY = 24 * 60 * MINUTE


def at(text: str) -> int:
    """Milliseconds of an ISO time with an offset."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


# Stretches in which the clock of each zone is turned, and quiet ones.
STRETCHES = [
    ("Europe/Paris", "2026-03-27T00:00Z"),
    ("Europe/Paris", "2026-10-23T12:00Z"),
    ("America/New_York", "2026-03-06T18:00Z"),
    ("America/New_York", "2026-10-30T12:00Z"),
    ("Australia/Lord_Howe", "2026-10-02T06:00Z"),
    ("Australia/Lord_Howe", "2026-04-03T06:00Z"),
    ("America/Santiago", "2026-09-04T18:00Z"),
    ("America/Santiago", "2026-04-03T18:00Z"),
    ("Pacific/Apia", "2011-12-28T22:00Z"),
    ("Asia/Kathmandu", "2026-05-05T05:05Z"),
]
LENGTH = 4 * DAY

minutes = st.sampled_from(["*", "*/7", "*/15", "*/30", "0", "15", "0,30", "5-50/15", "59", "1,29,31,59"])
hours = st.sampled_from(["*", "*/2", "*/3", "0", "1", "2", "3", "0-3", "1,2", "23", "0,2,23"])
days = st.sampled_from(["*", "*", "*", "*/2", "29-31", "L"])
weekdays = st.sampled_from(["*", "*", "SUN", "MON-FRI", "0L"])
expressions = st.builds("{} {} {} * {}".format, minutes, hours, days, weekdays)


def local_matches(expression: str, begin: datetime, end: datetime) -> Iterator[datetime]:
    """Local times that match, as if there were no time zones."""
    return takewhile(lambda local: local <= end, CronSim(expression, begin - timedelta(seconds=1)))


def by_definition(expression: str, tz: str, after: int) -> list[int]:
    """The slots of a stretch by the words of Cron's docstring, minute by minute."""
    zone = ZoneInfo(tz)
    instants = [after + MINUTE * number for number in range(1, LENGTH // MINUTE + 1)]
    clock = {slot: datetime.fromtimestamp(slot / 1000, zone).replace(tzinfo=None) for slot in instants}
    wide = timedelta(days=2)
    matches = set(local_matches(expression, min(clock.values()) - wide, max(clock.values()) + wide))
    if any(field.startswith("*") for field in expression.split()[:2]):
        return [slot for slot in instants if clock[slot] in matches]
    first_at: dict[datetime, int] = {}
    for slot, local in clock.items():
        first_at.setdefault(local, slot)
    turned = [
        slot
        for slot, before in zip(instants[1:], instants, strict=False)
        if clock[slot] - clock[before] > timedelta(minutes=1)
    ]
    left_out = {slot for slot in turned if any(clock[slot - MINUTE] < local < clock[slot] for local in matches)}
    return sorted({first_at[local] for local in matches if local in first_at} | left_out)


@given(expressions, st.sampled_from(STRETCHES))
@settings(deadline=None, max_examples=200)
def test_slots_are_as_they_are_defined(expression: str, stretch: tuple[str, str]) -> None:
    tz, begin = stretch
    after = at(begin)
    assert Cron(expression, tz=tz).slots_between(after, after + LENGTH, 10_000) == by_definition(expression, tz, after)


@given(expressions, st.sampled_from(STRETCHES[:4]))
@settings(deadline=None, max_examples=200)
def test_where_clocks_are_turned_by_an_hour_in_the_night_slots_are_those_of_cronsim(
    expression: str, stretch: tuple[str, str]
) -> None:
    tz, begin = stretch
    after = at(begin)
    theirs = CronSim(expression, datetime.fromtimestamp(after / 1000, ZoneInfo(tz)))
    instants = (round(slot.astimezone(timezone.utc).timestamp() * 1000) for slot in theirs)
    expected = list(takewhile(lambda slot: slot <= after + LENGTH, instants))
    assert Cron(expression, tz=tz).slots_between(after, after + LENGTH, 10_000) == expected


@given(expressions, st.sampled_from(STRETCHES), st.integers(0, LENGTH), st.integers(0, LENGTH))
@settings(deadline=None, max_examples=200)
def test_the_latest_slot_is_the_last_of_them_all(
    expression: str, stretch: tuple[str, str], begin: int, length: int
) -> None:
    tz, day = stretch
    cron, after = Cron(expression, tz=tz), at(day) + begin
    every = cron.slots_between(after, after + length, 10_000)
    assert cron.latest_between(after, after + length) == (every[-1] if every else None)
