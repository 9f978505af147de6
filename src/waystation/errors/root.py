"""The error that all others are."""

from __future__ import annotations

from typing import ClassVar


class WaystationError(Exception):
    """Something went wrong in Waystation."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str | None = None) -> None:
        self.message = message if message is not None else (type(self).__doc__ or "").split("\n", 1)[0]
        super().__init__(self.message)

    def __reduce__(self) -> tuple[object, ...]:
        # Not by calling the class, as exceptions do: what __init__ takes differs from one to the next.
        return (_made_again, (type(self), self.args), self.__dict__)


def _made_again(kind: type[WaystationError], args: tuple[object, ...]) -> WaystationError:
    error = kind.__new__(kind, *args)
    error.args = args  # those that are an OSError too leave it to their __init__
    return error
