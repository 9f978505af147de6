"""The frontier: where a run stands, kept and read again; and the values a run holds, which are just what it needs."""

from __future__ import annotations

import typing
from datetime import timedelta

import msgspec
import pytest

from tests.unit.graphs import (
    World,
    addresses,
    asking,
    first,
    flow,
    nested,
    over_list,
    second,
    stubborn,
    third,
    undone,
    yes,
)
from waystation.core.addresses import Address
from waystation.core.machine import Machine
from waystation.core.refs import Item, Joined, Listed, Null, Ref
from waystation.core.state import (
    BlockFrame,
    ForeachFrame,
    Frame,
    LoopFrame,
    MapFrame,
    ScopeFrame,
    SleepFrame,
    State,
    StepFrame,
    Undoable,
    WaitFrame,
    decode_state,
    encode_state,
    leaves,
)
from waystation.core.values import Values

REFS: list[Ref] = [7, Joined({"a": 1, "b": Null()}), Listed((1, Joined({}), Item(3, 0))), Item(Item(3, 1), 2), Null()]

FRAMES: list[Frame] = [
    StepFrame(input=1),
    StepFrame(
        input=Item(3, 0),
        phase="suspended",
        attempt=2,
        first_began=5,
        retry_at=6,
        suspension=7,
        label="a",
        answer=8,
        once={"mail": 9},
    ),
    BlockFrame(input=1),
    BlockFrame(input=1, open=["a"], outputs={"b": Null(), "c": 4}),
    ForeachFrame(input=Listed((1, 2))),
    ForeachFrame(input=1, count=3, concurrency=2, next=2, open=1, outputs=[4, None, None]),
    LoopFrame(turn=4, output=9),
    ScopeFrame(input=1, output=Joined({"a": 1})),
    MapFrame(input=1),
    SleepFrame(input=1, until=9),
    WaitFrame(input=1, timing=True, until=9, untried=[4, 5]),
]


def test_every_kind_of_frame_is_tried_here() -> None:
    assert {type(frame) for frame in FRAMES} == set(typing.get_args(Frame))


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: type(frame).__name__)
def test_a_frame_is_read_as_it_was_written(frame: Frame) -> None:
    state = State(standing="running", frames={Address("items[0]/a"): frame})
    assert decode_state(encode_state(state)) == state


@pytest.mark.parametrize("ref", REFS, ids=str)
def test_a_reference_is_read_as_it_was_written(ref: Ref) -> None:
    state = State(frames={Address("a"): StepFrame(input=ref)}, output=ref, undoable=[Undoable(Address("a"), ref)])
    assert decode_state(encode_state(state)) == state


def test_all_else_of_a_state_is_read_as_it_was_written() -> None:
    state = State(
        standing="failed",
        fingerprint="f",
        last_seq=9,
        shared={"k": msgspec.Raw(b"[1]")},
        context={"c": msgspec.Raw(b"{}")},
        events={"paid": [3, 4]},
        cancel=5,
        cancel_reason="why",
        grace_ms=6,
        unwinding=True,
        permits=0,
        bailed=True,
        inherited=2,
    )
    assert decode_state(encode_state(state)) == state


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"format":1}', b'{"format":3}', b'{"format":"2"}'])
def test_a_frontier_of_another_format_is_not_read(data: bytes) -> None:
    assert decode_state(data) is None


def test_only_what_is_not_as_at_a_run_s_beginning_is_written_and_the_format_always() -> None:
    assert encode_state(State()) == b'{"format":2}'
    state = State(standing="running", last_seq=3, frames={Address("a"): StepFrame(input=2, phase="suspended")}, idle=1)
    assert encode_state(state) == (
        b'{"format":2,"standing":"running","last_seq":3,'
        b'"frames":{"a":{"type":"step","input":2,"phase":"suspended"}},"idle":1}'
    )


def test_a_frontier_that_says_all_of_it_is_read_as_well() -> None:
    """As it was written before that was left out which is as at the beginning."""
    written = (
        b'{"format":2,"standing":"running","fingerprint":"f","last_seq":4,"input_seq":2,"inherited":0,'
        b'"frames":{"gate":{"type":"step","input":3,"phase":"suspended","suspension":4}},"busy":0,"idle":1,'
        b'"output":null,"bailed":false,"failure":null,"shared":{},"context":{},"events":{},"cancel":0,'
        b'"cancel_reason":"","grace_ms":0,"undoable":[],"unwinding":false,"undo_errors":[],"permits":null}'
    )
    gate = StepFrame(input=3, phase="suspended", suspension=4)
    assert decode_state(written) == State(
        standing="running", fingerprint="f", last_seq=4, input_seq=2, frames={Address("gate"): gate}, idle=1
    )


