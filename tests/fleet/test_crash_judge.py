"""The judge of the fleet's crash tests sees what must not be."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from tests.fleet.crash.judge import Asked, Verdict, judge_answers, judge_steps, seen
from waystation.core.addresses import Address
from waystation.core.entries import AnyEntry, StepSucceeded, StepSuspended, SuspensionAnswered


def succeeded(token: str, address: str = "add") -> StepSucceeded:
    output = msgspec.Raw(b'{"value":1,"by":"%s"}' % token.encode())
    return StepSucceeded(at=1, address=Address(address), attempt=1, began=1, output=output)


def answered(data: int) -> list[AnyEntry]:
    payload = msgspec.Raw(b'{"value":1,"by":"a1:1"}')
    return [
        StepSuspended(at=1, address=Address("ask"), attempt=1, began=1, payload=payload),
        SuspensionAnswered(at=1, address=Address("ask"), suspension=1, data=msgspec.Raw(b"%d" % data)),
    ]


def began(token: str) -> str:
    return f"began r add 1 fresh {token}"


@pytest.mark.parametrize(
    ("lines", "journal", "holds"),
    [
        ([began("a1:1")], [succeeded("a1:1")], True),
        ([began("a1:1"), "stopping a1", began("b2:1")], [succeeded("b2:1")], True),
        # It began while it was being killed; it was frozen, and so is never gone.
        ([began("a1:1"), "stopping a1", "gone a1", began("b2:1")], [succeeded("b2:1")], True),
        (["stopping a1", began("a1:1"), "gone a1", began("b2:1")], [succeeded("b2:1")], True),
        (["stopping a1", began("a1:1"), began("b2:1"), "gone a1"], [succeeded("b2:1")], True),
        # It was recorded, and begun again all the same.
        ([began("a1:1"), "stopping a1", began("b2:1")], [succeeded("a1:1")], False),
        # Nobody had stopped the first, or only later, or long before.
        ([began("a1:1"), began("b2:1")], [succeeded("b2:1")], False),
        ([began("a1:1"), began("b2:1"), "stopping a1"], [succeeded("b2:1")], False),
        (["stopping a1", began("a1:1"), began("b2:1")], [succeeded("b2:1")], False),
        # It began once it was gone, or again before it was to be killed.
        (["stopping a1", "gone a1", began("a1:1"), began("b2:1")], [succeeded("b2:1")], False),
        ([began("a1:1"), began("b2:1"), "stopping a1", "gone a1"], [succeeded("b2:1")], False),
        # It was begun and not recorded, recorded and not begun, recorded twice.
        ([began("a1:1")], [], False),
        ([], [succeeded("a1:1")], False),
        ([began("a1:1")], [succeeded("a1:1"), succeeded("a1:1")], False),
    ],
)
def test_a_step_that_was_recorded_and_begun_again_is_seen(
    lines: Sequence[str], journal: Sequence[AnyEntry], holds: bool
) -> None:
    verdict = Verdict()
    judge_steps({"r": journal}, seen(lines), verdict)
    assert (not verdict.wrong) is holds, verdict.wrong


@pytest.mark.parametrize(
    ("journal", "asked", "holds"),
    [
        (answered(7), [Asked("r", 7)], True),
        (answered(7), [Asked("r", 7), Asked("r", 8, refused="already_answered")], True),
        # One was lost, two were accepted, one that was refused counts, and one counts that nobody gave.
        ([], [Asked("r", 7)], False),
        (answered(7), [Asked("r", 7), Asked("r", 8)], False),
        (answered(8), [Asked("r", 7), Asked("r", 8, refused="dispatch_unreachable")], False),
        (answered(7), [], False),
    ],
)
def test_an_answer_that_was_lost_or_has_two_winners_is_seen(
    journal: Sequence[AnyEntry], asked: Sequence[Asked], holds: bool
) -> None:
    verdict = Verdict()
    judge_answers({"r": journal}, asked, verdict)
    assert (not verdict.wrong) is holds, verdict.wrong
