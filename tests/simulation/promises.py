"""What must hold of where a run stands, whatever has happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import msgspec

from waystation.core.addresses import Address, number_of
from waystation.core.encoding import value_of
from waystation.core.entries import (
    AnyEntry,
)
from waystation.core.machine import Machine
from waystation.core.refs import Item, Joined, Listed, Null, Ref, Seq
from waystation.core.state import ForeachFrame, Frame, State, StepFrame, all_kept_refs, is_busy, is_idle, leaves


def hold(machine: Machine, folded: State) -> None:
    """The rules of where a run stands; ``folded`` is the fold of its journal and nothing else."""
    state = machine.state
    assert state.busy == busy_frames(machine), "the busy ones are miscounted"
    assert state.idle == sum(map(is_idle, state.frames.values())), "the idle ones are miscounted"
    assert as_recorded(state) == as_recorded(folded), "the live state is not the fold of the journal"
    uses = Counter(seq for ref in all_kept_refs(state) for seq in leaves(ref))
    assert machine.values._uses == uses, "values are kept that nothing refers to, or the other way round"
    assert machine.values._held.keys() == uses.keys() - set(machine.values.missing()), "values are held for nobody"
    for address, frame in state.frames.items():
        if isinstance(frame, ForeachFrame) and frame.count >= 0:
            _hold_items(address, frame, state)


def busy_frames(machine: Machine) -> int:
    """How many things there are to do, counted anew."""
    state = machine.state
    check = state.output is not None and state.standing == "running" and not machine.graph.output_is_last
    return sum(map(is_busy, state.frames.values())) + check


def _hold_items(address: Address, frame: ForeachFrame, state: State) -> None:
    start = f"{address}["
    under_way = {
        number_of(key) for key in state.frames if key.startswith(start) and key.count("/") == start.count("/") + 1
    }
    assert len(under_way) <= frame.open <= frame.concurrency, f"{address}: {frame.open} items are under way"
    assert frame.next <= frame.count
    if frame.failure is None:
        assert frame.open == min(frame.concurrency, frame.open + frame.count - frame.next), f"{address} is slow"


def hold_that_all_is_done(machine: Machine, at_work: Collection[str]) -> None:
    """Whatever is to be done now, someone is at it."""
    for address, frame in machine.state.frames.items():
        if is_busy(frame) and address not in at_work:
            # Step by step, one step waits for the other.
            waits_its_turn = machine.state.permits is not None and isinstance(frame, StepFrame)
            assert waits_its_turn, f"there is something to do at {address}, and nobody does it"


def as_recorded(state: State) -> State:
    """The state without what the journal does not tell: that a time has come."""
    frames: dict[Address, Frame] = {}
    for address, frame in state.frames.items():
        if isinstance(frame, StepFrame) and frame.phase == "waiting":
            frames[address] = msgspec.structs.replace(frame, phase="ready")
        else:
            frames[address] = frame
    return msgspec.structs.replace(state, frames=frames, busy=0, idle=0)


def value_in(journal: Sequence[AnyEntry], ref: Ref) -> object:
    """The value that ``ref`` stands for, read from the journal alone."""
    match ref:
        case int():
            value = value_of(journal[ref - 1])
            assert value is not None, f"entry {ref} holds no value"
            return msgspec.json.decode(value)
        case Joined():
            return {name: value_in(journal, part) for name, part in ref.parts.items()}
        case Listed():
            return [value_in(journal, part) for part in ref.parts]
        case Item():
            of = value_in(journal, ref.of)
            assert isinstance(of, list)
            return of[ref.index]
        case Null():
            return None


def open_suspensions(state: State) -> Mapping[Seq, Address]:
    """The suspensions that an answer could reach, counted anew."""
    return {
        frame.suspension: address
        for address, frame in state.frames.items()
        if isinstance(frame, StepFrame) and frame.phase == "suspended"
    }
