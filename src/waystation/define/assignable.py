"""Whether a value of one type may go where another is wanted: the rule of type checkers, for types found at run time.

It is somewhat stricter than they are where JSON is: a ``bool`` does not go for an ``int``, nor a ``datetime`` for a
``date``, as what is read back would be another value.
"""

from __future__ import annotations

import collections.abc
import datetime as dt
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, cast

from typing_extensions import TypeAliasType

from waystation.define.fields import fields_of
from waystation.schema import type_name

_Form: TypeAlias = object
_UNIONS: tuple[object, ...] = (typing.Union, types.UnionType)


def meets(output: _Form, wanted: _Form) -> bool:
    """Whether every value of type ``output`` is one of type ``wanted``. ``Any`` meets everything: its values are
    checked when they come."""
    output, wanted = _plain(output), _plain(wanted)
    if output == wanted or Any in (output, wanted) or wanted is object:
        return True
    if is_union(output):
        return all(meets(part, wanted) for part in typing.get_args(output))
    if is_union(wanted):
        return any(meets(output, part) for part in typing.get_args(wanted))
    if typing.get_origin(output) is Literal:
        return all(_value_meets(value, wanted) for value in typing.get_args(output))
    if isinstance(output, typing.NewType):
        return meets(output.__supertype__, wanted)
    if _is_typed_dict(output):
        return _typed_dict_meets(output, wanted)
    return _class_meets(output, wanted)


def _plain(form: _Form) -> _Form:
    """A form without what does not tell types apart."""
    while True:
        if typing.get_origin(form) is typing.Annotated:
            form = typing.get_args(form)[0]
        elif isinstance(form, TypeAliasType):
            form = form.__value__
        else:
            return type(None) if form is None else form


def is_union(form: _Form) -> bool:
    """Whether a form is ``A | B``, however that is written."""
    return typing.get_origin(form) in _UNIONS


def _is_typed_dict(form: _Form) -> bool:
    return isinstance(form, type) and issubclass(form, dict) and hasattr(cast("type[object]", form), "__total__")


def _value_meets(value: object, wanted: _Form) -> bool:
    if typing.get_origin(wanted) is Literal:
        return any(type(value) is type(choice) and value == choice for choice in typing.get_args(wanted))
    return meets(type(value), wanted)


def _class_meets(output: _Form, wanted: _Form) -> bool:
    given, want = typing.get_origin(output) or output, typing.get_origin(wanted) or wanted
    if not isinstance(given, type) or not isinstance(want, type) or _is_typed_dict(want):
        return False
    if given is not want and not _is_subclass(given, want):
        return False
    given_args: tuple[object, ...] = typing.get_args(output)
    want_args: tuple[object, ...] = typing.get_args(wanted)
    if not want_args or not given_args:
        return True
    if given is tuple and want is tuple:
        return _tuple_meets(given_args, want_args)
    if given is tuple:
        given_args = (typing.Union[tuple(part for part in given_args if part is not ...)],)
    return len(given_args) == len(want_args) and all(map(meets, given_args, want_args))


def _is_subclass(given: type, want: type) -> bool:
    if want is float and given is int:
        return True
    if given is bool and want is not object:
        return False
    if given is dt.datetime and want is dt.date:
        return False
    if issubclass(given, (str, bytes)) and want.__module__ == "collections.abc":
        return False  # a text is a sequence of texts to Python, and one text in JSON
    try:
        return issubclass(given, want)
    except TypeError:  # a protocol with fields
        return False


def _tuple_meets(given: tuple[object, ...], want: tuple[object, ...]) -> bool:
    if want[-1] is ...:
        return all(meets(part, want[0]) for part in given if part is not ...)
    return given[-1] is not ... and len(given) == len(want) and all(map(meets, given, want))


