"""Small graphs and a world for the machine to live in, without an event loop."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from waystation import Retry, Step, Workflow, create_step, step, workflow
from waystation.core.addresses import Address
from waystation.core.encoding import value_of
from waystation.core.entries import AnyEntry, ErrorRecord, RunCreated
from waystation.core.machine import Machine
from waystation.core.signals import (
    Aborted,
    Action,
    Answered,
    Bailed,
    Cancel,
    Checked,
    CheckOutput,
    Counted,
    CutOff,
    Decided,
    Event,
    Failed,
    Matched,
    Recorded,
    Signal,
    Start,
    Succeeded,
    Suspended,
    Timed,
    Turned,
    Undecided,
    Woken,
)
from waystation.define.builder import Builder
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


@step
async def undo_it(value: object) -> object:
    return value


def undone(id_: str) -> Step[object, object]:
    """A step with a compensation."""
    return create_step(id=id_, input=object, output=object, execute=_same, undo=undo_it)


async def _same(value: object) -> object:
    return value


def flow(id_: str = "flow") -> Builder[object, object, object]:
    """The beginning of a workflow on anything."""
    return workflow(id_, input=object, output=object)


def over_list(id_: str = "flow") -> Builder[list[object], object, list[object]]:
    """The beginning of a workflow on a list of anything."""
    return workflow(id_, input=list[object], output=object)


def nested(id_: str, *steps: Step[object, object]) -> Workflow[object, object]:
    """A workflow of steps, to be part of another."""
    building = flow(id_)
    for each in steps:
        building = building.then(each)
    return building.commit()


def yes(_: object) -> bool:
    """A condition; what it says here is not asked."""
    return True


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

    def tell(self, signal: Signal) -> list[AnyEntry]:
        """Give the machine a signal, and keep what it answers."""
        entries = self.machine.handle(signal)
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

    def suspend(self, address: str, payload: bytes = b'"?"', label: str = "", attempt: int = 1) -> list[Action]:
        self.tell(Suspended(Address(address), attempt, self.now, self.now, payload, label))
        return self.machine.take_actions()

    def answer(self, address: str, data: bytes = b'"!"') -> list[Action]:
        seq = self.machine.suspensions()[Address(address)]
        self.tell(Answered(Address(address), self.now, seq, data, "", ""))
        return self.machine.take_actions()

    def decide(self, address: str, *taken: str) -> list[Action]:
        self.tell(Decided(Address(address), self.now, taken))
        return self.machine.take_actions()

    def check(self, address: str = "", error: ErrorRecord | None = None) -> list[Action]:
        self.tell(Checked(self.now, error, Address(address)))
        return self.machine.take_actions()

    def once(self, address: str, name: str) -> list[AnyEntry]:
        return self.tell(Recorded(Address(address), self.now, name, b'"x"'))

    def bail(self, address: str, output: bytes = b'"bailed"') -> list[Action]:
        self.tell(Bailed(Address(address), 1, self.now, self.now, output))
        return self.machine.take_actions()

    def abort(self, address: str, attempt: int = 1) -> list[Action]:
        self.tell(Aborted(Address(address), attempt, self.now, self.now, "enough"))
        return self.machine.take_actions()

    def cut_off(self, address: str, attempt: int = 1) -> list[Action]:
        self.tell(CutOff(Address(address), attempt, self.now, self.now))
        return self.machine.take_actions()

    def cancel(self) -> list[AnyEntry]:
        return self.tell(Cancel(self.now))

    def tell_undecided(self, address: str, error: ErrorRecord) -> list[Action]:
        self.tell(Undecided(Address(address), self.now, error))
        return self.machine.take_actions()

    def count(self, address: str, count: int, concurrency: int = 1) -> list[Action]:
        self.tell(Counted(Address(address), self.now, count, concurrency))
        return self.machine.take_actions()

    def turn(self, address: str, turn: int, *, again: bool) -> list[Action]:
        self.tell(Turned(Address(address), self.now, turn, again))
        return self.machine.take_actions()

    def time(self, address: str, until: int) -> list[Action]:
        self.tell(Timed(Address(address), self.now, until))
        return self.machine.take_actions()

    def event(self, name: str, data: bytes = b'"event"') -> list[Action]:
        self.tell(Event(self.now, name, data))
        return self.machine.take_actions()

    def match(self, address: str, event: int, *tried: int) -> list[Action]:
        self.tell(Matched(Address(address), self.now, event, tried))
        return self.machine.take_actions()

    def wake(self, now: int) -> list[Action]:
        """It is ``now``: attempts may begin, and sleeps and waits are over."""
        self.now = now
        if self.machine.wake(now):
            self.tell(Woken(now))
        return self.machine.take_actions()

    def kinds(self, last: int) -> list[str]:
        """The kinds of the last entries."""
        return [type(entry).__name__ for entry in self.journal[-last:]]

    def input_of(self, action: Action) -> bytes:
        """What is given with it; what is not at hand is read from the journal, as an engine does."""
        assert not isinstance(action, CheckOutput), action
        values = self.machine.values
        for seq in values.missing():
            value = value_of(self.journal[seq - 1])
            assert value is not None
            values.hold(seq, value)
        return values.json(action.input)

    def refolded(self) -> Machine:
        """Another machine that has read the journal from its beginning."""
        machine = Machine(self.graph)
        machine.restore(self.journal)
        return machine


def addresses(actions: list[Action]) -> list[str]:
    """What the actions are about, in order; ``output`` for the check of the workflow's output."""
    return ["output" if isinstance(action, CheckOutput) else str(action.address) for action in actions]
