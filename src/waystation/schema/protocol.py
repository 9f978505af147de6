"""What a schema is, to the rest of the library."""

from __future__ import annotations

from typing import Protocol, TypeVar

T = TypeVar("T")


class Schema(Protocol[T]):
    """A type, seen from its JSON. ``schema_for`` makes one.

    What ``dump`` accepts, ``load`` gives back as an equal value of the same Python type, in every process.
    """

    @property
    def type(self) -> object:
        """The type form the schema was made for."""
        ...

    @property
    def name(self) -> str:
        """The type, readable: ``Doc``, ``list[int]``, ``Doc | None``."""
        ...

    @property
    def fingerprint(self) -> str:
        """A hash of the JSON Schema without its prose: another one means that the type was changed somehow."""
        ...

    @property
    def shape(self) -> str:
        """A hash of the fields and their types alone, without constraints and defaults: another one means that JSON
        written under the old type is not what the new type reads."""
        ...

    def validate(self, value: object) -> T:
        """A value of the type from what a person or program gave: an instance, or plain data such as parsed JSON.

        Unknown fields are refused, unless the type itself says what becomes of them.

        Raises:
            DataError: it does not fit.
        """
        ...

    def dump(self, value: T) -> bytes:
        """The JSON of a value, which ``load`` surely gives back equal and with the same type.

        Raises:
            DataError: it is not of the type, or would not come back the same; or it is larger than 4 MiB, nested
                deeper than 100, or holds NUL characters.
        """
        ...

    def dump_and_load(self, value: T) -> tuple[bytes, T]:
        """``dump``, and what ``load`` gives of it, which it has looked at anyway."""
        ...

    def load(self, data: bytes) -> T:
        """The value that ``dump`` made ``data`` of; each call gives a new one.

        Raises:
            DataError: it was dumped by another type, and does not fit this one.
        """
        ...

    def json_schema(self) -> dict[str, object]:
        """The JSON Schema (draft 2020-12) of the JSON."""
        ...
