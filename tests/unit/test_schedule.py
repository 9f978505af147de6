"""Cron: what it refuses, its slots where clocks are turned, and which of the missed slots fire."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from waystation.define.schedule import Cron, Missed, schedules_by_id
from waystation.errors import (
    CronNeverFires,
    DefinitionError,
    DuplicateId,
    InvalidCron,
    InvalidDuration,
    InvalidId,
)

HOUR = 60 * 60_000
DAY = 24 * HOUR


def at(text: str) -> int:
    """Milliseconds of an ISO time with an offset."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def shown(slot: int, tz: str) -> str:
    return datetime.fromtimestamp(slot / 1000, ZoneInfo(tz)).strftime("%d %H:%M%z")


def slots(expression: str, tz: str, after: str, until: str) -> list[str]:
    """The slots of a stretch of time as the clock shows them, with its offset from UTC."""
    return [shown(slot, tz) for slot in Cron(expression, tz=tz).slots_between(at(after), at(until), 1000)]


# ---------------------------------------------------------------------- what it refuses


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("", "five fields"),
        ("* * * *", "five fields"),
        ("*/5 * * * * *", "five fields"),
        ("@daily", "five fields"),
        ("60 * * * *", "Bad minute"),
        ("* 24 * * *", "Bad hour"),
        ("* * 32 2 *", "Bad day-of-month"),
        ("* * * 13 *", "Bad month"),
        ("* * * * FRO", "Bad day-of-week"),
        ("*/0 * * * *", "Bad minute"),
        ("9" * 5000 + " * * * *", "Cron("),
    ],
)
def test_an_expression_that_is_none_is_refused_and_says_which_field(expression: str, said: str) -> None:
    with pytest.raises(InvalidCron) as refused:
        Cron(expression)
    assert said in refused.value.message
    assert refused.type is InvalidCron


@pytest.mark.parametrize("tz", ["", "Mars/Olympus", "Europe", "../Europe/Paris", "europe\0", "\ud800"])
def test_an_unknown_time_zone_is_refused_and_says_how_to_get_them(tz: str) -> None:
    with pytest.raises(InvalidCron, match="pip install tzdata") as refused:
        Cron("0 9 * * 1", tz=tz)
    assert repr(tz) in refused.value.message


@pytest.mark.parametrize(
    "expression",
    [
        "0 0 30 2 *",
        "0 0 31 2,4,6,9,11 *",
        "0 0 31 4 */2",
        "* * */20 * 1L",  # a Monday that is the last of its month and the 1st or 21st
    ],
)
def test_an_expression_that_never_fires_is_refused(expression: str) -> None:
    with pytest.raises(CronNeverFires, match="names no time that ever comes"):
        Cron(expression, tz="Europe/Paris")


def test_repeated_times_that_the_clock_always_leaves_out_never_fire() -> None:
    in_the_gap = "*/10 2 * 3 0L"  # from two to three on the last Sunday of March
    with pytest.raises(CronNeverFires, match="by the clock of Europe/Paris"):
        Cron(in_the_gap, tz="Europe/Paris")
    assert Cron(in_the_gap, tz="UTC").next_after(at("2026-01-01T00:00Z")) == at("2026-03-29T02:00Z")


@pytest.mark.parametrize("expression", ["0 0 29 2 *", "0 0 * 2 MON#5", "0 0 30 2 1", "0 0 LW * *", "0 0 L * *"])
def test_what_fires_seldom_or_on_either_day_is_good(expression: str) -> None:
    assert Cron(expression).next_after(at("2026-01-01T00:00Z")) is not None


def test_other_arguments_are_checked() -> None:
    with pytest.raises(InvalidDuration):
        Cron("0 9 * * 1", grace=timedelta(seconds=-1))
    with pytest.raises(DefinitionError, match="skip"):
        Cron("0 9 * * 1", missed="none")  # type: ignore[arg-type]  # what a checker refuses is refused at run time
    with pytest.raises(InvalidId):
        Cron("0 9 * * 1", id="a/b")


def test_it_is_a_value() -> None:
    cron = Cron("0 9 * * 1", input={"top": 10}, state={"seen": []})
    assert cron == Cron("0 9 * * 1", input={"top": 10}, state={"seen": []})
    assert cron != Cron("0 9 * * 1", input={"top": 11})
    assert isinstance(hash(cron), int), "whatever its input is"
    with pytest.raises(AttributeError):
        cron.tz = "UTC"  # type: ignore[misc]  # what a checker refuses is refused at run time


