"""When a workflow starts by itself: cron expressions, time zones, and what becomes of slots that were missed.

Everything here is a pure function of the time that is given. Times are milliseconds since 1970 UTC; a *slot* is an
instant at which the workflow is to start.

Cronsim reads the expression and finds the local times that match it. Which instants these are is worked out here,
because cronsim counts in whole hours: where the clock is turned by half an hour, it passes over slots.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from waystation.define.ids import checked_id
from waystation.errors import CronNeverFires, DefinitionError, DuplicateId, InvalidCron, InvalidDuration, InvalidId

Missed = Literal["skip", "last", "all"]

LONGEST_SCHEDULE_ID = 160
"""A run's id is its schedule's id with the slot, and may have 200 characters."""

_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
_MILLISECOND = timedelta(milliseconds=1)
_HORIZON = timedelta(days=50 * 366)
"""How far cronsim looks for a match; the calendar repeats itself within 40 years."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_TODAY = datetime(2025, 1, 1, tzinfo=timezone.utc)
"""A day from which to ask whether an expression ever fires: not the clock's, so that a definition is good or not."""


@dataclass(frozen=True, slots=True)
class Cron:
    """Start a workflow at the times a cron expression names, by the clock of a time zone.

    The expression has the five fields of POSIX ``crontab``: minute, hour, day of month, month, day of week. Names
    (``MON``, ``JAN``), ranges, lists and steps are understood as by Debian's cron, besides ``L`` and ``LW`` (the last
    day, the last working day of the month), ``5L`` (the last Friday) and ``MON#1`` (the first Monday). Where both
    days are given and neither begins with ``*``, a day that fits either is meant; otherwise it must fit both.

    When clocks are turned, the rules are those of Debian's ``cron(8)``. They go by how the fields for minute and
    hour begin:

    - *Fixed times*: neither begins with ``*`` (``30 2 * * *``, ``0,30 1-3 * * *``). Each local time fires once.
      One that does not exist that day, because the clock is turned forward over it, fires at the moment the clock is
      turned; several such, and the one at that very moment, fire once together. One that exists twice, because the
      clock is turned back, fires the first time only.
    - *Repeated times*: one of the two begins with ``*`` (``*/15 * * * *``, ``0 */3 * * *``). It fires whenever the
      clock shows a time that fits: not at one that is left out, and twice at one that is shown twice. So ``*/15``
      fires every 15 minutes as time passes.

    Unlike Debian's cron, which does so for changes of less than three hours, this holds for a change of any size.

    Arguments:
        expression: the five fields.
        tz: the time zone by its name in the IANA database.
        input: what the workflow is started with; it must fit its input schema.
        state: the run state it is started with, if it declares one.
        missed: what becomes of slots that passed while no process was there to fire them. ``"skip"``: they do not
            fire. ``"last"``: the latest of them fires, unless a newer slot is on time. ``"all"``: each fires, the
            oldest first.
        grace: how late a slot may be and still be on time; one that is later is missed. It covers the time that
            processes are restarted or busy: with less than some seconds, slots may be missed though nothing is wrong.
        id: tells several schedules of one workflow apart.

    Raises:
        InvalidCron: the expression or the time zone is not known.
        CronNeverFires: the expression names no time that ever comes.
        InvalidDuration: ``grace`` is negative.

    Example:
        ``workflow("weekly-report", ..., schedule=Cron("0 9 * * MON", tz="Europe/Paris", input={"top": 10}))``
    """

    expression: str
    _: KW_ONLY
    tz: str = "UTC"
    input: object = field(default=None, hash=False)
    state: object = field(default=None, hash=False)
    missed: Missed = "skip"
    grace: timedelta = timedelta(minutes=1)
    id: str = ""

    def __post_init__(self) -> None:
        _check_zone(self.tz)
        _check_expression(self.expression)
        if self.missed not in ("skip", "last", "all"):
            raise DefinitionError(f"Cron(missed={self.missed!r}): give 'skip', 'last' or 'all'")
        if self.grace < timedelta(0):
            raise InvalidDuration(f"Cron(grace={self.grace!r}): the time that a slot may be late cannot be negative")
        if self.id:
            checked_id("a schedule", self.id)
        if self.next_after(_millis(_TODAY)) is None:
            raise _never_fires(self.expression, f", by the clock of {self.tz}")

    # ------------------------------------------------------------------ what it is, as text

    @property
    def timing(self) -> str:
        """All that its slots depend on, as text."""
        return f"{' '.join(self.expression.upper().split())} tz={self.tz}"

    @property
    def spec(self) -> str:
        """``timing`` and what is done with its slots: another text means that the schedule was changed."""
        return f"{self.timing} missed={self.missed} grace={self.grace.total_seconds():g}s"

    # ------------------------------------------------------------------ its slots

    def next_after(self, at_millis: int) -> int | None:
        """The first slot after that time; None if there is none in the next 50 years."""
        after = _EPOCH + at_millis * _MILLISECOND
        minute, hour = self.expression.split()[:2]
        find = _next_repeated if minute.startswith("*") or hour.startswith("*") else _next_fixed
        slot = find(self.expression, ZoneInfo(self.tz), after)
        return None if slot is None else _millis(slot)

    def slots_between(self, after: int, until: int, limit: int) -> Sequence[int]:
        """The slots after ``after`` up to and with ``until``, oldest first, at most ``limit``."""
        slots: list[int] = []
        while len(slots) < limit and (slot := self.next_after(after)) is not None and slot <= until:
            slots.append(slot)
            after = slot
        return slots

    def latest_between(self, after: int, until: int) -> int | None:
        """The latest slot after ``after`` up to and with ``until``, however many there are."""
        first = self.next_after(after)
        if first is None or first > until:
            return None
        low, high = first, until
        while low < high:  # low is a slot, and there is none after high
            middle = (low + high + 1) // 2
            slot = self.next_after(middle - 1)
            if slot is None or slot > high:
                high = middle - 1
            else:
                low = slot
        return low

    def first_to_fire(self, slot: int, now: int) -> int | None:
        """Of ``slot``, which has come, and the slots after it: the first that is to fire; it may be yet to come."""
        on_time_since = now - self.grace // _MILLISECOND
        if self.missed == "all" or slot >= on_time_since:
            return slot
        on_time = self.next_after(on_time_since - 1)
        if self.missed == "last" and (on_time is None or on_time > now):
            # There is none where the time zone's rules were changed since ``slot`` was found.
            latest = self.latest_between(slot - 1, on_time_since - 1)
            return on_time if latest is None else latest
        return on_time


