"""What ``.commit()`` refuses of maps, sleeps and waits; and the ids and types they get."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
from pydantic import BaseModel

from tests.unit.commit_flows import (
    Counted,
    Doc,
    count,
    last,
    more,
    numbers,
    refused,
    start,
    to_text,
)
from waystation import FlowContext, FromInit, FromState, FromStep, Template, Value, workflow
from waystation.define.nodes import MapNode, SleepNode, WaitNode
from waystation.errors import (
    DefinitionError,
    InvalidDuration,
    InvalidId,
    OutputMismatch,
    TypesDoNotMeet,
)

# --------------------------------------------------------------------------- map


def shorten(doc: Doc) -> Doc:
    return doc


async def shorten_later(doc: Doc, ctx: FlowContext) -> Doc:
    return doc


def test_the_type_of_a_map_is_what_its_function_says_or_what_is_given() -> None:
    node = last(start.map(shorten).then(count).map(lambda n: n, output=int))
    assert isinstance(node, MapNode)
    assert (node.id, node.output.type, node.input.type) == ("map-after-count", int, int)
    first = start.map(shorten_later).then(count).commit().graph.root.children[0]
    assert (first.id, first.output.type, first.fn.takes_context) == ("map-shorten-later", Doc, True)
    refused(start.map(shorten).then(more), TypesDoNotMeet, "map 'map-shorten' gives Doc", "takes int")
    start.map(lambda doc: doc.title).then(more).commit()  # not known: the step sees when it comes
    assert last(start.map(lambda doc: 1, id="one")).id == "one"
    assert last(start.map(lambda doc: 1)).id == "map-input"


def test_a_map_names_steps_that_come_before_it() -> None:
    class Letter(BaseModel):
        to: str
        pages: int = 1

    begun: Any = workflow("flow", input=Doc, output=Letter, state=Counted).then(count)
    begun.map({"to": FromInit("title"), "pages": FromStep(count)}, output=Letter).commit()
    begun.map({"to": Template("${init.title}: ${steps.count} ${state.count}")}, output=Letter).commit()
    assert last(workflow("flow", input=Doc, output=object).map({"a": Value([1])})).output.name == "dict[str, Any]"

    def bad(sources: Any, kind: type[DefinitionError], *words: str) -> None:
        refused(begun.map(sources, output=Letter), kind, "map 'map-after-count'", *words)

    bad({"to": FromStep(to_text)}, DefinitionError, "no step 'to-text' before the map", "Those there are: 'count'")
    bad({"to": FromStep(count.clone(id="count"))}, DefinitionError, "not the one of that id")
    bad({"to": FromStep([count, "x"])}, DefinitionError, "'x'")  # type: ignore[list-item]  # the point
    bad({"to": "title"}, DefinitionError, "'title'", "FromStep, FromInit")
    bad({"to": Value(object())}, DefinitionError, "plain JSON")
    bad({"to": FromInit("a..b")}, DefinitionError, "'a..b'")
    bad({"to": Template("${title}")}, DefinitionError, "'${title}'", "${init.name}")
    bad({"to": Template("${steps.nope.x}")}, DefinitionError, "'nope'", "'count'")
    bad({"to": Template("${init.a")}, DefinitionError, "without its '}'")
    bad({1: FromInit()}, DefinitionError, "the key 1")
    bad({"pages": FromStep(count)}, TypesDoNotMeet, "Letter needs 'to'")
    bad({"to": FromStep(count)}, TypesDoNotMeet, "'to' is int, and Letter has str")
    bad({"to": FromInit(), "cc": FromInit()}, TypesDoNotMeet, "Letter has no field 'cc'")
    refused(start.map({"a": FromState()}), DefinitionError, "state=...")
    refused(start.map({"a": FromStep(count)}), DefinitionError, "It is the first node")
    refused(start.map({"a": FromInit()}, output=int), TypesDoNotMeet, "int, which has no keys")
    loop = workflow("flow", input=Doc, output=object).then(numbers).foreach(to_text)
    refused(loop.map({"a": FromStep(to_text)}), DefinitionError, "for each item", ".map(function, id=...)")
    refused(loop.map({"a": Template("${steps.foreach-to-text}")}), DefinitionError, "'foreach-to-text'", "'numbers'")
    start.then(count).do_while(more, bool).map({"a": FromStep(more)}).map(lambda _: 1, output=int).commit()


# --------------------------------------------------------------------------- waiting


def test_a_sleep_passes_on_what_reaches_it() -> None:
    node = last(start.then(count).sleep(timedelta(hours=1)))
    assert isinstance(node, SleepNode)
    assert (node.id, node.duration, node.until) == ("sleep-after-count", timedelta(hours=1), None)
    at = datetime(2030, 1, 1, tzinfo=timezone.utc)
    later = start.sleep_until(at).then(count).commit().graph.root.children[0]
    assert (later.id, later.until) == ("sleep-at-start", at)
    refused(start.sleep(timedelta(1)).then(more), TypesDoNotMeet, "given Doc as its input")
    refused(start.parallel([count]).sleep(timedelta(1)).then(more), TypesDoNotMeet, "parallel 'parallel-count'")
    refused(start.sleep(timedelta(0)), OutputMismatch, "pass on is its input, Doc")


def test_a_sleep_that_cannot_be_is_refused() -> None:
    refused(start.sleep(timedelta(seconds=-1)), InvalidDuration, "'sleep-at-start'", "zero or more")
    refused(start.sleep(5), DefinitionError, "5", "timedelta")
    refused(start.sleep(datetime.now(timezone.utc)), DefinitionError, "timedelta")
    refused(start.sleep_until(datetime(2030, 1, 1)), DefinitionError, "no time zone", "tzinfo=timezone.utc")  # noqa: DTZ001  (the point)
    refused(start.sleep_until(timedelta(1)), DefinitionError, "a datetime")


class Struct(msgspec.Struct):
    order: str


def test_a_wait_gives_the_events_data() -> None:
    node = last(start.wait_for("paid", int, match=lambda data, doc: True, timeout=timedelta(days=1), default=3))
    assert isinstance(node, WaitNode)
    assert (node.id, node.event, node.data.type, node.default) == ("wait-paid", "paid", int, b"3")
    assert node.match is not None
    assert node.match.takes_context
    none: Any = start.wait_for("paid", int, timeout=timedelta(days=1), default=None)
    assert last(none.map(lambda n: 1, output=int)).input.type == int | None
    refused(none.then(more), TypesDoNotMeet, "wait 'wait-paid' gives int | None", "takes int")
    refused(start.wait_for("paid", str), OutputMismatch, "wait 'wait-paid' gives str")
    assert start.wait_for("paid", Struct).map(lambda s: 1, output=int).commit().graph.waits()["paid"].id == "wait-paid"


def test_a_wait_that_cannot_be_is_refused() -> None:
    for timeout in (timedelta(0), timedelta(seconds=-1)):
        refused(start.wait_for("paid", int, timeout=timeout), InvalidDuration, "'wait-paid'", "more than zero")
    refused(start.wait_for("paid", int, timeout=5), DefinitionError, "timedelta")
    refused(start.wait_for("paid", int, default=3), DefinitionError, "no timeout=")
    refused(start.wait_for("paid", int, timeout=timedelta(1), default="x"), DefinitionError, "'x'", "no int")
    refused(start.wait_for("pa id", int), InvalidId, "'pa id'")


def test_all_waits_for_one_event_take_the_same_type() -> None:
    inner = workflow("inner", input=Doc, output=int).wait_for("paid", int).commit()
    both = start.wait_for("paid", str).map(lambda s: Doc(title=s), output=Doc).then(inner)
    refused(both, DefinitionError, "wait 'wait-paid' takes str", "wait 'inner/wait-paid' takes int", "'paid'")
    start.wait_for("paid", int).map(lambda n: Doc(title=""), output=Doc).then(inner).commit()
