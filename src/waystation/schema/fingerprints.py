"""Hashes of JSON Schemas: by which it is seen that a type was changed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import cast

import msgspec

_LENGTH = 16
_PROSE = frozenset({"title", "description", "examples", "$comment", "deprecated"})
_SCHEMAS_BY_NAME = frozenset({"properties", "$defs", "patternProperties"})
_SHAPE = frozenset(
    {
        "type", "properties", "required", "items", "prefixItems", "additionalProperties", "patternProperties",
        "anyOf", "oneOf", "allOf", "enum", "const", "format", "contentEncoding", "uniqueItems",
    }
)  # fmt: skip


def fingerprint(schema: Mapping[str, object]) -> str:
    """A hash of all that a JSON Schema says, but for the prose in it."""
    return _hash(_without_prose(schema))


def shape(schema: Mapping[str, object]) -> str:
    """A hash of the fields and types in a JSON Schema, by its structure alone.

    Neither the names of classes nor the way a schema generator puts things (definitions apart or in place, the order
    of alternatives, ``const`` or a one-valued ``enum``) count: so new versions of the libraries that make schemas
    change no shape, and a class may be renamed.
    """
    definitions = cast("Mapping[str, object]", schema.get("$defs", {}))
    return _hash(_Shape(definitions).of(schema, ()))


def _hash(data: object) -> str:
    return hashlib.sha256(msgspec.json.encode(data, order="deterministic")).hexdigest()[:_LENGTH]


def _without_prose(schema: object) -> object:
    if isinstance(schema, Mapping):
        mapping = cast("Mapping[str, object]", schema)
        return {
            key: {name: _without_prose(part) for name, part in cast("Mapping[str, object]", value).items()}
            if key in _SCHEMAS_BY_NAME and isinstance(value, Mapping)
            else _without_prose(value)
            for key, value in mapping.items()
            if key not in _PROSE
        }
    if isinstance(schema, list):
        return [_without_prose(part) for part in cast("list[object]", schema)]
    return schema


class _Shape:
    """Makes shapes; ``inside`` are the definitions being expanded, so that a recursive one ends."""

    def __init__(self, definitions: Mapping[str, object]) -> None:
        self._definitions = definitions

    def of(self, schema: object, inside: tuple[str, ...]) -> object:
        if not isinstance(schema, Mapping):
            return schema
        mapping = cast("Mapping[str, object]", schema)
        if isinstance(ref := mapping.get("$ref"), str):
            name = ref.rpartition("/")[2]
            if name in inside:
                return {"recursive": len(inside) - inside.index(name)}
            return self.of(self._definitions.get(name), (*inside, name))
        found: dict[str, object] = {}
        for key, value in mapping.items():
            if key not in _SHAPE:
                continue
            if key in ("properties", "patternProperties"):
                named = cast("Mapping[str, object]", value)
                found[key] = {name: self.of(part, inside) for name, part in named.items()}
            elif key in ("anyOf", "oneOf", "allOf"):
                parts = [self.of(part, inside) for part in cast("Sequence[object]", value)]
                if key == "allOf" and len(parts) == 1 and isinstance(parts[0], dict):
                    found.update(cast("dict[str, object]", parts[0]))
                else:
                    found["allOf" if key == "allOf" else "anyOf"] = _sorted(parts)
            elif key == "const":
                found["enum"] = [value]
            elif key in ("required", "enum"):
                found[key] = _sorted(cast("Sequence[object]", value))
            elif key == "prefixItems":
                found[key] = [self.of(part, inside) for part in cast("Sequence[object]", value)]
            elif key == "additionalProperties" and isinstance(value, bool):
                continue  # what becomes of unknown fields does not change what the known ones are
            else:
                found[key] = self.of(value, inside)
        if "enum" in found:
            found.pop("type", None)  # said by the values themselves; some generators say it again
        return found


def _sorted(parts: Sequence[object]) -> list[object]:
    return sorted(parts, key=lambda part: msgspec.json.encode(part, order="deterministic"))