def schedules_by_id(workflow_id: str, schedules: Sequence[Cron]) -> dict[str, Cron]:
    """A workflow's schedules by their ids: the workflow's id, and after a ``/`` the schedule's own, where it has one.

    Raises:
        DuplicateId, InvalidId.
    """
    named: dict[str, Cron] = {}
    for cron in schedules:
        schedule_id = f"{workflow_id}/{cron.id}" if cron.id else workflow_id
        if schedule_id in named:
            raise DuplicateId(
                f"workflow {workflow_id!r} has two schedules with the id {cron.id!r}; "
                "tell them apart: Cron(..., id='morning')"
            )
        if len(schedule_id) > LONGEST_SCHEDULE_ID:
            raise InvalidId(
                f"the schedule {schedule_id!r} has {len(schedule_id)} characters, and {LONGEST_SCHEDULE_ID} are the "
                "most: its runs are named for it. Give the workflow or the schedule a shorter id"
            )
        named[schedule_id] = cron
    return named


# ---------------------------------------------------------------------- checks


def _check_zone(tz: object) -> None:
    try:
        if isinstance(tz, str) and tz:
            ZoneInfo(tz)
            return
    except (KeyError, ValueError, OSError):  # not there; not a name; a folder of the database
        pass
    raise InvalidCron(
        f"Cron(tz={tz!r}): there is no time zone of that name. Give one of the IANA database, such as 'Europe/Paris'; "
        "if this machine has no such database, install it with `pip install tzdata`"
    )


