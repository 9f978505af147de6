"""New runs: created pending, or created and started in one write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from waystation.core.addresses import Address
from waystation.core.encoding import encode_entry
from waystation.core.entries import AnyEntry, RunCreated
from waystation.core.machine import Machine
from waystation.core.refs import Millis, Seq
from waystation.core.signals import Start
from waystation.define.workflow import Workflow
from waystation.engine.engine import Engine
from waystation.engine.owning import Owning
from waystation.errors import InvalidId
from waystation.store.records import Head, NewRun, Opened, RunRecord, StoredRun
from waystation.store.run_ids import why_no_run_id


class Taken(msgspec.Struct, frozen=True):
    """A run that was taken, to be driven as ``owning`` says; or, where runs are placed by others, to be placed.

    Attributes:
        created_at: tells it from a run that had its id before.
    """

    run_id: str
    created_at: Millis
    owning: Owning
    machine: Machine


class Beginning(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a run begins with, checked, as JSON.

    Attributes:
        input: the workflow's input.
        state: the run state, by key.
        context: the request context, by key.
        per_step: whether the run pauses after each step.
    """

    input: bytes
    state: Mapping[str, bytes] = {}
    context: Mapping[str, bytes] = {}
    per_step: bool = False

    def signal(self, at: int) -> Start:
        """The start, as the machine takes it."""
        return Start(at, self.input, self.state, self.context, self.per_step)


class Names(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """By what a new run is known.

    Attributes:
        run_id: its id.
        resource_id: what it is about.
        idempotency_key: unique among the runs of its workflow.
    """

    run_id: str
    resource_id: str | None = None
    idempotency_key: str | None = None


async def create(engine: Engine, workflow: Workflow[object, object], names: Names) -> StoredRun:
    """Create a pending run, durably; gives how it is stored now.

    Raises:
        RunAlreadyExists.
        IdempotencyKeyUsed: there is a run of that key.
    """
    await engine.keep_definition(workflow)
    created = _created(engine, workflow)
    new = _new_run(names, created, [created])
    await engine.store.create_run(new)
    engine.hub.announce(names.run_id)
    return StoredRun(record=_pending(new), frontier=None, frontier_seq=0, entries=new.entries)


def _pending(run: NewRun) -> RunRecord:
    return RunRecord(
        run_id=run.run_id,
        workflow_id=run.workflow_id,
        version=run.version,
        fingerprint=run.fingerprint,
        status="pending",
        resource_id=run.resource_id,
        created_at=run.created_at,
        updated_at=run.created_at,
        epoch=0,
        owner=None,
        wake_at=None,
        idempotency_key=run.idempotency_key,
    )


async def create_started(
    engine: Engine, workflow: Workflow[object, object], names: Names, beginning: Beginning
) -> Taken:
    """Create a run that is started, and take it: one write, so there is no half of it. Raises as ``create`` does."""
    machine = Machine(workflow.graph)
    created = _created(engine, workflow)
    machine.apply(created)
    entries = [created, *machine.handle(beginning.signal(created.at))]
    return await create_taken(engine, workflow, names, entries, machine)


async def create_taken(
    engine: Engine,
    workflow: Workflow[object, object],
    names: Names,
    entries: Sequence[AnyEntry],
    machine: Machine,
) -> Taken:
    """Create a run with a journal of its own, that stands as ``machine`` does, and take it."""
    created = entries[0]
    assert isinstance(created, RunCreated), "a journal begins with that"
    await engine.keep_definition(workflow)
    term = engine.lease_term()
    head = Head(
        status="running",
        epoch=1,
        owner=engine.takes_for,
        fingerprint=created.fingerprint,
        updated_at=created.at,
    )
    opened, _ = machine.settled()
    await engine.store.create_run(_new_run(names, created, entries, head, opened))
    engine.hub.announce(names.run_id)
    return Taken(names.run_id, created.at, Owning(engine, names.run_id, head.epoch, term), machine)


def _created(engine: Engine, workflow: Workflow[object, object]) -> RunCreated:
    return RunCreated(
        at=engine.clock.now(),
        workflow_id=workflow.id,
        fingerprint=workflow.graph.fingerprint,
        version=workflow.version,
    )


def _new_run(
    names: Names,
    created: RunCreated,
    entries: Sequence[AnyEntry],
    head: Head | None = None,
    opened: Sequence[tuple[Seq, Address]] = (),
) -> NewRun:
    return NewRun(
        run_id=_checked_run_id(names.run_id),
        workflow_id=created.workflow_id,
        version=created.version,
        fingerprint=created.fingerprint,
        created_at=created.at,
        entries=list(map(encode_entry, entries)),
        resource_id=names.resource_id,
        idempotency_key=names.idempotency_key,
        head=head,
        opened=[Opened(seq=seq, address=address) for seq, address in opened] if opened else (),
    )


def _checked_run_id(run_id: object) -> str:
    if (why_not := why_no_run_id(run_id)) is not None:
        raise InvalidId(f"a run cannot have the id {run_id!r}: {why_not}")
    return str(run_id)
