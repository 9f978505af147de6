"""Judges the runs of the fleet's crash test: by their journals, and by the ledger outside the store."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.fleet.crash.beginnings import Beginning, Stops
from waystation.core.entries import (
    AnyEntry,
    StepFailed,
    StepRetrying,
    StepSucceeded,
    StepSuspended,
    SuspensionAnswered,
)

Leg = tuple[str, str, int, str]
"""A leg of a step's attempt: run, address, attempt, and whether it is ``fresh`` or ``answered``."""


@dataclass
class Seen:
    """What the ledger says.

    Attributes:
        beginnings: of each attempt, in their order.
        stops: when each worker was killed, or frozen.
    """

    beginnings: Mapping[Leg, list[Beginning]]
    stops: Stops

    @property
    def again(self) -> int:
        """How many attempts were begun more than once."""
        return sum(len(found) > 1 for found in self.beginnings.values())


def seen(lines: Sequence[str]) -> Seen:
    """Reads the ledger."""
    beginnings: dict[Leg, list[Beginning]] = defaultdict(list)
    stops = Stops()
    for number, line in enumerate(lines):
        words = line.split()
        stops.read(number, words)
        match words:
            case ["began", run_id, address, attempt, leg, token]:
                beginnings[run_id, address, int(attempt), leg].append(Beginning(number, token))
            case _:
                pass
    return Seen(beginnings, stops)


@dataclass
class Asked:
    """What one who answers was told of it.

    Attributes:
        run_id: whose suspension.
        answer: what was answered; every answer to one run is another.
        refused: the code of the error that said it was not taken; "" if it was.
    """

    run_id: str
    answer: int
    refused: str = ""


@dataclass
class Verdict:
    """What is wrong, in words; nothing, if all holds."""

    wrong: list[str] = field(default_factory=list[str])

    def must(self, holds: bool, what: str) -> None:
        if not holds:
            self.wrong.append(what)


def judge_steps(journals: Mapping[str, Sequence[AnyEntry]], ledger: Seen, verdict: Verdict) -> None:
    """No step that was recorded was begun again, and none was begun twice but because its worker was stopped."""
    recorded_tokens = {
        leg: token for run_id, entries in journals.items() for leg, token in tokens_of(run_id, entries).items()
    }
    for leg, beginnings in ledger.beginnings.items():
        recorded = recorded_tokens.get(leg)
        verdict.must(recorded is not None, f"{leg} has begun, and of its end nothing is recorded")
        # Were another the last one, a step would have begun after its result was recorded, or beside its owner.
        verdict.must(
            recorded in (None, beginnings[-1].token),
            f"{leg} began as {[each.token for each in beginnings]}, and {recorded} is what is recorded",
        )
        for before, after in pairwise(beginnings):
            verdict.must(
                ledger.stops.let_again(before, after),
                f"{leg} began at {before.worker}, which was not stopped then, and again at {after.worker}",
            )
    for leg in recorded_tokens:
        verdict.must(leg in ledger.beginnings, f"{leg} is recorded, and never began")
    for run_id, entries in journals.items():
        ends = [entry.address for entry in entries if isinstance(entry, StepSucceeded)]
        verdict.must(len(ends) == len(set(ends)), f"{run_id}: a step has succeeded twice")


def tokens_of(run_id: str, entries: Sequence[AnyEntry]) -> dict[Leg, str]:
    """The token of the beginning that counts, of every attempt that is recorded."""
    answered: set[str] = set()
    found: dict[Leg, str] = {}
    for entry in entries:
        match entry:
            case SuspensionAnswered():
                answered.add(entry.address)
            case StepSucceeded() | StepSuspended() | StepRetrying() | StepFailed():
                leg = "answered" if entry.address in answered else "fresh"
                found[run_id, entry.address, entry.attempt, leg] = _token(entry)
            case _:
                pass
    return found


def _token(entry: StepSucceeded | StepSuspended | StepRetrying | StepFailed) -> str:
    match entry:
        case StepSucceeded():
            given = entry.output
        case StepSuspended():
            given = entry.payload
        case _:
            return entry.error.message
    found = re.search(rb'"by":"([^"]*)"', bytes(given))
    assert found is not None, "every step's result has a token"
    return found[1].decode()


def judge_answers(journals: Mapping[str, Sequence[AnyEntry]], asked: Sequence[Asked], verdict: Verdict) -> None:
    """Every accepted answer is recorded, no refused one is, and of each suspension there is one."""
    recorded = {
        run_id: [int(bytes(entry.data)) for entry in entries if isinstance(entry, SuspensionAnswered)]
        for run_id, entries in journals.items()
    }
    accepted: dict[str, list[int]] = defaultdict(list)
    for each in asked:
        if not each.refused:
            accepted[each.run_id].append(each.answer)
        else:
            verdict.must(each.answer not in recorded[each.run_id], f"{each} was refused, and is recorded")
    for run_id, answers in recorded.items():
        verdict.must(answers == accepted[run_id], f"{run_id}: accepted {accepted[run_id]}, recorded {answers}")
