"""From an exception to the record of it that the journal keeps."""

from __future__ import annotations

import traceback

from waystation.core.entries import ErrorRecord
from waystation.errors import DataError, WaystationError

_LONGEST_MESSAGE = 4_000
_LONGEST_TRACEBACK = 8_000
_DEEPEST_CAUSE = 5
_NUL = "\x00"


def record_error(error: BaseException, address: str = "", *, depth: int = 0) -> ErrorRecord:
    """What the journal keeps of ``error``: bounded in size, and always text that any store can hold."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return ErrorRecord(
        code=error.code if isinstance(error, WaystationError) else "exception",
        type=type(error).__name__,
        message=_text(_message_of(error), _LONGEST_MESSAGE),
        address=address,
        field=_text(error.field, _LONGEST_MESSAGE) if isinstance(error, DataError) else "",
        traceback=_text(_traceback_of(error), _LONGEST_TRACEBACK) if depth == 0 else "",
        cause=record_error(cause, depth=depth + 1) if cause is not None and depth < _DEEPEST_CAUSE else None,
    )


def _message_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001  (a user's __str__ may itself raise; the run must still be told to have failed)
        return f"<{type(error).__name__} whose text cannot be made>"


def _traceback_of(error: BaseException) -> str:
    # The frames, without the chain: causes are records of their own.
    return "".join(traceback.format_tb(error.__traceback__))


def _text(text: str, longest: int) -> str:
    """Cut in the middle (beginning and end say most), without NUL and lone surrogates: not every store holds them."""
    clean = text.replace(_NUL, "\\0").encode("utf-8", "backslashreplace").decode("utf-8")
    if len(clean) <= longest:
        return clean
    half = longest // 2
    return f"{clean[:half]}\n... {len(clean) - 2 * half} characters left out ...\n{clean[-half:]}"
