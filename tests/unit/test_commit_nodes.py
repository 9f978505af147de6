"""What ``.commit()`` refuses of the nodes that decide, repeat and wait; and the ids and types they get."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import timedelta
from enum import Enum
from typing import Any, Literal

import pytest

from tests.unit.commit_flows import (
    Doc,
    count,
    counting,
    doc_text,
    last,
    more,
    numbers,
    refused,
    start,
    take_all,
    take_any,
    take_anything,
    take_counted,
    take_maybe,
    to_text,
)
from waystation import FlowContext, workflow
from waystation.define.nodes import ForeachNode, LoopNode, SwitchNode
from waystation.errors import (
    DefinitionError,
    DuplicateId,
    EmptyWorkflow,
    InvalidConcurrency,
    InvalidId,
    NotCommitted,
    OutputMismatch,
    TypesDoNotMeet,
    UnusedBranchTarget,
)

# --------------------------------------------------------------------------- nested workflows


def test_a_workflow_is_nested_wherever_a_step_may_be() -> None:
    made = (
        start.parallel([counting, count])
        .map(lambda parts: Doc(title=str(parts)), output=Doc)
        .switch(lambda doc: doc.title, {"a": counting.clone(id="counting-2")})
        .commit()
    )
    assert "counting/count" in made.graph.places
    assert made.graph.places["counting/count"].scope == "counting"
    assert made.graph.nested("counting") is counting
    assert made.graph.places["counting-2/count"].parent == "counting-2"


def test_an_uncommitted_workflow_is_refused_with_the_fix() -> None:
    inner = workflow("inner", input=Doc, output=int).then(count)
    for building in (start.then(inner), start.parallel([inner]), start.foreach(inner), start.do_while(inner, bool)):
        refused(building, NotCommitted, "'inner'", ".commit()")


def test_a_nested_workflow_is_held_to_its_types() -> None:
    refused(start.then(count).then(counting), TypesDoNotMeet, "step 'count' gives int", "workflow 'counting'", "Doc")
    begun: Any = workflow("flow", input=int, output=int)
    refused(begun.then(counting), TypesDoNotMeet, "first workflow 'counting'")
    begun = workflow("flow", input=Doc, output=str)
    refused(begun.then(counting), OutputMismatch, "its last workflow 'counting'")


def test_a_workflow_used_twice_is_refused_and_its_clone_is_not() -> None:
    refused(start.parallel([counting, counting]), DuplicateId, "workflow 'counting' is used twice", ".clone(id=")
    clone = counting.clone(id="again")
    assert (clone.id, clone.graph.workflow_id, counting.id) == ("again", "again", "counting")
    assert clone.graph.fingerprint != counting.graph.fingerprint
    with pytest.raises(InvalidId):
        counting.clone(id="a/b")
    other = workflow("counting", input=Doc, output=int).then(count).commit()
    refused(start.parallel([counting, other]), DuplicateId, "two workflows")
    refused(start.parallel([counting, count.clone(id="counting")]), DuplicateId, "a step and a workflow")


def test_a_nested_workflow_has_ids_of_its_own() -> None:
    made = start.parallel([count, counting]).then(take_anything).commit()
    assert {"count", "counting/count"} <= made.graph.places.keys()


# --------------------------------------------------------------------------- parallel and branch


def test_what_may_fail_may_be_none_for_what_comes_next() -> None:
    block = start.parallel([count, doc_text], allow_failure=True)
    block.then(take_maybe).commit()
    wanted = workflow("flow", input=Doc, output=int).parallel([count], allow_failure=True).then(take_counted)
    refused(wanted, TypesDoNotMeet, "int | None", "allow_failure=True")


def test_a_function_says_how_many_arguments_it_takes() -> None:
    def one(doc: Doc) -> bool:
        return bool(doc)

    def two(doc: Doc, ctx: FlowContext) -> bool:
        return bool(doc)

    def one_and_default(doc: Doc, more: int = 3) -> bool:
        return bool(doc)

    class Asks:
        def __call__(self, doc: Doc, ctx: FlowContext) -> bool:
            return bool(doc)

    conditions: list[Any] = [
        one,
        two,
        one_and_default,
        bool,
        Asks(),
        functools.partial(two, Doc(title="x")),
        lambda *_: True,
    ]
    steps = [count.clone(id=f"c{number}") for number in range(len(conditions))]
    branch = last(workflow("flow", input=Doc, output=object).branch(list(zip(conditions, steps, strict=True))))
    assert [each.takes_context for each in branch.conditions] == [False, True, False, False, True, False, False]


@pytest.mark.parametrize("bad", [lambda: True, lambda a, b, c: True, lambda a, *, b: True, lambda *, a: True])
def test_a_function_that_takes_neither_one_nor_two_arguments_is_refused(bad: Any) -> None:
    words = ("one argument or two", "FlowContext")
    refused(start.branch([(bad, count)]), DefinitionError, "the condition of 'count'", *words)
    refused(start.switch(bad, {1: count}), DefinitionError, "the key of switch 'switch-count'", *words)
    refused(start.do_while(more, bad), DefinitionError, "the condition of loop 'do-while-more'", *words)
    refused(start.map(bad), DefinitionError, ".map()", *words)
    refused(start.sleep(bad), DefinitionError, "'sleep-at-start'", *words)
    refused(start.wait_for("paid", int, match=bad), DefinitionError, "the match of wait 'wait-paid'", "one argument")
    refused(start.then(numbers).foreach(more, concurrency=bad), DefinitionError, "concurrency", *words)


# --------------------------------------------------------------------------- switch


class Kind(Enum):
    A = "a"
    B = "b"


def kind(doc: Doc) -> Kind:
    return Kind.A


async def kind_or_none(doc: Doc) -> Literal["a", "b"] | None:
    return None


def test_a_switch_has_a_child_for_each_step_and_all_its_keys() -> None:
    other = count.clone(id="other")
    node = last(start.switch(lambda doc: doc.title, {"a": count, "b": count, 3: other, True: other, None: count}))
    assert isinstance(node, SwitchNode)
    assert node.id == "switch-count"
    assert [child.id for child in node.children] == ["count", "other"]
    assert node.cases == (("a", "count"), ("b", "count"), (3, "other"), (True, "other"), (None, "count"))
    assert node.default is None
    with_default = last(start.switch(kind, {Kind.A: count}, default=count))
    assert (with_default.default, len(with_default.children)) == ("count", 1)


def test_a_switch_gives_what_its_steps_give() -> None:
    text = doc_text.clone(id="text")
    start.switch(kind, {Kind.A: count, Kind.B: text}).then(take_any).commit()
    refused(start.switch(kind, {Kind.A: count, Kind.B: text}), OutputMismatch, "switch 'switch-count' gives int | str")
    refused(start.switch(kind, {Kind.A: count}).then(take_all), TypesDoNotMeet, "switch 'switch-count' gives int")
    refused(start.switch(kind, {Kind.A: to_text}), TypesDoNotMeet, "'to-text' in switch 'switch-to-text' takes int")
    refused(start.switch(kind, {Kind.A: text}, output=int), TypesDoNotMeet, "output=int", "'text' gives str")


def test_a_switch_that_cannot_be_is_refused() -> None:
    refused(start.switch(kind, {}), EmptyWorkflow, "no cases")
    refused(start.switch(kind, [count]), DefinitionError, "a dict of steps by key")
    refused(start.switch(kind, {(1, 2): count}), DefinitionError, "(1, 2)", "str, int, bool, None or Enum")
    refused(start.switch(kind, {1.5: count}), DefinitionError, "1.5")
    refused(start.switch("title", {1: count}), DefinitionError, "the key of switch", "'title'")
    refused(start.switch(count, {1: count}), DefinitionError, "the step 'count'")


def test_a_switch_child_that_no_key_leads_to_is_refused() -> None:
    refused(start.switch(kind, {"a": count}), UnusedBranchTarget, "Kind.A", "under the key 'a'", "never runs")
    everything = {Kind.A: count, Kind.B: count}
    refused(start.switch(kind, everything, default=more), UnusedBranchTarget, "default='more' never runs")
    start.switch(kind, everything, default=count).commit()
    refused(start.switch(kind_or_none, {"c": count}), UnusedBranchTarget, "'a', 'b', None", "'c'")
    start.switch(kind_or_none, {"a": count, None: count}).commit()
    start.switch(lambda doc: doc.title, {"anything": count}, default=count).commit()


# --------------------------------------------------------------------------- foreach


def test_a_foreach_takes_a_list_and_gives_one() -> None:
    node = last(workflow("flow", input=Doc, output=list[str]).then(numbers).foreach(to_text, concurrency=3))
    assert isinstance(node, ForeachNode)
    assert (node.id, node.concurrency) == ("foreach-to-text", 3)
    assert node.input.type == list[int]
    for form in (tuple[int, ...], tuple[int, int], Sequence[int], list[int] | tuple[int, ...]):
        listed: Any = form
        workflow("flow", input=listed, output=list[str]).foreach(to_text).commit()
    workflow("flow", input=list[Doc], output=list[int]).foreach(counting).commit()


def test_a_foreach_over_no_list_is_refused_with_both_types() -> None:
    refused(
        start.then(count).foreach(to_text),
        TypesDoNotMeet,
        "list[int]",
        "step 'count' gives int",
        "no list",
        ".then(to_text)",
    )
    refused(start.foreach(count), TypesDoNotMeet, "list[Doc]", "given as its input Doc")
    for form in (str, bytes, dict[str, int], set[int], list[int] | None):
        given: Any = form
        refused(workflow("flow", input=given, output=object).foreach(more), TypesDoNotMeet, "no list")
    refused(start.then(numbers).foreach(count), TypesDoNotMeet, "takes Doc", "list[int]", "items are int")
    with pytest.raises(TypesDoNotMeet, match="no list"):
        start.parallel([count]).foreach(to_text)


def test_where_the_type_is_not_known_a_foreach_is_seen_when_it_runs() -> None:
    assert last(start.map(lambda doc: [1]).foreach(more).map(sum, output=int)).output.type is int


@pytest.mark.parametrize("concurrency", [0, -1, True, 1.5, "2", None])
def test_a_concurrency_is_a_whole_number_from_one(concurrency: object) -> None:
    refused(
        start.then(numbers).foreach(more, concurrency=concurrency),
        InvalidConcurrency,
        f"concurrency={concurrency!r}",
        "1 or more",
    )


# --------------------------------------------------------------------------- loops


def test_a_loop_feeds_its_child_what_it_gave() -> None:
    node = last(start.then(count).do_while(more, lambda n: n < 3))
    assert isinstance(node, LoopNode)
    assert (node.id, node.until, node.output.type) == ("do-while-more", False, int)
    until = last(start.then(count).do_until(more, lambda n, ctx: ctx.iteration > 3, id="grow"))
    assert (until.id, until.until, until.condition.takes_context) == ("grow", True, True)
    refused(start.do_while(count, bool), TypesDoNotMeet, "'count' in loop 'do-while-count' gives int and takes Doc")
    refused(start.do_while(more, bool), TypesDoNotMeet, "given Doc as its input", "'more' in loop")
    refused(start.then(count).do_until(more, True), DefinitionError, "the condition of loop 'do-until-more' is True")


# --------------------------------------------------------------------------- ids


def test_ids_are_made_of_what_a_node_holds_or_follows() -> None:
    made = (
        start.parallel([count])
        .sleep(timedelta(1))
        .map(lambda parts: 1, output=int)
        .do_until(more, bool)
        .wait_for("paid", int)
        .commit()
    )
    ids = [node.id for node in made.graph.root.children]
    assert ids == [
        "parallel-count",
        "sleep-after-parallel-count",
        "map-after-sleep-after-parallel-count",
        "do-until-more",
        "wait-paid",
    ]


def test_a_made_id_that_is_taken_or_too_long_asks_for_one() -> None:
    waits = start.wait_for("paid", int).wait_for("paid", int)
    refused(waits, DuplicateId, "two waits have the id 'wait-paid'", ".wait_for(..., id=...)")
    refused(start.then(count).do_while(more, bool, id="count"), DuplicateId, "'count'", ".do_while(..., id=...)")
    refused(start.then(count).then(more).do_until(more, bool), DuplicateId, "'more' is used twice", ".clone(id=")
    long = count.clone(id="a" * 100)
    refused(start.parallel([long]), InvalidId, ".parallel(..., id=...)")
    refused(start.then(long).sleep(timedelta(1)), InvalidId, ".sleep(..., id=...)")
    refused(start.sleep(timedelta(1), id="a/b"), InvalidId, "'a/b'")


def test_the_last_output_is_checked_unless_it_is_of_the_declared_type() -> None:
    def is_last(building: Any) -> bool:
        return bool(building.commit().graph.output_is_last)

    assert is_last(start.then(count))
    assert is_last(start.then(counting))
    assert is_last(workflow("flow", input=Doc, output=list[str]).then(numbers).foreach(to_text))
    assert is_last(start.switch(kind, {Kind.A: count}))
    assert is_last(start.then(count).do_while(more, bool))
    assert not is_last(start.map(lambda doc: 1))
    assert not is_last(workflow("flow", input=int, output=int).sleep(timedelta(1)))
    assert not is_last(workflow("flow", input=Doc, output=dict[str, int]).parallel([count]))
    assert not is_last(workflow("flow", input=Doc, output=float).then(count))
