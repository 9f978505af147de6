"""Random histories of runs of random graphs, each from a seed.

``python -m tests.simulation.histories --count 100000`` runs so many, from a seed drawn anew;
``python -m tests.simulation.histories --seed N`` replays one, and tells what happens in it.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable

from tests.simulation.dice import Seeded
from tests.simulation.random_graphs import random_graph, told
from tests.simulation.simulation import Simulation
from waystation.define.nodes import Graph

_MOST_ACTIONS = 120
_PER_GRAPH = 4


class HistoryFailed(AssertionError):
    """A promise was broken in the history of ``seed``."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        super().__init__(f"a promise was broken; to see how: python -m tests.simulation.histories --seed {seed}")


def graph_of(seed: int) -> Graph:
    """The graph of a history; a few in a row have the same."""
    return random_graph(Seeded(f"graph {seed // _PER_GRAPH}"))


def live(seed: int, graph: Graph, say: Callable[[str], None] | None = None) -> None:
    """One history, from its creation to its end, and in some a fork of it."""
    dice = Seeded(seed)
    run = Simulation(graph, dice, told=say)
    run.create()
    for _ in range(dice.number(1, _MOST_ACTIONS)):
        possible = run.possible()
        if not possible:
            break
        run.act(dice.pick(possible))
    run.finish()
    if dice.chance(15) and (addresses := run.forks()):
        run.fork(dice.pick(addresses)).finish()


def run(count: int, first: int = 0, *, say: Callable[[str], None] | None = None) -> float:
    """Run ``count`` histories from seed ``first`` on; gives how many there were in a second.

    Raises:
        HistoryFailed: its seed replays it.
    """
    began = time.perf_counter()
    graph = graph_of(first)
    for seed in range(first, first + count):
        if seed % _PER_GRAPH == 0:
            graph = graph_of(seed)
        try:
            live(seed, graph)
        except Exception as error:
            raise HistoryFailed(seed) from error
        if say is not None and (seed + 1 - first) % 10_000 == 0:
            say(f"{seed + 1 - first} histories")
    return count / (time.perf_counter() - began)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.histories", description=__doc__)
    parser.add_argument("--seed", type=int, help="replay this history, and tell what happens in it")
    parser.add_argument("--count", type=int, default=100_000, help="how many histories to run")
    parser.add_argument("--first", type=int, help="their first seed; drawn anew if it is not given")
    given = parser.parse_args()
    if given.seed is not None:
        graph = graph_of(given.seed)
        print(told(graph))
        live(given.seed, graph, print)
        return 0
    first = random.randrange(10**9) if given.first is None else given.first
    print(f"{given.count} histories, from seed {first} on")
    speed = run(given.count, first, say=print)
    print(f"every promise was kept; {speed:.0f} histories in a second")
    return 0


if __name__ == "__main__":
    sys.exit(main())
