"""Journals made under one random graph, held against another: each fits and can go on, or is refused in words."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.simulation.dice import Seeded
from tests.simulation.histories import graph_of
from tests.simulation.other_graphs import other_graph
from tests.simulation.promises import busy_frames
from tests.simulation.simulation import Simulation
from waystation.core.entries import AnyEntry
from waystation.core.fit import check_fit
from waystation.core.machine import Machine
from waystation.core.signals import Adopted
from waystation.core.state import is_idle
from waystation.define.nodes import Graph
from waystation.schema import schema_for

_ANYTHING = schema_for(object)


def journal_of(seed: int) -> list[AnyEntry]:
    """The journal of a history that is broken off somewhere."""
    dice = Seeded(seed)
    run = Simulation(graph_of(seed), dice)
    run.create()
    for _ in range(dice.number(1, 80)):
        if not (possible := run.possible()):
            break
        run.act(dice.pick(possible))
    return list(run.kept.journal)


def goes_on(entries: list[AnyEntry], graph: Graph) -> None:
    """A run that fits stands as its frames say, and something can move it on."""
    machine = Machine(graph)
    machine.restore(entries)
    machine.handle(Adopted(1, graph.fingerprint))
    state = machine.state
    if state.standing != "running":
        return
    assert state.busy == busy_frames(machine)
    assert state.idle == sum(map(is_idle, state.frames.values()))
    assert (
        state.busy
        or machine.suspensions()
        or machine.waits_for_event()
        or machine.next_wake() is not None
        or machine.is_cancelling()
    )


@pytest.mark.parametrize("first", [0, 1_000])
def test_a_journal_held_against_another_graph_fits_and_goes_on_or_is_refused_in_words(first: int) -> None:
    came: Counter[bool] = Counter()
    for seed in range(first, first + 1_000):
        entries = journal_of(seed)
        for percent in (3, 3, 10, 20):
            graph = other_graph(graph_of(seed), Seeded(f"{seed} {percent}"), percent)
            differences = check_fit(None, graph, _ANYTHING, entries)
            came[not differences] += 1
            assert all(differences)
            if not differences:
                goes_on(entries, graph)
    assert min(came.values()) > 500, "there is much of both"
