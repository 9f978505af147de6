"""What a journal records as done, by the names that the book has for it; and whether what was done was undone well."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from waystation.core.entries import (
    AnyEntry,
    EventDefaulted,
    LoopDecided,
    OnceRecorded,
    SleepBegun,
    SleepEnded,
    StepBailed,
    StepFailed,
    StepRetrying,
    StepSucceeded,
    StepSuspended,
    SuspensionAnswered,
    UndoBegun,
)
from waystation.define.nodes import UNDO

Key: TypeAlias = tuple[str, str, str]
"""What is done: at which address, which leg or thing, which attempt."""

UNDOABLE = ("reserve", "charge", "pay")


def done_by(entries: Sequence[AnyEntry]) -> dict[Key, int]:
    """All that is recorded as done, and the index of the entry that records it."""
    answered: set[str] = set()
    found: dict[Key, int] = {}
    for index, entry in enumerate(entries):
        match entry:
            case SuspensionAnswered():
                answered.add(entry.address)
            case StepSucceeded() | StepFailed() | StepRetrying() | StepSuspended() | StepBailed():
                leg = "answered" if entry.address in answered else "fresh"
                found[entry.address, leg, str(entry.attempt)] = index
            case OnceRecorded():
                found[entry.address, entry.name, ""] = index
            case LoopDecided():
                found[entry.address, f"turn {entry.turn}", ""] = index
            case _:
                pass
    return found


def undone_wrongly(entries: Sequence[AnyEntry]) -> Iterator[str]:
    """What is wrong about the undoing and the times of a run."""
    completed = [each.address for each in entries if isinstance(each, StepSucceeded) and UNDO not in each.address]
    undone = [each.address for each in entries if isinstance(each, StepSucceeded) and each.address.endswith(UNDO)]
    if any(isinstance(entry, UndoBegun) for entry in entries):
        expected = [f"{address}{UNDO}" for address in reversed(completed) if address in UNDOABLE]
        if undone != expected:
            yield f"undone was {undone}, but completed were {completed}"
    elif undone:
        yield f"undone was {undone}, though nothing was to be undone"
    until = {entry.address: entry.until for entry in entries if isinstance(entry, SleepBegun)}
    for entry in entries:
        if isinstance(entry, (SleepEnded, EventDefaulted)) and entry.at < until[entry.address]:
            yield f"{entry.address} ended before its time"