def test_a_run_goes_on_from_its_frontier_wherever_it_stands() -> None:
    sleeping = flow("sleeping").sleep(timedelta(days=1), id="nap").then(first).commit()
    looping = flow("looping").do_while(nested("inner", second), yes, id="loop").commit()
    awaiting = flow("awaiting").wait_for("paid", object, match=yes, id="w").commit()
    switching = flow("switching").switch(yes, {True: third}, id="by").commit()
    world = World(flow().parallel([asking, sleeping, looping, awaiting, switching]).commit().graph)
    world.start()
    world.once("asking", "mail")
    world.suspend("asking")
    world.time("sleeping/nap", 9_000)
    world.succeed("looping/loop#1/inner/second")
    world.turn("looping/loop", 1, again=True)
    world.event("paid")
    world.match("awaiting/w", 0, world.machine.state.last_seq)
    world.decide("switching/by", "third")
    state = decode_state(encode_state(world.machine.state))
    again = Machine(world.graph, state)
    assert set(addresses(again.take_actions())) == {"looping/loop#2/inner/second", "switching/third"}
    assert again.suspensions() == world.machine.suspensions()
    assert again.next_wake() == 9_000
    assert set(again.values.missing()) == set(world.machine.values._held), "what the live one holds is to be read in"


# --------------------------------------------------------------------------- values


def held(world: World) -> int:
    return len(world.machine.values)


def test_a_loop_of_many_turns_holds_no_more_than_one_of_few() -> None:
    world = World(flow().do_while(nested("inner", first, second), yes, id="loop").then(third).commit().graph)
    world.start()
    sizes: set[tuple[int, int]] = set()
    for turn in range(1, 50):
        world.succeed(f"loop#{turn}/inner/first")
        world.succeed(f"loop#{turn}/inner/second")
        sizes.add((held(world), len(world.machine.state.frames)))
        world.turn("loop", turn, again=True)
    assert len(sizes) == 1


def test_a_foreach_of_many_items_holds_its_list_and_those_under_way_and_of_the_rest_a_number_each() -> None:
    world = World(over_list().foreach(first, id="each").then(third).commit().graph)
    world.start(b"[%s]" % b",".join([b"0"] * 60))
    world.count("each", 60, 2)
    sizes: set[tuple[int, int]] = set()
    for index in range(58):
        world.succeed(f"each[{index}]/first", b'"a long output"')
        sizes.add((held(world), len(world.machine.state.frames)))
    assert sizes == {(1, 3)}, "the list; the foreach and two items"
    assert b"a long output" not in encode_state(world.machine.state)


def test_what_a_suspension_and_its_answer_brought_is_let_go_when_it_suspends_anew() -> None:
    world = World(flow().then(asking).then(first).commit().graph)
    world.start()
    sizes: set[int] = set()
    for _ in range(5):
        world.suspend("asking")
        sizes.add(held(world))
        world.answer("asking")
        sizes.add(held(world))
    assert sizes == {2, 3}, "its input, what it said, and the answer"


@pytest.mark.parametrize("how", ["success", "failed", "cancelled"])
def test_a_run_that_has_ended_holds_its_output_and_nothing_else(how: str) -> None:
    world = World(flow().parallel([asking, undone("a"), stubborn]).then(first).commit().graph)
    world.event("paid")
    world.start()
    world.once("asking", "mail")
    world.suspend("asking")
    world.succeed("a")
    world.fail("stubborn")
    match how:
        case "success":
            world.answer("asking")
            world.succeed("asking")
            world.wake(9_000)
            world.succeed("stubborn", attempt=2)
            world.succeed("first")
        case "failed":
            world.wake(9_000)
            world.fail("stubborn", 2, retryable=False)
            world.succeed("a~undo")
        case _:
            world.cancel()
            world.cut_off("stubborn", 2)
            world.succeed("a~undo")
    assert world.standing() == how
    assert held(world) == (how == "success")
    state = world.machine.state
    assert (state.frames, state.events, state.busy, state.idle) == ({}, {}, 0, 0)


def test_a_value_is_there_as_long_as_something_refers_to_it() -> None:
    values = Values()
    values.hold(3, msgspec.Raw(b"[1]"))
    values.retain(3)
    values.retain(Joined({"a": 3}))
    values.release(3)
    assert values.json(Joined({"a": 3})) == b'{"a":[1]}'
    values.release(Joined({"a": 3}))
    assert len(values) == 0


def test_what_is_referred_to_and_not_at_hand_is_named_until_it_is() -> None:
    values = Values()
    values.retain(Listed((3, 4)))
    assert values.missing() == [3, 4]
    values.hold(3, msgspec.Raw(b"1"))
    assert values.missing() == [4]
    values.release(Listed((3, 4)))
    assert values.missing() == []


def test_an_item_of_an_item_is_found_in_its_list() -> None:
    values = Values()
    values.hold(3, msgspec.Raw(b'[[1,2],[{"a":3}]]'))
    values.retain(3)
    assert values.json(Item(Item(3, 1), 0)) == b'{"a":3}'
    assert leaves(Item(Item(3, 1), 0)) == [3]
