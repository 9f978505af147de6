"""Forks: the journal of a new run that shares another's past up to a step, which it runs again.

What is shared is all that does not come of that step: what came before it, and what ran beside it and is done. What
was under way beside it, failed, or was given up runs again too; so do items of a foreach that had their turn because
the step's own item was done. Nothing of how the old run ended is shared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from waystation.core.addresses import Address, node_key
from waystation.core.entries import (
    AnyEntry,
    CancelRequested,
    EventMatched,
    EventReceived,
    EventsPassed,
    EventTimedOut,
    InputReplaced,
    NodeFailed,
    RunCreated,
    RunStarted,
    StateReplaced,
    StepBailed,
    StepCancelled,
    StepFailed,
    SuspensionAnswered,
)
from waystation.core.machine import Machine
from waystation.core.nesting import outwards
from waystation.core.refs import Millis, Seq
from waystation.define.nodes import UNDO, Graph, ParallelNode


def forked(
    graph: Graph,
    entries: Sequence[AnyEntry],
    address: Address,
    *,
    created: RunCreated,
    at: Millis,
    input: bytes | None = None,
    state: Mapping[str, bytes] | None = None,
) -> tuple[list[AnyEntry], Machine] | None:
    """The journal of a fork, and where it stands; None if the old run never came to ``address``.

    Arguments:
        graph: the definition, which the old journal fits.
        entries: the old journal.
        address: the step to run again.
        created: the first entry of the new journal.
        at: the time of what is new.
        input: what to give the step instead of what reached it, as JSON.
        state: what to change of the run state, as JSON by key.
    """
    shared = _shared(graph, entries, address, created)
    if shared is None:
        return None
    created = msgspec.structs.replace(created, inherited=len(shared) + 1)
    journal: list[AnyEntry] = [created, *shared]
    if input is not None:
        journal.append(InputReplaced(at=at, address=address, value=msgspec.Raw(input)))
    if state:
        journal.append(StateReplaced(at=at, changes={key: msgspec.Raw(value) for key, value in state.items()}))
    machine = Machine(graph)
    for entry in journal:
        machine.apply(entry)
    return journal, machine


def _shared(graph: Graph, entries: Sequence[AnyEntry], address: Address, created: RunCreated) -> list[AnyEntry] | None:
    machine = Machine(graph)
    machine.apply(created)
    numbers: dict[Seq, Seq] = {}
    shared: list[AnyEntry] = []
    # Of what something was left out, nothing more can be shared; neither can it be done, nor what it is in.
    unfinished: set[Address] = set()
    for seq, entry in enumerate(entries, 1):
        where: Address | None = getattr(entry, "address", None)
        if where in unfinished or not _is_shared(machine, entry, address):
            if where:
                unfinished.update((where, *outwards(graph, where)))
            continue
        kept = _renumbered(entry, numbers)
        machine.apply(kept)
        shared.append(kept)
        numbers[seq] = machine.state.last_seq
    return shared if machine.step_frame(address) is not None else None


def _is_shared(machine: Machine, entry: AnyEntry, address: Address) -> bool:
    if isinstance(entry, (RunStarted, StateReplaced, EventReceived)):
        return True
    where: Address | None = getattr(entry, "address", None)
    if not where or where == address or where.endswith(UNDO) or where not in machine.state.frames:
        return False
    if isinstance(entry, (CancelRequested, StepCancelled)):
        return False
    if isinstance(entry, (StepFailed, StepBailed, NodeFailed, EventTimedOut)):
        # What fails or ends its workflow beside the step would take the step with it.
        reached = address in machine.state.frames
        return not reached and (isinstance(entry, StepBailed) or not _fails_with(machine.graph, address, where))
    return True


def _fails_with(graph: Graph, address: Address, where: Address) -> bool:
    """Whether a failure at ``where`` reaches something that ``address`` is in."""
    in_common = set(outwards(graph, address))
    for outer in outwards(graph, where):
        node = graph.places[node_key(outer)].node
        if isinstance(node, ParallelNode) and node.allow_failure:
            return False
        if outer in in_common:
            return True
    return True


def _renumbered(entry: AnyEntry, numbers: Mapping[Seq, Seq]) -> AnyEntry:
    """The entry with the seqs it refers to as they are in the new journal."""
    match entry:
        case SuspensionAnswered():
            return msgspec.structs.replace(entry, suspension=numbers[entry.suspension])
        case EventMatched():
            return msgspec.structs.replace(entry, event=numbers[entry.event])
        case EventsPassed():
            return msgspec.structs.replace(entry, events=tuple(numbers[event] for event in entry.events))
        case RunStarted():
            return msgspec.structs.replace(entry, per_step=False)
        case _:
            return entry
