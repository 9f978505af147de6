"""Server-sent events, taken apart as they come in. No I/O: it is fed bytes and gives messages."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

_LINE_END = re.compile(r"\r\n?|\n")


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its event's name ("message" if it has none), its data, and the id of the last that had one."""

    event: str
    data: str
    id: str


class MessageReader:
    """Takes a stream apart, as the standard says: lines end in CR, LF, or both, and in nothing else, so that text may
    hold every other character that some call the end of a line.

    Attributes:
        retry: how long the server asks one to wait before one comes again, in milliseconds; None if it has not.
        is_fed: whether anything came at all.
    """

    def __init__(self) -> None:
        self.retry: int | None = None
        self.is_fed = False
        self._text = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._pieces: list[str] = []
        self._after_cr = False
        self._event = ""
        self._data: list[str] = []
        self._id = ""

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take in the next bytes; gives the messages that are whole by them."""
        self.is_fed = self.is_fed or bool(data)
        for line in self._lines(self._text.decode(data)):
            if line:
                self._take(line)
                continue
            # An empty line ends a message; one without data is none, and its name is forgotten.
            if self._data:
                yield Message(self._event or "message", "\n".join(self._data), self._id)
            self._event, self._data = "", []

    def _lines(self, text: str) -> Iterator[str]:
        if self._after_cr and text:
            self._after_cr = False
            text = text.removeprefix("\n")
        start = 0
        for end in _LINE_END.finditer(text):
            yield "".join([*self._pieces, text[start : end.start()]])
            self._pieces.clear()
            start = end.end()
            self._after_cr = end[0] == "\r" and start == len(text)
        if start < len(text):
            self._pieces.append(text[start:])

    def _take(self, line: str) -> None:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match field:
            case "event":
                self._event = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if value.isascii() and value.isdigit():
                self.retry = int(value)
            case _:
                pass  # a comment, or a field of a later standard