def test_its_spec_tells_changes_of_meaning_and_not_of_spacing() -> None:
    spec = Cron("0 9 * * mon", tz="Europe/Paris").spec
    assert spec == "0 9 * * MON tz=Europe/Paris missed=skip grace=60s"
    assert Cron("  0  9 * * MON ", tz="Europe/Paris", input=1).spec == spec
    changed = [
        Cron("1 9 * * MON", tz="Europe/Paris"),
        Cron("0 9 * * MON"),
        Cron("0 9 * * MON", tz="Europe/Paris", missed="all"),
        Cron("0 9 * * MON", tz="Europe/Paris", grace=timedelta(milliseconds=1)),
    ]
    assert len({spec, *(each.spec for each in changed)}) == 5


def test_schedules_of_one_workflow_have_ids_of_their_own() -> None:
    morning, evening = Cron("0 9 * * *", id="morning"), Cron("0 18 * * *", id="evening")
    nameless = Cron("0 0 * * *")
    assert schedules_by_id("report", [nameless, morning, evening]) == {
        "report": nameless,
        "report/morning": morning,
        "report/evening": evening,
    }
    for twice in ([nameless, nameless], [morning, Cron("0 8 * * *", id="morning")]):
        with pytest.raises(DuplicateId, match="report"):
            schedules_by_id("report", twice)
    with pytest.raises(InvalidId, match="shorter"):
        schedules_by_id("w" * 100, [Cron("0 9 * * *", id="s" * 100)])


# ---------------------------------------------------------------------- slots


def test_next_is_strictly_after_to_the_millisecond() -> None:
    cron = Cron("0 9 * * *")
    nine = at("2026-03-02T09:00Z")
    assert cron.next_after(nine - DAY) == nine
    assert cron.next_after(nine - 1) == nine
    assert cron.next_after(nine) == nine + DAY


def test_both_days_given_mean_either_and_with_a_star_mean_both() -> None:
    either = slots("0 0 1,15 * MON", "UTC", "2026-06-01T00:00Z", "2026-06-30T00:00Z")
    assert [text[:2] for text in either] == ["08", "15", "22", "29"], "1 June is a Monday, and the first is after it"
    both = slots("0 0 */7 * MON", "UTC", "2026-06-02T00:00Z", "2026-06-30T00:00Z")
    assert [text[:2] for text in both] == ["08", "15", "22", "29"]
    both = slots("0 0 */2 * MON", "UTC", "2026-06-02T00:00Z", "2026-06-30T00:00Z")
    assert [text[:2] for text in both] == ["15", "29"]


# Where, when, and how far the clock is turned: the local times between the two are left out.
GAPS = {
    "Europe/Paris": ("2026-03-29T00:00+01:00", "29 01:59+0100", "29 03:00+0200"),
    "America/New_York": ("2026-03-08T00:00-05:00", "08 01:59-0500", "08 03:00-0400"),
    "Australia/Lord_Howe": ("2026-10-04T00:00+10:30", "04 01:59+1030", "04 02:30+1100"),
}


@pytest.mark.parametrize("tz", GAPS)
def test_in_a_gap_repeated_times_fire_as_time_passes(tz: str) -> None:
    midnight, last, first = GAPS[tz]
    start = at(midnight)
    every = [shown(slot, tz) for slot in Cron("* * * * *", tz=tz).slots_between(start, start + 4 * HOUR, 1000)]
    assert len(every) == 240, "one each minute, through the turn"
    assert (every[118], every[119]) == (last, first)


def test_a_fixed_time_in_a_gap_fires_when_the_clock_is_turned() -> None:
    assert slots("30 2 * * *", "Europe/Paris", "2026-03-28T00:00Z", "2026-03-31T00:00Z") == [
        "28 02:30+0100",
        "29 03:00+0200",
        "30 02:30+0200",
    ]
    assert slots("30 2 * * *", "America/New_York", "2026-03-07T05:00Z", "2026-03-09T12:00Z") == [
        "07 02:30-0500",
        "08 03:00-0400",
        "09 02:30-0400",
    ]
    assert slots("15 2 * * *", "Australia/Lord_Howe", "2026-10-02T14:00Z", "2026-10-05T00:00Z") == [
        "03 02:15+1030",
        "04 02:30+1100",
        "05 02:15+1100",
    ]


def test_several_fixed_times_in_a_gap_fire_once_together() -> None:
    assert slots("0,20,40 2,3 * * *", "Europe/Paris", "2026-03-29T00:00Z", "2026-03-29T12:00Z") == [
        "29 03:00+0200",
        "29 03:20+0200",
        "29 03:40+0200",
    ]
    # At midnight, as in Chile, and a whole day, as when Samoa went over the date line.
    assert slots("30 0 * * *", "America/Santiago", "2026-09-05T12:00Z", "2026-09-07T12:00Z") == [
        "06 01:00-0300",
        "07 00:30-0300",
    ]
    assert slots("0 9 * * *", "Pacific/Apia", "2011-12-29T12:00Z", "2011-12-31T12:00Z") == [
        "29 09:00-1000",
        "31 00:00+1400",
        "31 09:00+1400",
    ]


