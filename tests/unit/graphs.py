"""Small graphs and a world for the machine to live in, without an event loop."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from waystation import Retry, Step, step, workflow
from waystation.core.addresses import Address
from waystation.core.entries import AnyEntry, ErrorRecord, RunCreated
from waystation.core.machine import Machine
from waystation.core.signals import (
    Action,
    Answered,
    Checked,
    CheckOutput,
    Decided,
    Failed,
    RunStep,
    Start,
    Succeeded,
    Suspended,
)
from waystation.define.nodes import Graph


@step
async def first(value: object) -> object:
    return value


@step
async def second(value: object) -> object:
    return value


@step
async def third(value: object) -> object:
    return value


@step(suspend=str, resume=str)
async def asking(value: object) -> object:
    return value


@step(retry=Retry(attempts=3, initial=timedelta(seconds=1), backoff="fixed"))
async def stubborn(value: object) -> object:
    return value


def chain(*steps: Step[object, object]) -> Graph:
    """A workflow of steps that take and give anything."""
    building = workflow("chain", input=object, output=object)
    for each in steps:
        building = building.then(each)
    return building.commit().graph


def side_by_side(*steps: Step[object, object]) -> Graph:
    """A parallel of ``steps``, and ``third`` after it."""
    return workflow("side", input=object, output=object).parallel(steps).then(third).commit().graph


def branching(*steps: Step[object, object]) -> Graph:
    """A branch over ``steps``, and ``third`` after it."""

    def always(_: object) -> bool:
        return True

    cases = [(always, each) for each in steps]
    return workflow("fork", input=object, output=object).branch(cases).then(third).commit().graph


ERROR = ErrorRecord(code="exception", type="ValueError", message="no")


@dataclass
class World:
    """Plays the part of engine and store for one run: keeps the journal, tells the time."""

    graph: Graph
    machine: Machine = field(init=False)
    journal: list[AnyEntry] = field(default_factory=list[AnyEntry])
    now: int = 1_000

    def __post_init__(self) -> None:
        self.machine = Machine(self.graph)
        created = RunCreated(at=self.now, workflow_id=self.graph.workflow_id, fingerprint=self.graph.fingerprint)
        self.machine.apply(created)
        self.journal.append(created)

    def standing(self) -> str:
        """How the run stands now; a call, so that no type checker believes it cannot change."""
        return self.machine.state.standing

    def tell(self, signal: object) -> list[AnyEntry]:
        """Give the machine a signal, and keep what it answers."""
        entries = self.machine.handle(signal)  # type: ignore[arg-type]  # each caller gives a signal
        self.journal += entries
        return entries

    def start(self, data: bytes = b"1") -> list[Action]:
        self.tell(Start(self.now, data))
        return self.machine.take_actions()

    def succeed(self, address: str, output: bytes = b"1", attempt: int = 1) -> list[Action]:
        self.tell(Succeeded(Address(address), attempt, self.now, self.now, output))
        return self.machine.take_actions()

    def fail(self, address: str, attempt: int = 1, *, retryable: bool = True) -> list[Action]:
        self.tell(Failed(Address(address), attempt, self.now, self.now, ERROR, retryable, 0.0))
        return self.machine.take_actions()

    def suspend(self, address: str, payload: bytes = b'"?"', label: str = "") -> list[Action]:
        self.tell(Suspended(Address(address), 1, self.now, self.now, payload, label))
        return self.machine.take_actions()

    def answer(self, address: str, data: bytes = b'"!"') -> list[Action]:
        seq = self.machine.suspensions()[Address(address)]
        self.tell(Answered(Address(address), self.now, seq, data, "", ""))
        return self.machine.take_actions()

    def decide(self, address: str, *taken: str) -> list[Action]:
        self.tell(Decided(Address(address), self.now, taken))
        return self.machine.take_actions()

    def check(self) -> list[AnyEntry]:
        return self.tell(Checked(self.now))

    def input_of(self, action: Action) -> bytes:
        assert isinstance(action, (RunStep,)), action
        return self.machine.values.json(action.input)

    def refolded(self) -> Machine:
        """Another machine that has read the journal from its beginning."""
        machine = Machine(self.graph)
        machine.restore(self.journal)
        return machine


def addresses(actions: list[Action]) -> list[str]:
    """What the actions are about, in order; ``output`` for the check of the workflow's output."""
    return ["output" if isinstance(action, CheckOutput) else str(action.address) for action in actions]
