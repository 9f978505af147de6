"""The rules of a run, tried without an event loop, a store or a clock."""

from __future__ import annotations

import typing

import pytest

from tests.unit.graphs import (
    ERROR,
    World,
    addresses,
    asking,
    branching,
    chain,
    first,
    second,
    side_by_side,
    stubborn,
    third,
)
from waystation.core import signals
from waystation.core.addresses import Address
from waystation.core.decisions import DECIDE
from waystation.core.entries import AnyEntry, OnceRecorded, RunFailed, RunSucceeded, StepRetrying, StepSucceeded
from waystation.core.fold import EFFECTS
from waystation.core.machine import Machine
from waystation.core.misfit import JournalMisfit
from waystation.core.refs import Joined
from waystation.core.signals import Answered, Decided, Recorded, RunStep, Start, Succeeded
from waystation.core.state import decode_state, encode_state
from waystation.define.nodes import Graph


def test_every_kind_of_signal_has_its_decision() -> None:
    assert set(DECIDE) == set(typing.get_args(signals.Signal))


def test_every_kind_of_entry_has_its_effect() -> None:
    assert set(EFFECTS) == set(typing.get_args(AnyEntry))


def test_a_chain_runs_its_steps_one_after_another_each_on_the_output_of_the_one_before() -> None:
    world = World(chain(first, second))
    (action,) = world.start(b'"in"')
    assert isinstance(action, RunStep)
    assert (action.address, world.input_of(action)) == ("first", b'"in"')
    (action,) = world.succeed("first", b'"one"')
    assert (addresses([action]), world.input_of(action)) == (["second"], b'"one"')
    assert world.succeed("second", b'"two"') == []
    assert isinstance(world.journal[-1], RunSucceeded)
    assert world.machine.state.standing == "success"


def test_the_last_step_and_the_end_of_the_run_are_decided_together() -> None:
    world = World(chain(first))
    world.start()
    entries = world.tell(Succeeded(Address("first"), 1, 0, 0, b"1"))
    assert [type(entry) for entry in entries] == [StepSucceeded, RunSucceeded]


def test_actions_are_handed_out_once() -> None:
    world = World(chain(first))
    assert addresses(world.start()) == ["first"]
    assert world.machine.take_actions() == []


def test_a_run_starts_once() -> None:
    world = World(chain(first))
    world.start()
    assert world.tell(Start(0, b"2")) == []


def test_a_result_that_comes_twice_is_recorded_once() -> None:
    world = World(chain(first, second))
    world.start()
    world.succeed("first")
    assert world.tell(Succeeded(Address("first"), 1, 0, 0, b"2")) == []


def test_parallel_steps_begin_together_and_what_follows_waits_for_all() -> None:
    world = World(side_by_side(first, second))
    assert addresses(world.start(b"7")) == ["first", "second"]
    assert world.succeed("second", b'"b"') == []
    (action,) = world.succeed("first", b'"a"')
    assert action.address == "third"
    assert world.input_of(action) == b'{"first":"a","second":"b"}', "in the order of the definition"


def test_a_branch_runs_each_child_that_was_taken() -> None:
    world = World(branching(first, second, asking))
    (action,) = world.start(b"7")
    assert isinstance(action, signals.Decide)
    assert addresses(world.decide("branch-first", "first", "asking")) == ["first", "asking"]
    assert world.succeed("first", b'"a"') == []
    (after,) = world.succeed("asking", b'"c"')
    assert world.input_of(after) == b'{"first":"a","asking":"c"}'


def test_a_branch_that_takes_nothing_gives_an_empty_object() -> None:
    world = World(branching(first))
    world.start()
    (action,) = world.decide("branch-first")
    assert world.input_of(action) == b"{}"


def test_a_branch_is_decided_once() -> None:
    world = World(branching(first, second))
    world.start()
    world.decide("branch-first", "first")
    assert world.tell(Decided(Address("branch-first"), 0, ("second",))) == []


def test_a_condition_that_raises_fails_the_run() -> None:
    world = World(branching(first))
    world.start()
    world.tell(Decided(Address("branch-first"), 0, (), ERROR))
    assert world.machine.state.standing == "failed"
    assert world.machine.state.failure == ERROR


