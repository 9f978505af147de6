"""What happens in runs, as whoever follows them is told it. That a run has moved is heard from ``hub``.

Events are made from journal entries and from nothing else, by ``events_of``; live and later readers see the same.
Each carries the ``seq`` of its entry, so a reader that lost its connection goes on after the last one it has.
One entry may announce several events (a step is done, so the next one begins): they share the seq, and are told apart
by their ``part``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal, TypeAlias, cast

import msgspec

from waystation.core import signals
from waystation.core.addresses import ROOT, Address
from waystation.core.entries import (
    AnyEntry,
    BranchTaken,
    CancelRequested,
    ErrorRecord,
    EventMatched,
    EventReceived,
    EventTimedOut,
    NodeFailed,
    OnceRecorded,
    RunCancelled,
    RunFailed,
    RunStarted,
    RunSucceeded,
    SleepBegun,
    StepBailed,
    StepCancelled,
    StepFailed,
    StepRetrying,
    StepSucceeded,
    StepSuspended,
    StepWrote,
    SuspensionAnswered,
    UndoBegun,
)
from waystation.core.machine import Machine
from waystation.core.refs import Millis, Seq
from waystation.core.state import ForeachFrame

_ITEM = re.compile(r"\[(\d+)\]/")


class Event(msgspec.Struct, frozen=True, tag_field="type", omit_defaults=True, kw_only=True):
    """Something happened in a run, and is durable.

    Attributes:
        run_id: the run.
        seq: the journal entry it is made from.
        at: when, in milliseconds since 1970 UTC.
        part: which of the events that are made from that entry, from 0.

    The values that some kinds carry are plain JSON data, as the journal has them.
    """

    run_id: str
    seq: Seq
    at: Millis
    part: int = 0

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


class StepOutputEvent(Event, frozen=True, tag="step-output"):
    """A step wrote chunks, by ``ctx.write``, in this order."""

    address: str
    attempt: int
    chunks: tuple[object, ...]


class StepProgressEvent(Event, frozen=True, tag="step-progress"):
    """Of a foreach's items so many are done."""

    address: str
    done: int
    total: int


class StepCancelledEvent(Event, frozen=True, tag="step-cancelled"):
    """An attempt was cut off, because the run is cancelled."""

    address: str
    attempt: int


class StepBailedEvent(Event, frozen=True, tag="step-bailed"):
    """A step ended the workflow it is in, with ``output``."""

    address: str
    attempt: int
    output: object


class BranchTakenEvent(Event, frozen=True, tag="branch-taken"):
    """A branch or switch chose."""

    address: str
    taken: tuple[str, ...]


class NodeFailedEvent(Event, frozen=True, tag="node-failed"):
    """A condition, a key, a map or the like failed, a wait for an event timed out, or the run's output does not fit (at
    no address)."""

    address: str
    error: ErrorRecord


class SleepBegunEvent(Event, frozen=True, tag="sleep-begun"):
    """The run sleeps at ``address`` until ``until``."""

    address: str
    until: Millis


class EventReceivedEvent(Event, frozen=True, tag="event-received"):
    """Someone sent the run an event."""

    name: str
    data: object
    actor: str = ""


class EventMatchedEvent(Event, frozen=True, tag="event-matched"):
    """A wait took an event."""

    address: str


class CancelRequestedEvent(Event, frozen=True, tag="cancel-requested"):
    """Someone cancels the run."""

    reason: str = ""
    actor: str = ""


class UndoBegunEvent(Event, frozen=True, tag="undo-begun"):
    """The compensations of the run's completed steps begin."""


class RunSuspendedEvent(Event, frozen=True, tag="run-suspended"):
    """Nothing is left to do until someone answers at one of ``addresses``."""

    addresses: tuple[str, ...]


class RunPausedEvent(Event, frozen=True, tag="run-paused"):
    """The run goes step by step, and is parked before ``next_steps``."""

    next_steps: tuple[str, ...]


class RunFinishedEvent(Event, frozen=True, tag="run-finished"):
    """The run ended."""

    status: Literal["success", "failed", "cancelled"]
    error: ErrorRecord | None = None


AnyEvent: TypeAlias = (
    RunStartedEvent
    | StepStartedEvent
    | StepOutputEvent
    | StepProgressEvent
    | StepSucceededEvent
    | StepFailedEvent
    | StepRetryingEvent
    | StepSuspendedEvent
    | StepResumedEvent
    | StepCancelledEvent
    | StepBailedEvent
    | BranchTakenEvent
    | NodeFailedEvent
    | SleepBegunEvent
    | EventReceivedEvent
    | EventMatchedEvent
    | CancelRequestedEvent
    | UndoBegunEvent
    | RunSuspendedEvent
    | RunPausedEvent
    | RunFinishedEvent
)

RESTING: tuple[type[AnyEvent], ...] = (RunSuspendedEvent, RunPausedEvent, RunFinishedEvent)
"""The events after which a run goes on only if someone has it go on, or not at all."""


