"""What comes of what the machine asks for: how a step ends, what a function of the graph says."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from tests.simulation.dice import Dice
from waystation.core import signals
from waystation.core.addresses import node_key
from waystation.core.entries import ErrorRecord
from waystation.core.machine import Machine
from waystation.core.refs import Millis, Ref, Seq
from waystation.define.nodes import (
    UNDO,
    BranchNode,
    ForeachNode,
    Graph,
    LoopNode,
    MapNode,
    Node,
    SleepNode,
    StepNode,
    SwitchNode,
    WaitNode,
)

ERROR = ErrorRecord(code="exception", type="ValueError", message="no")

_LISTS = (b"[]", b"[[1]]", b"[[1,2],[3]]", b"[[[1],[2]],[[3]],[]]", b"[[[[1]],[[2]]]]")

VALUES = _LISTS * 4 + (b"[1,2,3]", b'{"a":[1]}', b"null")
"""What steps and maps give; most are lists, some of lists, as foreachs want them."""

_MOST_TURNS = 3


@dataclass(frozen=True)
class Flight:
    """Something the engine was asked for and is at.

    Attributes:
        action: what was asked.
        input: what it was given, as JSON.
        began: when.
    """

    action: signals.Action
    input: bytes
    began: Millis

    @property
    def work(self) -> tuple[str, int]:
        """Where it is at work, and of a step the attempt."""
        return self.action.address, self.action.attempt if isinstance(self.action, signals.RunStep) else 0

    @property
    def runs_a_step(self) -> bool:
        """Whether it is an attempt of a step."""
        return isinstance(self.action, signals.RunStep)


def input_of(action: signals.Action) -> Ref:
    """What an action is about."""
    return action.output if isinstance(action, signals.CheckOutput) else action.input


def key_of(action: signals.Action) -> object:
    """Names an action as the driver does."""
    match action:
        case signals.RunStep():
            return action.address, action.attempt, action.answer
        case signals.Decide():
            return action.address, action.turn, "decide"
        case signals.MatchEvents():
            return action.address, action.events
        case signals.CheckOutput():
            return action.address, "output"


@dataclass(frozen=True)
class Outcomes:
    """Draws what comes of actions."""

    graph: Graph
    dice: Dice

    def of(self, flight: Flight, machine: Machine, now: Millis) -> signals.Signal:
        """One way in which it may end, good or bad."""
        action = flight.action
        match action:
            case signals.RunStep():
                return self._step(action, machine, flight.began, now)
            case signals.Decide():
                if self.dice.chance(3):
                    return signals.Undecided(action.address, now, ERROR)
                return self._decision(action, flight.input, now)
            case signals.MatchEvents():
                return self._match(action, machine, now)
            case signals.CheckOutput():
                return signals.Checked(now, ERROR if self.dice.chance(6) else None, action.address)

    def good(self, flight: Flight, machine: Machine, now: Millis) -> signals.Signal:
        """The way that brings the run to its end."""
        action = flight.action
        match action:
            case signals.RunStep():
                return signals.Succeeded(action.address, action.attempt, flight.began, now, b"[[1],[2]]")
            case signals.CheckOutput():
                return signals.Checked(now, None, action.address)
            case signals.MatchEvents():
                kept = [seq for seqs in machine.state.events.values() for seq in seqs if seq in action.events]
                return signals.Matched(action.address, now, kept[0] if kept else 0, action.events)
            case signals.Decide():
                if isinstance(self._node(action), LoopNode):
                    return signals.Turned(action.address, now, action.turn, again=False)
                return self._decision(action, flight.input, now)

    def _node(self, action: signals.Action) -> Node:
        return self.graph.places[node_key(action.address)].node

    def _step(self, action: signals.RunStep, machine: Machine, began: Millis, now: Millis) -> signals.Signal:
        dice, address, attempt = self.dice, action.address, action.attempt
        node = self._node(action)
        assert isinstance(node, StepNode)
        ways = ["well"] * 16 + ["badly"] * 2 + ["once", "write"]
        if node.step.suspend is not None:
            ways += ["ask"] * 8
        if machine.is_cancelling():
            ways += ["cut"] * 6
        if dice.chance(15) and not address.endswith(UNDO):  # a compensation may do neither: its context sees to that
            ways += ["bail", "abort"]
        match dice.pick(ways):
            case "well":
                state = {"k": dice.pick(VALUES)} if dice.chance(20) else {}
                return signals.Succeeded(address, attempt, began, now, dice.pick(VALUES), state)
            case "badly":
                return signals.Failed(address, attempt, began, now, ERROR, dice.chance(70), 0.5)
            case "ask":
                return signals.Suspended(address, attempt, began, now, dice.pick(VALUES), "")
            case "bail":
                return signals.Bailed(address, attempt, began, now, dice.pick(VALUES))
            case "abort":
                return signals.Aborted(address, attempt, began, now, "enough")
            case "cut":
                return signals.CutOff(address, attempt, began, now)
            case "once":
                return signals.Recorded(address, now, dice.pick(("mail", "bill")), dice.pick(VALUES))
            case _:
                return signals.Wrote(address, attempt, now, (b"1", b"2"))

    def _decision(self, action: signals.Decide, given: bytes, now: Millis) -> signals.Signal:
        dice, address, node = self.dice, action.address, self._node(action)
        match node:
            case BranchNode():
                taken = tuple(child.id for child in node.children if dice.chance(60))
                return signals.Decided(address, now, taken)
            case SwitchNode():
                return signals.Decided(address, now, (dice.pick(node.children).id,))
            case ForeachNode():
                value = msgspec.json.decode(given)
                if not isinstance(value, list):
                    return signals.Undecided(address, now, ERROR)
                assert isinstance(node.concurrency, int)
                return signals.Counted(address, now, len(value), node.concurrency)
            case LoopNode():
                return signals.Turned(address, now, action.turn, action.turn < _MOST_TURNS and dice.chance(50))
            case MapNode():
                return signals.Computed(address, now, dice.pick(VALUES))
            case SleepNode():
                return signals.Timed(address, now, now + dice.pick((-1000, 0, 1000, 5000)))
            case WaitNode():
                return signals.Timed(address, now, now + 5000)
            case _:
                raise AssertionError(f"{address!r} decides nothing")

    def _match(self, action: signals.MatchEvents, machine: Machine, now: Millis) -> signals.Signal:
        node = self._node(action)
        assert isinstance(node, WaitNode)
        tried: list[Seq] = []
        for event in action.events:
            tried.append(event)
            if event in machine.state.events.get(node.event, ()) and self.dice.chance(60):
                return signals.Matched(action.address, now, event, tuple(tried))
        return signals.Matched(action.address, now, 0, tuple(tried))
