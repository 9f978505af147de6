"""The type of what a pydantic-ai agent gives, read from how its output was declared."""

from __future__ import annotations

import typing
from collections.abc import Callable, Sequence
from functools import reduce
from typing import cast

from waystation.errors import UnsupportedType


def output_form(agent_name: str, declared: object) -> object:
    """The one type form behind an agent's ``output_type``.

    A declaration may be a type, a function that makes the output, one of pydantic-ai's markers
    (``ToolOutput``, ``NativeOutput``, ``PromptedOutput``, ``TextOutput``) around either, or a list of these.

    Raises:
        UnsupportedType: the type cannot be told from the declaration.
    """
    forms: list[object] = []
    for form in _each(agent_name, declared):
        if form not in forms:
            forms.append(form)
    if not forms:
        raise UnsupportedType(f"agent {agent_name!r} declares no output type; give output= to create_step")
    return reduce(_or, forms)


def _or(one: object, other: object) -> object:
    # The forms are types or type forms, all of which know ``|``; their common type does not say so.
    return cast("type", one) | cast("type", other)


def _each(agent_name: str, declared: object) -> list[object]:
    # By attribute, not by class: the markers moved between modules of pydantic-ai before, these attributes did not.
    if isinstance(declared, Sequence) and not isinstance(declared, str):
        return [form for part in cast("Sequence[object]", declared) for form in _each(agent_name, part)]
    for attribute in ("outputs", "output", "output_function"):
        if not isinstance(declared, type) and hasattr(declared, attribute):
            return _each(agent_name, getattr(declared, attribute))
    if isinstance(declared, type) or typing.get_origin(declared) is not None:
        return [declared]
    if callable(declared):
        return [_returned(agent_name, declared)]
    raise UnsupportedType(
        f"what agent {agent_name!r} gives cannot be told from its output_type {declared!r}; give output= to create_step"
    )


def _returned(agent_name: str, function: Callable[..., object]) -> object:
    hints = typing.get_type_hints(function, include_extras=True)
    if "return" not in hints:
        raise UnsupportedType(
            f"agent {agent_name!r} makes its output with {function!r}, which does not annotate what it returns; "
            "annotate it, or give output= to create_step"
        )
    return hints["return"]
