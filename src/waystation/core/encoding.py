"""Entries as bytes: one canonical encoding, so that equal entries are equal bytes."""

from __future__ import annotations

import msgspec

from waystation.core.entries import (
    AnyEntry,
    EventDefaulted,
    EventReceived,
    InputReplaced,
    Mapped,
    OnceRecorded,
    RunStarted,
    StepBailed,
    StepSucceeded,
    StepSuspended,
    SuspensionAnswered,
)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEntry] = msgspec.json.Decoder(AnyEntry)


def encode_entry(entry: AnyEntry) -> bytes:
    """The canonical bytes of an entry."""
    return _encoder.encode(entry)


def decode_entry(data: bytes) -> AnyEntry:
    """The entry that ``encode_entry`` made ``data`` of.

    Raises:
        msgspec.DecodeError: if it is not an entry.
    """
    return _decoder.decode(data)


def value_of(entry: AnyEntry) -> msgspec.Raw | None:
    """The one value an entry holds, if its kind holds one."""
    match entry:
        case StepSucceeded() | StepBailed() | Mapped() | EventDefaulted():
            return entry.output
        case RunStarted():
            return entry.input
        case StepSuspended():
            return entry.payload
        case SuspensionAnswered() | EventReceived():
            return entry.data
        case OnceRecorded() | InputReplaced():
            return entry.value
        case _:
            return None
