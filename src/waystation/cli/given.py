"""What is given to a command as text, and meant as something else."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import cast, get_args

import msgspec

from waystation.cli.durations import duration, is_duration
from waystation.cli.exits import UsageError
from waystation.cli.stdin import interruptible
from waystation.store.records import RunStatus


def json_argument(option: str, text: str | None) -> object:
    """JSON: itself, ``-`` for standard input, or ``@FILE``.

    Raises:
        UsageError: also if there is none.
    """
    if text is None:
        raise UsageError(f"give {option} JSON, {option} - to read it from standard input, or {option} @FILE")
    if text == "-":
        with interruptible():
            text = sys.stdin.read()
    elif text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{option}: {text[1:]!r} cannot be read: {error}") from None
    try:
        found: object = msgspec.json.decode(text or "")
    except (msgspec.DecodeError, RecursionError) as error:
        raise UsageError(
            f"{option} is not JSON: {error}. In a shell, put it in single quotes: '{{\"key\": 1}}'"
        ) from None
    return found


def json_object(option: str, text: str | None) -> Mapping[str, object] | None:
    """A JSON object, given as for ``json_argument``; None if it is not given.

    Raises:
        UsageError.
    """
    if text is None:
        return None
    found = json_argument(option, text)
    if not isinstance(found, dict):
        raise UsageError(f"{option} must be a JSON object, such as '{{\"key\": 1}}'")
    return cast("Mapping[str, object]", found)


def statuses(given: Sequence[str]) -> Sequence[RunStatus] | None:
    """The statuses that are named; None for none.

    Raises:
        UsageError.
    """
    known = get_args(RunStatus)
    for status in given:
        if status not in known:
            raise UsageError(f"there is no status {status!r}; there are {', '.join(known)}")
    return cast("Sequence[RunStatus]", given) or None


def moment(option: str, text: str | None) -> datetime | None:
    """A time: ISO 8601 (here, if it names no time zone), or so long ago (``2h``); None if it is not given.

    Raises:
        UsageError.
    """
    if text is None:
        return None
    if is_duration(text):
        try:
            return datetime.now(timezone.utc) - duration(option, text)
        except OverflowError:
            raise UsageError(f"{option}: {text!r} ago is before time is counted") from None
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise UsageError(
            f"{option}: {text!r} is no time; write 2026-03-02T09:00, 2026-03-02, or how long ago it is: 2h, 7d"
        ) from None


def event_id(option: str, text: str | None) -> tuple[int, int | None]:
    """Which event was the last: ``seq`` (all of that entry) or ``seq.part``.

    Raises:
        UsageError.
    """
    if text is None:
        return 0, None
    seq, dot, part = text.partition(".")
    if not seq.isdecimal() or (dot and not part.isdecimal()):
        raise UsageError(f"{option}: {text!r} names no event; write its seq, or seq.part, as the events show it")
    return int(seq), int(part) if dot else None
