"""How deep JSON is: counted, whatever the brackets are of, and what strings hold is no bracket."""

from __future__ import annotations

import pytest

from waystation.errors import DataError
from waystation.json_depth import is_deeper
from waystation.schema.limits import MOST_DEPTH, check_limits


def nested(levels: int, kinds: str) -> bytes:
    """JSON of so many levels: of arrays, of objects, or of both in turns."""
    made = "1"
    for level in range(levels):
        made = f"[{made}]" if kinds[level % len(kinds)] == "[" else f'{{"a":{made}}}'
    return made.encode()


@pytest.mark.parametrize("kinds", ["[", "{", "[{", "{["])
@pytest.mark.parametrize("levels", [1, 7, 100])
def test_json_of_so_many_levels_is_deeper_than_one_fewer_and_no_more(levels: int, kinds: str) -> None:
    data = nested(levels, kinds)
    assert is_deeper(data, levels - 1)
    assert not is_deeper(data, levels)


def test_what_is_side_by_side_is_not_deep_and_a_bracket_in_a_string_is_none() -> None:
    assert not is_deeper(b"[" + b",".join([b"[{}]"] * 1000) + b"]", 3)
    assert not is_deeper(b'["' + b"[" * 1000 + b'\\"[{"]', 1)


@pytest.mark.parametrize("kinds", ["[", "{", "[{"])
def test_a_value_may_have_a_hundred_levels_and_not_one_more(kinds: str) -> None:
    check_limits(nested(MOST_DEPTH, kinds))
    with pytest.raises(DataError, match="nested deeper than 100 levels"):
        check_limits(nested(MOST_DEPTH + 1, kinds))