def _typed_dict_meets(output: _Form, wanted: _Form) -> bool:
    given = fields_of(output)
    assert given is not None, "a TypedDict has fields"
    if _is_typed_dict(wanted):
        want = fields_of(wanted)
        assert want is not None, "a TypedDict has fields"
        return all(
            name in given.fields
            and meets(given.fields[name].type, field.type)
            and given.fields[name].required >= field.required
            for name, field in want.fields.items()
        )
    origin = typing.get_origin(wanted) or wanted
    if origin not in (dict, Mapping, collections.abc.MutableMapping):
        return False
    arguments: tuple[object, ...] = typing.get_args(wanted) or (str, object)
    return meets(str, arguments[0]) and all(meets(field.type, arguments[1]) for field in given.fields.values())


# --------------------------------------------------------------------------- lists


def item_types(form: object) -> list[object] | None:
    """The types of the items of a list, for a foreach: several for a union of lists; None if a value of that type may
    be no list. What is not said is ``Any``."""
    form = _plain(form)
    if form is Any:
        return [Any]
    if is_union(form):
        of_parts = [item_types(part) for part in typing.get_args(form)]
        return None if None in of_parts else [item for items in of_parts for item in items or ()]
    if isinstance(form, typing.NewType):
        return item_types(form.__supertype__)
    origin = typing.get_origin(form) or form
    arguments: tuple[object, ...] = typing.get_args(form)
    if not isinstance(origin, type) or issubclass(origin, (str, bytes)):
        return None
    if origin is tuple:
        return [part for part in arguments if part is not ...] or [Any]
    if not issubclass(origin, collections.abc.Sequence):
        return None
    return list(arguments[:1]) or [Any]


# --------------------------------------------------------------------------- what a parallel or branch gives


def keyed_meets(parts: Mapping[str, object], wanted: object, *, optional: bool) -> list[str]:
    """Why ``{id: output}`` may not go where ``wanted`` is; no lines if it may.

    Arguments:
        parts: the types of the outputs by id.
        wanted: a dict, a TypedDict, or a class with fields.
        optional: whether any of the parts may be missing, as after a branch.
    """
    wanted = _plain(wanted)
    if wanted is object or wanted is Any:
        return []
    if is_union(wanted):
        tried = [keyed_meets(parts, choice, optional=optional) for choice in typing.get_args(wanted)]
        return min(tried, key=len)
    origin = typing.get_origin(wanted) or wanted
    if origin in (dict, Mapping, collections.abc.MutableMapping) and not _is_typed_dict(wanted):
        return _keyed_meets_dict(parts, cast("tuple[object, ...]", typing.get_args(wanted)))
    found = fields_of(wanted)
    if found is None:
        return [f"{type_name(wanted)} has no keys"]
    problems: list[str] = []
    taken: set[str] = set()
    for name, field in found.fields.items():
        key = next((key for key in field.keys if key in parts), None)
        if key is None:
            if field.required:
                problems.append(f"{type_name(wanted)} needs {name!r}, and no step has that id")
            continue
        taken.add(key)
        if not meets(parts[key], field.type):
            problems.append(
                f"step {key!r} gives {type_name(parts[key])}, and {type_name(wanted)} has {type_name(field.type)} there"
            )
        elif optional and field.required:
            problems.append(f"{type_name(wanted)} needs {key!r}, which is missing if its condition is not true")
    if not found.open:
        problems += [f"{type_name(wanted)} has no field for step {key!r}" for key in parts if key not in taken]
    return problems


def _keyed_meets_dict(parts: Mapping[str, object], arguments: tuple[object, ...]) -> list[str]:
    if not arguments:
        return []
    key_type, value_type = arguments
    problems: list[str] = []
    if not meets(str, key_type) and not all(_value_meets(key, _plain(key_type)) for key in parts):
        problems.append(f"its keys are {type_name(key_type)}, and those of the block are the ids of steps")
    return problems + [
        f"step {key!r} gives {type_name(part)}, and its values are {type_name(value_type)}"
        for key, part in parts.items()
        if not meets(part, value_type)
    ]
