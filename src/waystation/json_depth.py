"""How deep JSON is, counted in its bytes: the same on every Python, whatever depth its parsers give up at."""

from __future__ import annotations

import re

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_OF_ONE_KIND = bytes.maketrans(b"{}", b"[]")


def is_deeper(data: bytes, levels: int) -> bool:
    """Whether JSON is nested deeper than so many levels."""
    if data.count(b"[") + data.count(b"{") <= levels:
        return False
    brackets = _STRING.sub(b"", data).translate(_OF_ONE_KIND, _NOT_BRACKETS)
    for _ in range(levels):  # each turn takes away the innermost level everywhere
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)
