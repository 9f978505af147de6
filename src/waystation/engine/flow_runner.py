"""Asks the functions of a graph (conditions, keys, maps, times) and turns what they say into signals.

Each is given a value of its own, read from the journal's bytes: none can change what another sees. What they raise
fails their node, and is recorded; what they decide is recorded too, so it is never asked twice.
"""

from __future__ import annotations

import asyncio
import inspect
from datetime import datetime, timedelta
from typing import cast

import msgspec

from waystation.core.addresses import ROOT, Address, node_key
from waystation.core.machine import Machine
from waystation.core.refs import Millis, Ref, Seq
from waystation.core.signals import (
    Checked,
    CheckOutput,
    Computed,
    Counted,
    Decide,
    Decided,
    Matched,
    MatchEvents,
    Signal,
    Timed,
    Turned,
    Undecided,
)
from waystation.define.nodes import (
    BranchNode,
    FlowFunction,
    ForeachNode,
    LoopNode,
    MapNode,
    Node,
    SleepNode,
    SwitchNode,
    WaitNode,
)
from waystation.define.workflow import Workflow
from waystation.engine.access import RunAccess, StepControl
from waystation.engine.engine import Engine
from waystation.engine.error_records import record_error
from waystation.engine.flow_context import AskedFlow
from waystation.engine.mapping import Resolver
from waystation.engine.step_runner import Outcome
from waystation.errors import (
    BadConcurrency,
    DataError,
    InvalidInput,
    InvalidOutput,
    NegativeSleep,
    NoSuchCase,
    NotAList,
    StepError,
    StoreError,
)
from waystation.schema import Schema

_any_list = msgspec.json.Decoder(list[msgspec.Raw])


