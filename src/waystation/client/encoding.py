"""What goes to the server, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, cast

import msgspec
from pydantic import BaseModel
from typing_extensions import TypeForm

from waystation.errors import DataError
from waystation.schema import schema_for

Json: TypeAlias = Mapping[str, object]
"""The fields of a JSON object; those that are None are left out."""


def json_of(value: object, kind: type[DataError], *, address: str) -> msgspec.Raw:
    """A value as JSON: plain data, models, dataclasses, Structs, attrs classes, and what holds such.

    Raises:
        DataError: of ``kind``: it cannot be written so.
    """
    try:
        return msgspec.Raw(msgspec.json.encode(value, enc_hook=_model))
    except DataError as error:
        raise kind(error.problems, address=address) from None
    except RecursionError:
        raise kind([("", "is nested too deep, or in a circle")], address=address) from None
    except (TypeError, ValueError, OverflowError) as error:
        text = str(error).encode("utf-8", "backslashreplace").decode()
        raise kind([("", f"cannot be written as JSON: {text}")], address=address) from None


def _model(value: object) -> object:
    if isinstance(value, BaseModel):
        return msgspec.Raw(schema_for(cast("TypeForm[object]", type(value))).dump(value))
    raise TypeError(f"a {type(value).__qualname__} is no JSON; give plain data, or a value of the workflow's own type")
