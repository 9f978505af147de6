"""What happens in runs, announced in one place. Whoever listens (streams, later metrics and pages) listens here.

Events are made from journal entries and from nothing else, by ``events_of``; live and later readers see the same.
Each carries the ``seq`` of its entry, so a reader that lost its connection goes on after the last seq it has.
One entry may announce several events (a step is done, so the next one begins): they share the seq.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Literal, TypeAlias

import msgspec

from waystation.core import signals
from waystation.core.entries import (
    AnyEntry,
    BranchTaken,
    ErrorRecord,
    Millis,
    RunFailed,
    RunStarted,
    RunSucceeded,
    Seq,
    StepFailed,
    StepRetrying,
    StepSucceeded,
    StepSuspended,
    SuspensionAnswered,
)
from waystation.core.machine import Machine


class Event(msgspec.Struct, frozen=True, tag_field="type", omit_defaults=True, kw_only=True):
    """Something happened in a run, and is durable.

    Attributes:
        run_id: the run.
        seq: the journal entry it is made from.
        at: when, in milliseconds since 1970 UTC.

    The values that some kinds carry are plain JSON data, as the journal has them.
    """

    run_id: str
    seq: Seq
    at: Millis

    @property
    def type(self) -> str:
        """What happened: ``"step-succeeded"`` and the like; also the tag that the event has as JSON."""
        return str(self.__struct_config__.tag)


class RunStartedEvent(Event, frozen=True, tag="run-started"):
    """The run was started."""

    input: object


class StepStartedEvent(Event, frozen=True, tag="step-started"):
    """An attempt of a step begins (again, if the process dies before it ends)."""

    address: str
    attempt: int


class StepSucceededEvent(Event, frozen=True, tag="step-succeeded"):
    """A step is done."""

    address: str
    attempt: int
    output: object


class StepFailedEvent(Event, frozen=True, tag="step-failed"):
    """A step failed for good."""

    address: str
    attempt: int
    error: ErrorRecord


class StepRetryingEvent(Event, frozen=True, tag="step-retrying"):
    """An attempt failed; the next begins at ``retry_at``, by time alone: no step-started announces it."""

    address: str
    attempt: int
    error: ErrorRecord
    retry_at: Millis


class StepSuspendedEvent(Event, frozen=True, tag="step-suspended"):
    """A step waits for an answer."""

    address: str
    payload: object
    label: str = ""


class StepResumedEvent(Event, frozen=True, tag="step-resumed"):
    """A suspended step was answered."""

    address: str
    data: object
    actor: str = ""


class BranchTakenEvent(Event, frozen=True, tag="branch-taken"):
    """A branch chose."""

    address: str
    taken: tuple[str, ...]


class RunSuspendedEvent(Event, frozen=True, tag="run-suspended"):
    """Nothing is left to do until someone answers at one of ``addresses``."""

    addresses: tuple[str, ...]


class RunFinishedEvent(Event, frozen=True, tag="run-finished"):
    """The run ended."""

    status: Literal["success", "failed"]
    error: ErrorRecord | None = None


AnyEvent: TypeAlias = (
    RunStartedEvent
    | StepStartedEvent
    | StepSucceededEvent
    | StepFailedEvent
    | StepRetryingEvent
    | StepSuspendedEvent
    | StepResumedEvent
    | BranchTakenEvent
    | RunSuspendedEvent
    | RunFinishedEvent
)


class EventFold:
    """Turns a run's entries, in order, into events. Needs the graph to know what an entry sets off."""

    def __init__(self, run_id: str, machine: Machine) -> None:
        self._run_id = run_id
        self._machine = machine

    def feed(self, entry: AnyEntry) -> list[AnyEvent]:
        """Fold the next entry and give its events."""
        machine = self._machine
        machine.apply(entry)
        machine.settled()
        seq, at, run_id = machine.state.last_seq, entry.at, self._run_id
        events = [event] if (event := _event_of(entry, run_id, seq)) is not None else []
        events += [
            StepStartedEvent(run_id=run_id, seq=seq, at=at, address=action.address, attempt=action.attempt)
            for action in machine.take_actions()
            if isinstance(action, signals.RunStep)
        ]
        open_now = machine.suspensions()
        if machine.state.standing == "running" and not machine.state.busy and open_now:
            events.append(RunSuspendedEvent(run_id=run_id, seq=seq, at=at, addresses=tuple(open_now)))
        return events


def _event_of(entry: AnyEntry, run_id: str, seq: Seq) -> AnyEvent | None:  # noqa: PLR0911  (one return a kind)
    at = entry.at
    match entry:
        case RunStarted():
            return RunStartedEvent(run_id=run_id, seq=seq, at=at, input=msgspec.json.decode(entry.input))
        case StepSucceeded():
            return StepSucceededEvent(
                run_id=run_id,
                seq=seq,
                at=at,
                address=entry.address,
                attempt=entry.attempt,
                output=msgspec.json.decode(entry.output),
            )
        case StepFailed():
            return StepFailedEvent(
                run_id=run_id, seq=seq, at=at, address=entry.address, attempt=entry.attempt, error=entry.error
            )
        case StepRetrying():
            return StepRetryingEvent(
                run_id=run_id,
                seq=seq,
                at=at,
                address=entry.address,
                attempt=entry.attempt,
                error=entry.error,
                retry_at=entry.retry_at,
            )
        case StepSuspended():
            return StepSuspendedEvent(
                run_id=run_id,
                seq=seq,
                at=at,
                address=entry.address,
                payload=msgspec.json.decode(entry.payload),
                label=entry.label,
            )
        case SuspensionAnswered():
            return StepResumedEvent(
                run_id=run_id,
                seq=seq,
                at=at,
                address=entry.address,
                data=msgspec.json.decode(entry.data),
                actor=entry.actor,
            )
        case BranchTaken():
            return BranchTakenEvent(run_id=run_id, seq=seq, at=at, address=entry.address, taken=entry.taken)
        case RunSucceeded():
            return RunFinishedEvent(run_id=run_id, seq=seq, at=at, status="success")
        case RunFailed():
            return RunFinishedEvent(run_id=run_id, seq=seq, at=at, status="failed", error=entry.error)
        case _:
            return None


class Hub:
    """Tells listeners of this process which runs have moved. Listeners read the journal; nothing is buffered here.

    So a slow listener costs nothing, loses nothing, and sees what other processes write just the same.
    """

    def __init__(self) -> None:
        self._listeners: dict[str, deque[asyncio.Event]] = {}

    def announce(self, run_id: str) -> None:
        """The journal of ``run_id`` has grown, durably."""
        for event in self._listeners.get(run_id, ()):
            event.set()

    @contextmanager
    def listening(self, run_id: str) -> Generator[asyncio.Event]:
        """An event that is set whenever the run's journal grows. Clear it before reading, not after."""
        event = asyncio.Event()
        self._listeners.setdefault(run_id, deque()).append(event)
        try:
            yield event
        finally:
            listeners = self._listeners[run_id]
            listeners.remove(event)
            if not listeners:
                del self._listeners[run_id]

    def listened(self) -> Sequence[str]:
        """The runs that someone listens to."""
        return list(self._listeners)
