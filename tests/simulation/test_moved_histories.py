"""Runs of random histories, stopped anywhere, travel through a file: journal, frontier and open suspensions."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.simulation.dice import Seeded
from tests.simulation.histories import graph_of
from tests.simulation.kept import Kept
from tests.simulation.simulation import Simulation
from waystation import Store, export_run, import_run, open_store
from waystation.core.encoding import encode_entry
from waystation.core.entries import RunCreated
from waystation.core.state import encode_state
from waystation.store.records import NewRun, Opened

pytestmark = pytest.mark.anyio

HISTORIES = 250


def stopped(seed: int) -> Kept:
    """What is durable of a run that was stopped somewhere on its way."""
    dice = Seeded(f"moved {seed}")
    run = Simulation(graph_of(seed), dice)
    run.create()
    for _ in range(dice.number(0, 60)):
        possible = run.possible()
        if not possible:
            break
        run.act(dice.pick(possible))
    return run.kept


async def empty() -> Store:
    store = open_store("memory://")
    await store.open()
    return store


async def test_a_run_stopped_anywhere_arrives_as_it_was() -> None:
    kinds: Counter[str] = Counter()
    suspensions = 0
    for seed in range(HISTORIES):
        kept = stopped(seed)
        created = kept.journal[0]
        assert isinstance(created, RunCreated)
        kinds.update(type(entry).__name__ for entry in kept.journal)
        suspensions += len(kept.open)
        run = NewRun(
            run_id="r1",
            workflow_id=created.workflow_id,
            version=created.version,
            fingerprint=created.fingerprint,
            created_at=created.at,
            entries=[encode_entry(entry) for entry in kept.journal],
            frontier=encode_state(kept.state),
            opened=[Opened(seq=seq, address=kept.open[seq]) for seq in sorted(kept.open)],
        )
        here, there = await empty(), await empty()
        await here.create_run(run)
        await import_run(there, [line async for line in export_run(here, "r1")])
        left, arrived = await here.snapshot("r1"), await there.snapshot("r1")
        assert left is not None
        assert arrived is not None
        assert (arrived.frontier, arrived.opened) == (left.frontier, left.opened)
        assert list(await there.read("r1")) == list(run.entries)
    assert suspensions > 0
    assert len(kinds) > 25, sorted(kinds)