class FlowRunner(msgspec.Struct, frozen=True):
    """Decides for the nodes of one run that are no steps.

    Attributes:
        access: how a function's context reaches the run.
    """

    engine: Engine
    workflow: Workflow[object, object]
    run_id: str
    access: RunAccess

    async def run(self, action: Decide | MatchEvents, machine: Machine, control: StepControl) -> Outcome:
        """Have a node decide, or hold kept events against what a wait takes; see ``decide`` and ``match``."""
        if isinstance(action, Decide):
            return Outcome(await self.decide(action, machine, control))
        return Outcome(await self.match(action, machine, control))

    async def decide(self, action: Decide, machine: Machine, control: StepControl) -> Signal:
        """Have a node decide.

        Never raises for what its functions do; only for a cancellation from outside, if the store fails, or if the
        run has another owner by now.
        """
        await self.access.owning.check()
        node = machine.graph.places[node_key(action.address)].node
        try:
            return await self._decide(node, action, machine)
        except BaseException as error:  # noqa: BLE001  (what a function of the graph raises fails its node)
            return self._failed(error, action.address, control)

    def _failed(self, error: BaseException, address: Address, control: StepControl) -> Signal:
        outside = isinstance(error, asyncio.CancelledError) and control.is_cancelled_from_outside()
        # The store is asked for what the node decides about; that it fails now decides nothing.
        if outside or isinstance(error, (KeyboardInterrupt, GeneratorExit, StoreError)):
            raise error
        return Undecided(address, self._now(), record_error(error, address))

    async def _decide(self, node: Node, action: Decide, machine: Machine) -> Signal:
        address = action.address
        match node:
            case BranchNode():
                taken = [
                    child.id
                    for condition, child in zip(node.conditions, node.children, strict=True)
                    if await self._ask(condition, self._load(node.input, action, machine), address)
                ]
                return Decided(address, self._now(), tuple(taken))
            case SwitchNode():
                key = await self._ask(node.key, self._load(node.input, action, machine), address)
                return Decided(address, self._now(), (_case(node, key),))
            case ForeachNode():
                return await self._count(node, action, machine)
            case LoopNode():
                said = await self._ask(
                    node.condition, self._load(node.output, action, machine), address, turn=action.turn
                )
                return Turned(address, self._now(), action.turn, bool(said) is not node.until)
            case MapNode():
                return Computed(address, self._now(), await self._map(node, action, machine))
            case SleepNode():
                return Timed(address, self._now(), await self._until(node, action, machine))
            case WaitNode():
                assert node.timeout is not None, "a wait without a timeout has nothing to decide"
                return Timed(address, self._now(), self._now() + _millis(node.timeout))
            case _:
                raise AssertionError(f"the machine asked {address!r} to decide, which has nothing to")

    async def match(self, action: MatchEvents, machine: Machine, control: StepControl) -> Signal:
        """Hold kept events against a wait's match, in the order they came. Raises as ``decide`` does."""
        await self.access.owning.check()
        node = machine.graph.places[node_key(action.address)].node
        assert isinstance(node, WaitNode), f"{action.address!r} waits for no event"
        tried: list[Seq] = []
        try:
            for event in action.events:
                tried.append(event)
                if event not in machine.state.events.get(node.event, ()):
                    continue  # another wait has taken it meanwhile
                if await self._matches(node, action, event, machine):
                    return Matched(action.address, self._now(), event, tuple(tried))
        except BaseException as error:  # noqa: BLE001  (as in ``decide``)
            return self._failed(error, action.address, control)
        return Matched(action.address, self._now(), 0, tuple(tried))

    async def _matches(self, node: WaitNode, action: MatchEvents, event: Seq, machine: Machine) -> bool:
        try:
            data = node.data.load(machine.values.json(event))
        except DataError:
            return False  # sent while the code had another type for it
        if node.match is None:
            return True
        if not node.match.takes_context:
            return bool(await _awaited(node.match.fn(data)))
        value = self._load(node.input, action, machine)
        return bool(await _awaited(node.match.fn(data, value)))

    def check(self, action: CheckOutput, machine: Machine) -> Checked:
        """Hold the output of the run, or of a nested workflow, against the declared one."""
        nested = None if action.address == ROOT else machine.graph.nested(node_key(action.address))
        workflow = nested or self.workflow
        try:
            workflow.output.load(machine.values.json(action.output))
        except DataError as error:
            address = action.address or "output"
            located = error.located(InvalidOutput, workflow_id=workflow.id, address=address)
            return Checked(self._now(), record_error(located, action.address), action.address)
        return Checked(self._now(), None, action.address)

    # ------------------------------------------------------------------ kinds of nodes

    async def _count(self, node: ForeachNode, action: Decide, machine: Machine) -> Counted:
        value = machine.values.json(action.input)
        try:
            count = len(_any_list.decode(value))
        except msgspec.ValidationError:
            raise NotAList(f"foreach {node.id!r} was given {_shown(value)}, which is no list") from None
        concurrency: object = node.concurrency
        if isinstance(concurrency, FlowFunction):
            concurrency = await self._ask(concurrency, self._load(node.input, action, machine), action.address)
        if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
            raise BadConcurrency(
                f"the concurrency of foreach {node.id!r} is {concurrency!r}; it must be a whole number, 1 or more"
            )
        return Counted(action.address, self._now(), count, concurrency)

    async def _map(self, node: MapNode, action: Decide, machine: Machine) -> bytes:
        if node.fn is not None:
            result = await self._ask(node.fn, self._load(node.input, action, machine), action.address)
            dump = node.output.dump
        else:
            assert node.sources is not None, "a map has a function or sources"
            resolver = Resolver(self.access, action.address, machine.values.json(action.input))
            result = {key: await resolver.resolve(source) for key, source in node.sources.items()}

            def dump(value: object) -> bytes:
                return node.output.dump(node.output.validate(value))

        try:
            return dump(result)
        except DataError as error:
            raise error.located(InvalidOutput, workflow_id=self.workflow.id, address=action.address) from None

    async def _until(self, node: SleepNode, action: Decide, machine: Machine) -> Millis:
        told: object = node.duration if node.until is None else node.until
        if isinstance(told, FlowFunction):
            told = await self._ask(told, self._load(node.input, action, machine), action.address)
        if isinstance(told, timedelta) and node.until is None:
            if told < timedelta(0):
                raise NegativeSleep(f"sleep {node.id!r} was to last {told}; it must last 0 or more")
            return self._now() + _millis(told)
        if isinstance(told, datetime) and node.duration is None:
            if told.tzinfo is None:
                raise StepError(f"sleep {node.id!r} was to last until {told}, which names no time zone")
            return round(told.timestamp() * 1000)
        wanted = "a timedelta" if node.until is None else "a datetime"
        raise StepError(f"the function of sleep {node.id!r} gave {told!r}; it must give {wanted}")

    # ------------------------------------------------------------------ asking

    async def _ask(self, function: FlowFunction, value: object, address: Address, *, turn: int = 0) -> object:
        if not function.takes_context:
            return await _awaited(function.fn(value))
        graph = self.workflow.graph
        scope = graph.nested(graph.places[node_key(address)].scope) or self.workflow
        context = AskedFlow(self.access, address, run_id=self.run_id, workflow_id=scope.id, turn=turn)
        return await _awaited(function.fn(value, context))

    def _load(self, schema: Schema[object], action: Decide | MatchEvents, machine: Machine) -> object:
        return self._loaded(schema, action.input, action.address, machine)

    def _loaded(self, schema: Schema[object], ref: Ref, address: Address, machine: Machine) -> object:
        try:
            return schema.load(machine.values.json(ref))
        except DataError as error:
            raise error.located(InvalidInput, workflow_id=self.workflow.id, address=address) from None

    def _now(self) -> Millis:
        return self.engine.clock.now()


def _case(node: SwitchNode, key: object) -> str:
    for case, child in node.cases:
        # ``1`` is no ``True``, though they are equal to Python.
        if case == key and (isinstance(case, bool) is isinstance(key, bool)):
            return child
    if node.default is not None:
        return node.default
    known = ", ".join(repr(case) for case, _ in node.cases)
    raise NoSuchCase(f"the key of switch {node.id!r} is {key!r}; it has the cases {known}, and no default")


async def _awaited(answer: object) -> object:
    return cast("object", await answer) if inspect.isawaitable(answer) else answer


def _millis(time: timedelta) -> Millis:
    return round(time.total_seconds() * 1000)


def _shown(value: bytes) -> str:
    text = value.decode("utf-8", "replace")
    return text if len(text) <= 100 else f"{text[:97]}..."  # noqa: PLR2004  (and the dots make 100)
