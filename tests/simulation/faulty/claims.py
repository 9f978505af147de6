"""What people were told: that their answer, event, cancel or start was taken, that it was not, or neither."""

from __future__ import annotations

from collections import Counter
from typing import Literal, TypeAlias

from tests.simulation.faulty.truth import Truth

Told: TypeAlias = Literal["taken", "refused", "unsure"]


class Claims:
    """What the library has claimed, and whether it is so.

    Attributes:
        broken: the claims that are not.
        told: how often each was told, by what it was about.
    """

    def __init__(self, truth: Truth) -> None:
        self.broken: list[str] = []
        self.told: Counter[str] = Counter()
        self._truth = truth
        self._numbers = 0
        self._refused: dict[int, str] = {}
        self._taken: dict[int, str] = {}
        self._winners: dict[str, int] = {}

    def next_number(self) -> int:
        """A number for an answer or event, by which it is known in the journal."""
        self._numbers += 1
        return self._numbers

    def answer(self, number: int, suspension: str, told: Told) -> None:
        """What was told of an answer."""
        self.told[f"answer, {told}"] += 1
        if told == "taken":
            self._taken[number] = "answer"
            if number not in self._truth.answered:
                self.broken.append(f"answer {number} was said to be taken, and is not in the journal")
            if (first := self._winners.setdefault(suspension, number)) != number:
                self.broken.append(f"of one suspension two answers were taken: {first} and {number}")
        elif told == "refused":
            self._refused[number] = "answer"

    def event(self, number: int, told: Told) -> None:
        """What was told of an event."""
        self.told[f"event, {told}"] += 1
        if told == "taken":
            self._taken[number] = "event"
            if self._truth.events.count(number) != 1:
                self.broken.append(f"event {number} was said to be taken, and is not in the journal once")
        elif told == "refused":
            self._refused[number] = "event"

    def cancel(self, told: Told) -> None:
        """What was told of a cancel."""
        self.told[f"cancel, {told}"] += 1
        if told == "taken":
            state = self._truth.folded.state
            if not (state.cancel or state.unwinding or state.standing not in ("pending", "running")):
                self.broken.append("a cancel was said to be taken, and is not in the journal")

    def start(self, told: Told) -> None:
        """What was told of a start."""
        self.told[f"start, {told}"] += 1
        if told == "taken" and not self._truth.folded.state.input_seq:
            self.broken.append("the start was said to be taken, and is not in the journal")

    def rest(self, status: str) -> None:
        """How the run was said to stand, to who waited for that."""
        self.told[f"rest, {status}"] += 1
        standing = self._truth.standing
        if status in ("success", "failed", "cancelled") and status != standing:
            self.broken.append(f"the run was said to be {status}, and is {standing}")

    def hold(self) -> None:
        """In the end: everything that was told is so."""
        there = {"answer": list(self._truth.answered), "event": self._truth.events}
        for number, kind in self._taken.items():
            if there[kind].count(number) != 1:
                self.broken.append(f"{kind} {number} was taken, and is there {there[kind].count(number)} times")
        for number, kind in self._refused.items():
            if number in there[kind]:
                self.broken.append(f"{kind} {number} was refused, and is there")
        for number, times in Counter(self._truth.events).items():
            if times > 1:
                self.broken.append(f"event {number} is there {times} times")
