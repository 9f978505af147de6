"""The file that a run travels in: JSON lines, each telling in ``line`` what it is.

    {"line":"header","format":"waystation-run","version":1}
    {"line":"run","run_id":"r1","workflow_id":"approval",...,"last_seq":2}
    {"line":"definition","fingerprint":"...","workflow_id":"approval","value":{...}}
    {"line":"entry","seq":1,"value":{"kind":"run-created",...}}
    {"line":"entry","seq":2,"value":{"kind":"run-started",...}}
    {"line":"frontier","seq":2,"value":{...}}
    {"line":"suspension","seq":2,"address":"review"}
    {"line":"end","entries":2,"suspensions":1,"sha256":"..."}

The order is this one; a definition, a frontier and suspensions may be missing. What a store keeps as bytes is the
``value``, byte for byte as it is kept, so that the file can be read; bytes that are not JSON on one line are
``base64`` instead. ``sha256`` is of every byte before its line. Nothing in it tells when or where it was written: of a
run that has not changed there is one file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Annotated, Final, TypeAlias, TypedDict

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from waystation.core.addresses import Address
from waystation.core.refs import Millis, Seq
from waystation.errors import RunFileInvalid
from waystation.json_depth import is_deeper
from waystation.store.records import RunStatus
from waystation.store.run_ids import LONGEST

FORMAT: Final = "waystation-run"

VERSION: Final = 1
"""Raised when a file means something else than before; what was written in an older one can be read for ever."""

_Name: TypeAlias = Annotated[str, Meta(min_length=1)]
_Count: TypeAlias = Annotated[int, Meta(ge=0, lt=2**62)]
_Seq: TypeAlias = Annotated[Seq, Meta(ge=1, lt=2**62)]
_Time: TypeAlias = Annotated[Millis, Meta(ge=-(2**62), lt=2**62)]


class Line(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", forbid_unknown_fields=True):
    """What every line has: the tag that says what it is."""


class Header(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="header"):
    """What the file is. Other versions may say more here."""

    format: str
    version: int


class RunLine(Line, frozen=True, tag="run"):
    """The run's record, as of the moment the file is of."""

    run_id: Annotated[str, Meta(min_length=1, max_length=LONGEST)]
    workflow_id: _Name
    version: str
    fingerprint: _Name
    status: RunStatus
    resource_id: str | None
    idempotency_key: str | None
    created_at: _Time
    updated_at: _Time
    epoch: _Count
    owner: str | None
    wake_at: _Time | None
    last_seq: _Seq


class DefinitionLine(Line, frozen=True, tag="definition"):
    """The description of the definition that the run follows."""

    fingerprint: _Name
    workflow_id: _Name
    value: Raw | UnsetType = UNSET
    base64: bytes | UnsetType = UNSET


class EntryLine(Line, frozen=True, tag="entry"):
    """An entry of the journal."""

    seq: _Seq
    value: Raw | UnsetType = UNSET
    base64: bytes | UnsetType = UNSET


class FrontierLine(Line, frozen=True, tag="frontier"):
    """The state as of ``seq``."""

    seq: _Seq
    value: Raw | UnsetType = UNSET
    base64: bytes | UnsetType = UNSET


class SuspensionLine(Line, frozen=True, tag="suspension"):
    """A suspension that is open."""

    seq: _Seq
    address: Annotated[Address, Meta(min_length=1)]


class EndLine(Line, frozen=True, tag="end"):
    """What was before, counted."""

    entries: _Count
    suspensions: _Count
    sha256: str


AnyLine: TypeAlias = Header | RunLine | DefinitionLine | EntryLine | FrontierLine | SuspensionLine | EndLine

KeptLine: TypeAlias = DefinitionLine | EntryLine | FrontierLine
"""A line with what a store keeps as bytes."""

_encoder = msgspec.json.Encoder()
_MOST_DEPTH = 300
"""What is nested deeper is not written as JSON: not every reader could take it apart. No value of a run is."""

_decoder: msgspec.json.Decoder[AnyLine] = msgspec.json.Decoder(AnyLine)


class Written(TypedDict, total=False):
    """Bytes as a line has them."""

    value: Raw
    base64: bytes


def written(data: bytes) -> Written:
    """How bytes are written in a line: as they are, where they are JSON on one line."""
    return {"value": Raw(data)} if _is_json_on_a_line(data) else {"base64": data}


def kept(line: KeptLine) -> bytes:
    """The bytes that a line has.

    Raises:
        ValueError: it has none, or has them twice.
    """
    match line.value, line.base64:
        case Raw() as value, UnsetType():
            return bytes(value)
        case UnsetType(), bytes(data):
            return data
        case _:
            raise ValueError("it has either a value or base64, and not both")


def _is_json_on_a_line(data: bytes) -> bool:
    if b"\n" in data or b"\r" in data:
        return False
    try:
        data.decode()
        msgspec.json.decode(data)
        if is_deeper(data, _MOST_DEPTH):
            return False
        # White space around a value would be left out by who reads the line.
        return bytes(msgspec.json.decode(data, type=Raw)) == data
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        return False


class RunFileWriter:
    """Makes the lines of one file, in the order they are asked for."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def line(self, line: AnyLine) -> bytes:
        """The line, with its end."""
        data = _encoder.encode(line) + b"\n"
        self._digest.update(data)
        return data

    def end(self, *, entries: int, suspensions: int) -> bytes:
        """The last line."""
        return self.line(EndLine(entries=entries, suspensions=suspensions, sha256=self._digest.hexdigest()))


class RunFileReader:
    """Reads the lines of one file. What it gives is not to be used before its ``end`` was read."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._rest: list[bytes] = []
        self.number = 0
        """The line that was read last, from 1."""

    def feed(self, chunk: bytes) -> Iterator[AnyLine]:
        """The lines that are whole with these bytes.

        Raises:
            RunFileInvalid.
        """
        first, *more = chunk.split(b"\n")
        self._rest.append(first)
        for part in more:
            data = b"".join(self._rest)
            self._rest = [part]
            yield self._read(data)

    def feed_end(self) -> Iterator[AnyLine]:
        """The last line, where its end is missing. Raises as ``feed``."""
        if data := b"".join(self._rest):
            self._rest = []
            yield self._read(data)

    def invalid(self, what: str) -> RunFileInvalid:
        """The error that the line which was read last is wrong."""
        return RunFileInvalid(f"line {self.number} of the run's file: {what}. Nothing was imported", line=self.number)

    def _read(self, data: bytes) -> AnyLine:
        self.number += 1
        try:
            line = _decoder.decode(data)
        except (msgspec.DecodeError, RecursionError) as error:
            if self.number == 1:
                raise self.invalid(f"it is not the beginning of a run's export ({error})") from None
            raise self.invalid(str(error)) from None
        if isinstance(line, EndLine) and line.sha256 != self._digest.hexdigest():
            raise self.invalid("what came before it is not what was exported: its SHA-256 differs; export it again")
        self._digest.update(data + b"\n")
        return line