def test_a_fixed_time_that_exists_twice_fires_the_first_time() -> None:
    assert slots("30 2 * * *", "Europe/Paris", "2026-10-24T12:00Z", "2026-10-26T12:00Z") == [
        "25 02:30+0200",
        "26 02:30+0100",
    ]
    assert slots("30 1 * * *", "America/New_York", "2026-10-31T12:00Z", "2026-11-02T12:00Z") == [
        "01 01:30-0400",
        "02 01:30-0500",
    ]
    assert slots("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00Z", "2026-04-05T16:00Z") == [
        "05 01:45+1100",
        "06 01:45+1030",
    ]
    between_the_two = at("2026-10-25T02:10+01:00")
    assert Cron("30 2 * * *", tz="Europe/Paris").next_after(between_the_two) == at("2026-10-26T02:30+01:00")


def test_repeated_times_that_exist_twice_fire_twice() -> None:
    assert slots("*/30 2 * * *", "Europe/Paris", "2026-10-24T22:00Z", "2026-10-25T12:00Z") == [
        "25 02:00+0200",
        "25 02:30+0200",
        "25 02:00+0100",
        "25 02:30+0100",
    ]
    assert slots("30 * * * *", "America/New_York", "2026-11-01T04:00Z", "2026-11-01T07:59Z") == [
        "01 00:30-0400",
        "01 01:30-0400",
        "01 01:30-0500",
        "01 02:30-0500",
    ]
    assert slots("*/15 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00Z", "2026-04-05T12:00Z") == [
        "05 01:00+1100",
        "05 01:15+1100",
        "05 01:30+1100",
        "05 01:45+1100",
        "05 01:30+1030",
        "05 01:45+1030",
    ]


def test_repeated_times_in_a_gap_are_left_out() -> None:
    assert slots("0 */2 * * *", "Europe/Paris", "2026-03-28T22:00Z", "2026-03-29T05:00Z") == [
        "29 00:00+0100",
        "29 04:00+0200",
        "29 06:00+0200",
    ]


def test_a_turn_by_half_an_hour_takes_no_slot_with_it() -> None:
    """Cronsim alone passes over 03:00 on both days."""
    assert slots("0 */3 * * *", "Australia/Lord_Howe", "2026-10-03T12:00Z", "2026-10-03T20:00Z") == [
        "04 00:00+1030",
        "04 03:00+1100",
        "04 06:00+1100",
    ]
    assert slots("0 */3 * * *", "Australia/Lord_Howe", "2026-04-04T12:00Z", "2026-04-04T20:00Z") == [
        "05 00:00+1100",
        "05 03:00+1030",
        "05 06:00+1030",
    ]


def test_the_latest_slot_of_years_is_found_without_walking_through_them() -> None:
    assert Cron("* * * * *").latest_between(0, at("2026-06-01T00:00:30Z")) == at("2026-06-01T00:00Z")


# ---------------------------------------------------------------------- what becomes of those that were missed


@pytest.mark.parametrize(
    ("missed", "now", "first"),
    [
        # On time, whatever the policy.
        ("skip", "10:00:00", "10:00"),
        ("last", "10:01:00", "10:00"),
        ("all", "10:01:00", "10:00"),
        # Later than the grace: missed.
        ("skip", "10:01:01", "10:10"),
        ("last", "10:01:01", "10:00"),
        ("all", "10:01:01", "10:00"),
        # Several missed.
        ("skip", "10:35:00", "10:40"),
        ("last", "10:35:00", "10:30"),
        ("all", "10:35:00", "10:00"),
        # Several missed, and one on time.
        ("skip", "10:30:30", "10:30"),
        ("last", "10:30:30", "10:30"),
        ("all", "10:30:30", "10:00"),
    ],
)
def test_of_missed_slots_the_policy_says_which_fires_first(missed: Missed, now: str, first: str) -> None:
    cron = Cron("*/10 * * * *", missed=missed, grace=timedelta(minutes=1))
    slot = at("2026-06-01T10:00Z")
    assert cron.first_to_fire(slot, at(f"2026-06-01T{now}Z")) == at(f"2026-06-01T{first}Z")


def test_a_slot_that_is_none_any_more_is_no_dead_end() -> None:
    """A new version of the time zones' rules may move slots that are in the store."""
    moved, now = at("2026-06-01T10:05Z"), at("2026-06-01T10:08Z")
    for missed in ("skip", "last"):
        cron = Cron("*/10 * * * *", missed=missed, grace=timedelta(minutes=1))
        assert cron.first_to_fire(moved, now) == at("2026-06-01T10:10Z")
