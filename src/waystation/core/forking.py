"""Forks: the journal of a new run that shares another's past up to a step, which it runs again.

What is shared is all that does not come of that step: what came before it, and what ran beside it and is done. What
was under way beside it, failed, or was given up runs again too. Nothing of how the old run ended is shared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from waystation.core.addresses import Address
from waystation.core.entries import (
    AnyEntry,
    EventMatched,
    EventReceived,
    EventTimedOut,
    InputReplaced,
    Millis,
    NodeFailed,
    RunCreated,
    RunStarted,
    Seq,
    StateReplaced,
    StepBailed,
    StepCancelled,
    StepFailed,
    SuspensionAnswered,
)
from waystation.core.machine import Machine
from waystation.define.nodes import UNDO, Graph


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
    for seq, entry in enumerate(entries, 1):
        if not _is_shared(machine, entry, address):
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
    if isinstance(entry, StepCancelled):
        return False
    reached = address in machine.state.frames
    # What fails or ends its workflow beside the step would take the step with it.
    return not (reached and isinstance(entry, (StepFailed, StepBailed, NodeFailed, EventTimedOut)))


def _renumbered(entry: AnyEntry, numbers: Mapping[Seq, Seq]) -> AnyEntry:
    """The entry with the seqs it refers to as they are in the new journal."""
    match entry:
        case SuspensionAnswered():
            return msgspec.structs.replace(entry, suspension=numbers[entry.suspension])
        case EventMatched():
            return msgspec.structs.replace(entry, event=numbers[entry.event])
        case RunStarted():
            return msgspec.structs.replace(entry, per_step=False)
        case _:
            return entry
