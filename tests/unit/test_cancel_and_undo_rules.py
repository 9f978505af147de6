"""Cancelling a run and undoing what it did: without an event loop, a store or a clock."""

from __future__ import annotations

from datetime import timedelta

from tests.unit.graphs import (
    ERROR,
    World,
    addresses,
    asking,
    chain,
    first,
    flow,
    nested,
    over_list,
    second,
    stubborn,
    third,
    undone,
)
from waystation.core.addresses import Address
from waystation.core.entries import RunCancelled, RunFailed
from waystation.core.signals import Checked, Recorded, RunStep, Start, Wrote

# --------------------------------------------------------------------------- cancel


def test_a_cancelled_run_gives_up_what_waits_and_lets_what_runs_end() -> None:
    sleeping = flow("sleeping").sleep(timedelta(days=1), id="nap").commit()
    awaiting = flow("awaiting").wait_for("paid", object, id="await").commit()
    world = World(flow().parallel([first, asking, sleeping, awaiting]).then(third).commit().graph)
    world.start()
    world.time("sleeping/nap", 9_999)
    world.suspend("asking")
    world.machine.settled()
    suspension = world.machine.suspensions()[Address("asking")]
    world.cancel()
    assert list(world.machine.state.frames) == ["first"]
    assert world.machine.settled() == ([], [suspension])
    assert world.machine.is_cancelling()
    assert world.succeed("first") == [], "what follows does not begin"
    assert world.kinds(2) == ["StepSucceeded", "RunCancelled"]


def test_a_cancelled_run_in_which_nothing_runs_ends_at_once() -> None:
    world = World(chain(asking, second))
    world.start()
    world.suspend("asking")
    assert [type(entry).__name__ for entry in world.cancel()] == ["CancelRequested", "RunCancelled"]


def test_a_pending_run_is_cancelled_and_cannot_be_started() -> None:
    world = World(chain(first))
    assert [type(entry).__name__ for entry in world.cancel()] == ["CancelRequested", "RunCancelled"]
    assert world.tell(Start(world.now, b"1")) == []


def test_a_run_is_cancelled_once() -> None:
    world = World(chain(first))
    world.start()
    assert len(world.cancel()) == 1
    assert world.cancel() == []


def test_to_cancel_a_run_that_has_ended_changes_nothing() -> None:
    world = World(chain(first))
    world.start()
    world.succeed("first")
    assert world.cancel() == []
    assert world.standing() == "success"


def test_a_step_that_fails_in_a_cancelled_run_is_not_tried_again() -> None:
    world = World(chain(stubborn))
    world.start()
    world.cancel()
    world.fail("stubborn")
    assert world.kinds(2) == ["StepFailed", "RunCancelled"]


def test_a_step_that_suspends_in_a_cancelled_run_asks_nobody() -> None:
    world = World(chain(asking))
    world.start()
    world.cancel()
    world.suspend("asking")
    assert world.kinds(2) == ["StepCancelled", "RunCancelled"]
    assert not any(world.machine.settled())


def test_a_step_that_bails_in_a_cancelled_run_does_not_make_it_succeed() -> None:
    world = World(chain(first, second))
    world.start()
    world.cancel()
    world.bail("first")
    assert world.kinds(2) == ["StepBailed", "RunCancelled"]


def test_a_step_of_a_cancelled_run_may_still_record_what_it_does() -> None:
    world = World(chain(first))
    world.start()
    world.cancel()
    assert world.tell(Recorded(Address("first"), 0, "mail", b"1"))
    assert world.tell(Wrote(Address("first"), 1, 0, (b"1",)))


def test_a_step_is_cut_off_only_in_a_cancelled_run() -> None:
    world = World(chain(first))
    world.start()
    world.cut_off("first")
    assert world.standing() == "running"
    world.cancel()
    world.cut_off("first")
    assert world.kinds(2) == ["StepCancelled", "RunCancelled"]


def test_no_answer_is_taken_by_a_cancelled_run() -> None:
    world = World(flow().parallel([first, asking]).commit().graph)
    world.start()
    world.suspend("asking")
    world.cancel()
    assert world.machine.suspensions() == {}


def test_the_output_of_a_run_that_is_cancelled_before_it_was_checked_is_let_go() -> None:
    world = World(flow().parallel([first]).commit().graph)
    world.start()
    world.succeed("first")
    world.cancel()
    assert world.standing() == "cancelled"
    assert world.machine.state.output is None
    assert len(world.machine.values) == 0
    assert world.tell(Checked(world.now)) == []


def test_abort_cancels_the_whole_run_from_within_a_step() -> None:
    world = World(flow().parallel([nested("inner", first), second]).then(third).commit().graph)
    world.start()
    world.abort("inner/first")
    assert world.kinds(2) == ["CancelRequested", "StepCancelled"]
    world.succeed("second")
    assert world.standing() == "cancelled"


