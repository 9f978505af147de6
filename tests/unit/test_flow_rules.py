"""How a run moves through its graph, and how far a failure reaches: without an event loop, a store or a clock."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.graphs import (
    ERROR,
    World,
    addresses,
    asking,
    first,
    flow,
    nested,
    over_list,
    second,
    side_by_side,
    stubborn,
    third,
    yes,
)
from waystation import workflow
from waystation.core.addresses import Address
from waystation.core.entries import RunFailed
from waystation.core.refs import Joined, Listed, Null
from waystation.core.signals import Bailed, Computed, Decide, RunStep, Start
from waystation.core.state import ForeachFrame


def listed(value: object) -> list[object]:
    return [value]


# --------------------------------------------------------------------------- failure


def test_a_failed_child_of_a_parallel_that_allows_failure_gives_null_and_the_run_goes_on() -> None:
    world = World(flow().parallel([first, second], allow_failure=True).then(third).commit().graph)
    world.start()
    world.fail("first")
    (action,) = world.succeed("second", b'"b"')
    assert isinstance(action, RunStep)
    assert action.input == Joined({"first": Null(), "second": world.machine.state.last_seq})
    assert world.input_of(action) == b'{"first":null,"second":"b"}'


def test_a_failure_deep_inside_fails_everything_around_it_up_to_the_run() -> None:
    inner = flow("inner").parallel([first, second]).commit()
    around = workflow("around", input=object, output=list[object]).map(listed).foreach(inner, id="each").commit()
    world = World(flow().do_until(around, yes, id="loop").then(third).commit().graph)
    world.start()
    world.tell(Computed(Address("loop#1/around/map-listed"), world.now, b"[1,2]"))
    world.count("loop#1/around/each", 2)
    world.fail("loop#1/around/each[0]/inner/first")
    assert world.standing() == "running", "its sibling is still under way"
    world.succeed("loop#1/around/each[0]/inner/second")
    assert world.kinds(1) == ["RunFailed"]
    assert not world.machine.state.frames


def test_a_failure_is_stopped_by_the_nearest_parallel_that_allows_it() -> None:
    inner = flow("inner").parallel([first, second]).commit()
    world = World(flow().parallel([inner, asking], allow_failure=True).then(third).commit().graph)
    world.start()
    world.fail("inner/second")
    world.succeed("inner/first")
    assert "inner" not in world.machine.state.frames
    (action,) = world.succeed("asking")
    assert world.input_of(action) == b'{"inner":null,"asking":1}'


def test_a_failing_block_gives_up_what_waits_once_nothing_in_it_is_under_way() -> None:
    waiting = flow("waiting").sleep(timedelta(days=1), id="nap").commit()
    awaiting = flow("awaiting").wait_for("paid", object, id="await").commit()
    world = World(flow().parallel([first, second, asking, waiting, awaiting]).commit().graph)
    world.start()
    world.time("waiting/nap", 10_000)
    world.suspend("asking")
    world.fail("first")
    assert {"asking", "waiting/nap", "awaiting/await"} <= world.machine.state.frames.keys(), "second is under way"
    world.machine.settled()
    suspension = world.machine.suspensions()[Address("asking")]
    world.succeed("second")
    assert world.standing() == "failed"
    assert world.machine.settled() == ([], [suspension])


def test_a_suspension_beside_a_failure_can_be_answered_while_something_else_is_under_way() -> None:
    world = World(flow().parallel([first, second, asking]).commit().graph)
    world.start()
    world.suspend("asking")
    world.fail("first")
    assert addresses(world.answer("asking")) == ["asking"]
    world.succeed("second")
    assert world.standing() == "running", "the one that was answered runs to its end"
    world.succeed("asking")
    assert world.standing() == "failed"


def test_a_failing_block_waits_for_what_is_to_be_tried_again() -> None:
    world = World(flow().parallel([first, stubborn]).commit().graph)
    world.start()
    world.fail("stubborn")
    world.fail("first")
    assert world.standing() == "running"
    assert addresses(world.wake(world.now + 1_000)) == ["stubborn"]
    world.succeed("stubborn", attempt=2)
    assert world.standing() == "failed"


def test_the_first_failure_is_the_one_that_is_told() -> None:
    world = World(flow().parallel([first, second]).commit().graph)
    world.start()
    world.fail("first")
    world.fail("second")
    last = world.journal[-1]
    assert isinstance(last, RunFailed)
    assert last.error == ERROR


def test_a_failing_item_lets_the_others_end_and_begins_no_more() -> None:
    world = World(over_list().foreach(first, concurrency=2, id="each").commit().graph)
    world.start(b"[1,2,3,4]")
    assert addresses(world.count("each", 4, 2)) == ["each[0]/first", "each[1]/first"]
    assert world.fail("each[0]/first") == []
    assert world.succeed("each[1]/first") == []
    assert world.standing() == "failed"


@pytest.mark.parametrize("id_", ["a", "a-very-long-id-of-a-block"])
def test_the_innermost_block_fails_first_however_long_the_ids_are(id_: str) -> None:
    # When "x" has failed and then "y" does, both blocks have nothing under way; the inner failure is allowed, so what
    # comes after it runs, beside the failure of the outer one.
    failing = flow("failing").parallel([second, asking], id="p").commit()
    allowing = flow("allowing").parallel([failing], allow_failure=True).then(third).commit()
    world = World(flow().parallel([first, allowing], id=id_).commit().graph)
    world.start()
    world.suspend("allowing/failing/asking")
    world.fail("first")
    assert addresses(world.fail("allowing/failing/second")) == ["allowing/third"]


def test_what_a_failing_block_gives_up_does_not_depend_on_events_that_were_tried() -> None:
    awaiting = flow("awaiting").wait_for("paid", object, match=yes, id="await").commit()
    failing = flow("failing").parallel([first, awaiting]).commit()
    world = World(flow().parallel([failing], allow_failure=True).then(third).commit().graph)
    world.start()
    world.event("paid")
    world.match("failing/awaiting/await", 0, world.machine.state.last_seq)
    assert addresses(world.fail("failing/first")) == ["third"]
    world.succeed("third")
    assert world.refolded().state.standing == "success"


# --------------------------------------------------------------------------- nested workflows


def test_a_nested_workflow_hands_its_input_to_its_first_node_and_its_output_to_what_follows() -> None:
    world = World(flow().then(nested("inner", first, second)).then(third).commit().graph)
    (action,) = world.start(b'"in"')
    assert (addresses([action]), world.input_of(action)) == (["inner/first"], b'"in"')
    world.succeed("inner/first")
    (action,) = world.succeed("inner/second", b'"out"')
    assert (addresses([action]), world.input_of(action)) == (["third"], b'"out"')


def test_the_output_of_a_nested_workflow_is_checked_where_its_type_is_not_that_of_its_last_node() -> None:
    inner = flow("inner").parallel([first, second]).commit()
    world = World(flow().then(inner).then(third).commit().graph)
    world.start()
    world.succeed("inner/first")
    (check,) = world.succeed("inner/second")
    assert addresses([check]) == ["output"]
    assert list(world.machine.state.frames) == ["inner"]
    assert addresses(world.check("inner")) == ["third"]


def test_a_nested_output_that_does_not_fit_fails_the_nested_workflow() -> None:
    inner = flow("inner").parallel([first, second]).commit()
    world = World(flow().parallel([inner], allow_failure=True).then(third).commit().graph)
    world.start()
    world.succeed("inner/first")
    world.succeed("inner/second")
    (action,) = world.check("inner", ERROR)
    assert world.input_of(action) == b'{"inner":null}'


# --------------------------------------------------------------------------- switch


def test_a_switch_runs_one_child_whose_output_is_its_own() -> None:
    world = World(flow().switch(yes, {True: first, False: second}, id="by").then(third).commit().graph)
    world.start(b'"in"')
    (action,) = world.decide("by", "second")
    assert (addresses([action]), world.input_of(action)) == (["second"], b'"in"')
    (action,) = world.succeed("second", b'"out"')
    assert (addresses([action]), world.input_of(action)) == (["third"], b'"out"')


# --------------------------------------------------------------------------- foreach


def test_a_foreach_gives_each_item_its_own_and_lists_the_outputs_in_order() -> None:
    world = World(over_list().foreach(first, concurrency=3, id="each").then(third).commit().graph)
    world.start(b'["a","b","c"]')
    actions = world.count("each", 3, 3)
    assert [world.input_of(action) for action in actions] == [b'"a"', b'"b"', b'"c"']
    for index in (2, 0):
        assert world.succeed(f"each[{index}]/first", f'"out {index}"'.encode()) == []
    (action,) = world.succeed("each[1]/first", b'"out 1"')
    assert world.input_of(action) == b'["out 0","out 1","out 2"]'


def test_no_more_items_are_under_way_than_the_concurrency_says() -> None:
    world = World(over_list().foreach(first, id="each").commit().graph)
    world.start(b"[1,2,3,4,5]")
    assert addresses(world.count("each", 5, 2)) == ["each[0]/first", "each[1]/first"]
    assert addresses(world.succeed("each[1]/first")) == ["each[2]/first"]
    assert addresses(world.succeed("each[2]/first")) == ["each[3]/first"]
    frame = world.machine.state.frames[Address("each")]
    assert isinstance(frame, ForeachFrame)
    assert (frame.open, frame.next) == (2, 4)


def test_a_suspended_item_keeps_its_place_among_those_under_way() -> None:
    world = World(over_list().foreach(asking, id="each").commit().graph)
    world.start(b"[1,2]")
    world.count("each", 2, 1)
    assert world.suspend("each[0]/asking") == [], "the second has to wait"
    world.answer("each[0]/asking")
    assert addresses(world.succeed("each[0]/asking")) == ["each[1]/asking"]


def test_a_foreach_over_nothing_gives_an_empty_list() -> None:
    world = World(over_list().foreach(first, id="each").then(third).commit().graph)
    world.start(b"[]")
    (action,) = world.count("each", 0)
    assert world.input_of(action) == b"[]"


def test_a_foreach_within_a_foreach_takes_items_of_items() -> None:
    inner = over_list("inner").foreach(first, id="low").commit()
    world = World(
        workflow("flow", input=list[list[object]], output=object).foreach(inner, id="high").then(third).commit().graph
    )
    world.start(b"[[1,2],[3]]")
    world.count("high", 2, 2)
    (action,) = world.count("high[1]/inner/low", 1)
    assert world.input_of(action) == b"3"
    world.succeed("high[1]/inner/low[0]/first", b'"c"')
    world.check("high[1]/inner")
    (action,) = world.count("high[0]/inner/low", 2)
    assert world.input_of(action) == b"1"
    (action,) = world.succeed("high[0]/inner/low[0]/first", b'"a"')
    assert world.input_of(action) == b"2"
    world.succeed("high[0]/inner/low[1]/first", b'"b"')
    (action,) = world.check("high[0]/inner")
    assert world.input_of(action) == b'[["a","b"],["c"]]'


def test_a_foreach_over_the_outputs_of_another_refers_to_each_of_them() -> None:
    world = World(over_list().foreach(first, id="one").foreach(second, id="two").commit().graph)
    world.start(b"[1]")
    world.count("one", 1)
    (action,) = world.succeed("one[0]/first", b'"out"')
    assert isinstance(action, Decide)
    assert isinstance(action.input, Listed)
    (action,) = world.count("two", 1)
    assert world.input_of(action) == b'"out"'


def test_a_foreach_is_counted_once() -> None:
    world = World(over_list().foreach(first, id="each").commit().graph)
    world.start(b"[1]")
    world.count("each", 1)
    before = len(world.journal)
    assert world.count("each", 7) == []
    assert len(world.journal) == before


# --------------------------------------------------------------------------- loops


def test_a_loop_runs_its_body_on_the_output_of_the_turn_before_until_it_is_told_to_end() -> None:
    world = World(flow().do_while(first, yes, id="loop").then(third).commit().graph)
    (action,) = world.start(b"0")
    assert (addresses([action]), world.input_of(action)) == (["loop#1/first"], b"0")
    (asked,) = world.succeed("loop#1/first", b"1")
    assert isinstance(asked, Decide)
    assert (asked.turn, world.input_of(asked)) == (1, b"1")
    (action,) = world.turn("loop", 1, again=True)
    assert (addresses([action]), world.input_of(action)) == (["loop#2/first"], b"1")
    world.succeed("loop#2/first", b"2")
    (action,) = world.turn("loop", 2, again=False)
    assert (addresses([action]), world.input_of(action)) == (["third"], b"2")


def test_a_loop_is_asked_once_after_each_turn() -> None:
    world = World(flow().do_while(first, yes, id="loop").commit().graph)
    world.start()
    world.succeed("loop#1/first")
    world.turn("loop", 1, again=True)
    before = len(world.journal)
    assert world.turn("loop", 1, again=False) == []
    assert len(world.journal) == before


# --------------------------------------------------------------------------- bail


def test_bail_ends_the_run_with_its_result_and_gives_up_everything_else() -> None:
    world = World(flow().parallel([first, second, asking]).then(third).commit().graph)
    world.start()
    world.suspend("asking")
    world.machine.settled()
    seq = world.machine.suspensions()[Address("asking")]
    assert world.bail("first", b'"early"') == []
    assert world.kinds(2) == ["StepBailed", "RunSucceeded"]
    assert world.machine.state.output == world.machine.state.last_seq - 1
    assert world.machine.settled() == ([], [seq])
    assert world.succeed("second") == [], "it was cancelled"


def test_bail_in_a_nested_workflow_ends_just_that_one() -> None:
    inner = flow("inner").parallel([first, asking]).then(second).commit()
    world = World(flow().parallel([inner, third]).commit().graph)
    world.start()
    world.suspend("inner/asking")
    world.bail("inner/first", b'"early"')
    assert world.machine.state.frames.keys() == {"parallel-inner", "third"}
    world.succeed("third", b'"three"')
    world.check()
    assert world.standing() == "success"
    output = world.machine.state.output
    assert isinstance(output, Joined)
    assert list(output.parts) == ["inner", "third"]


def test_bail_in_an_item_ends_the_nested_workflow_that_the_item_is() -> None:
    inner = flow("inner").then(first).then(second).commit()
    world = World(over_list().foreach(inner, id="each").then(third).commit().graph)
    world.start(b"[1,2]")
    world.count("each", 2)
    assert addresses(world.bail("each[0]/inner/first", b'"early"')) == ["each[1]/inner/first"]
    world.succeed("each[1]/inner/first")
    (action,) = world.succeed("each[1]/inner/second", b'"whole"')
    assert world.input_of(action) == b'["early","whole"]'


# --------------------------------------------------------------------------- step by step


def test_a_run_that_goes_step_by_step_pauses_when_a_step_is_done() -> None:
    world = World(flow().parallel([first, second]).commit().graph)
    world.tell(Start(world.now, b"1", per_step=True))
    assert addresses(world.machine.take_actions()) == ["first"]
    assert not world.machine.is_paused()
    assert world.succeed("first") == []
    assert world.machine.is_paused()
    assert world.machine.is_at_rest()


def test_what_is_no_step_needs_no_permit() -> None:
    world = World(flow().then(first).map(yes, id="m").then(second).commit().graph)
    world.tell(Start(world.now, b"1", per_step=True))
    world.machine.take_actions()
    (action,) = world.succeed("first")
    assert isinstance(action, Decide)
    assert not world.machine.is_paused()


def test_step_by_step_the_next_step_waits_until_the_one_before_was_tried_again() -> None:
    world = World(flow().parallel([stubborn, second]).commit().graph)
    world.tell(Start(world.now, b"1", per_step=True))
    assert addresses(world.machine.take_actions()) == ["stubborn"]
    assert world.fail("stubborn") == []
    assert addresses(world.wake(world.now + 1_000)) == ["stubborn"]


def test_step_by_step_a_machine_made_anew_begins_no_second_step_beside_the_one_in_flight() -> None:
    world = World(flow().parallel([stubborn, second]).commit().graph)
    world.tell(Start(world.now, b"1", per_step=True))
    world.machine.take_actions()
    world.fail("stubborn")
    again = world.refolded()
    again.stepping = world.machine.stepping
    assert again.take_actions() == []


def test_a_bail_does_not_make_good_what_has_failed_beside_it() -> None:
    world = World(side_by_side(first, second))
    world.start()
    world.fail("first", retryable=False)
    world.tell(Bailed(Address("second"), 1, world.now, world.now, b'"out"'))
    assert world.standing() == "failed"
    assert world.machine.state.failure == ERROR
    assert world.refolded().state.standing == "failed"
