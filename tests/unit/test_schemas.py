"""Schemas: what goes in comes back the same, or is refused with the field's name."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import attrs
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, create_model

from waystation import DataError, schema_for
from waystation.errors import UnsupportedType

ROOT = Path(__file__).resolve().parents[2]

# ----------------------------------------------------------------------------- property tests

text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
LEAVES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (int, st.integers()),
    (float, st.floats(allow_nan=False, allow_infinity=False)),
    (bool, st.booleans()),
    (str, text),
    (type(None), st.none()),
    (date, st.dates()),
    (datetime, st.datetimes(timezones=st.just(timezone.utc))),
    (Decimal, st.decimals(allow_nan=False, allow_infinity=False, places=3, max_value=10**9, min_value=-(10**9))),
    (Literal["a", "b"], st.sampled_from(["a", "b"])),
    (timedelta, st.timedeltas(timedelta(days=-900), timedelta(days=900))),
]

Typed = tuple[Any, st.SearchStrategy[Any]]
_numbers = iter(range(10**9))


def _dataclass(name: str, hints: dict[str, Any]) -> type[object]:
    made: type[object] = dataclasses.make_dataclass(name, list(hints.items()))
    return made


def _struct(name: str, hints: dict[str, Any]) -> type[object]:
    made: type[object] = msgspec.defstruct(name, list(hints.items()))
    return made


def _attrs(name: str, hints: dict[str, Any]) -> type[object]:
    made: type[object] = attrs.make_class(name, {key: attrs.field(type=hint) for key, hint in hints.items()})
    return made


def _model(name: str, hints: dict[str, Any]) -> type[object]:
    fields: dict[str, Any] = {key: (hint, ...) for key, hint in hints.items()}
    made: type[object] = create_model(name, **fields)
    return made


MAKERS = {"model": _model, "dataclass": _dataclass, "struct": _struct, "attrs": _attrs}


def _of(kind: Any, *arguments: Any) -> Any:
    """``kind[arguments]``, made while it runs."""
    (one, *more) = arguments
    return kind[tuple(arguments) if more else one]


@st.composite
def typed_values(draw: st.DrawFn, family: str) -> tuple[Any, Any]:
    """A type, and a value of it. ``family`` is pydantic's or msgspec's: one type holds classes of one of them."""
    makers = ["model", "dataclass"] if family == "pydantic" else ["struct", "attrs"]

    def extend(inner: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
        lists = inner.map(lambda each: (_of(list, each[0]), st.lists(each[1], max_size=3)))
        dicts = inner.map(lambda each: (_of(dict, str, each[0]), st.dictionaries(text, each[1], max_size=3)))
        pairs = st.tuples(inner, inner).map(
            lambda two: (_of(tuple, two[0][0], two[1][0]), st.tuples(two[0][1], two[1][1]))
        )
        optionals = inner.map(lambda each: (each[0] | None, st.none() | each[1]))

        def classed(parts: tuple[str, list[Typed]]) -> Typed:
            maker, fields = parts
            cls = MAKERS[maker](f"Made{next(_numbers)}", {f"f{i}": hint for i, (hint, _) in enumerate(fields)})
            values = {f"f{i}": strategy for i, (_, strategy) in enumerate(fields)}
            return cls, st.fixed_dictionaries(values).map(lambda given: cls(**given))

        classes = st.tuples(st.sampled_from(makers), st.lists(inner, min_size=1, max_size=3)).map(classed)
        return lists | dicts | pairs | optionals | classes

    form, strategy = draw(st.recursive(st.sampled_from(LEAVES), extend, max_leaves=5))
    return form, draw(strategy)


json_data = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)

relaxed = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("family", ["pydantic", "msgspec"])
@relaxed
@given(data=st.data())
def test_any_value_of_any_type_comes_back_the_same(family: str, data: st.DataObject) -> None:
    form, value = data.draw(typed_values(family))
    schema = schema_for(form)
    back = schema.load(schema.dump(value))
    assert back == value
    assert type(back) is type(value)
    assert schema.dump(schema.validate(value)) == schema.dump(value)
    json.dumps(schema.json_schema())


@pytest.mark.parametrize("family", ["pydantic", "msgspec"])
@relaxed
@given(data=st.data())
def test_any_json_is_taken_and_comes_back_the_same_or_is_refused_as_bad_data(family: str, data: st.DataObject) -> None:
    form, _ = data.draw(typed_values(family))
    schema = schema_for(form)
    given_data = data.draw(json_data)
    try:
        value = schema.validate(given_data)
        written = schema.dump(value)
    except DataError as error:
        assert all(reason for _, reason in error.problems)  # noqa: PT017  (one of two right ends)
        return
    assert schema.load(written) == value
    assert schema.dump(schema.load(written)) == written


@relaxed
@given(junk=st.binary(max_size=40) | st.text(max_size=20).map(str.encode))
def test_bytes_that_are_no_fitting_json_are_refused_as_bad_data(junk: bytes) -> None:
    for form in (Model, Struct, dict[str, int]):
        try:
            schema_for(form).load(junk)
        except DataError:
            continue


# ----------------------------------------------------------------------------- bad data, by kind of schema


class Inner(BaseModel):
    number: int


class Model(BaseModel):
    name: str
    inner: list[Inner] = []


class Struct(msgspec.Struct):
    name: str
    inner: list[StructInner] = []


class StructInner(msgspec.Struct):
    number: int


@attrs.define
class Attrs:
    name: str
    inner: list[StructInner] = attrs.field(factory=list)


@dataclasses.dataclass
class Data:
    name: str
    inner: list[Inner] = dataclasses.field(default_factory=list)


KINDS: list[Any] = [Model, Struct, Attrs, Data]


@pytest.mark.parametrize("form", KINDS, ids=lambda form: form.__name__)
@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"name": 7}, "name"),
        ({}, "name"),
        ({"name": "n", "inner": [{"number": 1}, {"number": "x"}]}, "inner.1.number"),
        ({"name": "n", "inner": [{}]}, "inner.0.number"),
        ({"name": "n", "nmae": 1}, "nmae"),
        ({"name": "n", "inner": [{"number": 1, "extra": 2}]}, "inner.0.extra"),
        ({"name": "a\0b"}, "name"),
        ([], ""),
        (None, ""),
        (7, ""),
    ],
)
def test_bad_data_is_refused_by_its_field(form: Any, data: object, field: str) -> None:
    schema = schema_for(form)
    with pytest.raises(DataError) as caught:
        schema.dump(schema.validate(data))
    assert caught.value.field == field


@pytest.mark.parametrize("form", KINDS, ids=lambda form: form.__name__)
def test_a_value_of_another_type_is_refused_when_it_is_dumped(form: Any) -> None:
    class Sub(form):  # type: ignore[misc]  # a subclass would come back as its base
        pass

    schema = schema_for(form)
    for value in ({"name": "n"}, Sub("n") if form is not Model else Sub(name="n"), object(), None):
        with pytest.raises(DataError):
            schema.dump(value)


@pytest.mark.parametrize("form", KINDS, ids=lambda form: form.__name__)
def test_half_a_character_is_bad_data_for_every_kind(form: Any) -> None:
    schema = schema_for(form)
    with pytest.raises(DataError):
        schema.dump(schema.validate({"name": "a\ud800"}))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_has_no_number_for_is_refused(value: float) -> None:
    for form, given_value in ((float, value), (object, {"x": [value]}), (list[float], [value])):
        with pytest.raises(DataError):
            schema_for(form).dump(given_value)


def test_a_model_may_allow_or_ignore_unknown_fields_itself() -> None:
    class Open(BaseModel):
        model_config = ConfigDict(extra="allow")
        name: str

    class Lenient(BaseModel):
        model_config = ConfigDict(extra="ignore")
        name: str

    assert json.loads(schema_for(Open).dump(schema_for(Open).validate({"name": "n", "more": 1})))["more"] == 1
    assert schema_for(Lenient).validate({"name": "n", "more": 1}) == Lenient(name="n")


def test_data_is_taken_by_alias_and_by_name_and_kept_by_name() -> None:
    class Aliased(BaseModel):
        first_name: str = Field(alias="firstName")

    schema = schema_for(Aliased)
    by_alias, by_name = schema.validate({"firstName": "x"}), schema.validate({"first_name": "x"})
    assert by_alias == by_name
    assert schema.load(schema.dump(by_alias)) == by_alias


def test_constraints_hold() -> None:
    with pytest.raises(DataError, match="greater than"):
        schema_for(Annotated[int, Field(gt=3)]).validate(3)


@pytest.mark.parametrize("form", [lambda: None, open, "Unknown", object(), type("Plain", (), {})])
def test_what_no_schema_can_be_made_for_is_told(form: Any) -> None:
    with pytest.raises(UnsupportedType):
        schema_for(form)


def test_pydantic_and_msgspec_classes_do_not_mix_in_one_type() -> None:
    with pytest.raises(UnsupportedType, match=r"mixes Struct.*Model"):
        schema_for(dict[str, Struct | Model])


# ----------------------------------------------------------------------------- fingerprints


def test_a_shape_changes_with_the_fields_and_not_with_names_and_words() -> None:
    def shape_of(name: str, **fields: Any) -> str:
        return schema_for(create_model(name, **fields)).shape

    same = shape_of("First", number=(int, ...), words=(str, Field(description="one thing")))
    assert shape_of("Renamed", number=(int, ...), words=(str, Field(description="other words"))) == same
    for other in (
        {"number": (int, ...)},
        {"number": (str, ...), "words": (str, ...)},
        {"number": (int, 7), "words": (str, ...)},
        {"number": (int, ...), "texts": (str, ...)},
    ):
        assert shape_of("First", **other) != same


def test_fingerprints_are_the_same_in_every_process() -> None:
    script = (
        "from tests.unit.test_schemas import KINDS; from waystation import schema_for;"
        "print([(schema_for(k).fingerprint, schema_for(k).shape) for k in [*KINDS, set[str], dict[str, int | None]]])"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(said) == 1
