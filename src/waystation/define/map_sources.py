"""The declarative form of ``.map``: what its sources name must be there when the run comes by."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from typing_extensions import TypeForm

from waystation.define.assignable import meets
from waystation.define.drafts import Draft
from waystation.define.executable import AnyExecutable, Executable
from waystation.define.fields import fields_of
from waystation.define.given import checked_schema, in_words
from waystation.define.mapping import FromContext, FromInit, FromState, FromStep, Source, Template, Value
from waystation.define.meeting import output_of
from waystation.define.nodes import (
    BranchNode,
    Child,
    ForeachNode,
    LoopNode,
    MapNode,
    Node,
    ParallelNode,
    StepNode,
    SwitchNode,
    WaitNode,
    WorkflowNode,
)
from waystation.define.templates import Placeholder, parse_template
from waystation.errors import DataError, DefinitionError, TypesDoNotMeet, UnsupportedType
from waystation.schema import Schema, schema_for, type_name

_SOURCES = (FromStep, FromInit, FromState, FromContext, Value, Template)


def map_output(given: object, otherwise: object) -> Schema[object]:
    """The schema of what a map gives: of the type that was given, else of the other one if that has a schema, else
    plain JSON of which no more is known."""
    if given is not None:
        return checked_schema(given)
    try:
        return schema_for(cast("TypeForm[object]", otherwise))
    except UnsupportedType:
        return schema_for(cast("TypeForm[object]", Any))


def checked_sources(
    draft: Draft, before: Sequence[Node], map_id: str, given: Mapping[object, object], output: Schema[object]
) -> dict[str, Source]:
    """The sources of a map.

    Raises:
        DefinitionError: one is no source, or names a step that does not come before the map, or what is not there.
        TypesDoNotMeet: what they make together does not meet the output type.
    """
    where = f"workflow {draft.id!r}: map {map_id!r}"
    sources: dict[str, Source] = {}
    for key, source in given.items():
        if not isinstance(key, str):
            raise DefinitionError(f"{where} has the key {key!r}; the keys are those of a JSON object, give a str")
        if not isinstance(source, _SOURCES):
            raise DefinitionError(
                f"{where} is given {in_words(source)} for {key!r}; give FromStep, FromInit, FromState, FromContext, "
                "Value or Template, or make the whole value with .map(function)"
            )
        _check_source(f"{where}, key {key!r}", draft, before, source)
        sources[key] = source
    _check_output(where, before, sources, output)
    return sources


def _check_source(where: str, draft: Draft, before: Sequence[Node], source: Source) -> None:
    match source:
        case FromStep():
            for step in steps_of(source):
                if not isinstance(step, Executable):
                    raise DefinitionError(f"{where}: FromStep({in_words(step)}) takes a step, or a list of steps")
                _check_step(where, before, cast("AnyExecutable", step))
        case Value():
            try:
                schema_for(object).dump(source.value)
            except DataError as error:
                raise DefinitionError(f"{where}: {error}. Value() holds plain JSON") from None
        case FromState():
            _check_state(where, draft)
        case Template():
            for part in parse_template(where, source.text):
                if isinstance(part, Placeholder):
                    _check_placeholder(where, draft, before, part)
        case FromInit() | FromContext():
            pass
    path = getattr(source, "path", ".")
    if not isinstance(path, str) or (path != "." and "" in path.split(".")):
        raise DefinitionError(f"{where}: the path {path!r} is not dotted names such as 'customer.name', or '.' for all")


def steps_of(source: FromStep) -> Sequence[object]:
    """The steps that a source names, one or several."""
    given: object = source.step
    return cast("Sequence[object]", given) if isinstance(given, (list, tuple)) else (given,)


def _check_placeholder(where: str, draft: Draft, before: Sequence[Node], part: Placeholder) -> None:
    if part.root == "state":
        _check_state(where, draft)
    elif part.root == "steps":
        id_ = part.path.partition(".")[0]
        if id_ not in _results(before):
            raise DefinitionError(
                f"{where}: {part} names {id_!r}, and no step, map or wait before the map has that id. {_known(before)} "
                "(a step with a dot in its id is named by FromStep)"
            )


def _check_state(where: str, draft: Draft) -> None:
    if draft.state is None:
        raise DefinitionError(f"{where} reads the run state, and the workflow has none: give workflow(..., state=...)")


def _check_step(where: str, before: Sequence[Node], step: AnyExecutable) -> None:
    id_ = step.id
    known = {child.id: child for child in _children(before)}
    child = known.get(id_)
    if child is not None:
        if (child.step if isinstance(child, StepNode) else child.workflow) is not step:
            raise DefinitionError(f"{where}: FromStep names a step {id_!r} that is not the one of that id here")
        return
    for node in before:
        if isinstance(node, ForeachNode) and node.child.id == id_:
            raise DefinitionError(
                f"{where}: {id_!r} runs for each item of foreach {node.id!r}, and has no one output. Take "
                "the whole list by .map(function, id=...) just after the foreach"
            )
    raise DefinitionError(f"{where}: there is no step {id_!r} before the map. {_known(before)}")


def _known(before: Sequence[Node]) -> str:
    ids = ", ".join(map(repr, _results(before)))
    return f"Those there are: {ids}" if ids else "It is the first node; take FromInit() for the workflow's input"


def _children(before: Sequence[Node]) -> Iterator[Child]:
    for node in before:
        if isinstance(node, (StepNode, WorkflowNode)):
            yield node
        elif isinstance(node, (ParallelNode, BranchNode, SwitchNode)):
            yield from node.children
        elif isinstance(node, LoopNode):
            yield node.child  # whose last turn is meant


def _results(before: Sequence[Node]) -> list[str]:
    """The ids of nodes whose outputs are recorded under them, in the order they were written: what a block, foreach,
    loop or sleep gives is put together from those of others."""
    ids: dict[str, None] = {}
    for node in before:
        for child in _children([node]):
            ids[child.id] = None
        if isinstance(node, (MapNode, WaitNode)):
            ids[node.id] = None
    return list(ids)


# --------------------------------------------------------------------------- what they make together


def _check_output(where: str, before: Sequence[Node], sources: Mapping[str, Source], output: Schema[object]) -> None:
    """The keys must be fields of the output type, with values of their types where those are known."""
    found = fields_of(output.type)
    if found is None:
        origin = typing.get_origin(output.type) or output.type
        if origin in (object, Any) or (isinstance(origin, type) and issubclass(dict, origin)):
            return
        raise TypesDoNotMeet(
            f"{where} makes an object with the keys {', '.join(map(repr, sources))}, and output= is "
            f"{output.name}, which has no keys"
        )
    outputs = {child.id: output_of(child).type for child in _children(before)}
    problems: list[str] = []
    taken: set[str] = set()
    for name, field in found.fields.items():
        key = next((key for key in field.keys if key in sources), None)
        if key is None:
            if field.required:
                problems.append(f"{output.name} needs {name!r}, which it does not give")
            continue
        taken.add(key)
        form = _type_of(sources[key], outputs)
        if not meets(form, field.type):
            problems.append(f"{key!r} is {type_name(form)}, and {output.name} has {type_name(field.type)} there")
    if not found.open:
        problems += [f"{output.name} has no field {key!r}" for key in sources if key not in taken]
    if problems:
        raise TypesDoNotMeet(f"{where} does not make {output.name}: {'; '.join(problems)}")


def _type_of(source: Source, outputs: Mapping[str, object]) -> object:
    """The type of what a source gives, where it can be told; else ``Any``."""
    if isinstance(source, Template):
        return str
    if isinstance(source, FromStep) and source.path == "." and len(steps := steps_of(source)) == 1:
        return outputs.get(cast("Child", steps[0]).id, Any)
    return Any
