"""Schemas by pydantic: models, dataclasses, TypedDicts, primitives, unions, lists, and what else it knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar, cast

import pydantic_core
from pydantic import BaseModel, PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError, PydanticUndefinedAnnotation
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind
from typing_extensions import TypeForm

from waystation.errors import DataError, UnsupportedType
from waystation.schema.fingerprints import fingerprint, shape
from waystation.schema.limits import check_limits, join
from waystation.schema.names import type_name
from waystation.schema.sameness import difference

T = TypeVar("T")

_UNKNOWN_FIELD: Final = frozenset({"extra_forbidden", "unexpected_keyword_argument"})


class _Generator(GenerateJsonSchema):
    # A default that is no JSON is left out of the schema, and that is all there is to say about it.
    ignored_warning_kinds: set[JsonSchemaWarningKind] = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012  (as its base declares it)


class PydanticSchema(Generic[T]):
    """A schema made of a pydantic ``TypeAdapter``.

    JSON holds fields by their names; who gives data may use names or aliases. It is read back strictly: nothing is
    guessed from text.
    """

    def __init__(self, form: TypeForm[T], adapted: object) -> None:
        """``adapted`` is what pydantic takes for ``form``; nearly always the same."""
        self.type: object = form
        self.name = type_name(form)
        try:
            adapter: TypeAdapter[T] = TypeAdapter(cast("type[T]", adapted))
            self._json_schema = adapter.json_schema(by_alias=False, schema_generator=_Generator)
        except (PydanticSchemaGenerationError, PydanticInvalidForJsonSchema) as error:
            raise UnsupportedType(_unsupported(self.name, error)) from None
        except PydanticUndefinedAnnotation as error:
            raise UnsupportedType(
                f"type {self.name} refers to {error.name!r}, which is not defined where it is used; define that first"
            ) from None
        except PydanticUserError as error:
            raise UnsupportedType(_unsupported(self.name, error)) from None
        self.fingerprint = fingerprint(self._json_schema)
        self.shape = shape(self._json_schema)
        self._adapter = adapter
        self._python = adapter.validator.validate_python
        self._json = adapter.validator.validate_json
        self._to_json = adapter.serializer.to_json
        self._loose = _is_loose(self._json_schema)

    def validate(self, value: object) -> T:
        """See ``Schema.validate``."""
        try:
            valid: T = self._python(value, extra="forbid", by_alias=True, by_name=True)
        except ValidationError as error:
            return self._second_look(value, error)
        except RecursionError:
            raise DataError([("", "is nested too deep, or in a circle")]) from None
        return valid

    def _second_look(self, value: object, error: ValidationError) -> T:
        """What was refused at first may be fine: types may say what becomes of unknown fields, and a strict model
        takes from JSON (the text of a date) what it does not take from Python."""
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        if any(problem["type"] in _UNKNOWN_FIELD for problem in problems):
            taken = self._with_unknown_fields(value)
            if taken is not None:
                unknown = [p for p in problems if p["type"] in _UNKNOWN_FIELD and not _allows(taken, p["loc"])]
                if not unknown:
                    return taken
                raise _data_error(unknown)
        elif isinstance(value, (dict, list)):
            try:
                data = pydantic_core.to_json(value, inf_nan_mode="constants")
                return cast("T", self._json(data, extra="forbid", by_alias=True, by_name=True))
            except (ValidationError, ValueError, RecursionError):
                pass  # the first refusal says it
        raise _data_error(problems)

    def _with_unknown_fields(self, value: object) -> T | None:
        try:
            return cast("T", self._python(value, by_alias=True, by_name=True))
        except (ValidationError, RecursionError):
            return None

    def dump(self, value: T) -> bytes:
        """See ``Schema.dump``."""
        return self.dump_and_load(value)[0]

    def dump_and_load(self, value: T) -> tuple[bytes, T]:
        """See ``Schema.dump_and_load``."""
        try:
            data = self._to_json(value, by_alias=False, round_trip=True, warnings=False)
        except (ValueError, TypeError, RecursionError) as error:
            raise DataError([(_offender(value, self._to_json), _unwritable(error))]) from None
        check_limits(data)
        back = self.load(data)
        if self._loose or type(back) is not type(value) or back != value:
            changed = difference(value, back)
            if changed is not None:
                raise DataError([changed])
        return data, back

    def load(self, data: bytes) -> T:
        """See ``Schema.load``."""
        try:
            value: T = self._json(data, strict=True, by_alias=True, by_name=True)
        except ValidationError as error:
            problems = error.errors(include_url=False, include_input=False, include_context=False)
            raise _data_error(problems) from None
        return value

    def json_schema(self) -> dict[str, object]:
        """See ``Schema.json_schema``."""
        return cast("dict[str, object]", self._json_schema)

    def __repr__(self) -> str:
        return f"<schema {self.name}>"


def _is_loose(schema: Mapping[str, Any]) -> bool:
    """Whether values that ``==`` holds for the same may be of different types: where anything may stand, or one of
    several. Then they are compared part by part."""
    if not schema or schema.get("additionalProperties") is True:
        return True
    for key in ("anyOf", "oneOf"):
        if len([part for part in schema.get(key, ()) if part.get("type") != "null"]) > 1:
            return True
    named = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]
    nested = [*schema.get("anyOf", ()), *schema.get("prefixItems", ())]
    for key in ("items", "additionalProperties"):
        nested.extend([schema[key]] if isinstance(schema.get(key), dict) else [])
    return any(set(part) <= {"title", "description", "default"} or _is_loose(part) for part in [*named, *nested]) or (
        schema.get("type") == "array" and "items" not in schema and "prefixItems" not in schema
    )


def _data_error(problems: object) -> DataError:
    listed = cast("list[dict[str, Any]]", problems)
    return DataError([(_path(problem["loc"]), _reason(problem)) for problem in listed])


def _path(loc: Sequence[int | str]) -> str:
    path = ""
    for part in loc:
        path = join(path, part)
    return path


def _reason(problem: Mapping[str, Any]) -> str:
    return "is an unknown field" if problem["type"] in _UNKNOWN_FIELD else str(problem["msg"])


def _allows(value: object, loc: tuple[int | str, ...]) -> bool:
    """Whether the model that holds the field at ``loc`` says itself what becomes of unknown fields."""
    for part in loc[:-1]:
        # A union's loc also names the alternative, which is no part of the value: then it stays.
        value = _inner(value, part)
    kind = type(value)
    config: Mapping[str, object] = (
        getattr(kind, "model_config", None) or getattr(kind, "__pydantic_config__", None) or {}
    )
    return config.get("extra") in ("allow", "ignore")


def _inner(value: object, part: int | str) -> object:
    """The part of ``value`` that pydantic calls ``part``; ``value`` itself if it has none."""
    if isinstance(value, (list, tuple)):
        items = cast("Sequence[object]", value)
        return items[part] if isinstance(part, int) and part < len(items) else items
    if isinstance(value, Mapping):
        return cast("Mapping[object, object]", value).get(part, cast("object", value))
    if isinstance(value, BaseModel) and (name := _field_name(value, part)) is not None:
        return cast("object", getattr(value, name))
    return cast("object", getattr(value, part, value)) if isinstance(part, str) else value


def _field_name(model: BaseModel, part: int | str) -> str | None:
    for name, field in type(model).model_fields.items():
        if part in (name, field.alias, field.validation_alias):
            return name
    return None


def _offender(value: object, to_json: Callable[..., bytes], path: str = "") -> str:
    """Where in a value the thing is that cannot be written as JSON."""
    for key, part in _inside(value):
        try:
            pydantic_core.to_json(part, inf_nan_mode="constants")
        except (ValueError, TypeError, RecursionError):
            where = join(path, key)
            return where if where.endswith("...") else _offender(part, to_json, where)
    return path


def _inside(value: object) -> Iterator[tuple[object, object]]:
    if isinstance(value, Mapping):
        yield from cast("Mapping[object, object]", value).items()
    elif isinstance(value, (list, tuple, set, frozenset)):
        yield from enumerate(cast("list[object]", value))
    elif isinstance(value, BaseModel):
        yield from value
    elif hasattr(type(value), "__dataclass_fields__"):
        yield from vars(value).items()


def _unwritable(error: Exception) -> str:
    text = str(error).encode("utf-8", "backslashreplace").decode().split("\n", 1)[0]
    if isinstance(error, RecursionError) or "Circular reference" in text:
        return "is nested too deep, or in a circle"
    if "surrogate" in text:
        return "holds a lone surrogate, which is not text"
    if "invalid utf-8" in text:
        return "holds bytes that are not UTF-8 text; set ser_json_bytes and val_json_bytes to 'base64' in its config"
    return f"cannot be written as JSON: {text}"


def _unsupported(name: str, error: PydanticUserError) -> str:
    return f"no schema can be made for type {name}: {str(error).strip().splitlines()[0]}"
