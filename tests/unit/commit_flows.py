"""Steps of several types to put together, rightly and wrongly."""

from __future__ import annotations

from typing import Any, TypedDict

import pytest
from pydantic import BaseModel

from waystation import step, workflow
from waystation.errors import DefinitionError


class Doc(BaseModel):
    title: str


class Counted(TypedDict):
    count: int


class Maybe(TypedDict):
    count: int | None
    to_text: str | None


@step
def count(doc: Doc) -> int:
    return len(doc.title)


@step
def to_text(number: int) -> str:
    return str(number)


@step(id="to_text")
def doc_text(doc: Doc) -> str:
    return doc.title


@step
def numbers(doc: Doc) -> list[int]:
    return [len(doc.title)]


@step
def more(number: int) -> int:
    return number + 1


@step
def take_all(texts: list[str]) -> int:
    return len(texts)


@step
def take_maybe(parts: Maybe) -> int:
    return parts["count"] or 0


@step
def take_counted(parts: Counted) -> int:
    return parts["count"]


@step
def take_any(value: int | str) -> int:
    return len(str(value))


counting = workflow("counting", input=Doc, output=int).then(count).commit()


@step
def take_anything(value: dict[str, int]) -> int:
    return len(value)


# The builders are typed; what no checker would let through is tried all the same, as many use none.
start: Any = workflow("flow", input=Doc, output=int)


def refused(building: Any, kind: type[DefinitionError], *words: str) -> None:
    with pytest.raises(kind) as caught:
        building.commit()
    assert type(caught.value) is kind
    for word in ("'flow'", *words):
        assert word in str(caught.value), str(caught.value)


def last(building: Any) -> Any:
    return building.commit().graph.root.children[-1]
