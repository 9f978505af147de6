"""Whether a value came back from JSON the same."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from datetime import datetime, time
from typing import cast

import msgspec
from pydantic import BaseModel

from waystation.schema.limits import join


def difference(given: object, back: object, path: str = "") -> tuple[str, str] | None:
    """Where and how ``back`` is not ``given``; None if they are the same in value and type.

    An int where a float is declared is let through: Python's type rules say that it fits.
    """
    if isinstance(given, float) and not math.isfinite(given):
        return path, f"is {given}, which JSON cannot hold"
    if type(given) is not type(back):
        if type(given) is int and type(back) is float and given == back:
            return None
        return path, (
            f"is a {type(given).__qualname__}, and would come back as a {type(back).__qualname__}: "
            "return just the declared type, or declare the one you return"
        )
    parts = _parts(given)
    if parts is None:
        return None if _equal(given, back) else (path, "would not come back from JSON as the same value")
    given_parts, back_parts = dict(parts), dict(_parts(back) or ())
    if len(given_parts) != len(back_parts):
        return path, f"has {len(given_parts)} parts, of which {len(back_parts)} would come back"
    for key, part in given_parts.items():
        where = join(path, key)
        if key not in back_parts:
            return where, "would not come back from JSON"
        if (found := difference(part, back_parts[key], where)) is not None:
            return found
    return None


def _parts(value: object) -> Iterator[tuple[object, object]] | None:
    """What a value is made of; None if it is one piece, to be compared as it is."""
    if isinstance(value, Mapping):
        return iter(cast("Mapping[object, object]", value).items())
    if isinstance(value, (list, tuple)):
        return enumerate(cast("list[object]", value))
    if isinstance(value, BaseModel):
        names = [*type(value).model_fields, *(value.model_extra or ())]
    elif isinstance(value, msgspec.Struct):
        names = list(value.__struct_fields__)
    elif dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
    elif (attributes := getattr(type(value), "__attrs_attrs__", None)) is not None:
        names = [attribute.name for attribute in attributes]
    else:
        return None
    return ((name, getattr(value, name, None)) for name in names)


def _equal(given: object, back: object) -> bool:
    if isinstance(given, (datetime, time)) and isinstance(back, (datetime, time)):
        # Two times in one zone compare by the clock on the wall, in two zones by the instant, and around a
        # change of daylight time never as equal: so compare what JSON keeps.
        return given.isoformat() == back.isoformat()
    return given == back
