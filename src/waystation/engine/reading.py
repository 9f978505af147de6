"""Reads what a run recorded: the outputs of its steps, the inputs of its workflows, values by reference.

None of it is part of the frontier, so that stays small; it is read from the journal when someone asks.
"""

from __future__ import annotations

from collections.abc import Sequence

from waystation.core.addresses import Address, around, beside, node_key, prefix_of
from waystation.core.encoding import value_of
from waystation.core.entries import AnyEntry
from waystation.core.machine import Machine
from waystation.core.refs import Ref, Seq
from waystation.core.state import ScopeFrame
from waystation.core.values import Values
from waystation.define.nodes import ROOT_KEY, Graph
from waystation.engine.decoding import entries_of, entry_of
from waystation.errors import StoreCorrupt
from waystation.store.protocol import Store

_MOST_AT_ONCE = 5_000


async def hold_missing(store: Store, run_id: str, values: Values) -> None:
    """Read in what ``values`` are referred to and not at hand.

    Raises:
        StoreCorrupt: the journal does not have them.
    """
    missing = values.missing()
    for start in range(0, len(missing), _MOST_AT_ONCE):
        wanted = missing[start : start + _MOST_AT_ONCE]
        found = await store.read_some(run_id, wanted)
        for seq in wanted:
            value = value_of(entry_of(run_id, found[seq])) if seq in found else None
            if value is None:
                raise StoreCorrupt(f"the journal of run {run_id!r} lacks the value of entry {seq}")
            values.hold(seq, value)


class RunReader:
    """Reads one run's journal, for the steps and functions of that run."""

    def __init__(self, store: Store, run_id: str) -> None:
        self._store = store
        self._run_id = run_id
        self._outputs: _Outputs | None = None

    async def output_of(self, machine: Machine, near: str, id_: str) -> bytes | None:
        """The output of the node ``id_`` (or of ``nested/step``), as seen from the node at ``near``.

        The nearest is meant: of the same item or turn, then of the same workflow, then of those around it; of the
        turns of a loop, the last.
        """
        outputs = await self._known(machine)
        place = near
        while True:
            address = beside(place, id_)
            if address in outputs.by_address:
                return await self.value(outputs.by_address[address])
            here = machine.graph.places.get(node_key(place))
            scope = here.scope if here is not None else ROOT_KEY
            for found in machine.graph.places.values():
                if found.node.id == id_ and found.scope == scope and found.key in outputs.last_turns:
                    return await self.value(outputs.last_turns[found.key])
            if not prefix_of(place):
                return None
            place = around(place)

    async def scope_input(self, machine: Machine, near: str) -> bytes:
        """The input of the workflow that ``near`` is in."""
        place = near
        while prefix_of(place):
            place = around(place)
            frame = machine.state.frames.get(Address(place))
            if isinstance(frame, ScopeFrame):
                return await self.value(frame.input)
        return await self.value(machine.state.input_seq)

    async def value(self, ref: Ref) -> bytes:
        """The value of ``ref``, as JSON."""
        values = Values()
        values.retain(ref)
        await hold_missing(self._store, self._run_id, values)
        return values.json(ref)

    def note(self, entries: Sequence[AnyEntry], last_seq: Seq) -> None:
        """Entries were appended, up to ``last_seq``."""
        if self._outputs is None:
            return
        # Some may be known: they were durable, and read, before whoever wrote them was told.
        unknown = last_seq - self._outputs.last_seq
        if unknown > len(entries):
            self._outputs = None  # what came before them was not told
            return
        for entry in entries[len(entries) - max(unknown, 0) :]:
            self._outputs.note(entry)

    def forget(self) -> None:
        """The journal may have grown unseen."""
        self._outputs = None

    async def _known(self, machine: Machine) -> _Outputs:
        if self._outputs is not None:
            return self._outputs
        outputs = _Outputs(machine.graph)
        journal = await self._store.read(self._run_id)
        for entry in entries_of(self._run_id, journal):
            outputs.note(entry)
        # Kept only if it reaches as far as the machine: else it may lack what was committed while it was read.
        if len(journal) == machine.state.last_seq:
            self._outputs = outputs
        return outputs


class _Outputs:
    """What each node gave, found by folding the journal once more.

    Attributes:
        by_address: the outputs of nodes.
        last_turns: of what is in a loop, and in no foreach, the last: by key.
    """

    def __init__(self, graph: Graph) -> None:
        self.by_address: dict[str, Ref] = {}
        self.last_turns: dict[str, Ref] = {}
        self._machine = Machine(graph)
        self._machine.tell_of_outputs(self._completed)

    @property
    def last_seq(self) -> Seq:
        """The last entry that was taken in."""
        return self._machine.state.last_seq

    def note(self, entry: AnyEntry) -> None:
        """Take in the next entry of the journal."""
        self._machine.apply(entry)
        self._machine.settled()
        self._machine.take_actions()

    def _completed(self, address: Address, ref: Ref) -> None:
        self.by_address[address] = ref
        if "#" in address and "[" not in address:
            self.last_turns[node_key(address)] = ref
