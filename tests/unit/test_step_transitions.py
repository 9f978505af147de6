"""The table of a step's transitions is all that a step may do: every other entry is a misfit, in every phase."""

from __future__ import annotations

import typing

import pytest
from msgspec import Raw

from tests.unit.graphs import ERROR, World, chain, first, second
from waystation import Retry, step
from waystation.core import signals
from waystation.core.addresses import Address
from waystation.core.encoding import encode_entry
from waystation.core.entries import (
    AnyEntry,
    InputReplaced,
    OnceRecorded,
    StepBailed,
    StepCancelled,
    StepFailed,
    StepRetrying,
    StepSucceeded,
    StepSuspended,
    StepWrote,
    SuspensionAnswered,
)
from waystation.core.misfit import JournalMisfit
from waystation.core.state import Phase, State, encode_state
from waystation.core.step_effects import STEP_EFFECTS, TRANSITIONS

PHASES: tuple[Phase, ...] = typing.get_args(Phase)
HERE = Address("trying")


@step(id="trying", suspend=str, resume=str, retry=Retry(attempts=3))
async def trying(value: object) -> object:
    return value


def entry_of(kind: type[AnyEntry]) -> AnyEntry:
    """An entry of that kind about the step."""
    made: dict[type, AnyEntry] = {
        StepSucceeded: StepSucceeded(at=1, address=HERE, attempt=1, began=1, output=Raw(b"1")),
        StepBailed: StepBailed(at=1, address=HERE, attempt=1, began=1, output=Raw(b"1")),
        StepFailed: StepFailed(at=1, address=HERE, attempt=1, began=1, error=ERROR),
        StepCancelled: StepCancelled(at=1, address=HERE, attempt=1, began=1),
        StepRetrying: StepRetrying(at=1, address=HERE, attempt=1, began=1, error=ERROR, retry_at=9),
        StepSuspended: StepSuspended(at=1, address=HERE, attempt=1, began=1, payload=Raw(b"1")),
        SuspensionAnswered: SuspensionAnswered(at=1, address=HERE, suspension=3, data=Raw(b"1")),
        OnceRecorded: OnceRecorded(at=1, address=HERE, name="mail", value=Raw(b"1")),
        StepWrote: StepWrote(at=1, address=HERE, attempt=1, chunks=(Raw(b"1"),)),
        InputReplaced: InputReplaced(at=1, address=HERE, value=Raw(b"1")),
    }
    return made[kind]


def in_phase(phase: Phase) -> World:
    world = World(chain(trying, second))
    world.start()
    match phase:
        case "ready":
            pass
        case "waiting":
            world.fail("trying")
        case "suspended":
            world.suspend("trying")
    frame = world.machine.step_frame(HERE)
    assert frame is not None
    assert frame.phase == phase
    return world


def legal(phase: Phase, kind: type[AnyEntry]) -> bool:
    # That the time of a waiting step has come is not recorded, so it may do what a ready one may.
    return ("ready" if phase == "waiting" else phase, kind) in TRANSITIONS


def test_every_kind_of_entry_about_a_step_is_in_the_table() -> None:
    assert {kind for _, kind in TRANSITIONS} == set(STEP_EFFECTS)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("kind", STEP_EFFECTS, ids=lambda kind: kind.__name__)
def test_an_entry_follows_just_where_the_table_says_so(phase: Phase, kind: type[AnyEntry]) -> None:
    world = in_phase(phase)
    if not legal(phase, kind):
        with pytest.raises(JournalMisfit, match=f"is {phase}; {kind.__name__} cannot follow"):
            world.machine.apply(entry_of(kind))
        return
    world.machine.apply(entry_of(kind))
    frame = world.machine.step_frame(HERE)
    becomes = TRANSITIONS["ready" if phase == "waiting" else phase, kind]
    assert (None if frame is None else frame.phase) == becomes


@pytest.mark.parametrize("kind", STEP_EFFECTS, ids=lambda kind: kind.__name__)
def test_no_entry_is_about_a_step_that_was_not_entered(kind: type[AnyEntry]) -> None:
    world = World(chain(first, trying))
    world.start()
    with pytest.raises(JournalMisfit, match="would stand at 'first'"):
        world.machine.apply(entry_of(kind))


@pytest.mark.parametrize("kind", STEP_EFFECTS, ids=lambda kind: kind.__name__)
def test_no_entry_is_about_a_step_that_is_done(kind: type[AnyEntry]) -> None:
    world = World(chain(trying, second))
    world.start()
    world.succeed("trying")
    with pytest.raises(JournalMisfit):
        world.machine.apply(entry_of(kind))


def test_equal_states_are_equal_bytes() -> None:
    first_state, second_state = in_phase("suspended").machine.state, in_phase("suspended").machine.state
    assert isinstance(first_state, State)
    assert encode_state(first_state) == encode_state(second_state)
    assert encode_entry(entry_of(StepSucceeded)) == encode_entry(entry_of(StepSucceeded))


@pytest.mark.parametrize("phase", ["waiting", "suspended"])
def test_what_comes_of_an_attempt_that_is_not_on_is_not_taken(phase: Phase) -> None:
    """Of a step that is tried again the next attempt is on by then; of a suspended one none is."""
    machine = in_phase(phase).machine
    machine.wake(10**12)
    for late in (
        signals.Succeeded(HERE, 1, 1, 2, b"1"),
        signals.Failed(HERE, 1, 1, 2, ERROR, retryable=False, chance=0.0),
        signals.Suspended(HERE, 1, 1, 2, b"1", ""),
        signals.Bailed(HERE, 1, 1, 2, b"1"),
        signals.CutOff(HERE, 1, 1, 2),
        signals.Wrote(HERE, 1, 2, (b"1",)),
    ):
        assert machine.handle(late) == []