def test_a_suspended_step_is_open_until_it_is_answered_and_runs_again_with_the_answer() -> None:
    world = World(chain(first, asking))
    world.start()
    world.succeed("first", b'"doc"')
    assert world.suspend("asking", b'"sure?"') == []
    assert world.machine.state.busy == 0
    (action,) = world.answer("asking", b'"yes"')
    assert isinstance(action, RunStep)
    assert world.input_of(action) == b'"doc"'
    assert world.machine.values.json(action.suspension) == b'"sure?"'
    assert world.machine.values.json(action.answer) == b'"yes"'


def test_an_answer_to_another_suspension_than_the_open_one_is_not_taken() -> None:
    world = World(chain(asking))
    world.start()
    world.suspend("asking")
    old = world.machine.suspensions()[Address("asking")]
    world.answer("asking")
    world.suspend("asking")
    assert world.tell(Answered(Address("asking"), 0, old, b'"!"', "", "")) == []
    assert world.machine.suspensions()[Address("asking")] > old


def test_two_suspended_siblings_are_open_at_once_and_answered_one_by_one() -> None:
    other = asking.clone(id="other")
    world = World(side_by_side(asking, other))
    world.start()
    world.suspend("asking")
    world.suspend("other")
    assert set(world.machine.suspensions()) == {"asking", "other"}
    assert addresses(world.answer("other")) == ["other"]
    assert set(world.machine.suspensions()) == {"asking"}


def test_a_failed_attempt_is_tried_again_as_the_policy_says_and_then_fails_for_good() -> None:
    world = World(chain(stubborn))
    world.start()
    assert world.fail("stubborn", 1) == []
    entry = world.journal[-1]
    assert isinstance(entry, StepRetrying)
    assert entry.retry_at == world.now + 1_000
    assert world.machine.next_wake() == entry.retry_at
    world.machine.wake(entry.retry_at - 1)
    assert world.machine.take_actions() == [], "not before its time"
    world.machine.wake(entry.retry_at)
    (action,) = world.machine.take_actions()
    assert isinstance(action, RunStep)
    assert action.attempt == 2
    world.fail("stubborn", 2)
    world.machine.wake(world.machine.next_wake() or 0)
    world.fail("stubborn", 3)
    assert isinstance(world.journal[-1], RunFailed)


def test_an_error_that_is_not_retryable_fails_at_the_first_attempt() -> None:
    world = World(chain(stubborn))
    world.start()
    world.fail("stubborn", retryable=False)
    assert world.machine.state.standing == "failed"


def test_a_late_result_of_an_attempt_that_was_given_up_is_not_taken() -> None:
    world = World(chain(stubborn))
    world.start()
    world.fail("stubborn", 1)
    assert world.tell(Succeeded(Address("stubborn"), 1, 0, 0, b"1")) == []


def test_an_answer_begins_the_attempts_anew() -> None:
    step = stubborn.clone(id="s")
    world = World(chain(step))
    world.start()
    world.fail("s", 1)
    world.machine.wake(world.machine.next_wake() or 0)
    world.tell(signals.Suspended(Address("s"), 2, 0, 0, b'"?"', ""))
    (action,) = world.answer("s")
    assert isinstance(action, RunStep)
    assert action.attempt == 1


def test_when_a_step_fails_its_running_siblings_end_and_are_recorded_before_the_run_fails() -> None:
    world = World(side_by_side(first, second))
    world.start()
    world.fail("first")
    assert world.standing() == "running"
    world.succeed("second")
    assert world.standing() == "failed"
    assert [type(entry).__name__ for entry in world.journal[-3:]] == ["StepFailed", "StepSucceeded", "RunFailed"]


def test_when_a_step_fails_suspended_siblings_are_closed_with_the_run() -> None:
    world = World(side_by_side(asking, second))
    world.start()
    world.suspend("asking")
    opened, closed = world.machine.settled()
    assert (len(opened), closed) == (1, [])
    world.fail("second")
    assert world.machine.state.standing == "failed"
    assert world.machine.settled() == ([], [opened[0][0]])


def test_a_suspension_opened_and_closed_within_one_commit_is_neither() -> None:
    world = World(side_by_side(asking, second))
    world.start()
    world.suspend("asking")
    world.fail("second")
    assert not any(world.machine.settled())