def _check_expression(expression: object) -> None:
    if not isinstance(expression, str) or len(expression.split()) != 5:  # noqa: PLR2004  (minute to day of the week)
        raise InvalidCron(
            f"Cron({expression!r}): give five fields: minute, hour, day of month, month and day of week, "
            "such as '0 9 * * MON' for each Monday at nine"
        )
    if (problem := _problem(expression)) is None:
        return
    minute, hour, day, month, weekday = expression.split()
    # Cronsim has one error for days that are no days and for days that no such month has.
    if _problem(f"{minute} {hour} {day} * {weekday}") is None and _problem(f"* * * {month} *") is None:
        raise _never_fires(expression)
    raise InvalidCron(f"Cron({expression!r}): {problem}")


def _problem(expression: str) -> str | None:
    try:
        CronSim(expression, _TODAY)
    except (CronSimError, ValueError) as error:  # a number of thousands of digits is a ValueError
        return str(error)
    return None


def _never_fires(expression: str, why: str = "") -> CronNeverFires:
    return CronNeverFires(f"Cron({expression!r}) names no time that ever comes{why}; look at its days and months")


# ---------------------------------------------------------------------- from local times to instants


def _millis(instant: datetime) -> int:
    return (instant - _EPOCH) // _MILLISECOND


def _reading(instant: datetime, zone: ZoneInfo) -> datetime:
    """What the clock of ``zone`` shows at ``instant``."""
    return instant.astimezone(zone).replace(tzinfo=None)


def _turn(zone: ZoneInfo, begin: datetime, end: datetime) -> datetime | None:
    """When, after ``begin`` and up to ``end``, the clock is turned. No clock is turned twice within a day."""
    offset = begin.astimezone(zone).utcoffset()
    if end.astimezone(zone).utcoffset() == offset:
        return None
    seconds = range((end - begin) // _SECOND + 1)
    return begin + _SECOND * bisect_left(
        seconds, x=True, key=lambda passed: (begin + _SECOND * passed).astimezone(zone).utcoffset() != offset
    )


def _next_fixed(expression: str, zone: ZoneInfo, after: datetime) -> datetime | None:
    """The first instant after ``after`` that a local time stands for, where each stands for one."""
    for local in CronSim(expression, _reading(after, zone)):
        slot = _only_instant(local, zone)
        if slot > after:  # if not, the clock shows a time that it has shown before
            return slot
    return None


def _only_instant(local: datetime, zone: ZoneInfo) -> datetime:
    first = local.replace(tzinfo=zone).astimezone(timezone.utc)
    if _reading(first, zone) == local:
        return first
    # It is left out. By the offset from before the turn (fold=0) it lies after the turn, and the other way round.
    turn = _turn(zone, local.replace(tzinfo=zone, fold=1).astimezone(timezone.utc), first)
    assert turn is not None, "a local time is left out only where the clock is turned"
    return turn


def _next_repeated(expression: str, zone: ZoneInfo, after: datetime) -> datetime | None:
    """The first instant after ``after`` at which the clock shows a local time that matches."""
    # Slots are at whole seconds; from here on the first is sought at ``begin`` or after it.
    begin = after.replace(microsecond=0) + _SECOND
    while begin < after + _HORIZON:
        shown = _reading(begin, zone)
        match = next(CronSim(expression, shown - _SECOND), None)
        if match is None:
            return None
        slot = begin + (match - shown)  # unless the clock is turned before
        turn = _turn(zone, begin, begin + _DAY)
        if turn is not None and slot >= turn:
            begin = turn
        elif turn is not None or slot <= begin + _DAY:
            return slot
        else:
            # Of the turns further off, only those in the last days can matter: no turn moves the clock by more than a
            # day, so until then it shows nothing that it has shown before, nor yet what matches.
            begin = max(begin + _DAY, slot - 2 * _DAY)
    return None
