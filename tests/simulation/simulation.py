"""One run's history, simulated: the pure core between a store that keeps what was committed and an engine that
does what it is asked, or dies.

``Simulation.act`` does one thing that can happen to a run, drawn by the dice, and then holds every promise. The parts
are played as in the real engine: what a step comes to is told to the live machine; whoever comes from outside reads the
store, decides on a machine of their own, and commits; then the driver learns of it, while what is in flight goes on.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tests.simulation.dice import Dice
from tests.simulation.kept import Kept
from tests.simulation.outcomes import VALUES, Flight, Outcomes, input_of, key_of
from tests.simulation.promises import hold, hold_that_all_is_done, value_in
from tests.simulation.random_graphs import EVENTS
from waystation.core import signals
from waystation.core.addresses import Address, node_key
from waystation.core.entries import RunCreated, SuspensionAnswered
from waystation.core.forking import forked
from waystation.core.machine import Machine
from waystation.core.refs import Millis
from waystation.core.state import WaitFrame, encode_state
from waystation.define.nodes import (
    UNDO,
    Graph,
    WaitNode,
)


class Simulation:
    """One run, from its creation to its end.

    Attributes:
        kept: what is durable.
        machine: the live one; None while nobody drives the run.
        in_flight: what the engine is at.
        now: the time.
    """

    def __init__(self, graph: Graph, dice: Dice, *, told: Callable[[str], None] | None = None) -> None:
        self.graph = graph
        self.dice = dice
        self.machine: Machine | None = None
        self.in_flight: dict[object, Flight] = {}
        self.now: Millis = 1_000_000
        self._told = told
        self.kept = Kept(graph, self.say)
        self._parked = True
        self._asked: set[object] = set()
        self._reached: set[Address] = set()
        self._outcomes = Outcomes(graph, dice)
        self._over: list[tuple[Flight, signals.Signal]] = []

    # ------------------------------------------------------------------ beginning

    def create(self) -> None:
        """The run is there, pending."""
        self.kept.commit([RunCreated(at=self.now, workflow_id="run", fingerprint=self.graph.fingerprint)])

    def fork(self, address: Address) -> Simulation:
        """Another run, that shares this one's past up to ``address``."""
        self.say(f"--- a fork from {address}")
        created = RunCreated(at=self.now, workflow_id="run", fingerprint=self.graph.fingerprint, forked_from="r1")
        changed = b"[[1]]" if self.dice.chance(30) else None
        made = forked(self.graph, self.kept.journal, address, created=created, at=self.now, input=changed)
        assert made is not None, f"{address} has run, and no fork can begin there"
        journal, machine = made
        assert address in machine.ready_steps(), f"{address} does not run again in the fork"
        assert not machine.state.cancel, "a fork is cancelled from its beginning"
        first = journal[0]
        assert isinstance(first, RunCreated)
        fork = Simulation(self.graph, self.dice, told=self._told)
        fork.now = self.now
        fork.kept.judge.inherit(first.inherited)
        fork.kept.commit(journal)
        fork.kept.settle(machine)
        fork._parked = False
        return fork

    def throw_with(self, dice: Dice) -> None:
        """From here on these dice decide."""
        self.dice = dice
        self._outcomes = Outcomes(self.graph, dice)

    @property
    def standing(self) -> str:
        """How the run stands."""
        return self.kept.state.standing

    # ------------------------------------------------------------------ what can happen

    def possible(self) -> list[str]:
        """What can happen now; what is there several times is so many times as likely."""
        if self.standing == "pending":
            return ["start"] * 16 + ["event"] * 8 + ["cancel"]
        if self.standing != "running":
            return []
        names = ["outside"]
        if self.machine is None:
            if not self._parked:
                return [*names, "take", "take"]
            if self.kept.open:
                names += ["answer"] * 4
            if self.kept.folded.waits_for_event():
                names += ["event"] * 2
            if self.kept.folded.next_wake() is not None:
                names += ["time"] * 3
            return names
        names += ["save", "die"]
        if self.in_flight:
            names += ["end"] * 12 + ["end_several"] * 4
        if self.machine.next_wake() is not None:
            names += ["time"] * 3
        if self._over:
            names.append("again")
        return names

    def act(self, name: str) -> None:
        """Let one thing happen, and hold the promises."""
        self.say(f"--- {name}")
        getattr(self, f"_do_{name}")()
        self.hold()

    def hold(self) -> None:
        """Every promise, now."""
        self.kept.hold()
        if self.machine is not None:
            hold(self.machine, self.kept.state)
        elif self.standing == "running" and self._parked:
            machine = self.kept.load()
            waits = machine.suspensions() or machine.next_wake() is not None or machine.waits_for_event()
            assert waits or self._is_paused(), "the run rests, and waits for nothing"

    def _is_paused(self) -> bool:
        # By its frontier: neither that a time has come nor what was tried is recorded.
        return self.machine is None and self._parked and self.kept.load().is_paused()

    # ------------------------------------------------------------------ the engine

    def tell(self, *told: signals.Signal) -> None:
        """The driver tells its machine, makes durable what it says, and begins what follows."""
        machine = self.machine
        assert machine is not None
        for signal in told:
            self.say(f"   {signal}")
            self.kept.commit(machine.handle(signal))
        self.kept.settle(machine)
        self._go_on()

    def _go_on(self) -> None:
        """After a commit: cut off what a cancelled run is at, wake what is due, begin what is asked, or park."""
        machine = self.machine
        assert machine is not None
        if machine.wake(self.now):
            self.tell(signals.Woken(self.now))
            return
        if machine.is_cancelling():
            self.in_flight = {key: flight for key, flight in self.in_flight.items() if flight.runs_a_step}
            flying = {flight.action.address for flight in self.in_flight.values()}
            gone = [(at, frame.attempt) for at, frame in machine.ready_steps().items() if at not in flying]
            if gone:
                self.tell(*(signals.CutOff(address, attempt, self.now, self.now) for address, attempt in gone))
                return
        if machine.is_at_rest():
            self.kept.save(machine)
            self.machine, self._parked = None, True
            self.in_flight.clear()
            self._over.clear()
            return
        self._begin(machine)

    def _begin(self, machine: Machine) -> None:
        actions = machine.take_actions()
        self.kept.read_in(machine)
        for action in actions:
            key, ref = key_of(action), input_of(action)
            assert isinstance(action, signals.MatchEvents) or key not in self._asked, f"{action} was asked for twice"
            self._asked.add(key)
            given = machine.values.json(ref)
            assert msgspec.json.decode(given) == value_in(self.kept.journal, ref), "another value is at hand"
            if isinstance(action, signals.RunStep):
                self._hold_step(action, machine)
            if key not in self.in_flight:
                self.say(f"   begins {action}")
                self.in_flight[key] = Flight(action, given, self.now)
        if machine.state.permits is not None:
            steps = [flight for flight in self.in_flight.values() if flight.runs_a_step and self._is_on(flight)]
            assert len(steps) <= 1, "a run that goes step by step runs two at once"
        hold_that_all_is_done(machine, {flight.action.address for flight in self.in_flight.values()})

    def _hold_step(self, action: signals.RunStep, machine: Machine) -> None:
        address = action.address
        assert address not in self.kept.judge.completed, f"{address} is completed, and runs again"
        self._reached.add(address)
        if action.answer:
            entry = self.kept.journal[action.answer - 1]
            assert isinstance(entry, SuspensionAnswered), "a step runs on what is no answer"
            assert (entry.address, entry.suspension) == (address, action.suspension), "it is another step's answer"
            assert machine.values.json(action.answer) == bytes(entry.data), "the answer is not at hand"

    def _is_on(self, flight: Flight) -> bool:
        frame = self.kept.folded.step_frame(flight.action.address)
        return frame is not None and frame.phase != "suspended"

    def _drive(self, stepping: Address | None = None) -> None:
        """A process reads the run from the store, and begins what is under way by it."""
        self.machine, self._parked = self.kept.load(self.dice), False
        self.machine.stepping = stepping
        self._asked.clear()
        self._go_on()

    def outside(self, signal: signals.Signal) -> bool:
        """Someone from outside reads the store, decides, and commits. A parked run is taken if it is moved. Whether
        anything was written."""
        # Whether it is paused is told by its frontier alone.
        machine = self.kept.load(None if isinstance(signal, signals.Proceed) else self.dice)
        self.say(f"   from outside {signal}")
        entries = machine.handle(signal)
        self.kept.commit(entries)
        self.kept.settle(machine)
        if entries and self.machine is not None:
            self._look(self.machine)
        elif entries and self._parked and self.standing == "running":
            if isinstance(signal, signals.Event) and machine.is_at_rest():
                self.kept.save(machine)
            else:
                self._drive()
        return bool(entries)

    def _look(self, machine: Machine) -> None:
        """The driver learns that someone appended: it folds that in, or, after a refused commit, reads all anew."""
        if self.dice.chance(30):
            self._drive(machine.stepping)
            return
        for entry in self.kept.journal[machine.state.last_seq :]:
            machine.apply(entry)
        machine.settled()
        self.kept.read_in(machine)
        self._go_on()

    # ------------------------------------------------------------------ from outside

    def _do_start(self) -> None:
        start = signals.Start(self.now, self.dice.pick(VALUES), per_step=self.dice.chance(15))
        assert self.outside(start), "a pending run was not started"
        assert not self.kept.load().handle(start), "it started twice"

    def _do_outside(self) -> None:
        names = ["event", "event", "wrong_answer"]
        if self.kept.open:
            names += ["answer"] * 4
        if self._is_paused():
            names += ["proceed"] * 8
        if self.dice.chance(10):
            names.append("cancel")
        getattr(self, f"_do_{self.dice.pick(names)}")()

    def _do_answer(self) -> None:
        seq = self.dice.pick(sorted(self.kept.open))
        answer = signals.Answered(self.kept.open[seq], self.now, seq, self.dice.pick(VALUES), "", "")
        assert self.outside(answer), "an open suspension was not answered"
        assert not self.kept.load().handle(answer), "two answers to one suspension were accepted"

    def _do_wrong_answer(self) -> None:
        closed = [seq for seq in range(1, len(self.kept.journal)) if seq not in self.kept.open]
        seq = self.dice.pick(closed or [0])
        address = self.dice.pick([*self.kept.state.frames, Address("nowhere")])
        assert not self.outside(signals.Answered(address, self.now, seq, b"1", "", "")), "nothing was open"

    def _do_event(self) -> None:
        event = signals.Event(self.now, self.dice.pick(EVENTS), self.dice.pick(VALUES))
        assert self.outside(event), "an event was not taken"

    def _do_cancel(self) -> None:
        had, undoing = self.kept.state.cancel, self.kept.state.unwinding
        # Another machine's clock may be behind.
        cancel = signals.Cancel(self.now - self.dice.pick((0, 0, 700)))
        assert bool(self.outside(cancel)) is not (bool(had) or undoing), "a run is cancelled once"

    def _do_proceed(self) -> None:
        assert self.outside(signals.Proceed(self.now, per_step=self.dice.chance(60))), "a paused run does not go on"

    def _do_time(self) -> None:
        machine = self.machine or self.kept.load()
        self.now = max(machine.next_wake() or 0, self.now) + self.dice.pick((0, 0, 1, 10_000))
        if self.machine is not None:
            self._go_on()
        else:
            self._drive()

    def _do_save(self) -> None:
        assert self.machine is not None
        self.kept.save(self.machine)

    def _do_die(self) -> None:
        self.machine = None
        self.in_flight.clear()
        self._over.clear()

    def _do_take(self) -> None:
        self._drive()

    # ------------------------------------------------------------------ what comes of what was asked

    def _do_end(self) -> None:
        self._end_some(1)

    def _do_end_several(self) -> None:
        self._end_some(self.dice.number(2, 5))

    def _end_some(self, number: int) -> None:
        machine = self.machine
        assert machine is not None
        told: list[signals.Signal] = []
        for _ in range(min(number, len(self.in_flight))):
            key = self.dice.pick(list(self.in_flight))
            flight = self.in_flight[key]
            signal = self._outcomes.of(flight, machine, self.now)
            if not isinstance(signal, (signals.Recorded, signals.Wrote)):
                del self.in_flight[key]
                self._over.append((flight, signal))
            told.append(signal)
        self.tell(*told)

    def _do_again(self) -> None:
        over, signal = self.dice.pick(self._over)
        assert self.machine is not None
        # Not while the same attempt is on again, after an answer: an engine gives one signal for each action.
        if all(flight.work != over.work for flight in self.in_flight.values()):
            before = len(self.kept.journal)
            self.tell(signal)
            assert len(self.kept.journal) == before or isinstance(signal, signals.Matched), f"{signal} was taken twice"

    # ------------------------------------------------------------------ to the end

    def finish(self) -> None:
        """From here on nothing bad happens; so the run ends."""
        for _ in range(2_000):
            if self.standing == "pending":
                self._do_start()
            elif self.standing != "running":
                break
            elif self.in_flight:
                self._end_well()
            else:
                self._rouse()
            self.hold()
        assert self.standing not in ("pending", "running"), f"the run does not end: {self.kept.state}"
        self._hold_the_end()

    def _end_well(self) -> None:
        assert self.machine is not None
        flight = self.in_flight.pop(next(iter(self.in_flight)))
        self.tell(self._outcomes.good(flight, self.machine, self.now))

    def _rouse(self) -> None:
        """Whatever the run waits for comes."""
        if self.machine is None and not self._parked:
            self._drive()
        elif self.kept.open:
            self._do_answer()
        elif self._is_paused():
            assert self.outside(signals.Proceed(self.now)), "a paused run does not go on"
        elif (self.machine or self.kept.load()).next_wake() is not None:
            self._do_time()
        elif waits := [a for a, frame in self.kept.state.frames.items() if isinstance(frame, WaitFrame)]:
            node = self.graph.places[node_key(waits[0])].node
            assert isinstance(node, WaitNode)
            assert self.outside(signals.Event(self.now, node.event, b"[[1]]"))
        else:
            raise AssertionError(f"the run waits for nothing: {self.kept.state}")

    def _hold_the_end(self) -> None:
        state = self.kept.state
        machine = Machine(self.graph)
        machine.restore(self.kept.journal)
        assert encode_state(machine.state) == encode_state(state)
        assert not state.frames
        assert not self.kept.open, "a suspension outlived its run"
        assert state.busy == state.idle == 0
        if state.standing == "success":
            assert state.output is not None
            value_in(self.kept.journal, state.output)
        else:
            assert state.output is None, "a run that did not succeed has an output"

    # ------------------------------------------------------------------ for who reads along

    def say(self, line: str) -> None:
        """Tell who replays this history."""
        if self._told is not None:
            self._told(line)

    def forks(self) -> list[Address]:
        """The steps that ran, and so can be run again in a fork."""
        return sorted(address for address in self._reached if not address.endswith(UNDO))
