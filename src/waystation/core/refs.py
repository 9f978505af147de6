"""References: how the journal's entries, and the state folded from them, speak of values without repeating them."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

Seq: TypeAlias = int
"""The number of an entry within its run, from 1."""

Millis: TypeAlias = int
"""Milliseconds since 1970-01-01 UTC."""


class Joined(msgspec.Struct, frozen=True, tag_field="kind", tag="joined"):
    """A value put together from others: the output of a parallel or branch, ``{id: output}``."""

    parts: dict[str, Ref]


class Listed(msgspec.Struct, frozen=True, tag_field="kind", tag="listed"):
    """A value put together from others: the output of a foreach, ``[output, ...]``."""

    parts: tuple[Ref, ...]


class Item(msgspec.Struct, frozen=True, tag_field="kind", tag="item"):
    """One item, from 0, of a list that is itself referred to."""

    of: Seq | Item
    index: int


class Null(msgspec.Struct, frozen=True, tag_field="kind", tag="null"):
    """JSON's null: what a child gives that failed and was allowed to."""


Ref: TypeAlias = Seq | Joined | Listed | Item | Null
"""A value by reference: the seq of the entry that holds it, or something made of such."""