def test_an_attempt_that_was_woken_is_in_flight_when_a_sibling_aborts() -> None:
    # That its time had come is not recorded: who reads the journal must find the step all the same.
    world = World(flow().parallel([stubborn, second]).commit().graph)
    world.start()
    world.fail("stubborn")
    world.wake(world.now + 1_000)
    world.abort("second")
    assert list(world.machine.state.frames) == ["stubborn"]
    world.succeed("stubborn", attempt=2)
    assert world.standing() == world.refolded().state.standing == "cancelled"


def test_a_step_that_is_to_be_tried_again_may_be_running_so_its_driver_says_whether_it_is() -> None:
    world = World(chain(stubborn, second))
    world.start()
    world.fail("stubborn")
    world.cancel()
    assert world.standing() == "running"
    world.cut_off("stubborn", attempt=2)
    assert world.standing() == "cancelled"


# --------------------------------------------------------------------------- undo


def test_a_failed_run_undoes_its_completed_steps_the_last_one_first_and_then_fails() -> None:
    world = World(chain(undone("a"), undone("b"), first))
    world.start()
    world.succeed("a", b'"of a"')
    world.succeed("b", b'"of b"')
    (action,) = world.fail("first")
    assert (addresses([action]), world.input_of(action)) == (["b~undo"], b'"of b"')
    (action,) = world.succeed("b~undo")
    assert (addresses([action]), world.input_of(action)) == (["a~undo"], b'"of a"')
    world.succeed("a~undo")
    assert world.kinds(5) == ["StepFailed", "UndoBegun", "StepSucceeded", "StepSucceeded", "RunFailed"]


def test_a_cancelled_run_undoes_also_what_ended_after_it_was_cancelled() -> None:
    world = World(flow().parallel([undone("a"), undone("b")]).commit().graph)
    world.start()
    world.succeed("a")
    world.cancel()
    assert addresses(world.succeed("b")) == ["b~undo"]
    assert addresses(world.succeed("b~undo")) == ["a~undo"]
    world.succeed("a~undo")
    assert isinstance(world.journal[-1], RunCancelled)


def test_what_was_undone_is_in_the_order_of_completion_also_among_items() -> None:
    world = World(over_list().foreach(undone("a"), id="each").then(first).commit().graph)
    world.start(b"[1,2,3]")
    world.count("each", 3, 3)
    for index in (1, 2, 0):
        world.succeed(f"each[{index}]/a")
    order = addresses(world.fail("first"))
    while world.standing() == "running":
        order += addresses(world.succeed(order[-1]))
    assert order == ["each[0]/a~undo", "each[2]/a~undo", "each[1]/a~undo"]


def test_a_compensation_that_fails_is_told_and_stops_no_other() -> None:
    world = World(chain(undone("a"), undone("b"), first))
    world.start()
    world.succeed("a")
    world.succeed("b")
    world.fail("first")
    assert addresses(world.fail("b~undo")) == ["a~undo"]
    world.succeed("a~undo")
    last = world.journal[-1]
    assert isinstance(last, RunFailed)
    assert last.undo_errors == (ERROR,)


def test_a_step_that_failed_bailed_or_was_cut_off_is_not_undone() -> None:
    world = World(flow().parallel([undone("a"), undone("b"), undone("c")]).commit().graph)
    world.start()
    world.fail("a")
    world.cancel()
    world.bail("b")
    world.cut_off("c")
    assert "UndoBegun" not in world.kinds(len(world.journal))


def test_a_run_that_succeeds_undoes_nothing() -> None:
    world = World(chain(undone("a")))
    world.start()
    world.succeed("a")
    assert world.kinds(2) == ["StepSucceeded", "RunSucceeded"]


def test_a_run_whose_output_does_not_fit_is_undone_before_it_fails() -> None:
    world = World(flow().parallel([undone("a")]).commit().graph)
    world.start()
    world.succeed("a")
    assert addresses(world.check("", ERROR)) == ["a~undo"]
    world.succeed("a~undo")
    assert world.kinds(1) == ["RunFailed"]
    assert len(world.machine.values) == 0


def test_a_run_that_is_undone_cannot_be_cancelled() -> None:
    world = World(chain(undone("a"), first))
    world.start()
    world.succeed("a")
    world.fail("first")
    assert world.cancel() == []
    world.succeed("a~undo")
    assert world.standing() == "failed"


def test_undoing_goes_on_after_a_restart_with_the_one_that_was_under_way() -> None:
    world = World(chain(undone("a"), undone("b"), first))
    world.start()
    world.succeed("a")
    world.succeed("b")
    world.fail("first")
    world.succeed("b~undo")
    (action,) = world.refolded().take_actions()
    assert isinstance(action, RunStep)
    assert action.address == "a~undo"


def test_undoing_asks_for_no_permits() -> None:
    world = World(chain(undone("a"), first))
    world.tell(Start(world.now, b"1", per_step=True))
    world.machine.take_actions()
    world.succeed("a")
    assert world.machine.is_paused()
    world.cancel()
    assert addresses(world.machine.take_actions()) == []
    assert addresses(world.cut_off("first")) == ["a~undo"]
