"""What is refused when a workflow is committed or registered, before anything runs. No store has a part in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest

from tests.conformance.behaviours import behaviour
from tests.conformance.stock import add_one, double
from waystation import Waystation, step, workflow
from waystation.errors import (
    DefinitionError,
    DuplicateId,
    DuplicateWorkflow,
    EmptyWorkflow,
    InvalidConcurrency,
    InvalidDuration,
    NotCommitted,
    TypesDoNotMeet,
    UnusedBranchTarget,
)

begun: Any = workflow("flow", input=int, output=int)  # not typed: much of this no type checker would let through
inner: Any = workflow("inner", input=int, output=int).then(add_one).commit()


@step
async def shout(text: str) -> str:
    return text.upper()


@behaviour(
    "flow",
    "A step used twice under one id is refused, and the error says how to clone it",
    verdict="better",
    model=(9,),
    why="the last one wins, silently",
)
@pytest.mark.parametrize(
    "build",
    [
        lambda: begun.then(add_one).then(add_one),
        lambda: begun.parallel([add_one, add_one]),
        lambda: begun.then(inner).then(inner),
    ],
    ids=["sequence", "parallel", "workflow"],
)
def test_two_places_of_one_id_are_refused(build: Callable[[], Any]) -> None:
    with pytest.raises(DuplicateId, match=r"clone\(id="):
        build().commit()


@behaviour(
    "flow",
    "A workflow without steps, and a block without any, is refused",
    verdict="better",
    why="it is refused when it is run",
)
@pytest.mark.parametrize(
    "build",
    [lambda: begun, lambda: begun.parallel([]), lambda: begun.branch([]), lambda: begun.switch(lambda _: 1, {})],
    ids=["workflow", "parallel", "branch", "switch"],
)
def test_what_is_empty_is_refused(build: Callable[[], Any]) -> None:
    with pytest.raises(EmptyWorkflow):
        build().commit()


@behaviour(
    "flow",
    "A workflow that was not committed is refused, in an app and in another workflow",
    verdict="better",
    why="it is taken, and runs",
)
def test_what_is_not_committed_is_refused() -> None:
    unfinished: Any = workflow("inner", input=int, output=int).then(add_one)
    with pytest.raises(NotCommitted, match=r"\.commit\(\)"):
        Waystation(workflows=[unfinished], store="memory://")
    with pytest.raises(NotCommitted, match=r"\.commit\(\)"):
        begun.then(unfinished).commit()


@behaviour("flow", "Two workflows of one id and version in one app are refused", verdict="new")
def test_two_workflows_of_one_id_are_refused() -> None:
    with pytest.raises(DuplicateWorkflow):
        Waystation(workflows=[inner, inner.clone(id="inner")], store="memory://")


@behaviour("flow", "A case that no key of a switch leads to is refused", verdict="new")
def test_an_unused_case_is_refused() -> None:
    def key(number: int) -> Literal["low", "high"]:
        return "low" if number < 5 else "high"

    with pytest.raises(UnusedBranchTarget, match="'hihg'"):
        begun.switch(key, {"low": add_one, "hihg": double}).commit()


@behaviour(
    "flow",
    "Two nodes whose types do not meet are refused, and the error names both",
    verdict="better",
    why="only the type checker may tell, not when it runs",
)
def test_types_that_do_not_meet_are_refused() -> None:
    with pytest.raises(TypesDoNotMeet) as caught:
        begun.then(add_one).then(shout).commit()
    for part in ("'add-one'", "int", "'shout'", "str"):
        assert part in caught.value.message


@behaviour(
    "flow", "A negative sleep, a sleep until a time without a zone, and a concurrency of 0 are refused", verdict="new"
)
@pytest.mark.parametrize(
    ("build", "kind"),
    [
        (lambda: begun.sleep(timedelta(seconds=-1)), InvalidDuration),
        (lambda: begun.sleep_until(datetime(2030, 1, 1)), DefinitionError),  # noqa: DTZ001  (that is what is refused)
        (lambda: begun.wait_for("paid", int, timeout=timedelta(0)), InvalidDuration),
        (lambda: workflow("w", input=list[int], output=list[int]).foreach(add_one, concurrency=0), InvalidConcurrency),
    ],
    ids=["negative sleep", "no time zone", "no timeout", "concurrency"],
)
def test_times_and_numbers_that_cannot_be_are_refused(build: Callable[[], Any], kind: type[DefinitionError]) -> None:
    with pytest.raises(kind):
        build().commit()
