"""The book of a chaos: a file outside the store in which every process writes what it does, as it does it.

Lines of all processes are in one order (O_APPEND). What a step does is durable before it goes on (fsync); what the
witness says of the store's answers need only outlive the process, and so is just written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import msgspec


class Line(msgspec.Struct, frozen=True, kw_only=True, tag_field="it", omit_defaults=True):
    """What every line has: ``who`` wrote it, a process by a name that is never used twice, about which run."""

    who: str
    run: str


class Began(Line, frozen=True, tag="began"):
    """An attempt of a step begins. ``token`` is of this very beginning, and comes back in what the step gives."""

    address: str
    leg: str
    attempt: int
    token: str


class Did(Line, frozen=True, tag="did"):
    """A thing is done that is recorded by itself: ``once``, or a decision of the graph."""

    address: str
    what: str


class Trying(Line, frozen=True, tag="trying"):
    """A write is asked of the store, by one who believes in ``epoch``, on top of entry ``after``."""

    number: int
    epoch: int
    after: int


class Wrote(Line, frozen=True, tag="wrote"):
    """The store has said that write ``number`` is durable: ``count`` entries, of that checksum.

    ``takes`` is the epoch under which the write took the run for the writer, 0 if it did not; ``parks`` is whether
    nobody has the run any more by it.
    """

    number: int
    epoch: int
    after: int
    count: int
    checksum: int
    takes: int = 0
    parks: bool = False


class Refused(Line, frozen=True, tag="refused"):
    """The store has refused write ``number``, or could not say: ``why`` is the name of what it raised."""

    number: int
    epoch: int
    why: str


class Took(Line, frozen=True, tag="took"):
    """The store has said that a claim gave the run to this process, under ``epoch``."""

    epoch: int


class Asking(Line, frozen=True, tag="asking"):
    """A caller asks something of a run: to start it, to answer suspension ``about``, to send it event ``about``.

    ``name`` is of this very asking; it goes into the journal with what is asked.
    """

    what: str
    about: str
    name: str


class Told(Line, frozen=True, tag="told"):
    """What the caller was told: ``accepted``, ``refused``, ``unknown``, or ``fault``; and the error that said it."""

    what: str
    about: str
    name: str
    answer: str
    error: str = ""


class Stopped(Line, frozen=True, tag="stopped"):
    """Process ``name`` was stopped just now."""

    name: str


class WentOn(Line, frozen=True, tag="went-on"):
    """Process ``name`` is to go on in a moment, now that its lease must have run out."""

    name: str


AnyLine: TypeAlias = Stopped | WentOn | Began | Did | Trying | Wrote | Refused | Took | Asking | Told

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyLine] = msgspec.json.Decoder(AnyLine)


class Book:
    """The file, open for one process.

    Attributes:
        who: the process that writes.
    """

    def __init__(self, path: Path, who: str) -> None:
        self.who = who
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._number = 0

    def next_number(self) -> int:
        """A number that this process has not used."""
        self._number += 1
        return self._number

    def write(self, line: AnyLine) -> None:
        """Write a line that outlives this process."""
        os.write(self._file, _encoder.encode(line) + b"\n")

    def write_durably(self, line: AnyLine) -> None:
        """Write a line that outlives the machine."""
        self.write(line)
        os.fsync(self._file)


def lines_of(path: Path) -> Iterator[AnyLine]:
    """Every line, in the order they were written."""
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return  # it is being written just now
            yield _decoder.decode(line)
