"""What a signal is recorded as: for each kind of signal the entries it gives, or none if it no longer fits.

A signal that does not fit lost a race (a step that was cancelled ends after all, two answers come at once): that is
no error, and nothing is recorded. Each function only reads the machine; the machine applies what it gives, one entry
after another, and the function goes on from what that made of the state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from waystation.core import signals
from waystation.core.addresses import ROOT, Address, node_key
from waystation.core.entries import (
    AnyEntry,
    BranchTaken,
    CancelRequested,
    DefinitionAdopted,
    ErrorRecord,
    EventAwaited,
    EventDefaulted,
    EventMatched,
    EventReceived,
    EventsPassed,
    EventTimedOut,
    ForeachBegun,
    LoopDecided,
    Mapped,
    NodeFailed,
    OnceRecorded,
    OutputChecked,
    RunProceeded,
    RunStarted,
    RunSucceeded,
    SleepBegun,
    SleepEnded,
    StepBailed,
    StepCancelled,
    StepFailed,
    StepRetrying,
    StepSucceeded,
    StepSuspended,
    StepWrote,
    SuspensionAnswered,
)
from waystation.core.state import (
    BlockFrame,
    ForeachFrame,
    LoopFrame,
    MapFrame,
    ScopeFrame,
    SleepFrame,
    StepFrame,
    WaitFrame,
    is_busy,
)
from waystation.define.nodes import WaitNode

if TYPE_CHECKING:
    from waystation.core.machine import Machine


_NOTHING: dict[str, msgspec.Raw] = {}


def _raw(values: Mapping[str, bytes]) -> dict[str, msgspec.Raw]:
    if not values:
        return _NOTHING  # what an entry holds is never changed
    return {key: msgspec.Raw(value) for key, value in values.items()}


def _running(machine: Machine, address: Address, attempt: int) -> bool:
    """Whether that attempt of the step is on (still)."""
    frame = machine.state.frames.get(address)
    return isinstance(frame, StepFrame) and frame.phase == "ready" and frame.attempt == attempt


# --------------------------------------------------------------------------- the run


def _start(machine: Machine, signal: signals.Start) -> Iterable[AnyEntry]:
    if machine.state.standing == "pending" and not machine.state.cancel:
        yield RunStarted(
            at=signal.at,
            input=msgspec.Raw(signal.input),
            state=_raw(signal.state),
            context=_raw(signal.context),
            per_step=signal.per_step,
        )


def _proceed(machine: Machine, signal: signals.Proceed) -> Iterable[AnyEntry]:
    if machine.is_paused():
        yield RunProceeded(at=signal.at, per_step=signal.per_step)


def _cancel(machine: Machine, signal: signals.Cancel) -> Iterable[AnyEntry]:
    state = machine.state
    if state.standing in ("pending", "running") and not state.cancel and not state.unwinding:
        yield CancelRequested(
            at=signal.at,
            reason=signal.reason,
            actor=signal.actor,
            channel=signal.channel,
            grace_ms=signal.grace_ms,
        )


def _event(machine: Machine, signal: signals.Event) -> Iterable[AnyEntry]:
    if machine.state.standing in ("pending", "running"):
        yield EventReceived(
            at=signal.at,
            name=signal.name,
            data=msgspec.Raw(signal.data),
            key=signal.key,
            actor=signal.actor,
            channel=signal.channel,
        )


def _woken(machine: Machine, signal: signals.Woken) -> Iterator[AnyEntry]:
    due = [
        (frame.until, address)
        for address, frame in machine.state.frames.items()
        if isinstance(frame, (SleepFrame, WaitFrame)) and frame.until is not None and frame.until <= signal.at
    ]
    for _, address in sorted(due):
        frame = machine.state.frames.get(address)  # one that was over before may have ended this one
        if isinstance(frame, SleepFrame):
            yield SleepEnded(at=signal.at, address=address)
        elif isinstance(frame, WaitFrame) and not frame.untried:
            # An event that is kept and not tried yet came before the time was over: it has its chance first.
            yield _time_is_over(machine, address, signal)


def _time_is_over(machine: Machine, address: Address, signal: signals.Woken) -> AnyEntry:
    node = machine.graph.places[node_key(address)].node
    assert isinstance(node, WaitNode), "only a wait has such a frame"
    if node.default is not None:
        return EventDefaulted(at=signal.at, address=address, output=msgspec.Raw(node.default))
    error = ErrorRecord(
        code="event_timeout",
        type="EventTimeout",
        message=f"no event {node.event!r} that matches came within {node.timeout}",
        address=address,
    )
    return EventTimedOut(at=signal.at, address=address, error=error)


def _checked(machine: Machine, signal: signals.Checked) -> Iterable[AnyEntry]:
    state = machine.state
    if state.standing != "running" or machine.is_cancelling():
        return
    if signal.address != ROOT:
        frame = state.frames.get(signal.address)
        if isinstance(frame, ScopeFrame) and frame.output is not None:
            if signal.error is not None:
                yield NodeFailed(at=signal.at, address=signal.address, error=signal.error)
            else:
                yield OutputChecked(at=signal.at, address=signal.address)
    elif state.output is not None:
        if signal.error is not None:
            yield NodeFailed(at=signal.at, address=ROOT, error=signal.error)  # first the run is undone, then it ends
        else:
            yield RunSucceeded(at=signal.at, result=state.output)


def _adopted(machine: Machine, signal: signals.Adopted) -> Iterable[AnyEntry]:  # noqa: ARG001  (it always fits)
    yield DefinitionAdopted(at=signal.at, fingerprint=signal.fingerprint)


# --------------------------------------------------------------------------- steps


def _succeeded(machine: Machine, signal: signals.Succeeded) -> Iterable[AnyEntry]:
    if not _running(machine, signal.address, signal.attempt):
        return ()
    entry = StepSucceeded(
        at=signal.at,
        address=signal.address,
        attempt=signal.attempt,
        began=signal.began,
        output=msgspec.Raw(signal.output),
        state=_raw(signal.state),
    )
    return (entry,)


def _failed(machine: Machine, signal: signals.Failed) -> Iterable[AnyEntry]:
    if not _running(machine, signal.address, signal.attempt):
        return
    retry_at = None if machine.is_cancelling() else _retry_at(machine, signal)
    if retry_at is not None:
        yield StepRetrying(
            at=signal.at,
            address=signal.address,
            attempt=signal.attempt,
            began=signal.began,
            error=signal.error,
            retry_at=retry_at,
        )
    else:
        yield StepFailed(
            at=signal.at,
            address=signal.address,
            attempt=signal.attempt,
            began=signal.began,
            error=signal.error,
        )


def _retry_at(machine: Machine, signal: signals.Failed) -> int | None:
    """When the step is tried again; None if it is not."""
    place = machine.graph.places[node_key(signal.address)]
    step = machine.graph.step(place.key)
    assert step is not None, "only a step fails an attempt"
    retry = step.retry or place.retry
    if not signal.retryable or signal.attempt >= retry.attempts:
        return None
    retry_at = signal.at + retry.delay_ms(signal.attempt, signal.chance)
    if step.total_timeout is not None:
        frame = machine.step_frame(signal.address)
        began = (frame.first_began if frame is not None else 0) or signal.began
        if retry_at >= began + round(step.total_timeout.total_seconds() * 1000):
            return None  # its time would be over by then
    return retry_at


def _suspended(machine: Machine, signal: signals.Suspended) -> Iterable[AnyEntry]:
    if not _running(machine, signal.address, signal.attempt):
        return
    if machine.is_cancelling():
        # Nobody would be asked any more.
        yield StepCancelled(at=signal.at, address=signal.address, attempt=signal.attempt, began=signal.began)
        return
    yield StepSuspended(
        at=signal.at,
        address=signal.address,
        attempt=signal.attempt,
        began=signal.began,
        payload=msgspec.Raw(signal.payload),
        label=signal.label,
        state=_raw(signal.state),
    )


def _bailed(machine: Machine, signal: signals.Bailed) -> Iterable[AnyEntry]:
    if _running(machine, signal.address, signal.attempt):
        yield StepBailed(
            at=signal.at,
            address=signal.address,
            attempt=signal.attempt,
            began=signal.began,
            output=msgspec.Raw(signal.output),
            state=_raw(signal.state),
        )


def _aborted(machine: Machine, signal: signals.Aborted) -> Iterable[AnyEntry]:
    if not _running(machine, signal.address, signal.attempt):
        return
    if not machine.state.cancel and not machine.state.unwinding:
        yield CancelRequested(
            at=signal.at, reason=signal.reason, channel="step", grace_ms=signal.grace_ms, address=signal.address
        )
    yield StepCancelled(at=signal.at, address=signal.address, attempt=signal.attempt, began=signal.began)


def _cut_off(machine: Machine, signal: signals.CutOff) -> Iterable[AnyEntry]:
    if machine.is_cancelling() and _running(machine, signal.address, signal.attempt):
        yield StepCancelled(at=signal.at, address=signal.address, attempt=signal.attempt, began=signal.began)


def _recorded(machine: Machine, signal: signals.Recorded) -> Iterable[AnyEntry]:
    frame = machine.step_frame(signal.address)
    if frame is not None and frame.phase == "ready" and signal.name not in frame.once:
        yield OnceRecorded(at=signal.at, address=signal.address, name=signal.name, value=msgspec.Raw(signal.value))


def _wrote(machine: Machine, signal: signals.Wrote) -> Iterable[AnyEntry]:
    if _running(machine, signal.address, signal.attempt):
        chunks = tuple(msgspec.Raw(chunk) for chunk in signal.chunks)
        yield StepWrote(at=signal.at, address=signal.address, attempt=signal.attempt, chunks=chunks)


def _answered(machine: Machine, signal: signals.Answered) -> Iterable[AnyEntry]:
    frame = machine.step_frame(signal.address)
    if frame is not None and frame.phase == "suspended" and frame.suspension == signal.suspension:
        yield SuspensionAnswered(
            at=signal.at,
            address=signal.address,
            suspension=signal.suspension,
            data=msgspec.Raw(signal.data),
            actor=signal.actor,
            channel=signal.channel,
            context=_raw(signal.context),
            key=signal.key,
        )


# --------------------------------------------------------------------------- decisions


def _decided(machine: Machine, signal: signals.Decided) -> Iterable[AnyEntry]:
    frame = machine.state.frames.get(signal.address)
    if isinstance(frame, BlockFrame) and frame.open is None:
        if signal.error is not None:
            yield NodeFailed(at=signal.at, address=signal.address, error=signal.error)
        else:
            yield BranchTaken(at=signal.at, address=signal.address, taken=signal.taken)


def _undecided(machine: Machine, signal: signals.Undecided) -> Iterable[AnyEntry]:
    frame = machine.state.frames.get(signal.address)
    if frame is not None and not isinstance(frame, StepFrame) and is_busy(frame):
        yield NodeFailed(at=signal.at, address=signal.address, error=signal.error)


def _counted(machine: Machine, signal: signals.Counted) -> Iterable[AnyEntry]:
    frame = machine.state.frames.get(signal.address)
    if isinstance(frame, ForeachFrame) and frame.count < 0:
        yield ForeachBegun(at=signal.at, address=signal.address, count=signal.count, concurrency=signal.concurrency)


def _turned(machine: Machine, signal: signals.Turned) -> Iterable[AnyEntry]:
    frame = machine.state.frames.get(signal.address)
    if isinstance(frame, LoopFrame) and frame.output is not None and frame.turn == signal.turn:
        yield LoopDecided(at=signal.at, address=signal.address, turn=signal.turn, again=signal.again)


def _computed(machine: Machine, signal: signals.Computed) -> Iterable[AnyEntry]:
    if isinstance(machine.state.frames.get(signal.address), MapFrame):
        yield Mapped(at=signal.at, address=signal.address, output=msgspec.Raw(signal.output))


def _timed(machine: Machine, signal: signals.Timed) -> Iterable[AnyEntry]:
    frame = machine.state.frames.get(signal.address)
    if isinstance(frame, SleepFrame) and frame.until is None:
        yield SleepBegun(at=signal.at, address=signal.address, until=signal.until)
    elif isinstance(frame, WaitFrame) and frame.timing:
        yield EventAwaited(at=signal.at, address=signal.address, until=signal.until)


def _matched(machine: Machine, signal: signals.Matched) -> Iterable[AnyEntry]:
    frame = machine.state.frames.get(signal.address)
    if not isinstance(frame, WaitFrame) or frame.timing:
        return
    if signal.event in frame.untried:
        yield EventMatched(at=signal.at, address=signal.address, event=signal.event)
    # None fits, or another wait has taken the one that does.
    elif passed := tuple(event for event in signal.tried if event in frame.untried):
        yield EventsPassed(at=signal.at, address=signal.address, events=passed)
    else:
        machine.ask_again(signal.address)


# Each function takes just the class it stands beside, which no type can say of a dict.
# ``tests/unit/test_machine.py`` checks that every kind of signal has its function.
DECIDE: Mapping[type, Callable[..., Iterable[AnyEntry]]] = {
    signals.Start: _start,
    signals.Proceed: _proceed,
    signals.Cancel: _cancel,
    signals.Event: _event,
    signals.Woken: _woken,
    signals.Checked: _checked,
    signals.Adopted: _adopted,
    signals.Succeeded: _succeeded,
    signals.Failed: _failed,
    signals.Suspended: _suspended,
    signals.Bailed: _bailed,
    signals.Aborted: _aborted,
    signals.CutOff: _cut_off,
    signals.Recorded: _recorded,
    signals.Wrote: _wrote,
    signals.Answered: _answered,
    signals.Decided: _decided,
    signals.Undecided: _undecided,
    signals.Counted: _counted,
    signals.Turned: _turned,
    signals.Computed: _computed,
    signals.Timed: _timed,
    signals.Matched: _matched,
}
"""For each kind of signal what it is recorded as."""