class EventFold:
    """Turns a run's entries, in order, into events. Needs the graph to know what an entry sets off."""

    def __init__(self, run_id: str, machine: Machine) -> None:
        self._run_id = run_id
        self._machine = machine
        self._done: dict[str, int] = {}

    def feed(self, entry: AnyEntry) -> list[AnyEvent]:
        """Fold the next entry and give its events."""
        machine = self._machine
        foreachs = self._foreachs_around(entry)
        machine.apply(entry)
        machine.settled()
        seq, at, run_id = machine.state.last_seq, entry.at, self._run_id
        events = [event] if (event := _event_of(entry, run_id, seq)) is not None else []
        for address, frame, index in foreachs:
            if frame.outputs[index] is not None:
                done = self._done[address] = self._done.get(address, 0) + 1
                events.append(
                    StepProgressEvent(run_id=run_id, seq=seq, at=at, address=address, done=done, total=frame.count)
                )
        events += [
            StepStartedEvent(run_id=run_id, seq=seq, at=at, address=action.address, attempt=action.attempt)
            for action in machine.take_actions()
            if isinstance(action, signals.RunStep) and not _is_of_running(entry, action.address)
        ]
        if machine.state.standing == "running" and machine.is_at_rest() and not machine.is_cancelling():
            if machine.is_paused():
                steps = tuple(machine.ready_steps())
                events.append(RunPausedEvent(run_id=run_id, seq=seq, at=at, next_steps=steps))
            elif open_now := machine.suspensions():
                events.append(RunSuspendedEvent(run_id=run_id, seq=seq, at=at, addresses=tuple(open_now)))
        return [msgspec.structs.replace(event, part=part) if part else event for part, event in enumerate(events)]

    def _foreachs_around(self, entry: AnyEntry) -> list[tuple[str, ForeachFrame, int]]:
        """The foreachs, the innermost first, of which the entry may end an item, and the number of that."""
        found: list[tuple[str, ForeachFrame, int]] = []
        for item in _ITEM.finditer(getattr(entry, "address", ROOT)):
            address, index = item.string[: item.start()], int(item[1])
            frame = self._machine.state.frames.get(Address(address))
            if isinstance(frame, ForeachFrame) and frame.outputs[index] is None:
                found.append((address, frame, index))
        return found[::-1]


def _is_of_running(entry: AnyEntry, address: Address) -> bool:
    """Whether the entry tells of a step that it is running: so its attempt has begun before, by time alone."""
    return isinstance(entry, (StepWrote, OnceRecorded)) and entry.address == address


def _event_of(entry: AnyEntry, run_id: str, seq: Seq) -> AnyEvent | None:
    make = _EVENTS.get(type(entry))
    return None if make is None else make(entry, {"run_id": run_id, "seq": seq, "at": entry.at})


def _made(kind: Callable[..., AnyEvent], *fields: str) -> Callable[[AnyEntry, dict[str, object]], AnyEvent]:
    """Makes events of ``kind`` from entries: of its fields, those that hold JSON become plain data."""

    def make(entry: AnyEntry, base: dict[str, object]) -> AnyEvent:
        return kind(**base, **{field: _plain(getattr(entry, field)) for field in fields})

    return make


def _plain(value: object) -> object:
    if isinstance(value, msgspec.Raw):
        return msgspec.json.decode(value)
    if isinstance(value, tuple):
        return tuple(_plain(part) for part in cast("tuple[object, ...]", value))
    return value


_EVENTS: Mapping[type[AnyEntry], Callable[[AnyEntry, dict[str, object]], AnyEvent]] = {
    RunStarted: _made(RunStartedEvent, "input"),
    StepSucceeded: _made(StepSucceededEvent, "address", "attempt", "output"),
    StepFailed: _made(StepFailedEvent, "address", "attempt", "error"),
    StepRetrying: _made(StepRetryingEvent, "address", "attempt", "error", "retry_at"),
    StepSuspended: _made(StepSuspendedEvent, "address", "payload", "label"),
    StepCancelled: _made(StepCancelledEvent, "address", "attempt"),
    StepBailed: _made(StepBailedEvent, "address", "attempt", "output"),
    SuspensionAnswered: _made(StepResumedEvent, "address", "data", "actor"),
    StepWrote: _made(StepOutputEvent, "address", "attempt", "chunks"),
    BranchTaken: _made(BranchTakenEvent, "address", "taken"),
    NodeFailed: _made(NodeFailedEvent, "address", "error"),
    EventTimedOut: _made(NodeFailedEvent, "address", "error"),
    SleepBegun: _made(SleepBegunEvent, "address", "until"),
    EventReceived: _made(EventReceivedEvent, "name", "data", "actor"),
    EventMatched: _made(EventMatchedEvent, "address"),
    CancelRequested: _made(CancelRequestedEvent, "reason", "actor"),
    UndoBegun: _made(UndoBegunEvent),
    RunSucceeded: _made(partial(RunFinishedEvent, status="success")),
    RunFailed: _made(partial(RunFinishedEvent, status="failed"), "error"),
    RunCancelled: _made(partial(RunFinishedEvent, status="cancelled")),
}
