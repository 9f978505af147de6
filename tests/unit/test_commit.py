"""What ``.commit()`` refuses: each message names the steps, the types and the way out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from tests.conformance.behaviours import behaviour
from waystation import StepContext, create_step, step, workflow
from waystation.errors import (
    DefinitionError,
    DuplicateId,
    EmptyWorkflow,
    InvalidId,
    InvalidSignature,
    NotCommitted,
    OutputMismatch,
    TypesDoNotMeet,
    UnsupportedType,
)


class Doc(BaseModel):
    title: str


class Status(BaseModel):
    text: str


class Both(BaseModel):
    to_int: int
    other: int


@step
def to_int(doc: Doc) -> int:
    return len(doc.title)


@step
def to_text(number: int) -> str:
    return str(number)


@step
def take_both(both: Both) -> int:
    return both.other


# The builders are typed; what no checker would let through is tried all the same, as many use none.
start: Any = workflow("flow", input=Doc, output=str)


def refused(building: Any, kind: type[DefinitionError], *words: str) -> None:
    with pytest.raises(kind) as caught:
        building.commit()
    for word in ("'flow'", *words):
        assert word in str(caught.value), str(caught.value)


def test_an_empty_workflow_is_refused() -> None:
    refused(start, EmptyWorkflow, ".then(step)")
    refused(start.parallel([]), EmptyWorkflow, ".parallel([])")
    refused(start.branch([]), EmptyWorkflow, "(condition, step)")


@behaviour(
    "flow", "Two nodes of one id are refused at commit", verdict="better", model=(9,), why="the last one wins, silently"
)
def test_a_step_used_twice_or_two_of_one_id_are_refused() -> None:
    refused(start.then(to_int).then(to_text).then(to_text), DuplicateId, "'to-text'", ".clone(id=")
    other = to_text.clone(id="to-int")
    refused(start.then(to_int).then(other), DuplicateId, "two steps", "'to-int'", "to_text", "@step(id=...)")
    refused(start.parallel([to_int], id="to-int"), DuplicateId, "parallel", "'to-int'", ".parallel(..., id=...)")


def test_types_that_do_not_meet_are_refused_with_both_steps_and_both_types() -> None:
    refused(
        start.then(to_int).then(take_both), TypesDoNotMeet, "'to-int' gives int", "'take-both'", "takes Both", "between"
    )
    refused(
        start.then(to_text), TypesDoNotMeet, "given Doc as its input", "first step 'to-text' takes int", "input=int"
    )
    refused(start.parallel([to_int, to_text]), TypesDoNotMeet, "'to-text' in parallel 'parallel-to-int'")


def test_an_output_that_is_not_the_declared_one_is_refused() -> None:
    refused(start.then(to_int), OutputMismatch, "declares output=str", "'to-int' gives int", "output=int")
    refused(start.parallel([to_int]), OutputMismatch, "declares output=str", "'to-int': int")


def test_what_a_block_gives_must_meet_the_next_step_key_by_key() -> None:
    refused(
        start.parallel([to_int]).then(take_both), TypesDoNotMeet, "'take-both'", "Both", "other", "the keys 'to-int'"
    )
    by_name = [to_int.clone(id="to_int"), to_int.clone(id="other")]
    workflow("flow", input=Doc, output=int).parallel(by_name).then(take_both).commit()
    branch: Any = workflow("flow", input=Doc, output=int).branch([(lambda _: True, each) for each in by_name])
    refused(branch.then(take_both), TypesDoNotMeet, "missing", "condition")


def test_two_types_of_one_name_are_told_apart() -> None:
    class Doc(BaseModel):
        other: int

    async def give(_: int) -> object:
        return None

    giving = create_step(id="giving", input=int, output=Doc, execute=give)  # type: ignore[arg-type]  # never run
    begun: Any = workflow("flow", input=int, output=int).then(giving)
    building = begun.then(to_int)
    refused(building, TypesDoNotMeet, "<locals>.Doc", "test_commit.Doc")


def test_what_is_no_step_is_refused_with_the_way_to_make_one() -> None:
    def plain(doc: Doc) -> str:
        return doc.title

    refused(start.then(plain), DefinitionError, "plain", "Put @step above it")
    refused(start.then("to-int"), DefinitionError, "'to-int'", "@step")
    refused(start.then(None), DefinitionError, "None")
    refused(start.then(start), NotCommitted, "'flow'")
    refused(start.parallel([plain]), DefinitionError, ".parallel()")
    with pytest.raises(DefinitionError, match="takes a list"):
        start.parallel(to_int)


def test_conditions_are_functions_of_one_argument_that_come_first() -> None:
    refused(start.branch([(to_int, lambda _: True)]), DefinitionError, "the condition comes first")
    refused(start.branch([to_int]), DefinitionError, "(condition, step) pairs")
    refused(start.branch([(True, to_int)]), DefinitionError, "give a function")
    refused(start.branch([(lambda: True, to_int)]), DefinitionError, "one argument")


@pytest.mark.parametrize("id_", ["", "a/b", "a b", "-a", "ä", "a" * 101, "a#1", "a[1]", None, 7])
def test_an_id_that_could_not_be_part_of_an_address_is_refused(id_: Any) -> None:
    with pytest.raises(InvalidId):
        workflow(id_, input=int, output=int)
    with pytest.raises(InvalidId):
        to_int.clone(id=id_)


def nothing() -> int:
    return 1


def many(a: int, b: int) -> int:
    return a + b


def bare(a):  # type: ignore[no-untyped-def]  # the point
    return a


def fine(a: int) -> int:
    return a


def odd(a: int) -> DefinitionError:
    return DefinitionError()


@pytest.mark.parametrize(
    ("fn", "options", "kind", "words"),
    [
        (nothing, {}, InvalidSignature, "nothing"),
        (many, {}, InvalidSignature, "many"),
        (bare, {}, InvalidSignature, "annotat"),
        (odd, {}, UnsupportedType, "DefinitionError"),
        (fine, {"suspend": str}, DefinitionError, "needs both"),
        (fine, {"id": "a/b"}, InvalidId, "a/b"),
    ],
)
def test_a_function_that_cannot_be_a_step_is_refused(
    fn: object, options: dict[str, object], kind: type[DefinitionError], words: str
) -> None:
    make: Any = step  # not typed: what no checker would let through is tried all the same
    with pytest.raises(kind, match=words):
        make(**options)(fn)


def test_the_id_of_a_step_is_its_functions_name_with_dashes() -> None:
    assert to_int.id == "to-int"
    assert to_int.clone(id="other").id == "other"
    assert to_int.id == "to-int", "a step is never changed"


def test_a_builder_may_be_extended_in_two_ways() -> None:
    base = workflow("flow", input=Doc, output=int).then(to_int)
    short = base.commit()
    longer: Any = base.then(to_text)
    refused(longer, OutputMismatch)
    assert [node.id for node in short.graph.root.children] == ["to-int"]


@step(suspend=Status, resume=Doc)
async def ask(number: int, ctx: StepContext[Status, Doc]) -> str:
    """Ask someone.

    At length.
    """
    return "x"


def always(_: object) -> bool:
    return True


FLOW = (
    workflow("flow", input=Doc, output=dict[str, str], description="what for")
    .then(to_int)
    .branch([(always, ask), (lambda _: False, to_text)], id="which")
    .commit()
)


def test_a_description_is_json_with_every_node_and_schema() -> None:
    described = json.loads(json.dumps(FLOW.describe()))
    assert (described["id"], described["description"]) == ("flow", "what for")
    assert described["input"]["schema"]["properties"]["title"]["type"] == "string"
    first, branch = described["nodes"]
    assert (first["kind"], first["id"]) == ("step", "to-int")
    assert (branch["kind"], branch["id"]) == ("branch", "which")
    assert [(each["id"], each["condition"]) for each in branch["children"]] == [("ask", "always"), ("to-text", None)]
    assert branch["children"][0]["description"] == "Ask someone."
    assert branch["children"][0]["resume"]["type"] == "Doc"
    assert branch["children"][1]["suspend"] is None


def test_a_workflow_as_mermaid_has_every_node_and_the_conditions() -> None:
    drawn = FLOW.mermaid()
    assert drawn.startswith("flowchart TD\n")
    for words in ('(["Doc"])', '["to-int"]', '{{"ask<br/>Ask someone."}}', "always", "which"):
        assert words in drawn
    assert drawn == FLOW.mermaid()
