"""Whether a run that was begun under one definition can go on under another.

It can, if every recorded step still is where it was and gives what it gave, and all that the run goes on with can be
read by the new types. What was added later, or comes after where the run stands, does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from waystation.core.addresses import Address, NodeKey, beside, node_key, of_item, of_turn
from waystation.core.encoding import value_of
from waystation.core.entries import AnyEntry, RunStarted, StepSucceeded
from waystation.core.machine import Machine
from waystation.core.misfit import JournalMisfit
from waystation.core.refs import Null, Ref
from waystation.core.state import (
    BlockFrame,
    ForeachFrame,
    Frame,
    LoopFrame,
    MapFrame,
    ScopeFrame,
    SleepFrame,
    StepFrame,
    WaitFrame,
)
from waystation.core.values import Values
from waystation.define.describe import CanonicalGraph, CanonicalStep, TypeMark, read_description
from waystation.define.nodes import (
    BranchNode,
    Child,
    ForeachNode,
    Graph,
    LoopNode,
    MapNode,
    Node,
    ParallelNode,
    SleepNode,
    StepNode,
    SwitchNode,
    WaitNode,
    WorkflowNode,
)
from waystation.define.step import AnyStep
from waystation.errors import DataError
from waystation.schema import Schema


def check_fit(old: bytes | None, graph: Graph, input_schema: Schema[object], entries: Sequence[AnyEntry]) -> list[str]:
    """What stands between a journal and a new definition, one readable line each; none if it fits.

    Arguments:
        old: the description of the definition it was made under, where it is kept.
        graph: the new definition.
        input_schema: the new schema of the run's input.
        entries: the whole journal.
    """
    before = read_description(old) if old is not None else None
    differences = list(_input_differences(before, input_schema, entries))
    known: Mapping[str, CanonicalStep] = {} if before is None else before.steps()
    for key, address in _completed(entries).items():
        differences += _step_differences(known.get(key), graph.step(key), address)
    if differences:
        return differences
    machine = Machine(graph)
    try:
        machine.restore(entries)
    except JournalMisfit as misfit:
        return [misfit.reason]
    return list(_Unreadable(machine, entries).all())


def _completed(entries: Sequence[AnyEntry]) -> dict[NodeKey, Address]:
    """The completed steps; of items and turns the first."""
    found: dict[NodeKey, Address] = {}
    for entry in entries:
        if isinstance(entry, StepSucceeded):
            found.setdefault(node_key(entry.address), entry.address)
    return found


def _input_differences(
    before: CanonicalGraph | None, input_schema: Schema[object], entries: Sequence[AnyEntry]
) -> Iterator[str]:
    started = any(isinstance(entry, RunStarted) for entry in entries)
    if before is not None and started and before.input.shape != input_schema.shape:
        yield f"the workflow took {_changed(before.input, input_schema)}, and the run was started with the former"


def _step_differences(before: CanonicalStep | None, step: AnyStep | None, address: Address) -> Iterator[str]:
    if step is None:
        yield f"step {address!r} is completed, and the workflow has no step of that id any more"
    elif before is not None and before.output.shape != step.output.shape:
        yield f"step {address!r} is completed, and gave {_changed(before.output, step.output)}"


def _changed(old: TypeMark, new: Schema[object]) -> str:
    if old.name != new.name:
        return f"{old.name} where it now is {new.name}"
    return f"{old.name}, whose fields have changed since"


class _Unreadable:
    """What the run would go on with, held against the types that are to read it."""

    def __init__(self, machine: Machine, entries: Sequence[AnyEntry]) -> None:
        self._machine = machine
        self._entries = entries

    def all(self) -> Iterator[str]:
        """One line for each value that cannot be read."""
        for address, frame in self._machine.state.frames.items():
            node = self._machine.graph.places[node_key(address)].node
            if isinstance(frame, StepFrame):
                if isinstance(node, StepNode):
                    yield from self._of_step(address, frame, node.step)
            else:
                yield from self._of_node(address, frame, node)
        waits = self._machine.graph.waits()
        for name, seqs in self._machine.state.events.items():
            if name in waits:
                for seq in seqs:
                    yield from self._problem(waits[name].data, seq, f"the event {name!r}, which is kept,")

    def _of_step(self, address: Address, frame: StepFrame, step: AnyStep) -> Iterator[str]:
        yield from self._problem(step.input, frame.input, f"the input of step {address!r}")
        if frame.suspension:
            yield from self._problem(step.suspend, frame.suspension, f"what step {address!r} said when it suspended")
        if frame.answer:
            yield from self._problem(step.resume, frame.answer, f"the answer to step {address!r}")

    def _of_node(self, address: Address, frame: Frame, node: Node) -> Iterator[str]:
        if (reads := _reads(frame, node)) is not None:
            yield from self._problem(*reads, f"what reaches {address!r}")
        elif isinstance(frame, ScopeFrame) and isinstance(node, WorkflowNode):
            yield from self._problem(node.workflow.input, frame.input, f"the input of workflow {address!r}")
        elif isinstance(frame, BlockFrame) and isinstance(node, (ParallelNode, BranchNode)):
            for child in node.children:
                if child.id in frame.outputs:
                    yield from self._output(child, frame.outputs[child.id], beside(address, child.id))
        elif isinstance(frame, ForeachFrame) and isinstance(node, ForeachNode):
            for index, ref in enumerate(frame.outputs):
                if ref is not None:
                    yield from self._output(node.child, ref, of_item(address, index, node.child.id))
        elif isinstance(frame, LoopFrame) and isinstance(node, LoopNode) and frame.output is not None:
            yield from self._output(node.child, frame.output, of_turn(address, frame.turn, node.child.id))

    def _output(self, child: Child, ref: Ref, address: Address) -> Iterator[str]:
        # What a step gave was compared by its types, and null is what a child gives that was allowed to fail.
        if isinstance(child, WorkflowNode) and not isinstance(ref, Null):
            yield from self._problem(child.workflow.output, ref, f"what workflow {address!r} gave")

    def _problem(self, schema: Schema[object] | None, ref: Ref, what: str) -> Iterator[str]:
        if schema is None:
            yield f"{what} was recorded, and the step has no type for it any more"
            return
        values = Values()
        values.retain(ref)
        for seq in values.missing():
            if (value := value_of(self._entries[seq - 1])) is not None:
                values.hold(seq, value)
        try:
            schema.load(values.json(ref))
        except DataError as error:
            yield f"{what} does not fit {schema.name}: {error.field or 'the value'}: {error.reason}"


def _reads(frame: Frame, node: Node) -> tuple[Schema[object], Ref] | None:
    """What has reached a node that it has not passed on, and the type by which it is read."""
    match frame:
        case BlockFrame(open=None) if isinstance(node, (BranchNode, SwitchNode)):
            return node.input, frame.input
        case ForeachFrame(count=-1) if isinstance(node, ForeachNode):
            return node.input, frame.input
        case MapFrame() if isinstance(node, MapNode):
            return node.input, frame.input
        case SleepFrame() if isinstance(node, SleepNode):
            return node.input, frame.input
        case WaitFrame() if isinstance(node, WaitNode) and node.match is not None and node.match.takes_context:
            return node.input, frame.input
        case _:
            return None
