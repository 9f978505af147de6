"""The verdict tells a cancel that is lost from one that came too late to change anything."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from tests.crash.chaos.book import AnyLine, Began, Told, Trying
from tests.crash.chaos.verdict import Standing, judge
from waystation.core.addresses import Address
from waystation.core.encoding import encode_entry
from waystation.core.entries import (
    AnyEntry,
    CancelRequested,
    ErrorRecord,
    RunCreated,
    RunFailed,
    RunStarted,
    StepFailed,
    UndoBegun,
)

NO_SHIP = ErrorRecord(code="exception", type="Error", message="no ship")
UNDONE: Sequence[AnyEntry] = (
    RunCreated(at=1, workflow_id="jobs", fingerprint="f"),
    RunStarted(at=1, input=msgspec.Raw(b'{"asked":""}')),
    StepFailed(at=2, address=Address("ship"), attempt=1, began=1, error=NO_SHIP),
    UndoBegun(at=2),
    RunFailed(at=3, error=NO_SHIP),
)
TRIED_TO_UNDO = Trying(who="w", run="job-0005", number=1, epoch=1, after=2)
CANCELLED = Told(who="c", run="job-0005", what="cancel", about="", name="c/1", answer="accepted")


def begins(address: str) -> Began:
    return Began(who="w", run="job-0005", address=address, leg="fresh", attempt=1, token="t")


def lost(entries: Sequence[AnyEntry], *lines: AnyLine) -> int:
    standing = Standing("job-0005", "failed", [encode_entry(entry) for entry in entries])
    return sum("its cancel is lost" in wrong for wrong in judge(lines, [standing], []).wrong)


def test_a_run_that_is_being_undone_goes_on_being_undone_whoever_cancels_it() -> None:
    assert not lost(UNDONE, TRIED_TO_UNDO, CANCELLED, begins("pay~undo"), begins("charge~undo"), CANCELLED)


def test_a_step_that_begins_after_a_cancel_of_which_nothing_is_recorded_is_a_cancel_lost() -> None:
    assert lost(UNDONE, CANCELLED, begins("ship"), TRIED_TO_UNDO) == 1
    assert lost(UNDONE, TRIED_TO_UNDO, CANCELLED, begins("ship")) == 1


def test_so_is_a_compensation_of_a_run_that_was_not_being_undone_when_it_was_cancelled() -> None:
    assert lost(UNDONE, begins("ship"), CANCELLED, TRIED_TO_UNDO, begins("pay~undo")) == 1
    tried_before = Trying(who="w", run="job-0005", number=1, epoch=1, after=1)
    assert lost(UNDONE, tried_before, CANCELLED, TRIED_TO_UNDO, begins("pay~undo")) == 1
    assert lost(UNDONE[:2], CANCELLED, begins("pay~undo")) == 1
    assert lost(UNDONE, CANCELLED, TRIED_TO_UNDO, CANCELLED, begins("pay~undo"), begins("charge~undo")) == 2


@pytest.mark.parametrize("address", ["ship", "pay~undo"])
def test_none_is_lost_that_is_in_the_journal_nor_before_it_was_accepted(address: str) -> None:
    recorded = [*UNDONE[:2], CancelRequested(at=2), *UNDONE[2:]]
    assert not lost(recorded, CANCELLED, begins(address))
    assert not lost(UNDONE, begins(address), CANCELLED)
