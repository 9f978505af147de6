"""Where in a run something is: stable addresses built from ids, never from positions.

An address is a string such as ``review``, ``enrich/geo`` (step ``geo`` of the nested workflow ``enrich``),
``items[17]/charge`` (item 17 of the foreach ``items``, from 0) or ``poll#3/check`` (the third turn of a loop, from
1). Parallel, branch and switch blocks do not add to the address of what is inside them: ids are unique within a
workflow, so a step keeps its address when it is moved into or out of a block, and parked runs still fit.

``ROOT`` (the empty address) is the run itself. ``charge~undo`` is the compensation of ``charge``.

The part up to the last slash is the *prefix*: what is in one workflow, item or turn shares it.
"""

from __future__ import annotations

import functools
import re
from typing import NewType

Address = NewType("Address", str)
"""A place in a run. Plain text, so that it is cheap and readable everywhere."""

NodeKey = NewType("NodeKey", str)
"""A place in a workflow's graph: an address without item and turn numbers."""

ROOT = Address("")

_NUMBERS = re.compile(r"\[\d+\]|#\d+")
_LAST_NUMBER = re.compile(r"(?:\[(\d+)\]|#(\d+))/\Z")


@functools.lru_cache(maxsize=1024)  # an address is asked for several times in a row, and then never again
def node_key(address: str) -> NodeKey:
    """The node of the graph that an address is an instance of: ``items[17]/charge`` -> ``items/charge``."""
    return NodeKey(_NUMBERS.sub("", address)) if "[" in address or "#" in address else NodeKey(address)


def prefix_of(address: str) -> str:
    """The address up to and including its last slash: ``items[17]/charge`` -> ``items[17]/``; ``review`` -> ````."""
    return address[: address.rfind("/") + 1]


def beside(address: str, id_: str) -> Address:
    """The address of the node ``id_`` in the same workflow, item or turn."""
    return Address(address[: address.rfind("/") + 1] + id_)  # as ``prefix_of``


def inside(address: str, id_: str) -> Address:
    """The address of the node ``id_`` of the nested workflow at ``address``."""
    return Address(f"{address}/{id_}")


def of_item(address: str, index: int, id_: str) -> Address:
    """The address of ``id_`` in item ``index`` (from 0) of the foreach at ``address``."""
    return Address(f"{address}[{index}]/{id_}")


def of_turn(address: str, turn: int, id_: str) -> Address:
    """The address of ``id_`` in turn ``turn`` (from 1) of the loop at ``address``."""
    return Address(f"{address}#{turn}/{id_}")


def around(address: str) -> Address:
    """The nested workflow, foreach or loop that ``address`` is in: ``items[17]/charge`` -> ``items``; else ``ROOT``."""
    prefix = prefix_of(address)
    return Address(_LAST_NUMBER.sub("", prefix).rstrip("/"))


def number_of(address: str) -> int:
    """The item or turn number of the innermost prefix; 0 if it has none: ``items[17]/charge`` -> 17."""
    found = _LAST_NUMBER.search(prefix_of(address))
    return 0 if found is None else int(found[1] or found[2])
