"""Whether a run that was begun under one definition can go on under another.

It can, if every recorded step still is where it was and gives what it gave, and all that the run goes on with can be
read by the new types. What was added later, or comes after where the run stands, does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from waystation.core.addresses import Address, node_key
from waystation.core.encoding import value_of
from waystation.core.entries import AnyEntry, RunStarted, StepSucceeded
from waystation.core.flow import JournalMisfit
from waystation.core.machine import Machine
from waystation.core.refs import Ref
from waystation.core.state import Frame, StepFrame, is_busy
from waystation.define.describe import CanonicalGraph, TypeMark, read_description
from waystation.define.nodes import BranchNode, ForeachNode, Graph, MapNode, Node, SwitchNode, WaitNode
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
    for address in _completed(entries):
        differences += _step_differences(before, graph, address)
    if differences:
        return differences
    machine = Machine(graph)
    try:
        machine.restore(entries)
    except JournalMisfit as misfit:
        return [misfit.reason]
    for seq in machine.values.missing():
        if (value := value_of(entries[seq - 1])) is not None:
            machine.values.hold(seq, value)
    return list(_unreadable(machine))


def _completed(entries: Sequence[AnyEntry]) -> list[Address]:
    return list(dict.fromkeys(entry.address for entry in entries if isinstance(entry, StepSucceeded)))


def _input_differences(
    before: CanonicalGraph | None, input_schema: Schema[object], entries: Sequence[AnyEntry]
) -> Iterator[str]:
    started = any(isinstance(entry, RunStarted) for entry in entries)
    if before is not None and started and before.input.shape != input_schema.shape:
        yield f"the workflow took {_changed(before.input, input_schema)}, and the run was started with the former"


def _step_differences(before: CanonicalGraph | None, graph: Graph, address: Address) -> Iterator[str]:
    key = node_key(address)
    step = graph.step(key)
    if step is None:
        yield f"step {address!r} is completed, and the workflow has no step of that id any more"
        return
    known: Mapping[str, TypeMark] = {} if before is None else {id_: step.output for id_, step in before.steps().items()}
    if (mark := known.get(key)) is not None and mark.shape != step.output.shape:
        yield f"step {address!r} is completed, and gave {_changed(mark, step.output)}"


def _changed(old: TypeMark, new: Schema[object]) -> str:
    if old.name != new.name:
        return f"{old.name} where it now is {new.name}"
    return f"{old.name}, whose fields have changed since"


def _unreadable(machine: Machine) -> Iterator[str]:
    """What the run would go on with, held against the types that are to read it."""
    graph, values = machine.graph, machine.values

    def problem(schema: Schema[object] | None, ref: Ref, what: str) -> Iterator[str]:
        if schema is None:
            yield f"{what} was recorded, and the step has no type for it any more"
            return
        try:
            schema.load(values.json(ref))
        except DataError as error:
            yield f"{what} does not fit {schema.name}: {error.field or 'the value'}: {error.reason}"

    for address, frame in machine.state.frames.items():
        node = graph.places[node_key(address)].node
        if not isinstance(frame, StepFrame):
            if is_busy(frame) and (reads := _reads(node)) is not None and (ref := _input_of(frame)) is not None:
                yield from problem(reads, ref, f"what reaches {address!r}")
            continue
        step = graph.step(node_key(address))
        if step is None:
            continue
        yield from problem(step.input, frame.input, f"the input of step {address!r}")
        if frame.suspension:
            yield from problem(step.suspend, frame.suspension, f"what step {address!r} said when it suspended")
        if frame.answer:
            yield from problem(step.resume, frame.answer, f"the answer to step {address!r}")


def _reads(node: Node) -> Schema[object] | None:
    """The schema by which the node's own functions are given what reaches it."""
    return node.input if isinstance(node, (BranchNode, SwitchNode, ForeachNode, MapNode, WaitNode)) else None


def _input_of(frame: Frame) -> Ref | None:
    return getattr(frame, "input", None)
