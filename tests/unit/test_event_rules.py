"""Events and sleeps: without an event loop, a store or a clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from tests.unit.graphs import World, addresses, chain, first, flow, third, yes
from waystation.core.addresses import Address
from waystation.core.entries import EventTimedOut
from waystation.core.signals import Decide, MatchEvents, RunStep
from waystation.core.state import WaitFrame
from waystation.define.nodes import Graph


def awaiting(
    match: Callable[[object], bool] | None = None, timeout: timedelta | None = None, **default: object
) -> Graph:
    building = flow()
    if timeout is None:
        return building.wait_for("paid", object, id="w", match=match).then(third).commit().graph
    if "default" not in default:
        return building.wait_for("paid", object, id="w", match=match, timeout=timeout).then(third).commit().graph
    given = default["default"]
    waiting = building.wait_for("paid", object, id="w", match=match, timeout=timeout, default=given)
    return waiting.then(third).commit().graph


def two_waits() -> Graph:
    """Two waits for one event, side by side."""
    left = flow("left").wait_for("paid", object, match=yes, id="w").commit()
    right = flow("right").wait_for("paid", object, match=yes, id="w").commit()
    return flow().parallel([left, right]).then(third).commit().graph


def test_an_event_that_comes_is_held_against_the_wait_and_is_its_output_if_it_matches() -> None:
    world = World(awaiting())
    assert world.start() == []
    assert world.machine.waits_for_event()
    (action,) = world.event("paid", b'"money"')
    assert isinstance(action, MatchEvents)
    (event,) = action.events
    (action,) = world.match("w", event, event)
    assert world.input_of(action) == b'"money"'
    assert world.machine.state.events == {}


def test_an_event_that_came_early_is_kept_until_something_waits_for_it() -> None:
    world = World(flow().then(first).wait_for("paid", object, id="w").commit().graph)
    world.start()
    assert world.event("paid") == []
    (action,) = world.succeed("first")
    assert isinstance(action, MatchEvents)
    assert len(action.events) == 1


def test_an_event_before_the_start_is_kept_too() -> None:
    world = World(awaiting())
    world.event("paid")
    (action,) = world.start()
    assert isinstance(action, MatchEvents)


def test_an_event_of_another_name_moves_nothing_and_is_kept() -> None:
    world = World(awaiting())
    world.start()
    assert world.event("sent") == []
    assert world.machine.is_at_rest()
    assert list(world.machine.state.events) == ["sent"]


def test_an_event_that_does_not_match_is_kept_for_others_and_not_tried_again_by_the_same_wait() -> None:
    world = World(awaiting(match=yes))
    world.start()
    world.event("paid")
    world.match("w", 0, world.machine.state.last_seq)
    assert world.machine.is_at_rest()
    assert len(world.machine.state.events["paid"]) == 1
    (action,) = world.event("paid")
    assert isinstance(action, MatchEvents)
    assert action.events == (world.machine.state.last_seq,), "just the new one"


def test_an_event_that_comes_while_others_are_tried_is_tried_after_them() -> None:
    world = World(awaiting(match=yes))
    world.start()
    (action,) = world.event("paid")
    assert isinstance(action, MatchEvents)
    assert world.event("paid") == []
    second = world.machine.state.last_seq
    (more,) = world.match("w", 0, *action.events)
    assert isinstance(more, MatchEvents)
    assert more.events == (second,)


def test_an_event_is_taken_by_one_wait_alone() -> None:
    world = World(two_waits())
    world.start()
    actions = world.event("paid")
    assert addresses(actions) == ["left/w", "right/w"]
    seq = world.machine.state.last_seq
    world.match("left/w", seq, seq)
    before = len(world.journal)
    assert world.match("right/w", seq, seq) == []
    assert len(world.journal) == before
    assert world.machine.is_at_rest(), "the other one waits for an event of its own"


def test_a_wait_whose_event_another_took_is_counted_once_as_waiting() -> None:
    world = World(two_waits())
    world.start()
    world.event("paid")
    seq = world.machine.state.last_seq
    world.match("left/w", seq, seq)
    world.match("right/w", 0, seq)
    state = world.machine.state
    assert (state.busy, state.idle) == (0, 1)
    assert addresses(world.event("paid")) == ["right/w"]
    assert (state.busy, state.idle) == (1, 0)


def test_a_wait_whose_event_another_took_tries_those_that_came_meanwhile() -> None:
    world = World(two_waits())
    world.start()
    world.event("paid")
    seq = world.machine.state.last_seq
    assert world.event("paid") == [], "the first one is tried still"
    world.match("left/w", seq, seq)
    (action,) = world.match("right/w", seq, seq)
    assert isinstance(action, MatchEvents)
    assert (action.address, action.events) == ("right/w", (seq + 1,))


def test_a_wait_with_a_timeout_first_learns_until_when_it_waits() -> None:
    world = World(awaiting(timeout=timedelta(seconds=5)))
    (action,) = world.start()
    assert isinstance(action, Decide)
    assert world.time("w", 6_000) == []
    assert world.machine.next_wake() == 6_000


def test_an_event_that_came_before_that_is_tried_after_it() -> None:
    world = World(awaiting(timeout=timedelta(seconds=5)))
    world.start()
    assert world.event("paid") == []
    (action,) = world.time("w", 6_000)
    assert isinstance(action, MatchEvents)


def test_a_wait_whose_time_is_over_fails_if_it_has_no_default() -> None:
    world = World(awaiting(timeout=timedelta(seconds=5)))
    world.start()
    world.time("w", 6_000)
    assert world.wake(5_999) == []
    assert world.standing() == "running"
    world.wake(6_000)
    assert world.kinds(2) == ["EventTimedOut", "RunFailed"]
    timed_out = world.journal[-2]
    assert isinstance(timed_out, EventTimedOut)
    assert timed_out.error.code == "event_timeout"


def test_a_wait_whose_time_is_over_gives_its_default_if_it_has_one() -> None:
    world = World(awaiting(timeout=timedelta(seconds=5), default={"none": 1}))
    world.start()
    world.time("w", 6_000)
    (action,) = world.wake(6_000)
    assert world.input_of(action) == b'{"none":1}'


def test_an_event_that_came_in_time_has_its_chance_before_the_wait_is_over() -> None:
    world = World(awaiting(timeout=timedelta(seconds=5)))
    world.start()
    world.time("w", 6_000)
    world.event("paid")
    seq = world.machine.state.last_seq
    assert world.wake(7_000) == []
    assert "w" in world.machine.state.frames
    assert addresses(world.match("w", seq, seq)) == ["third"]


def test_a_run_read_anew_does_not_try_again_what_it_has_tried() -> None:
    world = World(awaiting(match=yes))
    world.start()
    world.event("paid")
    seq = world.machine.state.last_seq
    world.match("w", 0, seq)
    frame = world.refolded().state.frames[Address("w")]
    assert isinstance(frame, WaitFrame)
    assert frame.untried == []
    assert world.kinds(1) == ["EventsPassed"]
    assert world.refolded().is_at_rest()


def test_a_run_that_has_ended_takes_no_event_and_lets_those_it_had_go() -> None:
    world = World(chain(first))
    world.start()
    world.event("paid")
    world.succeed("first")
    assert world.machine.state.events == {}
    assert len(world.machine.values) == 1, "its output"
    before = len(world.journal)
    world.event("paid")
    assert len(world.journal) == before


# --------------------------------------------------------------------------- sleep


def test_a_sleep_passes_on_what_reached_it_when_its_time_has_come() -> None:
    world = World(flow().then(first).sleep(timedelta(seconds=1), id="nap").then(third).commit().graph)
    world.start()
    (asked,) = world.succeed("first", b'"through"')
    assert isinstance(asked, Decide)
    assert world.time("nap", 2_000) == []
    assert world.wake(1_999) == []
    (action,) = world.wake(2_000)
    assert isinstance(action, RunStep)
    assert world.input_of(action) == b'"through"'


def test_sleeps_whose_time_has_come_end_in_the_order_of_their_times() -> None:
    naps = [flow(id_).sleep(timedelta(seconds=1), id="nap").commit() for id_ in ("a", "b", "c")]
    world = World(flow().parallel(naps).commit().graph)
    world.start()
    for id_, until in (("a", 3_000), ("b", 1_000), ("c", 2_000)):
        world.time(f"{id_}/nap", until)
    world.wake(5_000)
    ended = [str(getattr(entry, "address", "")) for entry in world.journal if type(entry).__name__ == "SleepEnded"]
    assert ended == ["b/nap", "c/nap", "a/nap"]


def test_the_time_of_a_sleep_is_decided_once() -> None:
    world = World(flow().sleep(timedelta(seconds=1), id="nap").commit().graph)
    world.start()
    world.time("nap", 2_000)
    world.time("nap", 9_000)
    assert world.machine.next_wake() == 2_000
