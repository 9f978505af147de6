"""What any value must keep to, whatever its type, to be written to a journal."""

from __future__ import annotations

from typing import cast

import msgspec

from waystation.errors import DataError
from waystation.json_depth import is_deeper

MOST_BYTES = 4 * 1024 * 1024
"""The largest value, as JSON. Larger things belong in a file or an object store, with their address in the run."""

MOST_DEPTH = 100
"""The deepest nesting of arrays and objects; parsers in many places give up soon after."""

_NUL_ESCAPE = b"\\u0000"


def check_limits(data: bytes) -> None:
    """Refuse JSON that is too large, too deep, or holds NUL characters (which PostgreSQL cannot keep).

    Raises:
        DataError: naming where.
    """
    if len(data) > MOST_BYTES:
        raise DataError([("", f"is {len(data):,} bytes as JSON; at most {MOST_BYTES:,} may be given")])
    if len(data) > 2 * MOST_DEPTH and is_deeper(data, MOST_DEPTH):  # each level takes two bytes
        raise DataError([("", f"is nested deeper than {MOST_DEPTH} levels")])
    if _NUL_ESCAPE in data and (found := find_nul(msgspec.json.decode(data))) is not None:
        raise DataError([(found, "holds a NUL character, which cannot be stored")])


def find_nul(value: object, path: str = "") -> str | None:
    """Where in plain data a NUL character is, dotted; None if nowhere."""
    if isinstance(value, str):
        return path if "\0" in value else None
    if isinstance(value, dict):
        for key, item in cast("dict[str, object]", value).items():
            if "\0" in key:
                return path
            if (found := find_nul(item, join(path, key))) is not None:
                return found
    elif isinstance(value, list):
        for index, item in enumerate(cast("list[object]", value)):
            if (found := find_nul(item, join(path, index))) is not None:
                return found
    return None


_LONGEST_PATH = 200


def join(path: str, part: object) -> str:
    """A dotted path and one part more; fit to be shown, however odd or long the part is."""
    text = str(part).encode("utf-8", "backslashreplace").decode()
    joined = f"{path}.{text}" if path else text
    return joined if len(joined) <= _LONGEST_PATH else f"{joined[: _LONGEST_PATH - 3]}..."
