"""Ids: what may name a step, a block or a workflow."""

from __future__ import annotations

import re

from waystation.errors import InvalidId

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def checked_id(what: str, id_: object) -> str:
    """``id_``, if it may be one: ids become parts of addresses, where ``/ [ ] #`` have a meaning.

    Raises:
        InvalidId: naming ``what`` and the id.
    """
    if not isinstance(id_, str) or not _ID.fullmatch(id_):
        raise InvalidId(f"{what} cannot have the id {id_!r}. {InvalidId.__doc__}")
    return id_


def id_from_name(name: str) -> str:
    """The id a function gets when none is given: its name, with dashes for underscores."""
    return name.strip("_").replace("_", "-")
