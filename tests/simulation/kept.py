"""What is durable of a run, as a store keeps it: its journal, a frontier, and the list of its open suspensions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.simulation.dice import Dice
from tests.simulation.judge import Judge
from tests.simulation.promises import open_suspensions
from waystation.core.addresses import Address
from waystation.core.encoding import decode_entry, encode_entry, value_of
from waystation.core.entries import AnyEntry
from waystation.core.machine import Machine
from waystation.core.refs import Seq
from waystation.core.state import State, decode_state, encode_state
from waystation.define.nodes import Graph


class Kept:
    """One run's rows. Each entry goes through its encoding, and is held against the rules of journals.

    Attributes:
        journal: the entries.
        open: the open suspensions.
        folded: the fold of the journal and of nothing else: nobody wakes it, nor tells it what was tried.
        judge: who holds the journal against its rules.
    """

    def __init__(self, graph: Graph, say: Callable[[str], None]) -> None:
        self.journal: list[AnyEntry] = []
        self.open: dict[Seq, Address] = {}
        self.folded = Machine(graph)
        self.judge = Judge(graph)
        self._graph = graph
        self._say = say
        self._frontier: tuple[bytes, Seq] | None = None

    @property
    def state(self) -> State:
        """Where the run stands by its journal."""
        return self.folded.state

    def commit(self, entries: Sequence[AnyEntry]) -> None:
        """Append entries."""
        for entry in entries:
            self._say(f"{len(self.journal) + 1}: {entry}")
            kept = decode_entry(encode_entry(entry))
            self.judge.read(kept)
            self.journal.append(kept)
            self.folded.apply(kept)

    def settle(self, machine: Machine) -> None:
        """Note the suspensions that a commit opens and closes."""
        opened, closed = machine.settled()
        for seq, address in opened:
            assert seq not in self.open, f"suspension {seq} was opened twice"
            self.open[seq] = address
        for seq in closed:
            assert self.open.pop(seq, None) is not None, f"suspension {seq} was closed, and was not open"

    def save(self, machine: Machine) -> None:
        """Keep where ``machine``, which has read the whole journal, stands."""
        assert machine.state.last_seq == len(self.journal)
        frontier = encode_state(machine.state)
        assert decode_state(frontier) == machine.state, "a frontier is not what was saved"
        self._frontier = frontier, len(self.journal)

    def load(self, dice: Dice | None = None) -> Machine:
        """The run as a machine: from its frontier; by the dice also from the beginning, as if that was not read."""
        if self._frontier is not None and (dice is None or dice.chance(70)):
            state = decode_state(self._frontier[0])
            assert state is not None, "the frontier is not read"
            machine = Machine(self._graph, state)
            machine.restore(self.journal[self._frontier[1] :])
        else:
            machine = Machine(self._graph)
            machine.restore(self.journal)
        self.read_in(machine)
        return machine

    def read_in(self, machine: Machine) -> None:
        """Give the machine the values that it refers to and does not have."""
        for seq in machine.values.missing():
            value = value_of(self.journal[seq - 1])
            assert value is not None, f"entry {seq} holds no value"
            machine.values.hold(seq, value)

    def hold(self) -> None:
        """The list of open suspensions is what the journal tells."""
        assert self.open == open_suspensions(self.state), "suspensions opened and closed do not add up"
