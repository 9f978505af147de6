"""Where in a run something is: stable addresses built from ids, never from positions.

An address is a string such as ``review``, ``enrich/geo`` (step ``geo`` of the nested workflow ``enrich``),
``items[17]/charge`` (item 17 of a foreach) or ``poll#3/check`` (the third turn of a loop). Parallel and branch
blocks do not add to the address of what is inside them: ids are unique within a workflow, so a step keeps its
address when it is moved into or out of a block, and parked runs still fit.

``ROOT`` (the empty address) is the run itself.
"""

from __future__ import annotations

import re
from typing import NewType

Address = NewType("Address", str)
"""A place in a run. Plain text, so that it is cheap and readable everywhere."""

NodeKey = NewType("NodeKey", str)
"""A place in a workflow's graph: an address without item and turn numbers."""

ROOT = Address("")

_NUMBERS = re.compile(r"\[\d+\]|#\d+")


def node_key(address: Address) -> NodeKey:
    """The node of the graph that an address is an instance of: ``items[17]/charge`` -> ``items/charge``."""
    return NodeKey(_NUMBERS.sub("", address)) if "[" in address or "#" in address else NodeKey(address)
