"""Ten thousand random histories of random graphs keep every promise. ``make simulate`` runs more, of new seeds."""

from __future__ import annotations

import typing

import pytest

from tests.simulation import histories
from tests.simulation.dice import Seeded
from tests.simulation.random_graphs import DEEPEST, random_graph
from tests.simulation.simulation import Simulation
from waystation.core.encoding import encode_entry
from waystation.core.entries import AnyEntry
from waystation.core.machine import Machine
from waystation.core.signals import Signal
from waystation.define.nodes import Node

_AT_ONCE = 1_250


@pytest.mark.parametrize("first", range(0, 10_000, _AT_ONCE))
def test_ten_thousand_random_histories_keep_every_promise(first: int) -> None:
    histories.run(_AT_ONCE, first)


def test_the_same_seed_gives_the_same_history() -> None:
    journals: list[list[bytes]] = []
    for _ in range(2):
        dice = Seeded(17)
        run = Simulation(histories.graph_of(17), dice)
        run.create()
        while possible := run.possible():
            run.act(dice.pick(possible))
        journals.append([encode_entry(entry) for entry in run.kept.journal])
    assert journals[0] == journals[1]
    assert len(journals[0]) > 5


def test_a_broken_promise_names_the_seed_that_replays_it(monkeypatch: pytest.MonkeyPatch) -> None:
    handle = Machine.handle

    def forgetful(machine: Machine, signal: Signal) -> list[AnyEntry]:
        return handle(machine, signal)[:1]

    monkeypatch.setattr(Machine, "handle", forgetful)
    with pytest.raises(histories.HistoryFailed, match=r"--seed \d+") as failed:
        histories.run(100)
    with pytest.raises(AssertionError):
        histories.live(failed.value.seed, histories.graph_of(failed.value.seed))


def test_random_graphs_hold_every_kind_of_node_and_are_four_deep() -> None:
    kinds: set[type] = set()
    deepest = 0
    for seed in range(200):
        places = random_graph(Seeded(seed)).places
        kinds |= {type(place.node) for place in places.values()}
        deepest = max(deepest, *(key.count("/") for key in places))
    assert kinds == set(typing.get_args(Node))
    assert deepest == DEEPEST


def test_histories_come_by_every_kind_of_entry() -> None:
    seen: set[type] = set()
    for seed in range(600):
        dice = Seeded(seed)
        run = Simulation(histories.graph_of(seed), dice)
        run.create()
        while possible := run.possible():
            run.act(dice.pick(possible))
        seen |= {type(entry) for entry in run.kept.journal}
    missing = {kind.__name__ for kind in typing.get_args(AnyEntry) if kind not in seen}
    assert missing == {"DefinitionAdopted", "StateReplaced", "InputReplaced"}, "those are of new code, and of forks"
