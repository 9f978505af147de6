"""Taking over runs that nobody drives: their process died, or their time has come."""

from __future__ import annotations

from collections.abc import Callable

from waystation.core.signals import Adopted
from waystation.define.workflow import Workflow
from waystation.engine.creation import Taken
from waystation.engine.engine import Engine
from waystation.engine.leases import retire_the_dead
from waystation.engine.loading import load_machine
from waystation.engine.owning import Owning
from waystation.engine.writes import commit_from_outside, running_head
from waystation.errors import RunIsRunning, RunNotActive, RunNotFound
from waystation.store.protocol import Fenced, JournalMoved
from waystation.store.records import ENDED


async def restart(engine: Engine, workflow: Workflow[object, object], run_id: str) -> Taken | None:
    """Take over a run whose process died, now; None if it has ended.

    Raises:
        RunIsRunning: a live process drives it.
        RunNotActive: it waits for someone, or was not started.
        RunNotFound, DefinitionChanged.
    """
    record = await engine.store.get_run(run_id)
    if record is None:
        raise RunNotFound(f"there is no run {run_id!r} in the store", run_id=run_id)
    if record.status in ENDED:
        return None
    if record.status != "running":
        raise RunNotActive(
            f"run {run_id!r} is {record.status}: nothing of it is under way that could be restarted", run_id=run_id
        )
    await retire_the_dead(engine.store, engine.clock, engine.worker_id)
    if engine.takes_for is None:
        taken = await _free(engine, workflow, run_id)
    else:
        taken = await take_over(engine, workflow, run_id)
    if taken is None:
        raise RunIsRunning(f"run {run_id!r} is driven by {_live(record.owner)}; it goes on there", run_id=run_id)
    return taken


def _live(owner: str | None) -> str:
    return "a process that has just taken it over" if owner is None else f"the live process {owner!r}"


async def _free(engine: Engine, workflow: Workflow[object, object], run_id: str) -> Taken | None:
    """A run that nobody drives, to be placed; None if it is driven (by now).

    Raises:
        DefinitionChanged.
    """
    stored = await engine.store.load(run_id)
    if stored is None or stored.record.owner is not None:
        return None
    machine = await load_machine(engine.store, workflow, stored)
    return Taken(run_id, stored.record.created_at, Owning(engine, run_id, stored.record.epoch, None), machine)


def _not_own() -> bool:
    return False


async def take_over(
    engine: Engine, workflow: Workflow[object, object], run_id: str, *, own: Callable[[], bool] = _not_own
) -> Taken | None:
    """Take a run that nobody drives; None if it cannot be taken (any more).

    Arguments:
        own: whether it is taken if it is this process's already: its driver here is gone.

    Raises:
        DefinitionChanged: the code at hand cannot continue it; it is left as it was.
    """
    # To the store all of one process are one: it would let each of them have the run, from the one before.
    if run_id in engine.taking:
        return None
    engine.taking.add(run_id)
    try:
        return await _take_over(engine, workflow, run_id, own)
    finally:
        engine.taking.discard(run_id)


async def _take_over(
    engine: Engine, workflow: Workflow[object, object], run_id: str, own: Callable[[], bool]
) -> Taken | None:
    stored = await engine.store.load(run_id)
    if stored is None or (stored.record.owner == engine.worker_id and not own()):
        return None
    term = engine.lease_term()
    # Before the claim, so that a run that does not fit stays for a process whose code it fits.
    await load_machine(engine.store, workflow, stored)
    if await engine.store.claim(run_id, engine.worker_id, engine.clock.now()) is None:
        return None
    while True:
        stored = await engine.store.load(run_id)
        # By the owner, not the epoch of the claim: one that arrived twice, or late, has made it grow by more than one.
        if stored is None or stored.record.owner != engine.worker_id:
            return None
        machine = await load_machine(engine.store, workflow, stored)
        if machine.state.fingerprint == workflow.graph.fingerprint:
            return Taken(run_id, stored.record.created_at, Owning(engine, run_id, stored.record.epoch, term), machine)
        entries = machine.handle(Adopted(engine.clock.now(), workflow.graph.fingerprint))
        await engine.keep_definition(workflow)
        head = running_head(machine, stored.record.epoch, engine.worker_id, engine.clock.now())
        try:
            await engine.store.commit(commit_from_outside(stored.record, stored.last_seq, machine, entries, head))
        except (JournalMoved, Fenced):
            continue
        engine.hub.announce(run_id)
        return Taken(run_id, stored.record.created_at, Owning(engine, run_id, stored.record.epoch, term), machine)
