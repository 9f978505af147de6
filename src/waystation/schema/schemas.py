"""Which library makes the schema of a type."""

from __future__ import annotations

import inspect
import sys
import types
import typing
from collections.abc import Iterator
from typing import Any, TypeVar, cast

import msgspec
import typing_extensions
from typing_extensions import TypeForm

from waystation.errors import UnsupportedType
from waystation.schema.msgspec_schema import MsgspecSchema
from waystation.schema.names import type_name
from waystation.schema.protocol import Schema
from waystation.schema.pydantic_schema import PydanticSchema

T = TypeVar("T")

_known: dict[object, Schema[Any]] = {}


def schema_for(form: TypeForm[T], /) -> Schema[T]:
    """The schema of a type. Equal types share one.

    Types that hold a msgspec Struct or an attrs class go by msgspec, all others by pydantic. ``object`` and ``Any``
    stand for plain JSON data.

    Raises:
        UnsupportedType: neither library knows it, it cannot be told in JSON, or it mixes the two libraries' classes.

    Example:
        ``schema_for(list[int]).dump([1, 2])`` gives ``b"[1,2]"``.
    """
    try:
        known = _known.get(form)
    except TypeError:  # some annotations cannot be hashed
        return _made(form)
    if known is None or not _same_form(known.type, form):
        known = _known[form] = _made(form)
    return cast("Schema[T]", known)


def _same_form(first: object, second: object) -> bool:
    """Whether two forms that are equal also read the same: ``int | str`` equals ``str | int``."""
    return first is second or repr(first) == repr(second)


def _made(form: TypeForm[T]) -> Schema[T]:
    if inspect.isroutine(form):
        raise UnsupportedType(f"{form!r} is a function, not a type")
    classes = list(_classes(form))
    for_msgspec = [cls for cls in classes if _is_for_msgspec(cls)]
    if not for_msgspec:
        return PydanticSchema(form, _adapted(form))
    for cls in classes:
        if hasattr(cls, "__pydantic_validator__"):
            raise UnsupportedType(
                f"type {type_name(form)} mixes {type_name(for_msgspec[0])}, which msgspec reads, with "
                f"{type_name(cls)}, which pydantic reads; make both of one kind"
            )
    return MsgspecSchema(form)


def _classes(form: object) -> Iterator[type]:
    """The classes a type form is made of."""
    for argument in cast("tuple[object, ...]", typing.get_args(form)):
        yield from _classes(argument)
    if isinstance(form, typing_extensions.TypeAliasType):
        yield from _classes(form.__value__)
    origin = typing.get_origin(form) or form
    if isinstance(origin, type):
        yield origin


def _is_for_msgspec(cls: type[object]) -> bool:
    return issubclass(cls, msgspec.Struct) or "__attrs_attrs__" in vars(cls)


def _adapted(form: object) -> object:
    """What pydantic takes for a form. Before Python 3.12 it cannot read a ``typing.TypedDict``, whose class does not
    keep what it needs; the same one from ``typing_extensions`` is read."""
    if sys.version_info >= (3, 12):
        return form
    if typing.is_typeddict(form) and not typing_extensions.is_typeddict(form):
        return _retyped(cast("type", form))
    if type(form).__module__ == "typing" and typing.is_typeddict(form):
        return _retyped(cast("type", form))
    arguments: tuple[object, ...] = typing.get_args(form)
    if not arguments or typing.get_origin(form) in (typing.Literal, typing.Annotated):
        return form
    adapted = tuple(_adapted(argument) for argument in arguments)
    if all(new is old for new, old in zip(adapted, arguments, strict=True)):
        return form
    if isinstance(form, types.UnionType):
        return typing.Union[adapted]
    return typing.get_origin(form)[adapted]  # type: ignore[index]  # what has arguments can be given others


def _retyped(form: type) -> object:
    required: frozenset[str] = getattr(form, "__required_keys__", frozenset())
    fields = {
        name: _field(_adapted(hint), required=name in required)
        for name, hint in typing_extensions.get_type_hints(form, include_extras=True).items()
    }
    # Made by its functional form: the fields are known only here.
    made: Any = typing_extensions.TypedDict(form.__name__, fields)  # type: ignore[misc]  # mypy reads only literal ones
    made.__module__, made.__qualname__, made.__doc__ = form.__module__, form.__qualname__, form.__doc__
    return made


def _field(hint: object, *, required: bool) -> object:
    if typing.get_origin(hint) in (typing_extensions.Required, typing_extensions.NotRequired):
        return hint
    marker = typing_extensions.Required if required else typing_extensions.NotRequired
    return marker[hint]
