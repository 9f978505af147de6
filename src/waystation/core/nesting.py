"""What an address stands in: the blocks, loops, foreachs and nested workflows around it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from waystation.core.addresses import Address, around, beside, node_key
from waystation.core.state import Frame, is_under_way
from waystation.define.nodes import BranchNode, Graph, ParallelNode, SequenceNode, SwitchNode


def outwards(graph: Graph, address: Address) -> Iterator[Address]:
    """What the node at ``address`` is in, from the innermost on."""
    place = graph.places.get(node_key(address))
    while place is not None and place.parent is not None:
        place = graph.places[place.parent]
        match place.node:
            case SequenceNode():
                return
            case ParallelNode() | BranchNode() | SwitchNode():
                address = beside(address, place.node.id)
            case _:
                address = around(address)
        yield address


def scope_of(graph: Graph, address: Address) -> Address | None:
    """The nested workflow that the node at ``address`` is written in; None for the run's own."""
    nested = (outer for outer in outwards(graph, address) if graph.nested(node_key(outer)) is not None)
    return next(nested, None)


def quiet(graph: Graph, frames: Mapping[Address, Frame], among: Iterable[Address]) -> Address | None:
    """The innermost of some blocks in which nothing is under way (any more); None if something is in each."""
    found = set(among)
    for inner, frame in frames.items():
        if is_under_way(frame):
            found.difference_update(outwards(graph, inner))
            if not found:
                return None  # of ten thousand items under way the first tells
    return max(sorted(found), key=lambda each: sum(1 for _ in outwards(graph, each)), default=None)
