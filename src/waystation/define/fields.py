"""The fields of a class, whichever library it is of."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import msgspec
import typing_extensions
from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class Field:
    """A field.

    Attributes:
        type: its type form.
        required: whether it must be given.
        keys: by which keys its value may be given: its name, its alias.
    """

    type: object
    required: bool
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a class by name; ``open`` if it says itself that there may be others."""

    fields: Mapping[str, Field]
    open: bool = False


def fields_of(form: object) -> Fields | None:
    """The fields of a TypedDict, pydantic model, dataclass, msgspec Struct or attrs class; None if it is none."""
    found_class: object = typing.get_origin(form) or form
    if not isinstance(found_class, type):
        return None
    cls = cast("type[object]", found_class)
    if issubclass(cls, BaseModel):
        return _of_model(cls)
    if issubclass(cls, msgspec.Struct):
        found = msgspec.structs.fields(cls)
        return Fields({field.name: Field(field.type, field.required, (field.encode_name,)) for field in found})
    hints = _hints(cls)
    required: frozenset[str] | None = getattr(cls, "__required_keys__", None)
    if required is not None and dict in cls.__mro__:
        return Fields(
            {name: Field(_bare(hint), _is_required(hint, name in required), (name,)) for name, hint in hints.items()}
        )
    if dataclasses.is_dataclass(cls):
        return Fields(
            {
                field.name: Field(
                    hints.get(field.name, field.type),
                    field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
                    (field.name,),
                )
                for field in dataclasses.fields(cls)
                if field.init
            }
        )
    attributes: Any = vars(cls).get("__attrs_attrs__")
    if attributes is None:
        return None
    return Fields(
        {
            attribute.name: Field(
                hints.get(attribute.name, object), repr(attribute.default) == "NOTHING", (attribute.name,)
            )
            for attribute in attributes
        }
    )


def _of_model(cls: type[BaseModel]) -> Fields:
    fields: dict[str, Field] = {}
    for name, field in cls.model_fields.items():
        aliases = [alias for alias in (field.alias, field.validation_alias) if isinstance(alias, str)]
        fields[name] = Field(field.annotation, field.is_required(), (name, *aliases))
    return Fields(fields, open=cls.model_config.get("extra") in ("allow", "ignore"))


def _hints(cls: type[object]) -> dict[str, object]:
    try:
        return typing_extensions.get_type_hints(cls, include_extras=True)
    except (NameError, TypeError):
        return {}


def _is_required(hint: object, by_class: bool) -> bool:  # noqa: FBT001  (what the class says)
    """Whether a TypedDict's field is required. The class itself cannot tell when its annotations are texts, as under
    ``from __future__ import annotations``: then it has not seen what they say."""
    while (origin := typing_extensions.get_origin(hint)) is not None:
        if origin is typing_extensions.Required or origin is typing_extensions.NotRequired:
            return origin is typing_extensions.Required
        if origin is not typing_extensions.ReadOnly:
            break
        hint = typing_extensions.get_args(hint)[0]
    return by_class


def _bare(hint: object) -> object:
    """A TypedDict's field without ``Required[...]`` and its like."""
    while typing_extensions.get_origin(hint) in (
        typing_extensions.Required,
        typing_extensions.NotRequired,
        typing_extensions.ReadOnly,
    ):
        hint = typing_extensions.get_args(hint)[0]
    return hint
