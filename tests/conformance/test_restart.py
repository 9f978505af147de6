"""Values have the same Python type before and after a restart, for every kind of schema."""

from __future__ import annotations

import dataclasses
import enum
import uuid
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple

import attrs
import msgspec
import pytest
from pydantic import BaseModel
from typing_extensions import TypedDict

from tests.conformance.apps import Place
from tests.conformance.behaviours import behaviour
from waystation import Step, StepContext, create_step, step, workflow

pytestmark = pytest.mark.anyio


class Colour(enum.Enum):
    RED = "red"


class Model(BaseModel):
    at: datetime
    price: Decimal
    colour: Colour
    tags: frozenset[str] = frozenset()
    inner: list[Model] = []


@dataclasses.dataclass
class Data:
    day: date
    pair: tuple[int, str]


class Dict(TypedDict):
    name: str
    model: Model


class Struct(msgspec.Struct):
    key: uuid.UUID
    days: set[date]


@attrs.define
class Attrs:
    name: str
    many: list[int]


class Pair(NamedTuple):
    left: int
    right: str


MODEL = Model(
    at=datetime(2026, 1, 2, tzinfo=timezone.utc), price=Decimal("1.10"), colour=Colour.RED, tags=frozenset("a")
)

VALUES: dict[str, tuple[Any, object]] = {
    "model": (Model, MODEL),
    "nested model": (Model, MODEL.model_copy(update={"inner": [MODEL]})),
    "dataclass": (Data, Data(date(2026, 1, 2), (1, "x"))),
    "typed dict": (Dict, Dict(name="n", model=MODEL)),
    "struct": (Struct, Struct(uuid.UUID(int=7), {date(2026, 1, 2)})),
    "attrs": (Attrs, Attrs("n", [1, 2])),
    "named tuple": (Pair, Pair(1, "x")),
    "int": (int, 2**70),
    "float": (float, 0.1),
    "bool": (bool, True),
    "str": (str, "ü ☃ \U0001f600"),
    "none": (type(None), None),
    "bytes": (bytes, b"plain text"),
    "timedelta": (timedelta, timedelta(days=1, microseconds=3)),
    "optional": (int | None, None),
    "union of models": (Data | Model, MODEL),
    "union of primitives": (int | str, "7"),
    "list of models": (list[Model], [MODEL, MODEL]),
    "list of structs": (list[Struct], [Struct(uuid.UUID(int=7), set())]),
    "dict": (dict[str, list[Decimal]], {"a": [Decimal("0.10")]}),
    "dict with keys": (dict[int, date], {7: date(2026, 1, 2)}),
    "tuple": (tuple[int, str], (1, "x")),
    "set": (set[int], {1, 2}),
    "anything": (object, {"a": [1, 2.5, "x", None, True]}),
}


def parts(value: object) -> object:
    """The types all the way down."""
    if isinstance(value, dict):
        return type(value), {key: parts(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value), [parts(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return type(value), {parts(item) for item in value}
    return type(value)


@behaviour(
    "data",
    "A value has the same type in the next step before and after a restart",
    verdict="better",
    model=(70,),
    why="dates and maps become strings and objects",
)
@pytest.mark.parametrize("name", VALUES)
async def test_a_value_is_the_same_and_of_the_same_type_in_the_next_step_before_and_after_a_restart(
    name: str, place: Place
) -> None:
    form, value = VALUES[name]
    seen: list[object] = []

    async def give(_: int) -> object:
        return value

    async def look(given: object, ctx: StepContext[str, bool]) -> object:
        seen.append(given)
        if ctx.resume_data is None:
            await ctx.suspend("look")
        return given

    giving: Step[int, object] = create_step(id="give", input=int, output=form, execute=give)
    looking: Step[object, object] = create_step(
        id="look", input=form, output=form, suspend=str, resume=bool, execute=look
    )
    flow = workflow("flow", input=int, output=form).then(giving).then(looking).commit()
    async with place.app(flow) as app:
        run = await app.get_workflow(flow).create_run(run_id="r1")
        assert (await run.start(1)).status == "suspended"
    async with place.app(flow) as app:
        result = await (await app.get_run("r1")).resume(data=True)
        assert result.status == "success"
        seen.append(result.result)
    async with place.app(flow) as app:
        again = await (await app.get_run("r1")).result()
        assert again.status == "success"
        seen.append(again.result)
    assert len(seen) == 4
    for each in seen:
        assert each == value
        assert parts(each) == parts(value)


@behaviour(
    "data",
    "Question and answer have their types after a restart",
    verdict="better",
    model=(70,),
    why="they are plain JSON",
)
@pytest.mark.parametrize("name", ["model", "dataclass", "struct", "attrs", "typed dict", "union of models"])
async def test_what_was_asked_and_answered_has_its_type_after_a_restart(name: str, place: Place) -> None:
    form, value = VALUES[name]
    seen: list[object] = []

    async def ask(_: int, ctx: StepContext[object, object]) -> bool:
        if ctx.resume_data is None:
            await ctx.suspend(value)
        seen.extend([ctx.resume_data, ctx.suspend_data])
        return True

    asking: Step[int, bool] = create_step(id="ask", input=int, output=bool, suspend=form, resume=form, execute=ask)
    flow = workflow("flow", input=int, output=bool).then(asking).commit()
    async with place.app(flow) as app:
        await (await app.get_workflow(flow).create_run(run_id="r1")).start(1)
    async with place.app(flow) as app:
        (suspension,) = await app.pending()
        seen.append(suspension.payload)
        assert (await (await app.get_run("r1")).resume(data=value)).status == "success"
    assert len(seen) == 3
    for each in seen:
        assert each == value
        assert parts(each) == parts(value)


@behaviour("data", "What ctx.once recorded has its type after a restart", verdict="new")
async def test_what_once_recorded_has_its_type_after_a_restart(place: Place) -> None:
    seen: list[object] = []
    made: list[object] = []

    def make() -> Model:
        made.append(MODEL)
        return MODEL

    @step(suspend=str, resume=bool)
    async def ask(_: int, ctx: StepContext[str, bool]) -> bool:
        seen.append(await ctx.once("make", make))
        if ctx.resume_data is None:
            await ctx.suspend("look")
        return True

    flow = workflow("flow", input=int, output=bool).then(ask).commit()
    async with place.app(flow) as app:
        await (await app.get_workflow(flow).create_run(run_id="r1")).start(1)
    async with place.app(flow) as app:
        await (await app.get_run("r1")).resume(data=True)
    assert seen == [MODEL, MODEL]
    assert made == [MODEL], "the effect was not repeated"
