"""Every kind of type that a schema is made of is as well typed as a pydantic model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Literal, TypedDict

import attrs
import msgspec
from pydantic import Field
from typing_extensions import assert_type

from waystation import Schema, Step, StepContext, Workflow, create_step, schema_for, step, workflow


class Movie(TypedDict):
    title: str
    year: int


@dataclass
class Point:
    x: int
    y: int


class Struct(msgspec.Struct):
    name: str


@attrs.define
class Attrs:
    name: str


class Colour(Enum):
    RED = "red"


@dataclass
class Cat:
    kind: Literal["cat"]


@dataclass
class Dog:
    kind: Literal["dog"]


@step
async def from_typed_dict(movie: Movie) -> Point:
    return Point(movie["year"], 0)


@step
async def from_dataclass(point: Point) -> Struct:
    return Struct(str(point.x))


@step
async def from_struct(struct: Struct) -> Attrs:
    return Attrs(struct.name)


@step
async def from_attrs(given: Attrs) -> Cat | Dog:
    return Cat("cat") if given.name else Dog("dog")


@step
async def from_union(pet: Cat | Dog) -> Colour | None:
    return Colour.RED if pet.kind == "cat" else None


@step(suspend=Movie, resume=Point)
async def ask_in_kinds(colour: Colour | None, ctx: StepContext[Movie, Point]) -> dict[str, Decimal]:
    if ctx.resume_data is None:
        await ctx.suspend({"title": str(colour), "year": 1})
    return {"x": Decimal(ctx.resume_data.x)}


@step(suspend=Struct, resume=Attrs | None)
async def ask_by_msgspec(parts: dict[str, Decimal], ctx: StepContext[Struct, Attrs | None]) -> list[datetime]:
    if ctx.resume_data is None:
        await ctx.suspend(Struct(str(parts)))
    assert_type(ctx.resume_data, Attrs)
    return []


all_kinds = (
    workflow("kinds", input=Movie, output=list[datetime])
    .then(from_typed_dict)
    .then(from_dataclass)
    .then(from_struct)
    .then(from_attrs)
    .then(from_union)
    .then(ask_in_kinds)
    .then(ask_by_msgspec)
    .commit()
)
assert_type(all_kinds, Workflow[Movie, list[datetime]])

assert_type(schema_for(Cat | Dog), Schema[Cat | Dog])
assert_type(schema_for(list[int]).load(b"[1]"), list[int])
assert_type(schema_for(Movie).validate({"title": "x", "year": 1}), Movie)
assert_type(schema_for(Annotated[int, Field(gt=0)]).validate(1), int)
assert_type(create_step(id="n", input=int, output=int | None, execute=lambda n: n or None), Step[int, int | None])
