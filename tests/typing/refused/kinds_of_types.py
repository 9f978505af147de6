"""Kinds of types other than pydantic models are refused just as well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

import attrs
import msgspec

from waystation import Schema, StepContext, schema_for, step, workflow


class Movie(TypedDict):
    title: str


class Book(TypedDict):
    isbn: str


@dataclass
class Point:
    x: int


class Struct(msgspec.Struct):
    name: str


@attrs.define
class Attrs:
    name: str


@step
async def to_book(movie: Movie) -> Book:
    return {"isbn": movie["title"]}


@step
async def to_point(movie: Movie) -> Point:
    return Point(len(movie["title"]))


@step
async def to_struct(point: Point) -> Struct:
    return Struct(str(point.x))


@step
async def to_attrs(struct: Struct) -> Attrs:
    return Attrs(struct.name)


@step
async def to_union(movie: Movie) -> Point | Struct:
    return Point(1) if movie else Struct("")


@step
async def to_list(movie: Movie) -> list[Point]:
    return [Point(len(movie["title"]))]


@step
async def from_list(texts: list[str]) -> int:
    return len(texts)


movies = workflow("movies", input=Movie, output=Attrs)
movies.then(to_book).then(to_point)  # refused
movies.then(to_point).then(to_attrs)  # refused
movies.then(to_struct)  # refused
movies.then(to_union).then(to_struct)  # refused
movies.then(to_list).then(from_list)  # refused
movies.then(to_point).commit()  # refused
movies.then(to_point).then(to_struct).then(to_attrs).then(to_struct)  # refused

wrong: Schema[str] = schema_for(Movie)  # refused
schema_for(Point).dump("x")  # refused
text: str = schema_for(Struct).load(b"{}")  # refused


@step(suspend=Movie, resume=Point)
async def asks(point: Point, ctx: StepContext[Movie, Point]) -> int:
    if ctx.resume_data is None:
        await ctx.suspend({"titel": "x"})  # refused
    if point.x:
        await ctx.suspend(Struct("x"))  # refused
    return ctx.resume_data.y  # refused
