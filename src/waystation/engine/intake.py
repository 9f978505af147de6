"""What comes to a run from outside: its creation, its start, an answer. Each is one atomic, durable write.

None of this runs a step. Where the run is parked, the write also takes it over for the process that made it, so
that of any number of answers or starts at once exactly one is accepted, and the one that is goes on with the run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from waystation.core.addresses import Address
from waystation.core.entries import AnyEntry, RunCreated, Seq, encode_entry
from waystation.core.machine import Machine
from waystation.core.signals import Adopted, Answered, Signal, Start
from waystation.define.workflow import Workflow
from waystation.engine.engine import Engine
from waystation.engine.loading import load_machine
from waystation.errors import InvalidId, RunAlreadyStarted, RunNotFound, StoreBusy
from waystation.store.protocol import Commit, Fenced, Head, JournalMoved, NewRun, RunRecord, StoredRun

_MOST_TRIES = 100
"""How often a write is decided anew because someone else wrote first; each try means that someone else got on."""


_LONGEST_RUN_ID = 200


@dataclass(frozen=True, slots=True)
class Taken:
    """A run this process has taken over, to be driven under ``epoch``."""

    run_id: str
    epoch: int
    machine: Machine


async def create(engine: Engine, workflow: Workflow[object, object], run_id: str, resource_id: str | None) -> None:
    """Create a pending run, durably.

    Raises:
        RunAlreadyExists.
    """
    await engine.keep_definition(workflow)
    created = _created(engine, workflow)
    await engine.store.create_run(_new_run(run_id, created, [created], resource_id))


async def create_started(
    engine: Engine, workflow: Workflow[object, object], run_id: str, resource_id: str | None, input_: bytes
) -> Taken:
    """Create a run that is started with checked input, and take it: one write, so there is no half of it.

    Raises:
        RunAlreadyExists.
    """
    await engine.keep_definition(workflow)
    machine = Machine(workflow.graph)
    created = _created(engine, workflow)
    machine.apply(created)
    entries = [created, *machine.handle(Start(created.at, input_))]
    head = Head(
        status="running",
        epoch=1,
        owner=engine.worker_id,
        fingerprint=created.fingerprint,
        updated_at=created.at,
    )
    await engine.store.create_run(_new_run(run_id, created, entries, resource_id, head))
    return Taken(run_id, head.epoch, machine)


def _created(engine: Engine, workflow: Workflow[object, object]) -> RunCreated:
    return RunCreated(at=engine.clock.now(), workflow_id=workflow.id, fingerprint=workflow.graph.fingerprint)


def _new_run(
    run_id: str, created: RunCreated, entries: Sequence[AnyEntry], resource_id: str | None, head: Head | None = None
) -> NewRun:
    return NewRun(
        run_id=_checked_run_id(run_id),
        workflow_id=created.workflow_id,
        fingerprint=created.fingerprint,
        created_at=created.at,
        entries=[encode_entry(entry) for entry in entries],
        resource_id=resource_id,
        head=head,
    )


def _checked_run_id(run_id: object) -> str:
    if not isinstance(run_id, str) or not 1 <= len(run_id) <= _LONGEST_RUN_ID or not run_id.isprintable():
        raise InvalidId(f"a run cannot have the id {run_id!r}: give 1 to {_LONGEST_RUN_ID} printable characters")
    return run_id


async def start(engine: Engine, workflow: Workflow[object, object], run_id: str, input_: bytes) -> Taken:
    """Start a pending run with checked input, and take it.

    Raises:
        RunNotFound, RunAlreadyStarted.
    """

    async def decide(stored: StoredRun, machine: Machine) -> Signal:
        if machine.state.standing != "pending":
            raise RunAlreadyStarted(
                f"run {run_id!r} was started already and is {stored.record.status}; a run starts once. "
                "Create another run, or look at this one with get_run()",
                run_id=run_id,
            )
        return Start(engine.clock.now(), input_)

    taken = await _write(engine, workflow, run_id, decide)
    assert taken is not None, "a pending run has no owner, so its start takes it"
    return taken


async def answer(
    engine: Engine,
    workflow: Workflow[object, object],
    run_id: str,
    choose: Callable[[StoredRun, Machine], Awaitable[tuple[Address, Seq, bytes]]],
    *,
    actor: str,
    channel: str,
) -> Taken | None:
    """Record an answer to an open suspension, durably.

    Arguments:
        choose: picks the suspension and gives the checked answer, or raises; it is asked anew if the run moved.

    Returns:
        The run, taken, if it was parked; None if some process drives it, who must be told to look.
    """

    async def decide(stored: StoredRun, machine: Machine) -> Signal:
        address, suspension, data = await choose(stored, machine)
        return Answered(address, engine.clock.now(), suspension, data, actor, channel)

    return await _write(engine, workflow, run_id, decide)


async def take_over(engine: Engine, workflow: Workflow[object, object], run_id: str) -> Taken | None:
    """Take a run that nobody drives; None if it cannot be taken (any more).

    Raises:
        DefinitionChanged: the code at hand cannot continue it; it is left as it was.
    """
    stored = await engine.store.load(run_id)
    if stored is None:
        return None
    # Before the claim, so that a run that does not fit stays for a process whose code it fits.
    await load_machine(engine.store, workflow, stored)
    record = await engine.store.claim(run_id, engine.worker_id, engine.clock.now())
    if record is None:
        return None
    while True:
        stored = await engine.store.load(run_id)
        if stored is None or stored.record.epoch != record.epoch:
            return None
        machine = await load_machine(engine.store, workflow, stored)
        if machine.state.fingerprint == workflow.graph.fingerprint:
            return Taken(run_id, record.epoch, machine)
        entries = machine.handle(Adopted(engine.clock.now(), workflow.graph.fingerprint))
        await engine.keep_definition(workflow)
        try:
            await engine.store.commit(
                _commit(stored, machine, entries, _taking(engine, stored.record, machine, grow=0))
            )
        except JournalMoved:
            continue
        except Fenced:
            return None
        engine.hub.announce(run_id)
        return Taken(run_id, record.epoch, machine)


async def _write(
    engine: Engine,
    workflow: Workflow[object, object],
    run_id: str,
    decide: Callable[[StoredRun, Machine], Awaitable[Signal]],
) -> Taken | None:
    """Load, decide, write; again from the start whenever someone else wrote in between."""
    for _ in range(_MOST_TRIES):
        stored = await engine.store.load(run_id)
        if stored is None:
            raise RunNotFound(f"there is no run {run_id!r} in the store", run_id=run_id)
        machine = await load_machine(engine.store, workflow, stored)
        signal = await decide(stored, machine)
        entries: list[AnyEntry] = []
        parked = stored.record.owner is None and stored.record.status != "running"
        if parked and machine.state.fingerprint != workflow.graph.fingerprint:
            entries += machine.handle(Adopted(signal.at, workflow.graph.fingerprint))
            await engine.keep_definition(workflow)
        entries += machine.handle(signal)
        head = _taking(engine, stored.record, machine, grow=1) if parked else None
        try:
            await engine.store.commit(_commit(stored, machine, entries, head))
        except (JournalMoved, Fenced):
            continue
        engine.hub.announce(run_id)
        return Taken(run_id, stored.record.epoch + 1, machine) if parked else None
    raise StoreBusy(f"run {run_id!r} was written to by others {_MOST_TRIES} times in a row; try again")


def _taking(engine: Engine, record: RunRecord, machine: Machine, *, grow: int) -> Head:
    return Head(
        status="running",
        epoch=record.epoch + grow,
        owner=engine.worker_id,
        fingerprint=machine.state.fingerprint,
        updated_at=engine.clock.now(),
    )


def _commit(stored: StoredRun, machine: Machine, entries: list[AnyEntry], head: Head | None) -> Commit:
    opened, closed = machine.settled()
    assert not opened, "nothing from outside opens a suspension"
    return Commit(
        run_id=stored.record.run_id,
        epoch=stored.record.epoch,
        after=stored.last_seq,
        entries=[encode_entry(entry) for entry in entries],
        head=head,
        closed=closed,
    )
