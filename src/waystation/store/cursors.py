"""Cursors of ``list_runs``: the place of the last run of a page, as text."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple

from waystation.core.refs import Millis
from waystation.errors import DataError

_FORM = re.compile(rb"(-?\d{1,18})\.(\d{1,18})")


class Place(NamedTuple):
    """Where a run stands in the order of lists: by when it was created, then by the store's own number for it."""

    created_at: Millis
    number: int


def encode_cursor(place: Place) -> str:
    """The place as text for a caller to hand back."""
    return urlsafe_b64encode(b"%d.%d" % place).decode("ascii").rstrip("=")


def decode_cursor(cursor: str) -> Place:
    """The place that ``encode_cursor`` was given.

    Raises:
        DataError: the text is not a cursor.
    """
    try:
        found = _FORM.fullmatch(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        found = None
    if found is None:
        raise DataError([("cursor", f"{cursor!r} is not a cursor that a list of runs gave")])
    return Place(int(found[1]), int(found[2]))
