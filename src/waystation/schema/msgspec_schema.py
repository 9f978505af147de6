"""Schemas by msgspec: Structs, attrs classes, and lists, dicts and unions of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar, cast

import msgspec
from msgspec import inspect
from typing_extensions import TypeForm

from waystation.errors import DataError, UnsupportedType
from waystation.schema.fingerprints import fingerprint, shape
from waystation.schema.limits import check_limits, join
from waystation.schema.names import type_name
from waystation.schema.sameness import difference

T = TypeVar("T")

_WHERE = re.compile(r" - at `(?:key in )?\$(.*)`$", re.DOTALL)


class MsgspecSchema(Generic[T]):
    """A schema made of msgspec's own decoder and encoder."""

    def __init__(self, form: TypeForm[T]) -> None:
        self.type: object = form
        self.name = type_name(form)
        try:
            self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(cast("type[T]", form))
            self._json_schema = msgspec.json.schema(form)
            self._info = inspect.type_info(cast("type[T]", form))
        except (TypeError, NameError) as error:
            raise UnsupportedType(f"no schema can be made for type {self.name}: {error}") from None
        self.fingerprint = fingerprint(self._json_schema)
        self.shape = shape(self._json_schema)
        self._encode = msgspec.json.Encoder().encode

    def validate(self, value: object) -> T:
        """See ``Schema.validate``."""
        try:
            converted = msgspec.convert(value, cast("type[T]", self.type))
        except msgspec.ValidationError as error:
            raise _data_error(error) from None
        except UnicodeEncodeError:
            raise DataError([("", "holds a lone surrogate, which is not text")]) from None
        except RecursionError:
            raise DataError([("", "is nested too deep, or in a circle")]) from None
        if unknown := list(_unknown_fields(value, self._info, "")):
            raise DataError([(path, "is an unknown field") for path in unknown])
        return converted

    def dump(self, value: T) -> bytes:
        """See ``Schema.dump``."""
        return self.dump_and_load(value)[0]

    def dump_and_load(self, value: T) -> tuple[bytes, T]:
        """See ``Schema.dump_and_load``."""
        try:
            data = self._encode(value)
        except RecursionError:
            raise DataError([("", "is nested too deep, or in a circle")]) from None
        except (TypeError, ValueError, OverflowError) as error:
            text = str(error).encode("utf-8", "backslashreplace").decode()
            reason = "holds a lone surrogate, which is not text" if "surrogate" in text else text
            raise DataError([("", f"cannot be written as JSON: {reason}")]) from None
        check_limits(data)
        back = self.load(data)
        changed = difference(value, back)
        if changed is not None:
            raise DataError([changed])
        return data, back

    def load(self, data: bytes) -> T:
        """See ``Schema.load``."""
        try:
            return self._decoder.decode(data)
        except msgspec.DecodeError as error:
            raise _data_error(error) from None

    def json_schema(self) -> dict[str, object]:
        """See ``Schema.json_schema``."""
        return cast("dict[str, object]", self._json_schema)

    def __repr__(self) -> str:
        return f"<schema {self.name}>"


def _data_error(error: msgspec.DecodeError) -> DataError:
    text = str(error).encode("utf-8", "backslashreplace").decode()
    match = _WHERE.search(text)
    path = ""
    for part in re.findall(r"[^.\[\]]+", match[1]) if match is not None else ():
        path = join(path, part)
    reason = text[: match.start()] if match is not None else text
    missing = re.search(r"missing required field `(.*)`", reason)
    unknown = re.search(r"unknown field `(.*)`", reason)
    if (named := missing or unknown) is not None:
        path = join(path, named[1])
        reason = "Field required" if missing else "is an unknown field"
    return DataError([(path, reason)])


def _unknown_fields(value: object, info: inspect.Type, path: str) -> Iterator[str]:
    """Where plain data has fields that the type does not: msgspec passes over them unless a Struct says otherwise."""
    if isinstance(info, inspect.Metadata):
        info = info.type
    if isinstance(info, inspect.UnionType):
        for choice in info.types:
            if _may_be(value, choice):
                yield from _unknown_fields(value, choice, path)
                return
    elif isinstance(info, (inspect.StructType, inspect.DataclassType, inspect.TypedDictType)):
        if isinstance(value, Mapping):
            yield from _unknown_in_object(cast("Mapping[object, object]", value), info, path)
    elif isinstance(info, inspect.DictType) and isinstance(value, Mapping):
        for key, part in cast("Mapping[object, object]", value).items():
            yield from _unknown_fields(part, info.value_type, join(path, key))
    elif isinstance(info, inspect.CollectionType) and isinstance(value, (list, tuple)):
        for index, part in enumerate(cast("list[object]", value)):
            yield from _unknown_fields(part, info.item_type, join(path, index))
    elif isinstance(info, inspect.TupleType) and isinstance(value, (list, tuple)):
        for index, (part, item) in enumerate(zip(cast("list[object]", value), info.item_types, strict=False)):
            yield from _unknown_fields(part, item, join(path, index))


def _unknown_in_object(
    value: Mapping[object, object],
    info: inspect.StructType | inspect.DataclassType | inspect.TypedDictType,
    path: str,
) -> Iterator[str]:
    known = {field.encode_name: field.type for field in info.fields}
    tag = info.tag_field if isinstance(info, inspect.StructType) else None
    for key, part in value.items():
        if isinstance(key, str) and key in known:
            yield from _unknown_fields(part, known[key], join(path, key))
        elif key != tag:
            yield join(path, key)


def _may_be(value: object, info: inspect.Type) -> bool:
    """Whether plain data is meant for this one of several types; msgspec lets only one of a union be an object,
    unless they are told apart by a tag."""
    if isinstance(info, inspect.Metadata):
        info = info.type
    if isinstance(value, Mapping):
        if isinstance(info, inspect.StructType) and info.tag_field is not None:
            return cast("Mapping[Any, object]", value).get(info.tag_field) == info.tag
        return isinstance(info, (inspect.StructType, inspect.DataclassType, inspect.TypedDictType, inspect.DictType))
    return isinstance(info, (inspect.CollectionType, inspect.TupleType))
