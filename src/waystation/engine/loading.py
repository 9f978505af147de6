"""From what the store keeps of a run to a machine that can go on with it."""

from __future__ import annotations

from collections.abc import Sequence

from waystation.core.fit import check_fit
from waystation.core.machine import Machine
from waystation.core.state import decode_state
from waystation.define.workflow import Workflow
from waystation.engine.decoding import entries_of, of_one_piece
from waystation.engine.reading import hold_missing
from waystation.engine.run_state import state_differences
from waystation.errors import DefinitionChanged, StoreCorrupt
from waystation.store.protocol import Store
from waystation.store.records import ENDED, StoredRun


async def load_machine(store: Store, workflow: Workflow[object, object], stored: StoredRun) -> Machine:
    """The run as a machine, its values read in.

    If the run follows another definition than ``workflow`` has now, its whole journal is held against the new one;
    a machine whose ``state.fingerprint`` still is the old one is then given, to be adopted by whoever goes on
    with the run.

    Raises:
        DefinitionChanged: the journal does not fit the new definition.
        StoreCorrupt: the journal cannot be read, or does not fit the very definition it was made under.
    """
    run_id = stored.record.run_id
    state = decode_state(stored.frontier) if stored.frontier is not None else None
    # A run that has ended goes nowhere any more: what it came to is in its frontier, whatever the code is now.
    ended = stored.record.status in ENDED and state is not None and not stored.entries
    if stored.record.fingerprint != workflow.graph.fingerprint and not ended:
        return await _load_refitted(store, workflow, stored)
    entries: Sequence[bytes] = stored.entries
    if state is None and stored.frontier_seq:
        entries = [*await store.read(run_id, limit=stored.frontier_seq), *stored.entries]
    machine = Machine(workflow.graph, state)
    with of_one_piece(run_id):
        machine.restore(entries_of(run_id, entries))
    await hold_missing(store, run_id, machine.values)
    return machine


async def _load_refitted(store: Store, workflow: Workflow[object, object], stored: StoredRun) -> Machine:
    run_id = stored.record.run_id
    entries = entries_of(run_id, await store.read(run_id, limit=stored.last_seq))
    old = await store.get_definition(stored.record.fingerprint)
    differences = check_fit(old, workflow.graph, workflow.input, entries)
    machine = Machine(workflow.graph)
    if not differences:
        machine.restore(entries)
        differences = state_differences(workflow, machine.state.shared)
    if differences:
        raise DefinitionChanged(run_id=run_id, workflow_id=workflow.id, differences=differences)
    await hold_missing(store, run_id, machine.values)
    return machine


async def misfits(store: Store, workflow: Workflow[object, object], run_id: str) -> Sequence[str]:
    """Why the run cannot go on under ``workflow``, one readable line each; none if it can, or is gone."""
    try:
        stored = await store.load(run_id)
        if stored is None:
            return []
        await load_machine(store, workflow, stored)
    except DefinitionChanged as error:
        return error.differences
    except StoreCorrupt as error:
        return [str(error)]
    return []
