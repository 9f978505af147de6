"""Random histories drawn by hypothesis, so that one which breaks a promise shrinks to its shortest form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.simulation.random_graphs import random_graph
from tests.simulation.simulation import Simulation

T = TypeVar("T")


class Drawn:
    """Dice thrown by hypothesis."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def pick(self, of: Sequence[T]) -> T:
        return self._data.draw(st.sampled_from(of))

    def number(self, low: int, high: int) -> int:
        return self._data.draw(st.integers(low, high))

    def chance(self, percent: int) -> bool:
        # It shrinks to False: to the graph and the history in which less happens.
        return self._data.draw(st.integers(0, 99)) >= 100 - percent


def possible(name: str) -> Callable[[RunStates], bool]:
    def is_possible(states: RunStates) -> bool:
        return name in states.run.possible()

    return is_possible


class RunStates(RuleBasedStateMachine):
    """Each rule is one thing that can happen to a run; ``Simulation.act`` holds the promises after it."""

    run: Simulation

    @initialize(data=st.data())
    def create(self, data: st.DataObject) -> None:
        dice = Drawn(data)
        self.run = Simulation(random_graph(dice, nodes=12), dice)
        self.run.create()

    def act(self, name: str, data: st.DataObject) -> None:
        self.run.throw_with(Drawn(data))
        self.run.act(name)

    @precondition(possible("start"))
    @rule(data=st.data())
    def start(self, data: st.DataObject) -> None:
        self.act("start", data)

    @precondition(possible("end"))
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        self.act("end", data)

    @precondition(possible("end_several"))
    @rule(data=st.data())
    def end_several_at_once(self, data: st.DataObject) -> None:
        self.act("end_several", data)

    @precondition(possible("answer"))
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        self.act("answer", data)

    @precondition(possible("event"))
    @rule(data=st.data())
    def event(self, data: st.DataObject) -> None:
        self.act("event", data)

    @precondition(possible("outside"))
    @rule(data=st.data())
    def outside(self, data: st.DataObject) -> None:
        self.act("outside", data)

    @precondition(possible("time"))
    @rule(data=st.data())
    def time_moves_on(self, data: st.DataObject) -> None:
        self.act("time", data)

    @precondition(possible("save"))
    @rule(data=st.data())
    def save_the_frontier(self, data: st.DataObject) -> None:
        self.act("save", data)

    @precondition(possible("die"))
    @rule(data=st.data())
    def process_dies(self, data: st.DataObject) -> None:
        self.act("die", data)

    @precondition(possible("take"))
    @rule(data=st.data())
    def another_takes_the_run(self, data: st.DataObject) -> None:
        self.act("take", data)

    @precondition(possible("again"))
    @rule(data=st.data())
    def signal_comes_again(self, data: st.DataObject) -> None:
        self.act("again", data)

    @precondition(lambda states: bool(states.run.forks()) and not states.run.possible())
    @rule(data=st.data())
    def fork(self, data: st.DataObject) -> None:
        dice = Drawn(data)
        self.run.throw_with(dice)
        self.run.fork(dice.pick(self.run.forks())).finish()

    @precondition(lambda states: not states.run.possible())
    @rule()
    def is_read_when_it_has_ended(self) -> None:
        assert self.run.kept.load().state.standing == self.run.standing

    @invariant()
    def every_promise_holds(self) -> None:
        self.run.hold()


RunStates.TestCase.settings = settings(
    max_examples=300,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)

TestRunStates = RunStates.TestCase
