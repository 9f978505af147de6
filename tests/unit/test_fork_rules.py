"""What a fork shares with the run it comes from, and what it runs again."""

from __future__ import annotations

from tests.unit.graphs import ERROR, World, asking, chain, first, flow, nested, over_list, second, third, undone, yes
from waystation.core.addresses import Address
from waystation.core.entries import AnyEntry, RunCreated
from waystation.core.forking import forked
from waystation.core.machine import Machine


def fork(
    world: World, address: str, *, input: bytes | None = None, state: dict[str, bytes] | None = None
) -> tuple[list[AnyEntry], Machine]:
    created = RunCreated(at=2_000, workflow_id="chain", fingerprint=world.graph.fingerprint, forked_from="r1")
    made = forked(world.graph, world.journal, Address(address), created=created, at=2_000, input=input, state=state)
    assert made is not None
    # It is what anyone who reads its journal comes to.
    again = Machine(world.graph)
    again.restore(made[0])
    assert again.state.frames.keys() == made[1].state.frames.keys()
    return made


def kinds(journal: list[AnyEntry]) -> list[str]:
    return [type(entry).__name__ for entry in journal]


def ready(machine: Machine) -> set[str]:
    return set(machine.ready_steps())


def test_a_fork_shares_what_came_before_the_step_and_runs_it_again() -> None:
    world = World(chain(first, second, third))
    world.start()
    world.succeed("first")
    world.succeed("second")
    world.succeed("third")
    journal, machine = fork(world, "second")
    assert kinds(journal) == ["RunCreated", "RunStarted", "StepSucceeded"]
    assert ready(machine) == {"second"}
    created = journal[0]
    assert isinstance(created, RunCreated)
    assert (created.forked_from, created.inherited) == ("r1", 3)


def test_a_fork_may_be_given_another_input_and_other_run_state() -> None:
    world = World(chain(first, second))
    world.start()
    world.succeed("first", b'"old"')
    journal, machine = fork(world, "second", input=b'"new"', state={"k": b"1"})
    assert kinds(journal)[-2:] == ["InputReplaced", "StateReplaced"]
    frame = machine.step_frame(Address("second"))
    assert frame is not None
    assert machine.values.json(frame.input) == b'"new"'
    assert bytes(machine.state.shared["k"]) == b"1"


def test_there_is_no_fork_from_a_step_that_did_not_run() -> None:
    world = World(chain(first, second))
    world.start()
    created = RunCreated(at=0, workflow_id="chain", fingerprint="f")
    assert forked(world.graph, world.journal, Address("second"), created=created, at=0) is None


def test_what_ran_beside_the_step_and_is_done_is_shared_and_what_failed_runs_again() -> None:
    world = World(flow().parallel([first, second, third]).commit().graph)
    world.start()
    world.succeed("second")
    world.fail("third")
    world.succeed("first")
    _, machine = fork(world, "first")
    assert ready(machine) == {"first", "third"}


def test_a_failure_that_came_before_the_step_was_reached_is_not_shared_if_it_would_fail_the_step_too() -> None:
    world = World(flow().parallel([nested("inner", first, second), third]).commit().graph)
    world.start()
    world.fail("third")
    world.succeed("inner/first")
    world.succeed("inner/second")
    _, machine = fork(world, "inner/second")
    assert ready(machine) == {"inner/second", "third"}


def test_a_failure_that_was_allowed_before_the_step_is_shared() -> None:
    world = World(flow().parallel([first], allow_failure=True).then(second).commit().graph)
    world.start()
    world.fail("first")
    world.fail("second")
    journal, machine = fork(world, "second")
    assert kinds(journal) == ["RunCreated", "RunStarted", "StepFailed"]
    assert ready(machine) == {"second"}


def test_how_the_old_run_was_cancelled_is_not_shared_even_if_a_sibling_asked_for_it() -> None:
    world = World(flow().parallel([first, second]).commit().graph)
    world.start()
    world.succeed("first")
    world.abort("second")
    journal, machine = fork(world, "first")
    assert "CancelRequested" not in kinds(journal)
    assert ready(machine) == {"first", "second"}
    assert not machine.is_cancelling()


def test_what_a_workflow_around_the_step_came_to_is_not_shared() -> None:
    inner = flow("inner").parallel([first, second]).commit()
    world = World(flow().do_while(inner, yes, id="loop").commit().graph)
    world.start()
    for turn in (1, 2):
        world.succeed(f"loop#{turn}/inner/first")
        world.succeed(f"loop#{turn}/inner/second")
        world.check(f"loop#{turn}/inner")
        world.turn("loop", turn, again=turn == 1)
    _, machine = fork(world, "loop#1/inner/first")
    assert ready(machine) == {"loop#1/inner/first"}
    _, machine = fork(world, "loop#2/inner/second")
    assert ready(machine) == {"loop#2/inner/second"}


def test_an_item_that_had_its_turn_because_the_forked_one_was_done_runs_again() -> None:
    world = World(over_list().foreach(asking, id="each").commit().graph)
    world.start(b"[1,2,3]")
    world.count("each", 3, 2)
    world.succeed("each[0]/asking")
    world.suspend("each[2]/asking")
    world.succeed("each[1]/asking")
    world.answer("each[2]/asking")
    world.succeed("each[2]/asking")
    _, machine = fork(world, "each[0]/asking")
    assert ready(machine) == {"each[0]/asking", "each[2]/asking"}
    assert machine.suspensions() == {}


def test_an_answer_and_an_event_in_the_shared_past_are_renumbered() -> None:
    world = World(flow().parallel([asking, first]).wait_for("paid", object, id="w").then(second).commit().graph)
    world.start()
    world.suspend("asking")
    world.once("first", "mail")
    world.answer("asking")
    world.succeed("asking")
    world.succeed("first")
    world.event("sent")
    world.event("paid", b'"money"')
    event = world.machine.state.last_seq
    world.match("w", event, event)
    world.succeed("second")
    _, machine = fork(world, "second")
    frame = machine.step_frame(Address("second"))
    assert frame is not None
    assert machine.values.json(frame.input) == b'"money"'


def test_what_the_old_run_did_is_not_the_forks_to_undo() -> None:
    world = World(chain(undone("a"), undone("b"), first))
    world.start()
    world.succeed("a")
    world.succeed("b")
    world.fail("first")
    journal, machine = fork(world, "b")
    assert not machine.state.undoable
    live = World(world.graph)
    live.machine, live.journal = machine, journal
    live.succeed("b")
    assert [each.address for each in live.machine.state.undoable] == ["b"]


def test_a_fork_of_a_run_that_went_step_by_step_goes_freely() -> None:
    world = World(chain(first, second))
    world.start()
    world.machine.state.permits = 0
    _, machine = fork(world, "first")
    assert machine.state.permits is None


def test_a_condition_that_failed_beside_the_step_is_asked_again() -> None:
    branching = flow("branching").branch([(yes, second)], id="by").commit()
    world = World(flow().parallel([first, branching]).commit().graph)
    world.start()
    world.tell_undecided("branching/by", ERROR)
    world.succeed("first")
    _, machine = fork(world, "first")
    assert "branching/by" in machine.state.frames