def test_what_is_asked_is_at_hand_while_it_is_open_and_no_longer() -> None:
    world = World(side_by_side(asking, second))
    world.start()
    world.suspend("asking", b'"first?"')
    world.machine.settled()
    (seq,) = world.machine.suspensions().values()
    assert {of: bytes(entry.payload) for of, entry in world.machine.asked.items()} == {seq: b'"first?"'}
    assert world.refolded().asked == world.machine.asked
    world.answer("asking")
    world.machine.settled()
    assert not world.machine.asked
    world.suspend("asking", b'"second?"')
    world.machine.settled()
    assert [bytes(entry.payload) for entry in world.machine.asked.values()] == [b'"second?"']
    world.fail("second")
    world.machine.settled()
    assert not world.machine.asked, "given up with the run"


def test_what_is_asked_and_given_up_in_one_commit_is_not_kept() -> None:
    world = World(side_by_side(asking, second))
    world.start()
    world.suspend("asking")
    world.fail("second")
    world.machine.settled()
    assert not world.machine.asked


def test_what_once_recorded_is_kept_for_the_step_and_recorded_once() -> None:
    world = World(chain(asking))
    world.start()
    recorded = Recorded(Address("asking"), 0, "mail", b'"sent"')
    assert [type(entry) for entry in world.tell(recorded)] == [OnceRecorded]
    assert world.tell(recorded) == []
    world.suspend("asking")
    world.answer("asking")
    frame = world.machine.step_frame(Address("asking"))
    assert frame is not None
    assert world.machine.values.json(frame.once["mail"]) == b'"sent"'


def test_values_that_nothing_needs_any_more_are_let_go() -> None:
    world = World(chain(first, second, third))
    world.start()
    world.succeed("first")
    world.succeed("second")
    assert len(world.machine.values) == 1


def test_a_run_is_restored_from_its_frontier_and_what_came_after() -> None:
    world = World(side_by_side(asking, second))
    world.start(b"5")
    world.suspend("asking")
    frontier, covered = encode_state(world.machine.state), len(world.journal)
    world.succeed("second", b'"b"')
    state = decode_state(frontier)
    assert state is not None
    machine = Machine(world.graph, state)
    machine.restore(world.journal[covered:])
    assert encode_state(machine.state) == encode_state(world.machine.state) == encode_state(world.refolded().state)


def test_a_restored_run_names_what_is_under_way() -> None:
    world = World(side_by_side(first, second))
    world.start()
    world.succeed("first")
    assert addresses(world.refolded().take_actions()) == ["second"]


def test_a_waiting_step_survives_a_restore_with_its_attempt() -> None:
    world = World(chain(stubborn))
    world.start()
    world.fail("stubborn", 1)
    machine = world.refolded()
    assert machine.take_actions() == []
    machine.wake(machine.next_wake() or 0)
    (action,) = machine.take_actions()
    assert isinstance(action, RunStep)
    assert action.attempt == 2


@pytest.mark.parametrize(
    ("made_under", "read_under", "told"),
    [
        (chain(first, second), chain(second), "no such step"),
        (chain(first, second), chain(first, third, second), "would stand at 'third'"),
        (chain(first, second), chain(second, first), "would stand at 'second'"),
    ],
    ids=["removed", "inserted before", "reordered"],
)
def test_a_journal_of_another_graph_is_a_misfit_that_says_where(
    made_under: Graph, read_under: Graph, told: str
) -> None:
    world = World(made_under)
    world.start()
    for address in made_under.places:
        if address and address in world.machine.state.frames:
            world.succeed(address)
    with pytest.raises(JournalMisfit, match=told):
        Machine(read_under).restore(world.journal)


def test_an_entry_that_cannot_follow_is_a_misfit() -> None:
    world = World(chain(first))
    world.start()
    world.succeed("first")
    with pytest.raises(JournalMisfit):
        Machine(world.graph).restore([*world.journal[:-1], *world.journal[-2:]])


def test_a_join_is_put_together_without_reading_its_parts() -> None:
    world = World(side_by_side(first, second))
    world.start()
    world.succeed("first", b'{"deep":[1.50]}')
    (action,) = world.succeed("second", b"null")
    assert isinstance(action, RunStep)
    assert isinstance(action.input, Joined)
    assert world.input_of(action) == b'{"first":{"deep":[1.50]},"second":null}'
