"""What comes to a run from outside: its start, an answer, an event, a cancel. Each is one atomic, durable write.

None of this runs a step. Where the run is parked, the write also takes it over for the process that made it, so
that of any number of answers or starts at once exactly one is accepted, and the one that is goes on with the run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from waystation.core.addresses import Address
from waystation.core.entries import AnyEntry, EventReceived
from waystation.core.machine import Machine
from waystation.core.refs import Seq
from waystation.core.signals import Adopted, Answered, Cancel, Event, Proceed, Signal
from waystation.core.state import encode_state
from waystation.define.workflow import Workflow
from waystation.engine.creation import Beginning, Taken
from waystation.engine.decoding import entries_of
from waystation.engine.engine import Engine
from waystation.engine.loading import load_machine
from waystation.engine.on_top import on_top
from waystation.engine.owning import Owning
from waystation.engine.writes import commit_from_outside, resting_head, running_head
from waystation.errors import (
    RunAlreadyStarted,
    RunEnded,
    RunNotFound,
    RunNotPaused,
    StoreBusy,
)
from waystation.store.protocol import Fenced, JournalMoved
from waystation.store.records import ENDED, MakeCommit, RunRecord, StoredRun

_MOST_TRIES = 100
"""How often a write is decided anew because someone else wrote first; each try means that someone else got on."""


async def start(
    engine: Engine,
    workflow: Workflow[object, object],
    run_id: str,
    beginning: Beginning,
    *,
    known: StoredRun | None = None,
) -> Taken:
    """Start a pending run, and take it.

    Arguments:
        known: how it was stored a moment ago, where that is known: most often it still is.

    Raises:
        RunNotFound, RunAlreadyStarted.
        RunEnded: it was cancelled before.
    """

    async def decide(stored: StoredRun, machine: Machine) -> Signal:
        if machine.state.standing == "cancelled" and not machine.state.input_seq:
            raise RunEnded(f"run {run_id!r} was cancelled before it was started; create another", run_id=run_id)
        if machine.state.standing != "pending":
            raise RunAlreadyStarted(
                f"run {run_id!r} was started already and is {stored.record.status}; a run starts once. "
                "Create another run, or look at this one with get_run()",
                run_id=run_id,
            )
        return beginning.signal(engine.clock.now())

    taken = await _write(engine, workflow, run_id, decide, known=known)
    assert taken is not None, "a pending run has no owner, so its start takes it"
    return taken


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to an open suspension, chosen and checked.

    Attributes:
        data: the answer, as JSON.
        context: what it changes of the request context.
        actor, channel: who answers, and by which way.
        key: its idempotency key, "" for none.
    """

    address: Address
    suspension: Seq
    data: bytes
    context: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    actor: str = ""
    channel: str = ""
    key: str = ""


async def answer(
    engine: Engine,
    workflow: Workflow[object, object],
    run_id: str,
    choose: Callable[[StoredRun, Machine], Awaitable[Answer | None]],
) -> Taken | None:
    """Record an answer to an open suspension, durably.

    Arguments:
        choose: picks the suspension and gives the checked answer, or raises; it is asked anew if the run moved. None
            if this very answer was given before: then nothing is written.

    Returns:
        The run, taken, if it was parked; None if some process drives it, who must be told to look.
    """

    async def decide(stored: StoredRun, machine: Machine) -> Signal | None:
        if (given := await choose(stored, machine)) is None:
            return None
        now, to = engine.clock.now(), given.suspension
        return Answered(given.address, now, to, given.data, given.actor, given.channel, given.context, given.key)

    return await _write(engine, workflow, run_id, decide)


async def cancel(
    engine: Engine,
    workflow: Workflow[object, object],
    run_id: str,
    *,
    reason: str,
    actor: str,
    channel: str,
    grace_ms: int,
) -> Taken | None:
    """Ask, durably, for the run to be cancelled. Nothing is written if it has ended or is cancelled already.

    Returns:
        The run, taken, if it was parked; None if there is nothing to do here but to tell whoever drives it.
    """

    async def decide(stored: StoredRun, machine: Machine) -> Signal:  # noqa: ARG001  (the machine itself decides)
        return Cancel(engine.clock.now(), reason, actor, channel, grace_ms)

    return await _write(engine, workflow, run_id, decide)


