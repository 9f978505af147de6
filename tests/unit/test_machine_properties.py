"""Whatever the graph, whatever the steps do, in whatever order, and wherever the process dies: the rules hold."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.graphs import ERROR, World, asking
from waystation import Retry, Step, workflow
from waystation.core.encoding import decode_entry, encode_entry
from waystation.core.entries import RunFailed, RunSucceeded, StepSucceeded, StepSuspended
from waystation.core.machine import Machine
from waystation.core.signals import (
    Action,
    Checked,
    CheckOutput,
    Decide,
    Decided,
    Failed,
    MatchEvents,
    Recorded,
    RunStep,
    Succeeded,
    Suspended,
)
from waystation.core.state import StepFrame, decode_state, encode_state
from waystation.define.builder import Builder
from waystation.define.keyed_builder import KeyedBuilder
from waystation.define.nodes import BranchNode, Graph


def build(shape: list[tuple[str, int]]) -> Graph:
    """A graph of blocks: each a kind and how many steps are in it."""
    building: Builder[object, object, object] | KeyedBuilder[object, object] = workflow(
        "random", input=object, output=object, retry=Retry(attempts=2, initial=timedelta(seconds=1))
    )
    number = 0
    for kind, width in shape:
        steps: list[Step[object, object]] = []
        for _ in range(1 if kind == "then" else width):
            steps.append(asking.clone(id=f"s{number}"))
            number += 1
        if kind == "then":
            building = building.then(steps[0])
        elif kind == "parallel":
            building = building.parallel(steps)
        else:
            building = building.branch([(lambda _: True, each) for each in steps])
    return building.commit().graph


graphs = st.lists(
    st.tuples(st.sampled_from(["then", "parallel", "branch"]), st.integers(1, 3)), min_size=1, max_size=4
).map(build)


class Life:
    """One run: draws what happens next, and holds the rules after each thing that did."""

    def __init__(self, graph: Graph, data: st.DataObject) -> None:
        self.world = World(graph)
        self.data = data
        self.doing: list[Action] = []
        self.saved: tuple[bytes, int] | None = None

    def live(self) -> None:
        self.doing = self.world.start(b'{"n":1}')
        for _ in range(200):
            if self.world.machine.state.standing != "running":
                return
            self.once()
            self.hold_the_rules()
        raise AssertionError(f"the run does not end: {self.world.journal[-5:]}")

    def once(self) -> None:
        choices = ["end"] if self.doing else []
        choices += ["answer"] if self.world.machine.suspensions() else []
        choices += ["wake"] if self.world.machine.next_wake() is not None else []
        choices += ["die", "save"]
        match self.data.draw(st.sampled_from(choices)):
            case "end":
                self.end(self.doing.pop(self.data.draw(st.integers(0, len(self.doing) - 1))))
            case "answer":
                address = self.data.draw(st.sampled_from(sorted(self.world.machine.suspensions())))
                self.doing += self.world.answer(address)
            case "wake":
                self.world.now = self.world.machine.next_wake() or self.world.now
                self.world.machine.wake(self.world.now)
                self.doing += self.world.machine.take_actions()
            case "die":
                self.die()
            case _:
                self.saved = encode_state(self.world.machine.state), len(self.world.journal)

    def end(self, action: Action) -> None:
        """Something that was asked for comes to its end, in one way or another."""
        world, now = self.world, self.world.now
        match action:
            case RunStep():
                ways = ["well", "well", "well", "badly", "once"] + (["asking"] if not action.answer else [])
                how = self.data.draw(st.sampled_from(ways))
                if how == "once":
                    world.tell(Recorded(action.address, now, self.data.draw(st.sampled_from("ab")), b'"x"'))
                    self.doing.append(action)
                    return
                if how == "well":
                    world.tell(
                        Succeeded(action.address, action.attempt, now, now, b'{"of":"%s"}' % action.address.encode())
                    )
                elif how == "badly":
                    world.tell(
                        Failed(action.address, action.attempt, now, now, ERROR, self.data.draw(st.booleans()), 0.5)
                    )
                else:
                    world.tell(Suspended(action.address, action.attempt, now, now, b'"?"', ""))
            case Decide():
                node = world.graph.places[action.address].node
                assert isinstance(node, BranchNode)
                ids = [child.id for child in node.children]
                taken = self.data.draw(st.lists(st.sampled_from(ids), unique=True))
                world.tell(Decided(action.address, now, tuple(id_ for id_ in ids if id_ in taken)))
            case CheckOutput():
                world.tell(Checked(now))
            case MatchEvents():
                raise AssertionError("no graph here waits for an event")
        self.doing += world.machine.take_actions()

    def die(self) -> None:
        """The process is gone: another reads what is durable, from the last frontier or from the beginning."""
        entries = [decode_entry(encode_entry(entry)) for entry in self.world.journal]
        state, covered = None, 0
        if self.saved is not None and self.data.draw(st.booleans()):
            state, covered = decode_state(self.saved[0]), self.saved[1]
        machine = Machine(self.world.graph, state)
        machine.restore(entries[covered:])
        for seq in machine.values.missing():
            machine.values.hold(seq, self.world.machine.values._held[seq])
        self.world.machine = machine
        self.doing = machine.take_actions()

    def hold_the_rules(self) -> None:
        world = self.world
        refolded = world.refolded()
        live, again = decode_state(encode_state(world.machine.state)), decode_state(encode_state(refolded.state))
        assert live is not None
        assert again is not None
        for state in (live, again):  # a waiting step is woken by time alone, which no entry tells
            state.busy = state.idle = 0
            for frame in state.frames.values():
                if isinstance(frame, StepFrame) and frame.phase == "ready":
                    frame.phase = "waiting"
        assert live == again, "the live state is the fold of the journal"
        done = Counter(entry.address for entry in world.journal if isinstance(entry, StepSucceeded))
        assert all(times == 1 for times in done.values()), "a step completed twice"
        for action in self.doing:
            if isinstance(action, RunStep):
                assert action.address not in done, "a completed step is asked for again"
                assert world.machine.values.json(action.input), "its input is at hand"
        assert len({str(action) for action in self.doing}) == len(self.doing), "an action was handed out twice"


@settings(max_examples=300, deadline=None)
@given(graphs, st.data())
def test_every_run_ends_once_and_never_completes_a_step_twice(graph: Graph, data: st.DataObject) -> None:
    life = Life(graph, data)
    # Bounded by construction: each attempt ends, each suspension is answered, and nothing loops; a drawn life may
    # still dwell on deaths and saves, so the last stretch is drawn without them.
    try:
        life.live()
    except AssertionError as error:
        if "does not end" not in str(error):
            raise
        finish(life)
    endings = [entry for entry in life.world.journal if isinstance(entry, (RunSucceeded, RunFailed))]
    assert len(endings) == 1
    assert life.world.journal[-1] is endings[0], "nothing follows the end"
    assert life.world.machine.suspensions() == {}


def finish(life: Life) -> None:
    """Everything ends well from here."""
    world = life.world
    while world.machine.state.standing == "running":
        for address in list(world.machine.suspensions()):
            life.doing += world.answer(address)
        if (wake := world.machine.next_wake()) is not None:
            world.machine.wake(wake)
            life.doing += world.machine.take_actions()
        for action in life.doing[:]:
            life.doing.remove(action)
            match action:
                case RunStep():
                    life.doing += world.succeed(action.address, attempt=action.attempt)
                case Decide():
                    life.doing += world.decide(action.address)
                case CheckOutput():
                    world.check()
                case MatchEvents():
                    raise AssertionError("no graph here waits for an event")


@settings(max_examples=100, deadline=None)
@given(graphs, st.data())
def test_suspensions_opened_and_closed_add_up(graph: Graph, data: st.DataObject) -> None:
    life = Life(graph, data)
    open_now: set[int] = set()
    life.doing = life.world.start()
    for _ in range(60):
        if life.world.machine.state.standing != "running" or not (life.doing or life.world.machine.suspensions()):
            break
        if life.doing and (not life.world.machine.suspensions() or data.draw(st.booleans())):
            life.end(life.doing.pop())
        else:
            life.doing += life.world.answer(min(life.world.machine.suspensions()))
        opened, closed = life.world.machine.settled()
        open_now |= {seq for seq, _ in opened}
        open_now -= set(closed)
        assert open_now == set(life.world.machine.suspensions().values())
    for seq in open_now:
        assert isinstance(life.world.journal[seq - 1], StepSuspended)
