"""Types in words."""

from __future__ import annotations

import types
import typing

from typing_extensions import TypeAliasType

_NO_ARGUMENTS: tuple[object, ...] = ()


def type_name(form: object) -> str:
    """A type form as a person would write it: ``Doc``, ``list[int]``, ``Doc | None``."""
    if form is None or form is type(None):
        return "None"
    if form is ...:
        return "..."
    origin = typing.get_origin(form)
    arguments: tuple[object, ...] = typing.get_args(form)
    if origin is typing.Annotated:
        return type_name(arguments[0])
    if origin is typing.Literal:
        return f"Literal[{', '.join(map(repr, arguments))}]"
    if origin in (typing.Union, types.UnionType):
        return " | ".join(map(type_name, arguments))
    if origin is not None and arguments:
        return f"{type_name(origin)}[{', '.join(map(type_name, arguments))}]"
    if isinstance(form, (type, TypeAliasType, typing.NewType)):
        name = form.__name__ if not isinstance(form, type) else form.__qualname__
        return name.rpartition("<locals>.")[2]
    return repr(form).removeprefix("typing.")