async def proceed(engine: Engine, workflow: Workflow[object, object], run_id: str, *, per_step: bool) -> Taken | None:
    """Have a paused run go on.

    Raises:
        RunNotPaused.
    """

    async def decide(stored: StoredRun, machine: Machine) -> Signal:
        if stored.record.status != "paused" or not machine.is_paused():
            raise RunNotPaused(
                f"run {run_id!r} is {stored.record.status}, not paused; only a run started with per_step=True pauses "
                "between steps",
                run_id=run_id,
            )
        return Proceed(engine.clock.now(), per_step)

    return await _write(engine, workflow, run_id, decide)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event for a run, checked. ``key`` is its idempotency key, "" for none."""

    name: str
    data: bytes = b"null"
    key: str = ""
    actor: str = ""
    channel: str = ""

    def with_data(self, data: bytes) -> NewEvent:
        """The same event with other data."""
        return replace(self, data=data)


async def send_event(engine: Engine, workflow: Workflow[object, object], run_id: str, event: NewEvent) -> Taken | None:
    """Record an event for the run, durably; it is kept until a wait takes it.

    Nothing is written if an event of the same key was received before.

    Raises:
        RunEnded.
    """

    async def decide(stored: StoredRun, machine: Machine) -> Signal | None:
        # Asked first: it may be just that event which the run ended with.
        if event.key and await _was_received(engine, run_id, event.key):
            return None
        if machine.state.standing not in ("pending", "running"):
            raise RunEnded(f"run {run_id!r} is {stored.record.status}; it takes no event any more", run_id=run_id)
        return Event(engine.clock.now(), event.name, event.data, event.key, event.actor, event.channel)

    return await _write(engine, workflow, run_id, decide)


async def _was_received(engine: Engine, run_id: str, key: str) -> bool:
    entries = entries_of(run_id, await engine.store.read(run_id))
    return any(isinstance(entry, EventReceived) and entry.key == key for entry in entries)


async def _write(
    engine: Engine,
    workflow: Workflow[object, object],
    run_id: str,
    decide: Callable[[StoredRun, Machine], Awaitable[Signal | None]],
    *,
    known: StoredRun | None = None,
) -> Taken | None:
    """Load, decide, write; again from the start whenever someone else wrote in between that matters."""
    for _ in range(_MOST_TRIES):
        stored, known = known or await engine.store.load(run_id), None
        if stored is None:
            raise RunNotFound(f"there is no run {run_id!r} in the store", run_id=run_id)
        machine = await load_machine(engine.store, workflow, stored)
        signal = await decide(stored, machine)
        if signal is None:
            return None
        if stored.record.status == "running":
            # Some process drives it, and may write again and again before this one would come to write.
            make = _on_top(workflow, stored, machine, signal)
            if not machine.handle(signal):
                return None
            try:
                await engine.store.commit_on_top(run_id, stored.last_seq, make)
            except (JournalMoved, Fenced):
                continue
            engine.hub.announce(run_id)
            return None
        entries: list[AnyEntry] = []
        parked = stored.record.owner is None and stored.record.status not in ENDED
        adopted = parked and machine.state.fingerprint != workflow.graph.fingerprint
        if adopted:
            entries += machine.handle(Adopted(signal.at, workflow.graph.fingerprint))
            await engine.keep_definition(workflow)
        told = machine.handle(signal)
        if not told:
            return None
        entries += told
        # What moves nothing (an event that nobody waits for yet) leaves a parked run where it is.
        moves = parked and not (isinstance(signal, Event) and machine.is_at_rest())
        head = None
        if moves:
            head = running_head(machine, stored.record.epoch + 1, engine.takes_for, engine.clock.now())
        elif adopted:
            head = resting_head(machine, stored.record.epoch, engine.clock.now())
        frontier = encode_state(machine.state) if parked and not moves else None
        term = engine.lease_term()
        try:
            write = commit_from_outside(stored.record, stored.last_seq, machine, entries, head, frontier)
            await engine.store.commit(write)
        except (JournalMoved, Fenced):
            continue
        engine.hub.announce(run_id)
        if not moves:
            return None
        return Taken(run_id, stored.record.created_at, Owning(engine, run_id, stored.record.epoch + 1, term), machine)
    raise StoreBusy(f"run {run_id!r} was written to by others {_MOST_TRIES} times in a row; try again")


def _on_top(workflow: Workflow[object, object], stored: StoredRun, machine: Machine, signal: Signal) -> MakeCommit:
    """Decides about ``signal`` with what was appended since ``stored`` was read."""

    def is_for(record: RunRecord, entries: Sequence[AnyEntry]) -> bool:
        key = signal.key if isinstance(signal, Event) else ""
        received = {entry.key for entry in entries if isinstance(entry, EventReceived)}
        return record.epoch == stored.record.epoch and record.status == "running" and not (key and key in received)

    return on_top(workflow, machine, stored.last_seq, [signal], is_for)
